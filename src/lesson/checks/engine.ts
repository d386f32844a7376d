/**
 * What the lab's container engine says of containers and images, asked through its API with the lab's own docker command. A check starts no
 * engine: where none runs yet there is no container and no image either.
 */
import type { Snapshot } from '../../../engine/api/types.js';
import type { Bilingual, CheckResult, CheckSpecs } from '../types.js';
import type { CheckContext } from './context.js';
import { probe, settle } from './probes.js';
import { selectProcesses } from './processes.js';
import { amountWords, comma, list, matchesAmount, outcome, put, same, say } from './words.js';

interface Container {
  readonly name: string;
  readonly image: string;
  readonly runs: string;
  readonly state: string;
  readonly exitCode: number;
  readonly pid: number;
  readonly init: boolean;
}

/** One line a container, in this order. */
const FIELDS =
  '[{{json .Name}},{{json .Config.Image}},{{json .Path}},{{json .Args}},{{json .State.Status}},{{.State.ExitCode}},{{.State.Pid}},{{json .HostConfig.Init}}]';
const CONTAINERS = `ids=$(docker ps -aq --no-trunc) || exit 9; [ -z "$ids" ] || docker container inspect -f '${FIELDS}' $ids`;

/** Does the engine behind the lab's /run/docker.sock run? Whoever connects to the socket would start it. */
function engineRuns(snapshot: Snapshot): boolean {
  return snapshot.processes.some(({ argv }) => argv.includes('engine') && argv.includes('fd://0'));
}

