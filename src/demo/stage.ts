/**
 * The demo in a plain terminal: the lab's shell as it is, with single keys for the presenter. Used for `--plain`, for unattended play and
 * for recordings; the full screen has the same player behind its own keys (view.ts).
 */
import type { Bilingual, Language } from '../lesson/types.js';
import type { DemoPlayer } from './player.js';

export interface StageIo {
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: { write(bytes: string | Uint8Array): unknown; readonly columns?: number; readonly rows?: number };
  readonly language: Language;
}

const HELP: Bilingual = {
  en: 'space: type the next command, Enter: run it, b: back, n: next step, 1-9: go to step, p: pause, + -: speed, i: type yourself (Ctrl-] ends), q: quit',
  zh: '空格：输入下一条命令　回车：执行　b：后退　n：下一步　1-9：跳到该步　p：暂停　+ -：速度　i：自己输入（Ctrl-] 结束）　q：退出',
};

/** Connect the player's shell to the terminal, also after it was rebuilt. Returns the function that lets go. */
export function connectShell(player: DemoPlayer, write: (bytes: Uint8Array | string) => void): () => void {
  let current: unknown = null;
  const attach = (): void => {
    const { shell } = player.session;
    if (!shell || shell === current) return;
    const mine = shell;
    if (current !== null) write('\u001b[2J\u001b[H');
    current = shell;
    shell.view().onData((bytes) => {
      if (current === mine) write(bytes);
    });
  };
  attach();
  const stop = player.session.onChange(attach);
  const stopPlayer = player.onChange(attach);
  return () => {
    current = null;
    stop();
    stopPlayer();
  };
}

/** Play with the presenter's keys until `q` or the end of input. */
export async function presentOnStage(player: DemoPlayer, io: StageIo): Promise<void> {
  const { stdin, stdout } = io;
  stdout.write(`${HELP[io.language]}\r\n`);
  stdin.setRawMode?.(true);
  const letGo = connectShell(player, (bytes) => stdout.write(bytes));
  let free = false;
  try {
    for await (const chunk of stdin as AsyncIterable<Buffer>) {
      for (const key of chunk.toString('utf8')) {
        if (free) {
          if (key === '\u001d') free = false;
          else (await player.session.ensureShell()).write(key);
          continue;
        }
        if (key === 'q' || key === '\u0003' || key === '\u0004') return;
        if (key === 'i') free = true;
        else await press(player, key);
      }
    }
  } finally {
    letGo();
    stdin.setRawMode?.(false);
    stdin.pause();
  }
}

async function press(player: DemoPlayer, key: string): Promise<void> {
  switch (key) {
    case ' ':
      return player.position.typed ? player.runTyped() : player.typeNext();
    case '\r':
      return player.runTyped();
    case 'b':
      return player.back();
    case 'n':
      return void (await player.jump(String(player.position.stepIndex + 2)));
    case 'p':
      return player.pause();
    case '+':
    case '=':
      return player.faster();
    case '-':
      return player.slower();
    default:
      if (/^[1-9]$/.test(key)) await player.jump(key);
  }
}
