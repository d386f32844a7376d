/** What `glassbox lesson test` found: one line for each thing that was tried. */

export interface Finding {
  /** 1 to 14, as docs/lesson-authoring.md numbers what is promised. */
  readonly point: number;
  readonly lesson: string;
  readonly step: string | null;
  readonly what: string;
  readonly ok: boolean;
  /** Why it failed, or why it was left out. */
  readonly detail?: string;
  readonly skipped?: boolean;
}

export class Findings {
  readonly all: Finding[] = [];
  readonly #tell: (finding: Finding) => void;

  constructor(tell: (finding: Finding) => void) {
    this.#tell = tell;
  }

  add(finding: Finding): void {
    this.all.push(finding);
    this.#tell(finding);
  }

  get failed(): readonly Finding[] {
    return this.all.filter((finding) => !finding.ok && finding.skipped !== true);
  }

  get skipped(): readonly Finding[] {
    return this.all.filter((finding) => finding.skipped === true);
  }
}

export function formatFinding(finding: Finding): string {
  const head = finding.skipped ? 'skip' : finding.ok ? 'ok' : 'not ok';
  const where = finding.step === null ? finding.lesson : `${finding.lesson}/${finding.step}`;
  return `${head} ${String(finding.point).padStart(2)} ${where}: ${finding.what}${finding.detail !== undefined && (!finding.ok || finding.skipped) ? `\n     ${finding.detail.replaceAll('\n', '\n     ')}` : ''}`;
}
