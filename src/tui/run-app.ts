/** Open the full-screen view on a lab, and give the terminal back when it ends, whichever way it ends. */
import type { Bilingual, Lab } from '../../engine/api/types.js';
import { App } from './app/app.js';
import { InputDecoder } from './input/decoder.js';
import type { AppCommand, LessonHost, LessonView } from './lesson-view.js';
import type { AnyPanel, Lang } from './panel.js';
import { guardExits } from './screen/exits.js';
import { Screen, type ScreenOutput } from './screen/screen.js';
import { detectTerminal, type TerminalTraits } from './screen/terminal.js';
import type { ThemeId } from './theme/themes.js';

/** Where the keys come from: `process.stdin`, or a stream in tests. */
export interface AppInput {
  on(event: 'data', listener: (bytes: Uint8Array) => void): unknown;
  on(event: 'end', listener: () => void): unknown;
  removeListener(event: string, listener: (...args: never[]) => void): unknown;
  setRawMode?(on: boolean): unknown;
  resume(): unknown;
  pause(): unknown;
}

export interface AppOptions {
  readonly lab: Lab;
  readonly lang: Lang;
  readonly lesson?: LessonView;
  readonly theme?: ThemeId;
  readonly mouse?: boolean;
  /** The picture's tabs, in order. */
  readonly panels: readonly AnyPanel[];
  /** More entries for the palette, the help and the keyboard; they go before the view's own. */
  readonly commands?: readonly AppCommand[];
  /** Begin with a container being born. */
  readonly birth?: boolean;
  /** The shell's prompt (PS1); without it, the lab's own. */
  readonly prompt?: string;
  readonly output?: ScreenOutput;
  readonly input?: AppInput;
  readonly traits?: TerminalTraits;
  /** Run before the process ends by a signal or a crash; the lab is closed by default. */
  cleanup?(): Promise<void>;
  onLang?(lang: Lang): void;
  onTheme?(theme: ThemeId): void;
}

export interface AppHandle {
  /** Ends when the person quits or the terminal is gone; the lab is still open then, and the terminal restored. */
  /** @throws EngineEnded when the engine has ended under the view; the terminal is restored then too. */
  readonly closed: Promise<void>;
  readonly host: LessonHost;
  readonly app: App;
  readonly screen: Screen;
  /** Quit from outside. */
  close(): void;
}

/** The engine has ended under the view. `text` is one sentence in both languages. */
export class EngineEnded extends Error {
  override name = 'EngineEnded';
  readonly text: Bilingual;

  constructor(text: Bilingual) {
    super(text.en);
    this.text = text;
  }
}

/** An engine that does not answer any more; told by shape, because the view knows no client. */
function saysEngineEnded(error: unknown): boolean {
  return error instanceof Error && 'body' in error && (error.body as { code?: unknown } | null)?.code === 'Unavailable';
}

/** Why the view cannot be opened here, null when it can. */
export function cannotShow(traits: TerminalTraits): string | null {
  return traits.addressable ? null : 'this terminal cannot be addressed (TERM=dumb or unset); use --plain';
}

/** @throws Error when the terminal cannot be addressed. */
export function runApp(options: AppOptions): AppHandle {
  const traits = options.traits ?? detectTerminal(process.env);
  const obstacle = cannotShow(traits);
  if (obstacle !== null) throw new Error(obstacle);
  const input: AppInput = options.input ?? process.stdin;
  const screen = new Screen({
    output: options.output ?? process.stdout,
    traits,
    theme: options.theme ?? 'dark',
    mouse: options.mouse ?? true,
  });
  let end: () => void = () => undefined;
  let fail: (error: Error) => void = () => undefined;
  const closed = new Promise<void>((resolve, reject) => {
    end = resolve;
    fail = reject;
  });

  const restore = (): void => {
    screen.leave();
    setRaw(input, false);
  };
  const resume = (): void => {
    setRaw(input, true);
    screen.enter();
  };
  const app = new App({
    screen,
    lab: options.lab,
    lesson: options.lesson ?? null,
    panels: options.panels,
    commands: options.commands ?? [],
    lang: options.lang,
    theme: options.theme ?? 'dark',
    prompt: options.prompt,
    onQuit: () => close(),
    onEngineEnd: (reason) => {
      fail(new EngineEnded(reason));
      close();
    },
    suspend: () => {
      restore();
      process.kill(process.pid, 'SIGSTOP');
    },
    onLang: (lang) => options.onLang?.(lang),
    onTheme: (theme) => options.onTheme?.(theme),
  });
  const decoder = new InputDecoder((event) => app.input(event));
  const onData = (bytes: Uint8Array): void => decoder.write(bytes);
  // The end of a terminal's input is a hang-up. Dying of SIGHUP is the only way out then: Node's own exit aborts when it
  // finds that it cannot set the modes of a terminal that is gone (node.cc, ResetStdio).
  const isTerminal = input === process.stdin && process.stdin.isTTY;
  const onEnd = (): void => {
    if (isTerminal) process.kill(process.pid, 'SIGHUP');
    else close();
  };
  const onOutputError = (error: NodeJS.ErrnoException): void => {
    if (error.code !== 'EIO' && error.code !== 'EPIPE') throw error;
    process.kill(process.pid, 'SIGHUP');
  };
  const unguard = guardExits({
    restore,
    resume,
    // Whoever waits for an answer hears of it before the message that says why; a moment later the view is left.
    expected: saysEngineEnded,
    cleanup: async () => {
      app.stop();
      await (options.cleanup ?? (() => options.lab.close()))();
    },
  });
  let open = true;
  const close = (): void => {
    if (!open) return;
    open = false;
    input.removeListener('data', onData as (...args: never[]) => void);
    input.removeListener('end', onEnd);
    if (options.output === undefined) process.stdout.removeListener('error', onOutputError);
    decoder.stop();
    app.stop();
    restore();
    input.pause();
    screen.destroy();
    unguard();
    end();
  };

  setRaw(input, true);
  input.on('data', onData);
  input.on('end', onEnd);
  if (options.output === undefined) process.stdout.on('error', onOutputError);
  input.resume();
  screen.enter();
  app.start();
  if (options.birth === true) app.watchBirth();
  return { closed, host: app, app, screen, close };
}

/** The terminal may be gone already (EIO after a hang-up): then there is no mode to set. */
function setRaw(input: AppInput, on: boolean): void {
  try {
    input.setRawMode?.(on);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code !== 'EIO' && code !== 'ENOTTY' && code !== 'EBADF') throw error;
  }
}
