import type { MeantDifference } from '../helpers/oci/compare.js';

const OWN_STDIO =
  'runc copies a foreground container through pipes; here it gets the descriptors of the caller themselves';

/** Where this runtime means to differ from runc 1.1.5. An entry that no case shows any more fails the suite. */
export const MEANT: readonly MeantDifference[] = [
  {
    cases: /./,
    section: /(^|: )fds$/,
    reference: /^((0|1|2|11) l[-rwx]{9} (pipe|of whom no more may be known)\n?)+$/,
    subject: /^((0|1|2|11) l[-rwx]{9} (socket|\/dev\/null|of whom no more may be known)\n?)+$/,
    reason: OWN_STDIO,
  },
  {
    cases: /./,
    section: /(^|: )fdowners$/,
    reference: /^(\/proc\/n\/fd\/[012] fifo \d+ \d+ 600\n?)+$/,
    subject: /^(\/proc\/n\/fd\/[012] (socket \d+ \d+ 777|character special file \d+ \d+ 666)\n?)+$/,
    reason: OWN_STDIO,
  },
  {
    cases: /./,
    section: /(^|: )fdflags$/,
    reference: /^(\/proc\/n\/fdinfo\/[012]:flags:\t0[01]\n?)+$/,
    subject: /^(\/proc\/n\/fdinfo\/[012]:flags:\t(010000[02]|02)\n?)+$/,
    reason: OWN_STDIO,
  },
  {
    cases:
      /^(tmpfs with what it covers|bind in a user namespace$|a source that only root may reach|as Docker does it --userns|propagation (private|slave|r?shared|unbindable) of the root on a shared mount$)/,
    section: /^mount order$/,
    reason:
      'what the container may not or cannot make itself is made before it is there, so the kernel lists those mounts first; ' +
      'what lies on what is compared in the section `mounts`',
  },
  {
    cases: /^(the personality of 32 bits)$/,
    section: /^(arch|raw)$/,
    subject: /^(i686|personality 8)$/,
    reason: 'runc 1.1 does not know linux.personality',
  },
  {
    cases: /^tmpfs with r(ro|nosuid|nodev|noexec|noatime|strictatime)$/,
    section: /^mounts$/,
    reason: 'runc sets recursive options on bind mounts only, and leaves others as they are without a word',
  },
  {
    cases: /^seccomp with (LOG and SPEC_ALLOW|TSYNC|an unknown flag)$/,
    section: /./,
    reason:
      'runc 1.1 refuses every flag of seccomp; here the flags of the specification work and unknown ones are named',
  },
  {
    cases: /^cpu (burst|idle)$/,
    section: /groups$/,
    subject: /cpu\.(idle: 1|cfs_burst_us: 5000)/,
    reason: 'runc 1.1 does not know it',
  },
  {
    cases: /^a path of the cgroup (in several steps|with dots)$/,
    section: /^left: groups$/,
    subject: /^$/,
    reason: 'the groups above its own that were made for a container are removed with it',
  },
  {
    cases: /^bind read-only in a user namespace$/,
    section: /./,
    reason: 'the flags that the source has are kept, so that the kernel lets it be read-only, as runc does from 1.2 on',
  },
  {
    cases: /^exec with (a process from a file|the limits and the user of the container)$/,
    section: /: (status|raw|writing|oom)$/,
    reason: 'an exec gets the umask and the oom score of its process; runc 1.1 leaves them as they are',
  },
  {
    cases:
      /^(hooks? .*|the states of a life|create and start|run detached|kill .*|pause and resume|list as json|rootless through a life)$/,
    section: /: json$/,
    reference: /^(0\.)?ociVersion: "1\.0\.2-dev"$/,
    subject: /^(0\.)?ociVersion: "1\.\d\.\d"$/,
    reason: 'each runtime names the version of the specification that it was written for',
  },
  {
    cases: /^(hook|hooks|a hook|the second hook)/,
    section: /^file /,
    reference: /^(state ociVersion: "1\.0\.2-dev"\n?)+$/,
    subject: /^(state ociVersion: "1\.\d\.\d"\n?)+$/,
    reason: 'each runtime names the version of the specification that it was written for',
  },
  {
    cases: /^hooks of all kinds$/,
    section: /^file /,
    subject: /state status: "running"/,
    reason: 'the version of the state, the status for poststart, and where createContainer runs, as said of each',
  },
  {
    cases: /^hook poststart( in one run)?$/,
    section: /^file /,
    subject: /^state ociVersion: "1\.\d\.\d"\nstate status: "running"$/,
    reason: 'a container whose process was started is running, as the specification has it for poststart',
  },
  {
    cases: /^device node: instead of a default one$/,
    section: /./,
    reason:
      'what masks paths must be the null device itself (CVE-2025-31133): with another one under its name nothing starts',
  },
  {
    cases: /^seccomp that allows nothing$/,
    section: /./,
    reason: 'a filter that refuses exit_group and write leaves the process no way to end or to say why but a signal',
  },
  {
    cases: /^hook createContainer/,
    section: /./,
    subject: /\//,
    reason:
      "the working directory is the container's root, which lies on the machine's root by then and is called / there",
  },
  {
    cases: /^hook poststart (fails|takes too long|is not there)$/,
    section: /./,
    reason:
      'the specification: when a poststart hook fails, a warning is logged and the container goes on; runc kills it',
  },
  {
    cases: /^a hook (with a relative path|of a timeout of 0)$/,
    section: /^(error|rootfs afterwards)$/,
    reason: 'such a config is refused before anything is made',
  },
  {
    cases: /^(terminal |exec on a terminal|as Docker does it on a terminal|a user namespace, read-only)/,
    section: /fdflags$/,
    subject: /^(\/proc\/n\/fdinfo\/[012]:flags:\t02000002\n?)+$/,
    reason:
      'the terminal is opened by ioctl_tty(2) TIOCGPTPEER, which keeps the flags of its call in what fdinfo shows',
  },
  {
    cases: /^(as Docker does it|cgroups )/,
    section: /mounts$/,
    reference:
      / (\/sys\/fs\/cgroup|\/mnt\/groups) rw,nosuid,nodev,noexec,relatime \[\] tmpfs tmpfs rw,mode=755(,uid=100000,gid=200000)?$/,
    subject:
      / (\/sys\/fs\/cgroup|\/mnt\/groups) r[ow],nosuid,nodev,noexec,relatime \[\] tmpfs tmpfs rw,mode=[75]55(,uid=100000,gid=200000)?$/,
    reason: 'where cgroups are to be read-only, so is the directory around them; runc leaves it writable',
  },
  {
    cases: /^(as Docker does it|cgroups )/,
    section: /paths$/,
    subject: /^touch: \/sys\/fs\/cgroup: Read-only file system$/,
    reason: 'where cgroups are to be read-only, so is the directory around them; runc leaves it writable',
  },
  {
    cases: /user namespace|--userns/,
    section: /dev$/,
    reference: /^\/dev\/mqueue directory 1777 0 65534 0:0$/,
    subject: /^\/dev\/mqueue directory 1777 0 0 0:0$/,
    reason: "the queues are mounted when the process is root's group inside already, so that they belong to it",
  },
  {
    cases: /^exec in what is only created$/,
    section: /: init$/,
    reason: 'what waits for the start is the program of this runtime instead of runc itself',
  },
  {
    cases: /^rootless with other users$/,
    section: /^error$/,
    reason: "newuidmap's own words are passed on",
  },
  {
    cases: /^hook poststop$/,
    section: /^file /,
    reference: /^in \/, /,
    subject: /^in \/run\/oci\/bundle, /,
    reason:
      'a poststop hook runs in the bundle whoever deletes the container; with runc it is where `delete` was called',
  },
  {
    cases: /^without \/proc$/,
    section: /./,
    reason: 'runc needs /proc inside for itself; here the container may do without',
  },
  {
    cases: /^(tmpfs with defaults|bind by its type alone)$/,
    section: /./,
    reason: 'the specification has the option `defaults` and the type `bind`; runc 1.1 hands both to the kernel',
  },
  {
    cases:
      /^(a mount without a type|an empty destination|the root as the destination|something other than proc on \/proc)$/,
    section: /^error$/,
    reason: 'the config is refused in words about the config; runc fails over the consequences',
  },
  {
    cases: /^(bind without a source|a mount below \/proc|device rules: an odd access)$/,
    section: /./,
    reason:
      'what can only be a mistake (no source, a cover over /proc/sys, an unknown letter) is refused; runc goes on',
  },
  {
    cases: /^propagation runbindable of the root/,
    section: /./,
    reason: 'it works here; runc sets it before it binds the root, which the kernel then refuses',
  },
  {
    cases: /^descriptors kept that are not there$/,
    section: /./,
    reason: 'a descriptor that is to be kept and is not open is a mistake of the caller; later runcs refuse it too',
  },
];
