import { refuse } from './rule.js';
import type { SpecSeccomp } from './types.js';

const ACTIONS = ['KILL', 'KILL_PROCESS', 'KILL_THREAD', 'TRAP', 'ERRNO', 'TRACE', 'ALLOW', 'LOG', 'NOTIFY'];
const OPERATORS = ['NE', 'LT', 'LE', 'EQ', 'GE', 'GT', 'MASKED_EQ'];
const ARCHITECTURES =
  'X86 X86_64 X32 ARM AARCH64 LOONGARCH64 M68K MIPS MIPS64 MIPS64N32 MIPSEL MIPSEL64 MIPSEL64N32 PPC PPC64 PPC64LE S390 S390X SH SHEB PARISC PARISC64 RISCV64'.split(
    ' ',
  );
const FLAGS = ['TSYNC', 'LOG', 'SPEC_ALLOW', 'WAIT_KILLABLE_RECV'];
/** seccomp_data has six. */
const MAX_INDEX = 5;

/** Are all words in a filter words of the specification? What they come to is the compiler's matter (`../seccomp`). */
export function validateSeccomp(seccomp: SpecSeccomp): void {
  for (const flag of seccomp.flags)
    if (!FLAGS.some((one) => flag === `SECCOMP_FILTER_FLAG_${one}`)) refuse(`seccomp flag ${flag} is not known`);
  for (const arch of seccomp.architectures)
    if (!ARCHITECTURES.some((one) => arch === `SCMP_ARCH_${one}`))
      refuse(`string ${arch} is not a valid arch for seccomp`);
  action(seccomp.defaultAction);
  for (const rule of seccomp.syscalls) {
    action(rule.action);
    for (const { op, index } of rule.args) {
      if (!OPERATORS.some((one) => op === `SCMP_CMP_${one}`))
        refuse(`string ${op} is not a valid operator for seccomp`);
      if (index > MAX_INDEX)
        refuse(
          `error creating seccomp syscall condition for syscall ${rule.names[0]}: syscalls only have up to 6 arguments (${index} given)`,
        );
    }
    if (rule.names.includes('')) refuse('empty string is not a valid syscall');
  }
  notify(seccomp);
}

function action(name: string): void {
  if (!ACTIONS.some((one) => name === `SCMP_ACT_${one}`)) refuse(`string ${name} is not a valid action for seccomp`);
}

/** The listener's descriptor is handed over after the filter is in place, by a write that the filter must let pass. */
function notify(seccomp: SpecSeccomp): void {
  if (seccomp.defaultAction === 'SCMP_ACT_NOTIFY') refuse('SCMP_ACT_NOTIFY cannot be used as default action');
  const notifying = seccomp.syscalls.filter((rule) => rule.action === 'SCMP_ACT_NOTIFY');
  if (notifying.some(({ names }) => names.includes('write')))
    refuse('SCMP_ACT_NOTIFY cannot be used for the write syscall');
  if (notifying.length > 0 && (seccomp.listenerPath ?? '') === '') refuse('listenerPath is not set');
}
