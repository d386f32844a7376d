import assert from 'node:assert/strict';
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { loadJournal } from '../../src/lesson/journal.js';
import { removeGroups } from '../helpers/docker/fences.js';
import { guideLessons } from './guide-example.js';

const root = process.getuid?.() === 0 ? undefined : 'needs root: the in-process engine makes lab hosts itself';
let lessons: string;
let scratch: string;
/** Of a killed runner: it has no guard, as an engine of its own process has, that removes them. */
const groups = new Set<string>();
before(() => {
  lessons = guideLessons();
  scratch = mkdtempSync(join(tmpdir(), 'glassbox-plain-'));
});
after(() => {
  for (const group of groups) removeGroups(group);
  for (const directory of [lessons, scratch]) rmSync(directory, { recursive: true });
});

class Dialogue {
  readonly child: ChildProcessWithoutNullStreams;
  out = '';

  constructor(journal: string) {
    const runner = fileURLToPath(new URL('plain-runner.ts', import.meta.url));
    this.child = spawn(process.execPath, ['--import', 'tsx', runner, lessons, journal], {
      env: { ...process.env, TMPDIR: scratch },
    });
    this.child.stdout.on('data', (chunk: Buffer) => (this.out += chunk.toString('utf8')));
    this.child.stderr.on('data', (chunk: Buffer) => (this.out += chunk.toString('utf8')));
  }

  async say(line: string, wanted: RegExp): Promise<string> {
    const from = this.out.length;
    this.child.stdin.write(`${line}\n`);
    return this.see(wanted, from);
  }

  async see(wanted: RegExp, from = 0): Promise<string> {
    const deadline = Date.now() + 60_000;
    while (!wanted.test(this.out.slice(from))) {
      if (Date.now() > deadline || this.child.exitCode !== null)
        assert.fail(`not seen: ${wanted}\n${this.out.slice(from)}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return this.out.slice(from);
  }

  end(signal?: NodeJS.Signals): Promise<number | null> {
    const ended = new Promise<number | null>((resolve) => this.child.once('exit', resolve));
    if (signal) this.child.kill(signal);
    return ended;
  }
}

test('plain mode tells the facts line by line; kill -9 loses nothing; the next run goes on', {
  skip: root,
  timeout: 600_000,
}, async () => {
  const file = join(lessons, 'plain.jsonl');
  const first = new Dialogue(file);
  const greeting = await first.see(/c\) As many as the machine/);
  const init = Number(/init (\d+)/.exec(greeting)![1]);
  for (const [group] of readFileSync(`/proc/${init}/cgroup`, 'utf8').matchAll(/glassbox-test-[0-9a-f]+/g))
    groups.add(group);
  assert.match(greeting, /You give a second network stack a name/);
  await first.say(':b', /you chose: b; the truth: b \(1\)[\s\S]*born with a loopback/);
  await first.say(':next', /\[not yet\].*named r1\n.*observed: there is no net namespace/);
  await first.say(':next', /not yet: see what the goals still want/);
  await first.say('ip netns add R1', /\$ ?$|/);
  await first.say(':hint', /Names are case-sensitive/);
  await first.say('false', /exit status 1/);
  await first.say('ip netns add r1', /\[met\][\s\S]*this step is done[\s\S]*CLONE_NEWNET/);
  await first.say(':nonsense', /no lesson command :nonsense/);
  await first.say(':next', /Plug in the cable[\s\S]*lo +UNKNOWN/);
  await first.say('ip link add name veth1.1 type veth peer name veth1.2 && echo made', /\nmade\n|^made\n/);
  const ended = first.end('SIGKILL');
  await ended;
  const deadline = Date.now() + 30_000;
  while (existsSync(`/proc/${init}`) && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 20));
  assert.ok(!existsSync(`/proc/${init}`), 'the lab ended with the program');
  const { progress } = loadJournal(file);
  assert.deepEqual(progress!.met, ['look', 'make-r1']);
  assert.deepEqual(
    progress!.commands.map((command) => command.line),
    [
      'ip netns add R1',
      'false',
      'ip netns add r1',
      'ip link add name veth1.1 type veth peer name veth1.2 && echo made',
    ],
  );

  const second = new Dialogue(file);
  await second.see(/步骤 3\/3：插上网线|步骤 3\/3: 插上网线/);
  await second.say('ip -br link show veth1.1', /veth1\.1@veth1\.2/);
  await second.say('ip netns list', /r1/);
  await second.say(':undo', /已撤销：ip link add name veth1\.1/);
  await second.say('ip -br link show veth1.1', /does not exist/);
  second.child.stdin.write(':quit\n');
  assert.equal(await second.end(), 0);
});
