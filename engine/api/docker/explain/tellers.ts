/** Who puts deeds into words: loaded with `stories.ts`, when somebody asks. */
import '../../../cgroup/tell-deed.js';
import '../../../kernel/journal/tell-syscall.js';
import '../../../kernel/netlink/tell-deed.js';
import '../../../kernel/program/tell-deed.js';
import '../../../network/firewall/tell-deed.js';
