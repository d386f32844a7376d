import { openSync } from 'node:fs';
import { O } from '../kernel/constants.js';
import { socketInNamespace, socketsInNewNetwork } from '../kernel/enter.js';
import { EngineError } from '../kernel/errors.js';
import type { Reactor } from '../kernel/reactor.js';
import { type LabAccess, rootAccess } from '../observe/index.js';
import { execInLab } from './exec.js';
import type { LabHost } from './lab-host.js';

/**
 * How the observer reaches into a lab: as root by setns on this thread; without root by programs that enter the lab's
 * user namespace first, in which its owner has every capability. The result must be closed before the lab is.
 */
export function labAccess(lab: LabHost, reactor: Reactor): { access: LabAccess; close(): void } {
  const kernel = lab.kernel;
  if (lab.identity.mode === 'root') return { access: rootAccess(kernel), close: () => undefined };
  const userFd = openSync(`/proc/${lab.info.initHostPid}/ns/user`, O.RDONLY | O.CLOEXEC);
  return {
    access: {
      openSocket: (netFd, domain, type, protocol) => socketInNamespace({ userFd, netFd, domain, type, protocol }, kernel),
      openWatchSockets: (protocols) => socketsInNewNetwork({ userFd, protocols }, kernel),
      hostname: () => lab.info.hostname,
      run: async (netFd, argv) => {
        const done = await execInLab(lab, reactor, { argv, timeoutMs: 10_000, maxOutputBytes: 8 << 20, cwd: '/' }, netFd);
        if (done.exitCode === 126 || done.exitCode === 127) throw new EngineError('Unavailable', done.stderr.trim());
        return done;
      },
    },
    close: () => {
      kernel.call('close', userFd);
    },
  };
}
