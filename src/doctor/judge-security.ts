import { row, same, trialVerdict } from './row.js';
import type { Facts, Row } from './types.js';

/** capabilities(7): the last that the lab knows of, CAP_CHECKPOINT_RESTORE; names of those worth telling. */
const TELLING = new Map<number, string>([
  [12, 'CAP_NET_ADMIN'],
  [21, 'CAP_SYS_ADMIN'],
  [24, 'CAP_SYS_RESOURCE'],
  [7, 'CAP_SETUID'],
  [6, 'CAP_SETGID'],
]);

export function judgeSecurity(facts: Facts): readonly Row[] {
  return [seccomp(facts), noNewPrivileges(facts), capabilities(facts), securityModules(facts), device(facts)];
}

function seccomp({ status, seccompActions }: Facts): Row {
  const subject = {
    id: 'seccomp',
    group: 'security',
    name: { en: 'seccomp filters', zh: 'seccomp 过滤器' },
    purpose: { en: 'which system calls a container may make', zh: '限制容器可用的系统调用' },
  } as const;
  if (status.seccomp === null)
    return row(subject, {
      status: 'missing',
      found: { en: 'the kernel has none', zh: '内核不支持' },
      remedy: { en: "use the distribution's own kernel", zh: '请使用发行版自带的内核' },
    });
  const filtered = status.seccomp === 2;
  const actions = seccompActions.join(' ') || (filtered ? 'filter' : 'yes');
  return row(
    subject,
    filtered
      ? {
          status: 'weaker',
          found: { en: 'this session is filtered itself', zh: '当前会话自身已受过滤' },
          remedy: {
            en: 'when a row is missing: run Glassbox outside of the container',
            zh: '若有缺失项：请在容器外运行 Glassbox',
          },
        }
      : { status: 'ok', found: same(actions) },
  );
}

function noNewPrivileges(facts: Facts): Row {
  return row(
    {
      id: 'no-new-privs',
      group: 'security',
      name: same('no_new_privs'),
      purpose: { en: 'a process that can gain nothing by execve', zh: '进程无法通过 execve 获得更多权限' },
    },
    trialVerdict(facts, 'no-new-privs', { status: 'missing' }),
  );
}

function capabilities({ status, system }: Facts): Row {
  const subject = {
    id: 'capabilities',
    group: 'security',
    name: { en: 'capabilities', zh: '能力（capabilities）' },
    purpose: { en: 'what root may do; in the lab all are there anyway', zh: 'root 可以做什么；实验室内总是齐全' },
  } as const;
  if (system.uid !== 0)
    return row(subject, { status: 'ok', found: { en: 'not root: none are needed', zh: '非 root：不需要' } });
  const absent = [...TELLING].filter(([bit]) => (status.capEff & (1n << BigInt(bit))) === 0n).map(([, name]) => name);
  if (absent.length === 0) return row(subject, { status: 'ok', found: same(`0x${status.capEff.toString(16)}`) });
  return row(subject, {
    status: 'weaker',
    found: { en: `root lacks ${absent.join(', ')} on this machine`, zh: `本机的 root 缺少 ${absent.join('、')}` },
    remedy: { en: 'nothing to do when the lab starts', zh: '只要实验室能启动即无需处理' },
  });
}

function securityModules({ lsm, trials }: Facts): Row {
  const subject = {
    id: 'lsm',
    group: 'security',
    name: { en: 'security modules', zh: '安全模块' },
    purpose: {
      en: 'AppArmor or SELinux may refuse what the kernel allows',
      zh: 'AppArmor 或 SELinux 可能拒绝内核允许的操作',
    },
  } as const;
  if (lsm.length === 0)
    return row(subject, { status: 'ok', found: { en: 'none active, or not readable', zh: '未启用或不可读取' } });
  const strict = lsm.some((name) => name === 'selinux' || name === 'apparmor');
  return row(subject, {
    status: strict && !trials.started ? 'weaker' : 'ok',
    found: same(lsm.join(',')),
    remedy:
      strict && !trials.started ? { en: 'look for "DENIED" in the kernel log', zh: '在内核日志中查找“DENIED”' } : null,
    command: strict && !trials.started ? 'journalctl -k -g DENIED' : null,
  });
}

function device({ devices, system }: Facts): Row {
  const state = devices['/dev/kvm'];
  const subject = {
    id: 'kvm',
    group: 'security',
    name: same('/dev/kvm'),
    purpose: { en: 'fast virtual machines; no lesson needs it', zh: '高速虚拟机；没有课程需要它' },
  } as const;
  if (state === 'usable') return row(subject, { status: 'ok', found: { en: 'usable', zh: '可用' } });
  if (state === 'denied') {
    return row(subject, {
      status: 'weaker',
      found: { en: 'there, but not for this user', zh: '存在，但当前用户无权使用' },
      remedy: { en: 'join the group kvm and log in again', zh: '加入 kvm 组后重新登录' },
      command: `sudo usermod --append --groups kvm ${system.user}`,
    });
  }
  return row(subject, {
    status: 'weaker',
    found: { en: 'not there', zh: '不存在' },
    remedy: { en: 'switch virtualisation on in the firmware, or do without', zh: '在固件中启用虚拟化，或不使用它' },
  });
}
