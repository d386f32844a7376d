// Writes engine/runtime/seccomp/syscall-numbers.ts from the kernel's headers of five ABIs. Needs a C preprocessor and, Debian:
// linux-libc-dev, linux-libc-dev-arm64-cross, linux-libc-dev-armhf-cross.
// Usage: node scripts/generate-syscall-numbers.mjs [--root DIRECTORY]   (packages unpacked below DIRECTORY instead of /)
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';

const rootAt = process.argv.indexOf('--root');
const root = rootAt < 0 ? '' : process.argv[rootAt + 1];
const target = new URL('../engine/runtime/seccomp/syscall-numbers.ts', import.meta.url).pathname;

/** In the order of the table's columns. */
const abis = [
  { include: '/usr/include/x86_64-linux-gnu', header: 'asm/unistd_64.h', defines: [] },
  { include: '/usr/include/x86_64-linux-gnu', header: 'asm/unistd_32.h', defines: [] },
  { include: '/usr/include/x86_64-linux-gnu', header: 'asm/unistd_x32.h', defines: ['__X32_SYSCALL_BIT=0'] },
  { include: `${root}/usr/aarch64-linux-gnu/include`, header: 'asm/unistd.h', defines: ['__aarch64__'] },
  { include: `${root}/usr/arm-linux-gnueabihf/include`, header: 'asm/unistd.h', defines: ['__ARM_EABI__'] },
];

/** Defined beside the numbers without being calls; `_newselect`'s like are real names. */
const NOT_CALLS = /^(syscalls|arch_specific_syscall|OABI_SYSCALL_BASE|SYSCALL_BASE|SYSCALL_MASK)$/;

function numbersOf({ include, header, defines }) {
  const text = execFileSync(
    'cpp',
    ['-dM', '-undef', '-nostdinc', '-I', include, ...defines.map((define) => `-D${define}`), '-include', header, '-'],
    { input: '', encoding: 'utf8' },
  );
  const macros = new Map([...text.matchAll(/^#define (\w+) (.+)$/gm)].map(([, name, value]) => [name, value]));
  const evaluate = (expression) =>
    expression
      .replace(/[()\s]/g, '')
      .split('+')
      .reduce((sum, term) => {
        if (/^(0x[0-9a-f]+|\d+)$/i.test(term)) return sum + Number(term);
        if (!macros.has(term)) throw new Error(`${header}: what is ${term}?`);
        return sum + evaluate(macros.get(term));
      }, 0);
  const numbers = new Map();
  for (const [macro, value] of macros) {
    const [, name] = /^__(?:NR|ARM_NR)_(\w+)$/.exec(macro) ?? [];
    if (name === undefined || name === 'BASE' || NOT_CALLS.test(name)) continue;
    numbers.set(name, evaluate(value));
  }
  if (numbers.size < 250) throw new Error(`${include}/${header} holds ${numbers.size} calls only`);
  return numbers;
}

const columns = abis.map(numbersOf);
const names = [...new Set(columns.flatMap((column) => [...column.keys()]))].sort();
const rows = names.map((name) => `  ${name}: [${columns.map((column) => column.get(name) ?? -1).join(', ')}],`);
writeFileSync(
  target,
  `/**
 * System call numbers by name, made from the kernel's headers (Linux 6.1) by scripts/generate-syscall-numbers.mjs:
 * \`[x86-64, i386, x32 without its bit 30, arm64, arm EABI]\`, -1 where the ABI has no such call.
 */
export const SYSCALL_NUMBERS: Readonly<Record<string, readonly [number, number, number, number, number]>> = {
${rows.join('\n')}
};
`,
);
