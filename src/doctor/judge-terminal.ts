import { row, same } from './row.js';
import type { Facts, Row } from './types.js';

/** What the full screen needs of the terminal; `--plain` needs nothing. */
export function judgeTerminal({ terminal }: Facts): readonly Row[] {
  return [size(terminal), kind(terminal), colors(terminal), characters(terminal)];
}

type Terminal = Facts['terminal'];

const noTerminal = { en: 'standard output is not a terminal', zh: '标准输出不是终端' };

function size({ isTerminal, columns, rows }: Terminal): Row {
  const subject = {
    id: 'terminal-size',
    group: 'terminal',
    name: { en: 'size', zh: '大小' },
    purpose: { en: 'lesson, shell and picture side by side', zh: '课程、shell 与图景并排显示' },
  } as const;
  if (!isTerminal || columns === null || rows === null) return row(subject, { status: 'unknown', found: noTerminal });
  const found = same(`${columns}x${rows}`);
  if (columns >= 80 && rows >= 24) return row(subject, { status: 'ok', found });
  return row(subject, {
    status: 'weaker',
    found,
    remedy: { en: 'make the window at least 80x24, or add --plain', zh: '把窗口调整到至少 80x24，或加 --plain' },
  });
}

function kind({ isTerminal, term }: Terminal): Row {
  const subject = {
    id: 'terminal-type',
    group: 'terminal',
    name: { en: 'type', zh: '类型' },
    purpose: { en: 'moving the cursor', zh: '移动光标' },
  } as const;
  if (!isTerminal) return row(subject, { status: 'unknown', found: noTerminal });
  if (term !== '' && term !== 'dumb') return row(subject, { status: 'ok', found: same(term) });
  return row(subject, {
    status: 'weaker',
    found: same(term === '' ? 'TERM=' : `TERM=${term}`),
    remedy: {
      en: 'this terminal gets plain lines; a fuller one is named with',
      zh: '此终端以逐行文本显示；功能更全的终端可这样声明',
    },
    command: 'export TERM=xterm-256color',
  });
}

function colors({ isTerminal, colors: count }: Terminal): Row {
  const subject = {
    id: 'terminal-colours',
    group: 'terminal',
    name: { en: 'colours', zh: '颜色' },
    purpose: { en: 'never needed to tell things apart', zh: '仅作辅助，不靠颜色区分信息' },
  } as const;
  if (!isTerminal) return row(subject, { status: 'unknown', found: noTerminal });
  if (count >= 16) return row(subject, { status: 'ok', found: same(String(count)) });
  return row(subject, { status: 'weaker', found: count <= 2 ? { en: 'none', zh: '无' } : same(String(count)) });
}

function characters({ utf8 }: Terminal): Row {
  const subject = {
    id: 'terminal-utf8',
    group: 'terminal',
    name: { en: 'characters', zh: '字符集' },
    purpose: { en: 'Chinese in the programs of the lab', zh: '实验室中的程序显示中文' },
  } as const;
  if (utf8) return row(subject, { status: 'ok', found: same('UTF-8') });
  return row(subject, {
    status: 'weaker',
    found: { en: 'the locale is not UTF-8', zh: '当前 locale 不是 UTF-8' },
    remedy: {
      en: 'programs in the lab may print ? for other letters until then',
      zh: '在此之前，实验室中的程序可能把中文显示为 ?',
    },
    command: 'export LANG=C.UTF-8',
  });
}
