import { posix } from 'node:path';
import { EngineError } from '../../kernel/errors.js';
import type { HealthcheckConfig, ImageRunConfig } from '../types.js';
import { type Instruction, parseJsonWords, parseLines, parsePairs } from './change-lines.js';
import { parsePorts } from './ports.js';
import { expandWord, splitWords } from './words.js';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
type Config = Mutable<ImageRunConfig>;

/**
 * What `--change` of `docker commit` and `docker import` does to a configuration: CMD, ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK,
 * LABEL, ONBUILD, STOPSIGNAL, USER, VOLUME, WORKDIR, in the Dockerfile's grammar; `docker commit`'s BuildFromConfig in dockerd.
 * @param changes one or more lines each
 */
export function applyChanges(config: ImageRunConfig, changes: readonly string[]): ImageRunConfig {
  const lines = parseLines(changes);
  for (const { name } of lines) if (!Object.hasOwn(APPLY, name)) throw invalid(`${name} is not a valid change command`);
  const made: Config = { ...config };
  const state = { cmdSet: false };
  for (const line of lines) (APPLY[line.name] as Apply)(made, line, state);
  return made;
}

type Apply = (config: Config, line: Instruction, state: { cmdSet: boolean }) => void;

const APPLY: Readonly<Record<string, Apply>> = {
  cmd: (config, line, state) => {
    config.Cmd = commandOf(config, line);
    state.cmdSet = true;
  },
  entrypoint: (config, line, state) => {
    const words = commandOf(config, line);
    config.Entrypoint = words.length === 0 ? null : words;
    // the command was made for another entry point
    if (!state.cmdSet) config.Cmd = null;
  },
  env: (config, line) => {
    // all values see the variables as they were before the line
    const before = variablesOf(config);
    const pairs = parsePairs(line).map(
      ([name, value]) => [expandWord(name, before), expandWord(value, before)] as const,
    );
    const env = [...(config.Env ?? [])];
    for (const [name, value] of pairs) {
      if (name === '') throw invalid('ENV names can not be blank');
      const at = env.findIndex((one) => one.split('=', 1)[0] === name);
      if (at < 0) env.push(`${name}=${value}`);
      else env[at] = `${name}=${value}`;
    }
    config.Env = env;
  },
  expose: (config, line) => {
    const words = atLeastOne(line, expandedWords(config, line));
    const ports = words.flatMap(parsePorts);
    config.ExposedPorts = asSet([...Object.keys(config.ExposedPorts ?? {}), ...ports]);
  },
  healthcheck: (config, line) => {
    config.Healthcheck = healthcheckOf(line);
  },
  label: (config, line) => {
    const variables = variablesOf(config);
    const added = parsePairs(line).map(
      ([name, value]) => [expandWord(name, variables), expandWord(value, variables)] as const,
    );
    if (added.some(([name]) => name === '')) throw invalid('LABEL names can not be blank');
    config.Labels = Object.fromEntries([...Object.entries(config.Labels ?? {}), ...added]);
  },
  onbuild: (config, line) => {
    const trigger = (/^\S+/.exec(line.rest)?.[0] ?? '').toUpperCase();
    if (trigger === '') throw invalid('ONBUILD requires at least one argument');
    if (trigger === 'ONBUILD') throw invalid("Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed");
    if (trigger === 'MAINTAINER' || trigger === 'FROM') throw invalid(`${trigger} isn't allowed as an ONBUILD trigger`);
    config.OnBuild = [...(config.OnBuild ?? []), line.rest];
  },
  stopsignal: (config, line) => {
    const signal = exactlyOne(config, line);
    if (!isSignal(signal)) throw invalid(`invalid signal: ${signal}`);
    config.StopSignal = signal;
  },
  user: (config, line) => {
    config.User = exactlyOne(config, line);
  },
  volume: (config, line) => {
    const words = atLeastOne(line, parseJsonWords(line.rest) ?? splitWords(line.rest));
    const variables = variablesOf(config);
    const volumes = words.map((word) => expandWord(word, variables).trim());
    if (volumes.includes('')) throw invalid('VOLUME specified can not be an empty string');
    config.Volumes = asSet([...Object.keys(config.Volumes ?? {}), ...volumes]);
  },
  workdir: (config, line) => {
    const path = exactlyOne(config, line);
    const current = config.WorkingDir === undefined || config.WorkingDir === '' ? '/' : config.WorkingDir;
    const whole = posix.normalize(path.startsWith('/') ? path : posix.join('/', current, path));
    config.WorkingDir = whole.length > 1 ? whole.replace(/\/+$/, '') : whole;
  },
};

function invalid(message: string): EngineError {
  return new EngineError('InvalidArgument', message);
}

function variablesOf(config: ImageRunConfig): ReadonlyMap<string, string> {
  return new Map(
    (config.Env ?? []).map((one) => {
      const equals = one.indexOf('=');
      return equals < 0 ? [one, ''] : [one.slice(0, equals), one.slice(equals + 1)];
    }),
  );
}

