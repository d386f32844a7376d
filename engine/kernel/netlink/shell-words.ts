/** A command line that a POSIX shell reads back as exactly these words. */
export function words(...argv: readonly string[]): string {
  return argv
    .map((word) => (/^[A-Za-z0-9_@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`))
    .join(' ');
}

/** `name on`, `name off`, or nothing when it was not said. */
export function onOff(name: string, value: boolean | undefined): string[] {
  return value === undefined ? [] : [name, value ? 'on' : 'off'];
}

/** `name value`, or nothing when it was not said. */
export function option(name: string, value: string | number | undefined): string[] {
  return value === undefined ? [] : [name, String(value)];
}
