/** Take `--yes` out of the arguments that are ours; what follows `--` belongs to a command in the lab. */
export function readArguments(argv) {
  const end = argv.indexOf('--');
  const own = end < 0 ? argv : argv.slice(0, end);
  const isYes = (word) => word === '--yes' || word === '-y';
  return {
    yes: own.some(isYes),
    rest: [...own.filter((word) => !isYes(word)), ...(end < 0 ? [] : argv.slice(end))],
    /** These answer without a lab. */
    textOnly: own.some((word) => ['--help', '-h', '--version', '-V', 'completion'].includes(word)),
  };
}