function parseContainer(line: string): Container | null {
  const row: unknown = JSON.parse(line);
  if (!Array.isArray(row)) return null;
  const [name, image, path, args, state, exitCode, pid, init] = row as unknown[];
  if (typeof name !== 'string' || typeof image !== 'string' || typeof state !== 'string') return null;
  if (typeof path !== 'string' || !Array.isArray(args)) return null;
  if (typeof exitCode !== 'number' || typeof pid !== 'number') return null;
  return {
    name: name.replace(/^\//, ''),
    image,
    runs: [path, ...args].join(' '),
    state,
    exitCode,
    pid,
    init: init === true,
  };
}

function wordsFor(spec: CheckSpecs['container']): Bilingual {
  const parts: Bilingual[] = [
    spec.name === undefined
      ? say('the engine has a container', '引擎里有一个容器')
      : put('the engine has a container %', '引擎里有容器 %', same(spec.name)),
  ];
  if (spec.image !== undefined) parts.push(put('of image %', '镜像为 %', same(spec.image)));
  if (spec.runs !== undefined) parts.push(put('that runs %', '运行 %', same(spec.runs)));
  if (spec.state !== undefined) parts.push(put('in state %', '状态为 %', same(spec.state)));
  if (spec.exitCode !== undefined) parts.push(put('with exit code %', '退出码为 %', amountWords(spec.exitCode)));
  if (spec.init !== undefined)
    parts.push(spec.init ? say('with an init (--init)', '带 init（--init）') : say('without an init', '不带 init'));
  if (spec.process !== undefined)
    parts.push(say('whose pid is that process in the kernel', '它的 pid 就是内核里的那个进程'));
  for (const change of spec.changes ?? []) parts.push(put('changed: %', '有改动：%', same(change)));
  return comma(parts);
}

export async function checkContainer(context: CheckContext, spec: CheckSpecs['container']): Promise<CheckResult> {
  const expected = wordsFor(spec);
  if (!engineRuns(context.snapshot)) return outcome('notYet', expected, NO_ENGINE, 'docker ps -a');
  const found = await probe(context, 'host', 'all', ['sh', '-c', CONTAINERS]);
  const source = 'docker ps -a; docker inspect';
  const fitting: Container[] = [];
  const judged = settle({ ...found, source }, expected, (result) => {
    const lines = result.stdout.split('\n').filter((line) => line !== '');
    if (result.exitCode === 9) return outcome('couldNotMeasure', expected, same(result.stderr.trim()), source);
    const all = lines.map(parseContainer);
    if (all.includes(null))
      return outcome('couldNotMeasure', expected, say('its answer cannot be read', '读不懂它的回答'), source);
    const named = (all as Container[]).filter((one) => spec.name === undefined || one.name === spec.name);
    fitting.push(...named.filter((one) => fits(context.snapshot, one, spec)));
    const near = named.length > 0 ? named : (all as Container[]);
    return outcome(
      fitting.length > 0 ? 'passed' : 'notYet',
      expected,
      near.length === 0
        ? say('the engine has no container', '引擎里没有容器')
        : put('there is %', '现有 %', list(near.map(containerWords), 3)),
      source,
    );
  });
  if (judged.result !== 'passed' || spec.changes === undefined) return judged;
  return checkChanges(context, fitting[0]!.name, spec.changes, expected);
}

const NO_ENGINE = say(
  'no docker command has been given yet: the engine does not run',
  '还没有执行过 docker 命令，引擎没有运行',
);

function fits(snapshot: Snapshot, one: Container, spec: CheckSpecs['container']): boolean {
  return (
    (spec.image === undefined || one.image === spec.image) &&
    (spec.runs === undefined || one.runs === spec.runs) &&
    (spec.state === undefined || one.state === spec.state) &&
    (spec.exitCode === undefined || matchesAmount(one.exitCode, spec.exitCode)) &&
    (spec.init === undefined || one.init === spec.init) &&
    (spec.process === undefined || selectProcesses(snapshot, spec.process).some((process) => process.pid === one.pid))
  );
}

function containerWords(one: Container): Bilingual {
  const state = one.state === 'exited' ? `exited (${one.exitCode})` : one.state;
  return same(
    `${one.name}: ${one.image} ${one.runs}, ${state}${one.init ? ', --init' : ''}${one.pid > 0 ? `, pid ${one.pid}` : ''}`,
  );
}

async function checkChanges(
  context: CheckContext,
  name: string,
  wanted: readonly string[],
  expected: Bilingual,
): Promise<CheckResult> {
  const found = await probe(context, 'host', 'all', ['docker', 'diff', name]);
  return settle(found, expected, (result) => {
    if (result.exitCode !== 0) return outcome('couldNotMeasure', expected, same(result.stderr.trim()), found.source);
    const lines = result.stdout.split('\n').filter((line) => line !== '');
    return outcome(
      wanted.every((line) => lines.includes(line)) ? 'passed' : 'notYet',
      expected,
      lines.length === 0
        ? say('nothing has been changed in it', '里面没有任何改动')
        : put('changed: %', '改动有：%', list(lines.map(same), 6)),
      found.source,
    );
  });
}

/** The image's layers by their digests and, when asked for, the digest of a file, in one go. */
const IMAGE = `docker image inspect -f '{{range .RootFS.Layers}}{{println .}}{{end}}' "$0" || exit 9; if [ -n "$1" ]; then set -- $1; sha256sum < "$1" || exit 8; fi`;

export async function checkImage(context: CheckContext, spec: CheckSpecs['image']): Promise<CheckResult> {
  const parts: Bilingual[] = [put('the engine has an image %', '引擎里有镜像 %', same(spec.name))];
  if (spec.layers !== undefined) parts.push(put('number of layers: %', '层数：%', amountWords(spec.layers)));
  if (spec.layerOf !== undefined)
    parts.push(put('one of them has the digest of %', '其中一层的摘要就是 % 的摘要', same(spec.layerOf)));
  const expected = comma(parts);
  if (!engineRuns(context.snapshot)) return outcome('notYet', expected, NO_ENGINE, 'docker image inspect');
  const found = await probe(context, 'host', 'all', ['sh', '-c', IMAGE, spec.name, spec.layerOf ?? '']);
  const source = `docker image inspect ${spec.name}`;
  return settle({ ...found, source }, expected, (result) => {
    const absent = /No such image/i.test(result.stderr);
    if (result.exitCode === 9)
      return outcome(
        absent ? 'notYet' : 'couldNotMeasure',
        expected,
        absent ? put('there is no image %', '没有镜像 %', same(spec.name)) : same(result.stderr.trim()),
        source,
      );
    if (result.exitCode === 8)
      return outcome('notYet', expected, put('% cannot be read', '无法读取 %', same(spec.layerOf ?? '')), source);
    const digests = result.stdout.split('\n').flatMap((line) => /^sha256:([0-9a-f]{64})$/.exec(line)?.[1] ?? []);
    const file = /^([0-9a-f]{64}) {2}-$/m.exec(result.stdout)?.[1];
    const right =
      (spec.layers === undefined || matchesAmount(digests.length, spec.layers)) &&
      (spec.layerOf === undefined || (file !== undefined && digests.includes(file)));
    return outcome(
      right ? 'passed' : 'notYet',
      expected,
      put(
        'its layers are %',
        '它的层是 %',
        list(
          digests.map((digest) => same(`${digest.slice(0, 12)}…`)),
          4,
        ),
      ),
      source,
    );
  });
}
