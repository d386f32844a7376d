const SYSTEMS = new Set([
  'linux',
  'windows',
  'darwin',
  'freebsd',
  'netbsd',
  'openbsd',
  'solaris',
  'android',
  'wasip1',
  'js',
]);
const MACHINES = new Set([
  '386',
  'amd64',
  'arm',
  'arm64',
  'loong64',
  'mips',
  'mips64',
  'mips64le',
  'mipsle',
  'ppc64',
  'ppc64le',
  'riscv64',
  's390x',
  'wasm',
  'aarch64',
  'x86_64',
  'x86-64',
  'i386',
  'armhf',
  'armel',
]);

/** os[/arch[/variant]], or one of the two alone: containerd's platforms.Parse. */
export function checkPlatform(text: string): void {
  const parts = text.toLowerCase().split('/');
  const fail = (why: string): never => {
    throw new Error(`error parsing specified platform: ${why}: invalid argument`);
  };
  if (text.includes('*')) fail(`${JSON.stringify(text)}: wildcards not yet supported`);
  for (const part of parts)
    if (!/^[a-z0-9_.-]+$/.test(part.replace(/\(.*\)$/, '')))
      fail(`${JSON.stringify(part)} is an invalid component of ${JSON.stringify(text)}`);
  if (parts.length > 3) fail(`${JSON.stringify(text)}: cannot parse platform specifier`);
  const [first = ''] = parts;
  if (parts.length === 1 && !SYSTEMS.has(first) && !MACHINES.has(first))
    fail(`${JSON.stringify(text)}: unknown operating system or architecture`);
}
