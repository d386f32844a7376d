/** The demo on the full screen: the lesson's own page, with the presenter's keys and, unless they are on a second terminal, the notes. */

import { SessionView } from '../lesson/view.js';
import type { AppCommand, LessonActions, LessonHost, LessonPage, LessonView } from '../tui/lesson-view.js';
import type { DemoPlayer } from './player.js';

export class DemoView implements LessonView {
  readonly actions: LessonActions;
  readonly extraCommands: readonly AppCommand[];
  readonly #player: DemoPlayer;
  readonly #inner: SessionView;
  readonly #notes: boolean;
  #stops: (() => void)[] = [];

  /** @param notes show the presenter's notes below the text */
  constructor(player: DemoPlayer, notes: boolean) {
    this.#player = player;
    this.#inner = new SessionView(player.session);
    this.#notes = notes;
    this.actions = {
      ...this.#inner.actions,
      next: async () => {
        await player.jump(String(player.position.stepIndex + 2));
        return undefined;
      },
      previous: async () => {
        await player.back();
        return undefined;
      },
      jump: async (step) => {
        await player.jump(step);
        return undefined;
      },
    };
    const command = (
      id: string,
      en: string,
      zh: string,
      keys: string[],
      run: () => void | Promise<void>,
    ): AppCommand => ({ id, title: { en, zh }, keys, run });
    this.extraCommands = [
      command('demo-type', 'Demo: type the next command', '演示：输入下一条命令', ['f5'], () => player.typeNext()),
      command('demo-run', 'Demo: run it', '演示：执行', ['f6'], () => player.runTyped()),
      command('demo-back', 'Demo: one command back', '演示：后退一条命令', ['f7'], () => player.back()),
      command('demo-pause', 'Demo: pause or go on', '演示：暂停或继续', ['f8'], () => player.pause()),
      command('demo-slower', 'Demo: type slower', '演示：放慢输入', ['f9'], () => player.slower()),
      command('demo-faster', 'Demo: type faster', '演示：加快输入', ['f10'], () => player.faster()),
    ];
  }

  attach(host: LessonHost): void {
    this.#inner.attach(host);
  }

  onChange(listener: () => void): () => void {
    this.#stops.push(this.#player.onChange(listener));
    const stop = this.#inner.onChange(listener);
    return () => {
      stop();
      for (const one of this.#stops.splice(0)) one();
    };
  }

  page(): LessonPage {
    const page = this.#inner.page();
    const { next, done, lines, typed } = this.#player.position;
    const line = next === null ? '' : `\n\n> ${typed ? '⏎' : '▸'} ${done + 1}/${lines} \`${next}\``;
    const add = (body: string, notes: string): string =>
      `${body}${line}${this.#notes && notes !== '' ? `\n\n---\n\n${notes}` : ''}`;
    const { notes } = this.#player;
    return { ...page, body: { en: add(page.body.en, notes.en), zh: add(page.body.zh, notes.zh) } };
  }
}
