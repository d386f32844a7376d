import type { PackageTable } from './programs.js';
import { installHint, row, same } from './row.js';
import type { Facts, Row } from './types.js';

/** One row for each program of the packages and of the lessons. */
export function judgePrograms(facts: Facts, packages: PackageTable): readonly Row[] {
  const homes = new Map(packages.lab.flatMap((entry) => entry.programs.map((name) => [name, entry] as const)));
  return Object.entries(facts.programs).map(([name, path]) => {
    const home = homes.get(name);
    const subject = {
      id: `program-${name}`,
      group: 'programs',
      name: same(name),
      purpose: home?.why ?? { en: 'used by a lesson', zh: '课程中会用到' },
    } as const;
    const hint = installHint(facts, home?.name ?? name);
    if (path === null) return row(subject, { status: 'missing', found: { en: 'not found', zh: '找不到' }, ...hint });
    if (facts.dynamicPrograms.includes(name)) {
      return row(subject, {
        status: 'weaker',
        found: { en: `${path} needs shared libraries`, zh: `${path} 依赖共享库` },
        ...hint,
      });
    }
    return row(subject, { status: 'ok', found: same(path) });
  });
}
