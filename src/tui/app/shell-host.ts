/** Keeps a shell of the lab running in the shell pane: opens it, says when it has ended, opens another. */
import type { Bilingual, Lab } from '../../../engine/api/types.js';
import type { Lang } from '../panel.js';
import { both } from '../strings.js';
import { type FinishedCommand, prepareShell } from '../terminal-pane/shell-integration.js';
import { TerminalPane } from '../terminal-pane/terminal-pane.js';

export interface ShellHostParts {
  readonly prompt: string | undefined;
  lab(): Lab;
  /** What our own commands speak in the shell. */
  lang(): Lang;
  dirty(): void;
  /** What to show instead of a shell; null: one is running or being opened. */
  message(text: Bilingual | null): void;
  finished(command: FinishedCommand): void;
}

export class ShellHost {
  readonly pane: TerminalPane;
  readonly #parts: ShellHostParts;
  #opening = false;

  constructor(parts: ShellHostParts) {
    this.#parts = parts;
    this.pane = new TerminalPane({
      onDirty: () => parts.dirty(),
      onExit: ({ exitCode, signal }) => {
        const how = signal === null ? both('exitCode', { code: exitCode }) : both('killedBy', { signal });
        parts.message(both('shellEnded', { status: how }));
      },
    });
  }

  /** End the present shell, if there is one, and open another in the present lab. */
  async reopen(): Promise<void> {
    this.pane.detach()?.close();
    await this.open();
  }

  /** Open a shell in the present lab. When the lab is exchanged meanwhile, the shell opens in the new one. */
  async open(): Promise<void> {
    if (this.#opening) return;
    this.#opening = true;
    this.#parts.message(null);
    try {
      while (!(await this.#tryOpen(this.#parts.lab()))) this.#parts.message(null);
    } finally {
      this.#opening = false;
    }
  }

  /** False when the lab was exchanged while its shell was being opened. */
  async #tryOpen(lab: Lab): Promise<boolean> {
    const current = (): boolean => lab === this.#parts.lab();
    try {
      const { request, nonce } = await prepareShell(lab, this.#parts.prompt);
      if (!current()) return false;
      const { cols, rows } = this.pane.terminal;
      const env = { ...request.env, GLASSBOX_LANG: this.#parts.lang() };
      const session = await lab.openSession({ ...request, env, cols, rows });
      if (current())
        this.pane.attach(session, { nonce, listener: { onEnd: (command) => this.#parts.finished(command) } });
      else session.close();
    } catch (error) {
      if (current())
        this.#parts.message(both('shellFailed', { reason: error instanceof Error ? error.message : String(error) }));
    }
    return current();
  }

  dispose(): void {
    this.pane.dispose();
  }
}
