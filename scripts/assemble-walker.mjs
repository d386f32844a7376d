// Assembles engine/kernel/program/walker.*.S into walker-code.ts. Needs binutils for both architectures
// (Debian: binutils, binutils-aarch64-linux-gnu). Usage: node scripts/assemble-walker.mjs [--check]
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const folder = new URL('../engine/kernel/program/', import.meta.url).pathname;
const target = join(folder, 'walker-code.ts');
const machines = [
  { key: 'x64', source: 'walker.x86-64.S', prefix: '' },
  { key: 'arm64', source: 'walker.arm64.S', prefix: 'aarch64-linux-gnu-' },
];

const scratch = mkdtempSync(join(tmpdir(), 'walker-'));
try {
  const parts = machines.map(({ key, source, prefix }) => {
    const object = join(scratch, `${key}.o`);
    const binary = join(scratch, `${key}.bin`);
    execFileSync(`${prefix}as`, [join(folder, source), '-o', object]);
    execFileSync(`${prefix}objcopy`, ['-O', 'binary', '-j', '.text', object, binary]);
    const symbols = execFileSync(`${prefix}nm`, [object], { encoding: 'utf8' });
    const walk = Number.parseInt(/^([0-9a-f]+) t walk$/m.exec(symbols)[1], 16);
    const base64 = readFileSync(binary)
      .toString('base64')
      .replace(/.{100}/g, "$&' +\n        '");
    return `  ${key}: {\n    walk: ${walk},\n    code: Buffer.from(\n      '${base64}',\n      'base64',\n    ),\n  },`;
  });
  const text = `/**
 * The walkers' machine code, made from walker.*.S by scripts/assemble-walker.mjs: position independent; \`start\` is at 0,
 * \`walk\` is the entry of an ELF image.
 */
export const WALKER_CODE = {
${parts.join('\n')}
} as const;
`;
  if (process.argv.includes('--check')) {
    const squeeze = (code) => code.replace(/\s+/g, '');
    if (squeeze(readFileSync(target, 'utf8')) !== squeeze(text)) {
      console.error('walker-code.ts is not what walker.*.S assembles to: run scripts/assemble-walker.mjs');
      process.exit(1);
    }
  } else writeFileSync(target, text);
} finally {
  rmSync(scratch, { recursive: true });
}
