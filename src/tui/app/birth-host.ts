/** Shows a birth in the view: its pane, and the tab of the picture that the next record will change. */
import type { BornContainer, ExplainedRecord, Lab } from '../../../engine/api/types.js';
import { Birth } from '../../birth/birth.js';
import { PanelPane } from '../layout/panel-pane.js';
import { anyPanel } from '../panel.js';
import { type BirthPanelState, birthPanel } from '../panels/birth-panel.js';
import type { ViewState } from './view-state.js';

export interface BirthHostParts {
  changed(): void;
  /** The person has left the finished birth; what was born, null when it was undone or has failed. */
  left(born: BornContainer | null): void;
}

export class BirthHost {
  readonly #view: ViewState;
  readonly #parts: BirthHostParts;
  readonly #birth: Birth;
  readonly #pane: PanelPane;
  #tab = '';

  constructor(view: ViewState, parts: BirthHostParts) {
    this.#view = view;
    this.#parts = parts;
    const birth = new Birth(() => this.#update());
    this.#birth = birth;
    this.#pane = new PanelPane(
      anyPanel(
        birthPanel({
          next: () => birth.next(),
          section: () => birth.section(),
          rest: () => birth.rest(),
          stop: () => birth.stop(),
          leave: () => this.#leave(),
        }),
      ),
    );
    view.setBirth(this.#pane);
  }

  run(lab: Lab): Promise<void> {
    return this.#birth.run(lab);
  }

  #update(): void {
    const { phase, progress, error, current } = this.#birth;
    const reason = error instanceof Error ? error.message : String(error);
    const state: BirthPanelState = {
      phase,
      progress,
      rows: this.#birth.rows(),
      failure: error === null ? null : { en: reason, zh: reason },
    };
    this.#pane.state = state;
    if (current !== null) this.#follow(current);
    this.#parts.changed();
  }

  /** To the tab where the record will show, when that is another than before: so a tab that was chosen by hand stays for a while. */
  #follow(record: ExplainedRecord): void {
    const wanted = tabOf(record);
    if (wanted === null || wanted === this.#tab) return;
    this.#tab = wanted;
    const index = this.#view.tabs.findIndex(({ panel }) => panel.id === wanted);
    if (index >= 0) this.#view.tab = index;
  }

  #leave(): void {
    this.#view.setBirth(null);
    this.#parts.left(this.#birth.born);
  }
}

/** The tab of the picture that a record's effect is seen in; null: in none, or in any. */
export function tabOf({ syscall, section, call }: ExplainedRecord): string | null {
  if (section === 'cgroups') return 'cgroups';
  if (syscall === 'socket' || call.includes('SIOCSIFFLAGS')) return 'wiring';
  if (['clone3', 'unshare', 'setns', 'sethostname', 'execve', 'execveat'].includes(syscall)) return 'namespaces';
  if (/^(mount|move_mount|open_tree|mount_setattr|pivot_root|umount2)$/.test(syscall)) return 'mounts';
  return ['mknodat', 'mkdirat', 'symlinkat', 'unlinkat'].includes(syscall) ? 'layers' : null;
}
