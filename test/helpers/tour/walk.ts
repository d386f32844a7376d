import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { DockerCommand } from './commands.js';
import { normalise } from './normalise.js';
import type { Yard } from './yard.js';

/** Command lines of one theme, one after the other in one shell; each is a check. */
export interface Group {
  readonly area: string;
  readonly name: string;
  /** Looks at everything that the engine has: nothing else may run beside it. */
  readonly alone?: true;
  /** Also walked with every newer docker command that the machine has: there the command itself does other things. */
  readonly newer?: true;
  readonly lines: readonly string[];
  /** Some lines must say this on dockerd, or they would prove nothing. */
  readonly expect?: readonly (string | RegExp)[];
}

export interface Said {
  readonly line: string;
  readonly out: string;
  readonly err: string;
  readonly code: string;
  /** How long it took, to the hundredth. */
  readonly seconds: number;
}

const TERMINAL = fileURLToPath(new URL('../docker/terminal.py', import.meta.url));
const LIMIT_MS = 150_000;

/** What the lines can use besides `docker`. */
const WORDS = `
at_terminal() { python3 "$TERMINAL" "$@"; }
# Wait until a command succeeds, for 30 seconds at most.
await() {
  waited=0
  until "$@" >/dev/null 2>&1; do
    waited=$((waited + 1))
    [ $waited -lt 300 ] || { echo "waited in vain for: $*"; return 1; }
    sleep 0.1
  done
}
is() { [ "$(docker inspect -f "{{$2}}" "$1" 2>&1)" = "$3" ]; }
logged() { docker logs "$1" 2>&1 | grep -q -e "$2"; }
# A request without the docker command: method, path, body. Prints the status and the body.
ask() { curl -g -s --max-time 10 --unix-socket /run/docker.sock -X "$1" -H 'Content-Type: application/json' \${3+-d "$3"} -w '\\n%{http_code}\\n' "http://docker/v1.41$2"; }
# The directory of a container's cgroup: v1 controller or, where there is only v2, its one group.
group() {
  path=$(sed -n "s/^[0-9]*:\\([^:]*,\\)\\{0,1\\}$2\\(,[^:]*\\)\\{0,1\\}://p" "/proc/$(docker inspect -f '{{.State.Pid}}' "$1")/cgroup")
  if [ -n "$path" ]; then echo "/sys/fs/cgroup/$2$path"; else echo "/sys/fs/cgroup/docker/$(docker inspect -f '{{.Id}}' "$1")"; fi
}
# limit CONTAINER v1-controller/file v2-file: what the kernel holds.
limit() {
  dir=$(group "$1" "\${2%%/*}")
  if [ -e "$dir/\${2#*/}" ]; then file=\${2#*/}; else file=$3; fi
  echo "$file: $(tr '\\n' ' ' <"$dir/$file")"
}
`;

/** Each line's output goes to files first, so that what it left running cannot write into another's. */
function scriptOf(lines: readonly string[]): string {
  const each = lines.map(
    (
      line,
    ) => `read begun rest </proc/uptime; ( ${line}\n) >"$W/.out" 2>"$W/.err" </dev/null; code=$?; read ended rest </proc/uptime
printf '\\036'; cat "$W/.out"; printf '\\037'; cat "$W/.err"; printf '\\037%s\\037%s\\037%s' $code $begun $ended`,
  );
  return `W=$(pwd)\n${WORDS}\n${each.join('\n')}\n`;
}

/** Run a group in a yard. Lines that were not reached, because one took too long, say so. */
export async function walk(
  yard: Yard,
  group: Group,
  docker: DockerCommand,
  env: NodeJS.ProcessEnv,
): Promise<readonly Said[]> {
  const work = `/run/work/${group.area}-${group.name}`.replaceAll(/[ ,]+/g, '-');
  const [program, args] = yard.inside('sh', ['-c', `rm -rf ${work} && mkdir -p ${work} && cd ${work} && exec sh -s`]);
  const child = spawn(program, args, {
    env: {
      ...env,
      PATH: `${docker.directory}:${process.env['PATH']}`,
      HOME: work,
      TERMINAL,
      LC_ALL: 'C',
      TERM: 'xterm',
    },
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const [out, err]: [Buffer[], Buffer[]] = [[], []];
  child.stdout.on('data', (bytes: Buffer) => out.push(bytes));
  child.stderr.on('data', (bytes: Buffer) => err.push(bytes));
  child.stdin.on('error', () => err.push(Buffer.from('the shell took no more lines')));
  child.stdin.end(scriptOf(group.lines));
  await new Promise<void>((resolve, reject) => {
    const bound = setTimeout(() => {
      err.push(Buffer.from(`the group took longer than ${LIMIT_MS / 1000} s`));
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
      child.stdout.destroy();
      child.stderr.destroy();
    }, LIMIT_MS);
    child.on('error', reject).on('close', () => {
      clearTimeout(bound);
      resolve();
    });
  });
  const parts = Buffer.concat(out).toString().split('\x1e').slice(1);
  const outside = Buffer.concat(err).toString();
  return group.lines.map((line, index) => {
    const [said = '', error = outside, code = 'not reached', begun, ended] = parts[index]?.split('\x1f') ?? [];
    return { line, out: normalise(said), err: normalise(error), code, seconds: Number(ended) - Number(begun) };
  });
}
