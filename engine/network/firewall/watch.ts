import { SyscallError } from '../../kernel/errors.js';
import { realKernel } from '../../kernel/kernel.js';
import { type Monitor, NETLINK_NETFILTER, openMonitor } from '../../kernel/netlink/index.js';
import { guard } from '../guards.js';

/** How long rules may be gone before that is seen: a look at a socket, which costs nothing while nothing is in it. */
const LOOK_MS = 1000;
const TABLES: readonly (string | null)[] = ['filter', 'nat', 'raw'];

/**
 * Call `gone` when rules, chains or tables were deleted in this network namespace, by anybody, us included: a reload of the
 * machine's firewall must not leave containers without theirs (CVE-2025-54410). Returns the end of the watch; null: the kernel
 * does not tell (iptables of before nf_tables).
 */
export function watchFirewall(gone: () => void): (() => void) | null {
  if (!guard('firewall-watch')) return () => undefined;
  let monitor: Monitor;
  try {
    monitor = openMonitor(realKernel, NETLINK_NETFILTER);
  } catch (error) {
    if (error instanceof SyscallError) return null;
    throw error;
  }
  const timer = setInterval(() => {
    const deleted = monitor
      .drain()
      .some(
        (event) =>
          event.kind === 'overrun' ||
          (event.kind === 'firewall' && event.firewall.deleted && TABLES.includes(event.firewall.table)),
      );
    if (deleted) gone();
  }, LOOK_MS).unref();
  return () => {
    clearInterval(timer);
    realKernel.call('close', monitor.fd);
  };
}
