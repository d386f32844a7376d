import type { Bilingual } from '../../engine/api/types.js';
import type { Facts, Row, Trial } from './types.js';

/** The part of a row that does not depend on the machine. */
export type Subject = Pick<Row, 'id' | 'group' | 'name' | 'purpose'> & Partial<Pick<Row, 'essential' | 'features'>>;

export interface Verdict {
  readonly status: Row['status'];
  readonly found: Bilingual;
  readonly remedy?: Bilingual | null;
  readonly command?: string | null;
}

export function row(subject: Subject, verdict: Verdict): Row {
  return {
    id: subject.id,
    group: subject.group,
    name: subject.name,
    status: verdict.status,
    found: verdict.found,
    purpose: subject.purpose,
    remedy: verdict.remedy ?? null,
    command: verdict.command ?? null,
    essential: subject.essential ?? false,
    features: subject.features ?? [],
  };
}

/** The same in both languages: a version, a number, the words of a tool. */
export const same = (text: string): Bilingual => ({ en: text, zh: text });

/** The command as this person has to type it. */
export function asRoot(facts: Facts, command: string): string {
  return facts.system.uid === 0 ? command : `sudo ${command}`;
}

export function installHint(facts: Facts, packages: string): Pick<Verdict, 'remedy' | 'command'> {
  if (!facts.system.apt) {
    return {
      remedy: {
        en: `install it with the machine's package manager (Debian's name: ${packages})`,
        zh: `用系统的包管理器安装（Debian 中的包名：${packages}）`,
      },
    };
  }
  return {
    remedy: { en: `install ${packages}`, zh: `安装 ${packages}` },
    command: asRoot(facts, `apt-get install --no-install-recommends ${packages}`),
  };
}

/** What a trial in the throw-away child says; without the child, or without the tool, nothing is known. */
export function trialVerdict(facts: Facts, name: string, failed: Omit<Verdict, 'found'>): Verdict {
  if (!facts.trials.started) {
    return {
      status: 'unknown',
      found: { en: `not tried: ${facts.trials.reason}`, zh: `未能尝试：${facts.trials.reason}` },
    };
  }
  return fromTrial(facts.trials.trials[name], failed);
}

export function fromTrial(trial: Trial | undefined, failed: Omit<Verdict, 'found'>): Verdict {
  if (trial === undefined)
    return { status: 'unknown', found: { en: 'the trial did not answer', zh: '探测没有给出结果' } };
  if (trial.outcome === 'ok') return { status: 'ok', found: { en: 'works', zh: '可用' } };
  if (trial.outcome === 'no-tool') {
    return { status: 'unknown', found: { en: `${trial.detail} is not installed`, zh: `未安装 ${trial.detail}` } };
  }
  return { ...failed, found: same(trial.detail === '' ? 'failed' : trial.detail) };
}
