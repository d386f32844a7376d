import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { must } from './fences.js';

/** busybox as docker and podman call the image made of it. */
export const IMAGE = 'glass/box:1';

/**
 * Shows what a runtime made of its config, from inside. /proc/self is busybox's own process here, so what is shown is
 * what was inherited across execve.
 */
const LOOK = `#!/bin/sh
cd / # so that what is read does not depend on the directory
echo "## identity"; grep -E '^(Uid|Gid|Groups|Umask|NoNewPrivs|Seccomp|Seccomp_filters|CapInh|CapPrm|CapEff|CapBnd|CapAmb):' /proc/self/status
echo "## limits"; tail -n +2 /proc/self/limits
echo "## names"; hostname; echo "oom_score_adj $(cat /proc/self/oom_score_adj)"; cut -d' ' -f1,2,4 /proc/1/stat | sed 's/^1 /pid 1 /'
echo "## environment"; env | sort
echo "## descriptors"; ls /proc/self/fd | tr '\\n' ' '; echo
echo "## mounts"; cut -d' ' -f4- /proc/self/mountinfo | sed 's/ master:[0-9]*/ master/; s/ shared:[0-9]*/ shared/' | sort -k 2
echo "## devices"; find /dev -exec stat -c '%A %u:%g %t,%T %N' {} + | sort -k 4
echo "## masked"; for f in /proc/kcore /proc/keys /proc/timer_list /proc/sched_debug /proc/scsi /sys/firmware; do [ -e $f ] && stat -c '%A %u:%g %t,%T %n' $f && head -c 20 $f 2>&1 | wc -c; done
echo "## written"; for f in /proc/sys/kernel/domainname /proc/sysrq-trigger /proc/sys/vm/overcommit_memory /proc/bus/x /sys/x /x /dev/x /tmp/x /etc/x; do (echo >$f) 2>&1 | sed 's/.*: //;s,^,'$f': ,'; done
`;

/** A root file system of busybox, as a tar archive; with files that cannot be run in the ways that can be told apart. */
export function imageArchive(place: string): Buffer {
  const root = join(place, 'image');
  for (const directory of ['bin', 'etc', 'proc', 'sys', 'dev', 'tmp', 'root', 'home', 'srv', 'var'])
    mkdirSync(join(root, directory), { recursive: true });
  copyFileSync('/bin/busybox', join(root, 'bin/busybox'));
  for (const applet of must(join(root, 'bin/busybox'), ['--list']).trim().split('\n'))
    if (!existsSync(join(root, 'bin', applet)) && applet !== 'su') symlinkSync('busybox', join(root, 'bin', applet));
  copyFileSync('/bin/busybox', join(root, 'bin/su'));
  chmodSync(join(root, 'bin/su'), 0o4755);
  chmodSync(join(root, 'tmp'), 0o1777);
  const put = (path: string, text: string, mode = 0o644): void => {
    writeFileSync(join(root, path), text);
    chmodSync(join(root, path), mode);
  };
  put('etc/passwd', 'root::0:0:root:/root:/bin/sh\napp:x:1000:1000:app:/home:/bin/sh\n');
  put('etc/group', 'root:x:0:\napp:x:1000:\nextra:x:2000:app\nmore:x:2001:\n');
  put('plain', 'not a program\n');
  put('bin/no-shebang', 'echo hello\n', 0o755);
  put('bin/look', LOOK, 0o755);
  const done = spawnSync('tar', ['-C', root, '-c', '--owner=0', '--group=0', '.'], { maxBuffer: 64 << 20 });
  if (done.status !== 0) throw new Error(`tar: ${done.stderr.toString()}`);
  return done.stdout;
}
