import { SyscallError } from '../../kernel/errors.js';
import { realKernel } from '../../kernel/kernel.js';
import { type Monitor, NETLINK_NETFILTER, openMonitor } from '../../kernel/netlink/index.js';
import { Reactor } from '../../kernel/reactor.js';
import { guard } from '../guards.js';

/** How long rules may be gone before that is looked at: what changes in the meantime, ours among it, is looked at together. */
const LOOK_MS = 1000;
const TABLES: readonly (string | null)[] = ['filter', 'nat', 'raw'];

/**
 * Call `gone` when rules, chains or tables were deleted in this network namespace, by anybody, us included: a reload of the
 * machine's firewall must not leave containers without theirs (CVE-2025-54410). The kernel tells of changes (NFNLGRP_NFTABLES);
 * where there are none nothing is done. Returns the end of the watch; null: the kernel does not tell (iptables of before nf_tables).
 *
 * @param shared who waits for the kernel's word; without it the watch has a thread of its own
 */
export function watchFirewall(gone: () => void, shared?: Reactor): (() => void) | null {
  if (!guard('firewall-watch')) return () => undefined;
  let monitor: Monitor;
  try {
    monitor = openMonitor(realKernel, NETLINK_NETFILTER);
  } catch (error) {
    if (error instanceof SyscallError) return null;
    throw error;
  }
  const reactor = shared ?? new Reactor();
  let timer: NodeJS.Timeout | undefined;
  let stop = (): void => undefined;
  const look = (): void => {
    const deleted = monitor
      .drain()
      .some(
        (event) =>
          event.kind === 'overrun' ||
          (event.kind === 'firewall' && event.firewall.deleted && TABLES.includes(event.firewall.table)),
      );
    if (deleted) gone();
    wait();
  };
  const wait = (): void => {
    stop = reactor.watch(monitor.fd, () => {
      stop();
      timer = setTimeout(look, LOOK_MS).unref();
    });
  };
  wait();
  return () => {
    clearTimeout(timer);
    stop();
    if (shared === undefined) reactor.close();
    realKernel.call('close', monitor.fd);
  };
}
