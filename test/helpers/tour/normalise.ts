/** What differs from run to run and from engine to engine by its nature, and the word that stands for it. */
const WORDS: readonly [RegExp, string][] = [
  // said by some docker commands when a container that they wait for is removed at once: depends on who is first
  [/^time="[^"]*" level=error msg="error waiting for container: context canceled"\s*\n/gm, ''],
  [/\x1b\[[0-9;?]*[A-Za-z]/g, ''],
  [/(execDuration(?:=|":"))\d+/g, '$1N'],
  [/docker-import-\d+/g, 'docker-import-N'],
  [/\b[0-9a-f]{64}\b/g, 'ID'],
  [/\b[0-9a-f]{12}\b/g, 'ID'],
  [/\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)/g, 'TIME'],
  [/\d{4}-\d\d-\d\d[ _]\d\d:\d\d:\d\d(\.\d+)? [+-]\d{4} \w+/g, 'TIME'],
  [/\b(\d+ (seconds?|minutes?|hours?)|Less than a second|About a minute|About an hour) ago/g, 'AGO'],
  [/\bUp (\d+ (seconds?|minutes?)|Less than a second|About a minute)/g, 'Up AGO'],
  [/\b172\.17\.0\.(?!0\b|1\b|255\b)\d+/g, 'IP'],
  [/\b(?!ff:ff:ff:ff:ff:ff)([0-9a-f]{2}:){5}[0-9a-f]{2}\b/g, 'MAC'],
  [/(?<=:)(3[2-9]|4\d|5\d|60)\d{3}\b/g, 'PORT'],
  // the width of a table's column is that of its widest cell
  [/ {2,}/g, '  '],
  [/ +$/gm, ''],
];

export function normalise(text: string): string {
  return WORDS.reduce((result, [what, word]) => result.replace(what, word), text);
}