function expandedWords(config: ImageRunConfig, { rest }: Instruction): string[] {
  const variables = variablesOf(config);
  // a variable's value may be several ports
  return splitWords(rest).flatMap((word) => splitWords(expandWord(word, variables)));
}

function atLeastOne<T>({ name }: Instruction, words: readonly T[]): readonly T[] {
  if (words.length === 0) throw invalid(`${name.toUpperCase()} requires at least one argument`);
  return words;
}

function exactlyOne(config: ImageRunConfig, { name, rest }: Instruction): string {
  if (rest === '') throw invalid(`${name.toUpperCase()} requires exactly one argument`);
  return expandWord(rest, variablesOf(config));
}

function asSet(names: readonly string[]): Record<string, Record<string, never>> {
  return Object.fromEntries(names.map((name) => [name, {}]));
}

/** Exec form as it is, shell form behind the image's shell. */
function commandOf(config: ImageRunConfig, { rest }: Instruction): string[] {
  const words = parseJsonWords(rest);
  if (words !== null) return words;
  return rest === '' ? [] : [...(config.Shell ?? ['/bin/sh', '-c']), rest];
}

function healthcheckOf(line: Instruction): HealthcheckConfig {
  const word = (/^\S+/.exec(line.rest)?.[0] ?? '').toUpperCase();
  const rest = line.rest.slice(word.length).trim();
  if (word === 'NONE') {
    if (rest !== '') throw invalid('HEALTHCHECK NONE takes no arguments');
    return { Test: ['NONE'] };
  }
  if (word === '') throw invalid('HEALTHCHECK requires at least one argument');
  if (word !== 'CMD') throw invalid(`Unknown type ${JSON.stringify(word)} in HEALTHCHECK (try CMD)`);
  const words = parseJsonWords(rest);
  if (rest === '' || words?.length === 0) throw invalid('Missing command after HEALTHCHECK CMD');
  const made: Mutable<HealthcheckConfig> = { Test: words === null ? ['CMD-SHELL', rest] : ['CMD', ...words] };
  for (const flag of line.flags) setFlag(made, flag);
  return made;
}

const DURATIONS: Readonly<Record<string, 'Interval' | 'Timeout' | 'StartPeriod' | 'StartInterval'>> = {
  '--interval': 'Interval',
  '--timeout': 'Timeout',
  '--start-period': 'StartPeriod',
  '--start-interval': 'StartInterval',
};

function setFlag(made: Mutable<HealthcheckConfig>, flag: string): void {
  const equals = flag.indexOf('=');
  const name = equals < 0 ? flag : flag.slice(0, equals);
  const value = equals < 0 ? '' : flag.slice(equals + 1);
  const duration = DURATIONS[name];
  if (duration !== undefined) {
    const ns = parseGoDuration(value);
    if (ns === null) throw invalid(`time: invalid duration ${JSON.stringify(value)}`);
    if (ns !== 0 && ns < 1_000_000) throw invalid(`Interval ${JSON.stringify(name.slice(2))} cannot be less than 1ms`);
    made[duration] = ns;
  } else if (name === '--retries') {
    if (!/^\d{1,9}$/.test(value)) throw invalid(`strconv.ParseInt: parsing ${JSON.stringify(value)}: invalid syntax`);
    made.Retries = Number(value);
  } else throw invalid(`unknown flag: ${name.replace(/^--/, '')}`);
}

const UNITS: Readonly<Record<string, number>> = { ns: 1, us: 1e3, µs: 1e3, ms: 1e6, s: 1e9, m: 60e9, h: 3600e9 };

/** Go's time.ParseDuration, in nanoseconds; null: it is none, or longer than is counted exactly. */
function parseGoDuration(text: string): number | null {
  if (text === '0') return 0;
  if (!/^(?:\d+(?:\.\d*)?(?:ns|us|µs|ms|s|m|h))+$/.test(text)) return null;
  let ns = 0;
  for (const [, number = '', unit = ''] of text.matchAll(/(\d+(?:\.\d*)?)(ns|us|µs|ms|s|m|h)/g))
    ns += Math.round(Number(number) * (UNITS[unit] as number));
  return Number.isSafeInteger(ns) ? ns : null;
}

const SIGNALS = new Set(
  (
    'ABRT ALRM BUS CHLD CLD CONT FPE HUP ILL INT IO IOT KILL PIPE POLL PROF PWR QUIT SEGV STKFLT STOP SYS TERM TRAP ' +
    'TSTP TTIN TTOU URG USR1 USR2 VTALRM WINCH XCPU XFSZ RTMIN RTMAX'
  ).split(' '),
);

/** As `docker stop --signal` takes it: a number, or a name with or without SIG; RTMIN+1 to RTMAX-1 too. signal(7) */
function isSignal(text: string): boolean {
  if (/^\d+$/.test(text)) return Number(text) >= 1 && Number(text) <= 64;
  const name = text.toUpperCase().replace(/^SIG/, '');
  const realtime = /^RT(?:MIN\+|MAX-)(\d{1,2})$/.exec(name);
  return realtime === null ? SIGNALS.has(name) : Number(realtime[1]) <= 15;
}
