/**
 * The engine's parts put together in this process: real lab hosts, real observation, no daemon and no socket between. For tests of
 * lessons, which need a lab but not the way to it.
 */

import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Engine, Lab, LabInfo, LabOptions, Session } from '../../engine/api/types.js';
import { subtreeOf } from '../../engine/cgroup/hierarchy.js';
import { realKernel } from '../../engine/kernel/kernel.js';
import { parseMountinfo } from '../../engine/kernel/mountinfo.js';
import { parseCgroupFile } from '../../engine/kernel/procfs/cgroup-file.js';
import { Reactor } from '../../engine/kernel/reactor.js';
import { execInLab, LabTerminal } from '../../engine/labhost/exec.js';
import { LabHost } from '../../engine/labhost/lab-host.js';
import { findHierarchies } from '../../engine/labhost/subtree.js';
import { createObserver, rootAccess } from '../../engine/observe/index.js';

/** An engine in this process. Needs root. `close` ends every lab it made. */
export function directEngine(): Engine {
  const engineId = `test-${randomBytes(4).toString('hex')}`;
  const reactor = new Reactor();
  const stateDir = mkdtempSync(join(tmpdir(), 'glassbox-test-'));
  const open = new Set<Lab>();
  let count = 0;

  const createLab = async (options: LabOptions = {}): Promise<Lab> => {
    const began = performance.now();
    count += 1;
    const host = LabHost.start(options, {
      engineId,
      labId: `lab-${count}`,
      cgroups: findHierarchies(),
      stateDir,
      hasNewuidmap: false,
    });
    const info: LabInfo = { ...host.info, readyMs: performance.now() - began };
    const mounts = parseMountinfo(readFileSync('/proc/self/mountinfo', 'utf8'));
    const cgroups = subtreeOf(mounts, parseCgroupFile(readFileSync(`/proc/${info.initHostPid}/cgroup`, 'utf8')));
    const observer = createObserver({
      kernel: realKernel,
      initHostPid: info.initHostPid,
      access: rootAccess(realKernel),
      cgroups: host.subtree ? cgroups : { mode: 'none', hierarchies: [] },
      labInfo: () => info,
      reactor,
    });
    let closing = false;
    let session = 0;
    const gone: ((reason: { en: string; zh: string }) => void)[] = [];
    void reactor.ended(host.pidfd).then(() => {
      if (!closing)
        for (const listener of gone) listener({ en: 'pid 1 of the lab has ended', zh: '实验主机的 1 号进程已结束' });
    });
    const lab: Lab = {
      info,
      exec: async (request) => {
        const result = await execInLab(host, reactor, request);
        observer.poke();
        return result;
      },
      openSession: async (request) => {
        const terminal = LabTerminal.open(host, reactor, request);
        session += 1;
        const { stream } = terminal;
        void terminal.process.ended.then(() => setTimeout(() => stream.destroy(), 100));
        stream.on('error', (error: NodeJS.ErrnoException) => {
          if (error.code !== 'EIO') throw error;
        });
        const out: Session = {
          id: `s${session}`,
          onData: (listener) =>
            stream.on('data', (bytes: Buffer) => {
              observer.poke();
              listener(bytes);
            }),
          onExit: (listener) =>
            void terminal.process.ended.then((status) => listener({ exitCode: status.exitCode, signal: null })),
          write: (bytes) => void (terminal.stream as unknown as NodeJS.WritableStream).write(bytes),
          resize: (cols, rows) => terminal.resize(cols, rows),
          pause: () => void stream.pause(),
          resume: () => void stream.resume(),
          close: () => terminal.process.kill(1),
        };
        return out;
      },
      snapshot: () => observer.snapshot(),
      watch: (listener) => observer.watch(listener),
      ledger: async () => [],
      watchLedger: () => () => undefined,
      explain: async () => [],
      reset: async () => {
        await lab.close();
        return createLab(options);
      },
      close: async () => {
        if (closing) return;
        closing = true;
        open.delete(lab);
        observer.close();
        await host.close();
      },
      onGone: (listener) => gone.push(listener),
    };
    open.add(lab);
    return lab;
  };
  return {
    createLab,
    close: async () => {
      for (const lab of [...open]) await lab.close();
      reactor.close();
      rmSync(stateDir, { recursive: true, force: true });
    },
  };
}
