/** What dockerd 20.10 says otherwise than newer dockerds, whose words are ours; and what each program says in words of its own. */
const OTHER_WORDS: readonly { readonly was: RegExp; readonly is: (found: string) => string }[] = [
  // moby's errors begin with a small letter since 23
  {
    was: /^(Invalid|Unable|Range) (?=signal|of CPUs|QoS|IPC mode|network mode|to find group)/,
    is: (found) => found.toLowerCase(),
  },
  { was: /^(unable to find group \S+)$/, is: (found) => `${found}: no matching entries in group file` },
  // ValidateRestartPolicy of 25
  {
    was: /^maximum retry count cannot be used with restart policy 'always'$/,
    is: () => "invalid restart policy: maximum retry count can only be used with 'on-failure'",
  },
  // 20.10 unpacks in a process of its own, and follows links itself where newer ones let the kernel
  { was: /^Error processing tar file\(exit status 1\): /, is: () => '' },
  { was: /^lstat \/t\/file\/: not a directory$/, is: () => 'lstat /t/to-file/: not a directory' },
  // what a parser of JSON says of JSON
  { was: /(?<=^Decoding seccomp profile failed: ).*$/, is: () => 'it is no JSON' },
];

/** A text as the newer dockerds have it. */
export function meantText(text: string): string {
  return OTHER_WORDS.reduce((result, { was, is }) => result.replace(was, is), text);
}
