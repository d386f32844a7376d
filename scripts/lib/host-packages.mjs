import { readFileSync } from 'node:fs';

/**
 * Debian packages, the programs looked for, and why (host-packages.json; `glassbox doctor` reads the same file). The
 * programs decide, not dpkg's database: a machine that has them from elsewhere needs nothing. `static: true` asks for
 * a program that needs no shared library, because it is copied alone into root file systems.
 */
const { lab, test } = JSON.parse(readFileSync(new URL('./host-packages.json', import.meta.url), 'utf8'));

/** For the lab: `npm start` offers these. */
export const LAB_PACKAGES = lab;

/** For the tests only: `npm test` adds these. `services` are what a package would start at boot: they are disabled. */
export const TEST_PACKAGES = test;
