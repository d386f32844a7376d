/** Every sentence of the full-screen view, in both languages. Lesson text and panels bring their own. */
import type { Bilingual } from '../../engine/api/types.js';
import type { Lang } from './panel.js';

export const STRINGS = {
  lesson: { en: 'Lesson', zh: '课程' },
  shell: { en: 'Shell', zh: '终端' },
  picture: { en: 'Picture', zh: '图景' },
  ledger: { en: 'What happened', zh: '发生了什么' },
  birth: { en: 'A container is born', zh: '容器的诞生' },
  tooSmall: { en: 'terminal too small: {size}, needs 40x12', zh: '终端太小：{size}，至少需要 40x12' },
  panelFailed: {
    en: 'this pane has failed: {panel} (an error of glassbox)',
    zh: '此窗格出错：{panel}（glassbox 的内部错误）',
  },

  afterPrefix: { en: 'then', zh: '再按' },
  panesKeys: { en: 'pane', zh: '窗格' },
  cancel: { en: 'cancel', zh: '取消' },
  scrolled: { en: 'scrolled up {lines} lines; any key returns', zh: '已向上滚动 {lines} 行；按任意键返回' },
  filterPrompt: { en: 'filter: ', zh: '筛选：' },

  help: { en: 'Keys', zh: '按键' },
  helpPrefix: {
    en: 'In the shell every key belongs to the shell, except Ctrl-G: press Ctrl-G, then one of these keys. In the other panes they work at once. Ctrl-G Ctrl-G sends Ctrl-G to the shell.',
    zh: '焦点在终端时，除 Ctrl-G 外所有按键都交给终端：先按 Ctrl-G，再按下列按键。在其他窗格中可直接按。连按两次 Ctrl-G 把 Ctrl-G 本身发送给终端。',
  },
  helpGeneral: { en: 'Everywhere', zh: '通用' },
  helpPanel: { en: 'In “{pane}”', zh: '在“{pane}”中' },
  helpScroll: { en: 'Scroll', zh: '滚动' },
  palette: { en: 'Commands', zh: '命令' },
  nothingFound: { en: 'nothing found', zh: '没有匹配项' },
  enterRuns: { en: 'Enter runs · Esc closes', zh: 'Enter 执行 · Esc 关闭' },
  escCloses: { en: 'Esc closes', zh: 'Esc 关闭' },

  cmdFocus: { en: 'go to pane {n}: {pane}', zh: '转到窗格 {n}：{pane}' },
  cmdNextPane: { en: 'next pane', zh: '下一个窗格' },
  cmdPreviousPane: { en: 'previous pane', zh: '上一个窗格' },
  cmdZoom: { en: 'zoom the pane, and back', zh: '放大窗格 / 还原' },
  cmdNextTab: { en: 'next tab of the picture', zh: '图景的下一个标签' },
  cmdPreviousTab: { en: 'previous tab of the picture', zh: '图景的上一个标签' },
  cmdTab: { en: 'picture: {tab}', zh: '图景：{tab}' },
  cmdPalette: { en: 'all commands', zh: '全部命令' },
  cmdHelp: { en: 'help: every key', zh: '帮助：全部按键' },
  cmdFilter: { en: 'filter the pane', zh: '筛选窗格内容' },
  cmdBack: {
    en: 'back: clear the filter, end the zoom, return to the shell',
    zh: '返回：清除筛选、还原缩放、回到终端',
  },
  cmdMouse: { en: 'mouse on or off (off: the terminal selects text)', zh: '开关鼠标（关闭后可用鼠标选择文字）' },
  cmdRedraw: { en: 'draw the screen again', zh: '重绘屏幕' },
  cmdLanguage: { en: 'English / 中文', zh: '中文 / English' },
  cmdTheme: { en: 'next theme', zh: '下一个主题' },
  cmdThemeTo: { en: 'theme: {theme}', zh: '主题：{theme}' },
  cmdQuit: { en: 'quit', zh: '退出' },
  cmdSuspend: { en: 'suspend (fg continues)', zh: '挂起（用 fg 恢复）' },
  cmdResetLab: { en: 'throw the lab away and make a new one', zh: '丢弃当前实验室并新建一个' },
  cmdBirth: { en: 'watch a container being born', zh: '观看一个容器的诞生' },
  cmdNewShell: { en: 'restart the shell', zh: '重启终端' },
  cmdTextDown: { en: 'read on in the pane beside the shell', zh: '终端旁的窗格向下翻页' },
  cmdTextUp: { en: 'read back in the pane beside the shell', zh: '终端旁的窗格向上翻页' },
  cmdScrollUp: { en: 'scroll the shell back', zh: '终端向上翻页' },
  cmdScrollDown: { en: 'scroll the shell forward', zh: '终端向下翻页' },
  cmdNext: { en: 'next step', zh: '下一步' },
  cmdPrevious: { en: 'previous step', zh: '上一步' },
  cmdHint: { en: 'hint', zh: '提示' },
  cmdReset: { en: 'reset this step', zh: '重置本步骤' },
  cmdUndo: { en: 'undo the last command', zh: '撤销上一条命令' },
  cmdAnswer: { en: 'answer', zh: '作答' },
  cmdJump: { en: 'jump to a step', zh: '跳到某一步' },
  cmdJumpTo: { en: 'step {n}: {title}', zh: '第 {n} 步：{title}' },

  themeDark: { en: 'dark', zh: '深色' },
  themeLight: { en: 'light', zh: '浅色' },
  themeHighContrast: { en: 'high contrast', zh: '高对比度' },
  themeMono: { en: 'no colour', zh: '无彩色' },
  mouseOn: { en: 'mouse on', zh: '鼠标已开启' },
  mouseOff: { en: 'mouse off: the terminal’s own selection works', zh: '鼠标已关闭：可直接用终端选择文字' },
  copied: { en: 'copied: {text}', zh: '已复制：{text}' },

  quitTitle: { en: 'Leave the lab?', zh: '离开实验室？' },
  quitText: {
    en: 'What was made in it vanishes; your progress is kept.',
    zh: '其中的一切都会消失；学习进度会保留。',
  },
  quitTextKept: { en: 'The lab is kept under the name {name}.', zh: '实验室以名称 {name} 保留。' },
  resetTitle: { en: 'Throw this lab away?', zh: '丢弃这个实验室？' },
  resetText: { en: 'A new, empty one takes its place.', zh: '将以一个全新的空实验室代替。' },
  yesNo: { en: 'Enter yes · Esc no', zh: 'Enter 确定 · Esc 取消' },
  shellEnded: {
    en: 'the shell has ended ({status}); press Enter for a new one',
    zh: '终端已结束（{status}）；按 Enter 打开新的终端',
  },
  shellFailed: {
    en: 'the shell could not be started: {reason}; press Enter to try again',
    zh: '终端无法启动：{reason}；按 Enter 重试',
  },
  exitCode: { en: 'exit code {code}', zh: '退出码 {code}' },
  killedBy: { en: 'killed by {signal}', zh: '被 {signal} 终止' },
  labGone: { en: 'The lab is gone', zh: '实验室已消失' },
  labGoneText: {
    en: '{reason} Enter makes a new one; your progress is kept.',
    zh: '{reason} 按 Enter 新建一个；学习进度不会丢失。',
  },
  labNew: { en: 'a new lab is ready', zh: '新的实验室已就绪' },
  actionFailed: { en: 'this failed: {reason}', zh: '操作失败：{reason}' },
  useQ: { en: 'press q to quit', zh: '按 q 退出' },

  goals: { en: 'Goals', zh: '目标' },
  hints: { en: 'Hints', zh: '提示' },
  hintsLeft: { en: '{key}: hint ({n} left)', zh: '{key}：提示（还有 {n} 条）' },
  stepDone: { en: 'done: {key} leads on', zh: '已完成：按 {key} 继续' },
  goesOn: { en: '{key} leads on', zh: '按 {key} 继续' },
  goalMet: { en: 'met', zh: '已达成' },
  goalNotYet: { en: 'not yet', zh: '尚未达成' },
  goalBroken: { en: 'met, now broken', zh: '曾达成，现已失效' },
  goalUnknown: { en: 'could not be measured', zh: '无法测量' },
  predictHint: { en: 'press {letters}: predict before you see the truth', zh: '按 {letters} 作出预测，然后揭晓结果' },
  predictRight: { en: 'as you predicted', zh: '与你的预测一致' },
  predictWrong: { en: 'you predicted {letter}', zh: '你的预测是 {letter}' },
  answerHint: { en: '{key}: type your answer', zh: '{key}：输入答案' },
  answerRight: { en: 'right', zh: '正确' },
  answerWrong: { en: 'not right yet', zh: '还不对' },
  ledgerEmpty: { en: 'nothing has happened yet', zh: '还没有发生任何事' },
  ledgerCommand: { en: 'same by hand', zh: '等价的命令' },
  ledgerManual: { en: 'manual', zh: '手册' },
  ledgerResult: { en: 'result', zh: '结果' },
  ledgerFor: { en: 'for', zh: '对象' },
  actorEngine: { en: 'engine', zh: '引擎' },
  actorLesson: { en: 'lesson', zh: '课程' },
  actorLearner: { en: 'you', zh: '你' },
  keyMove: { en: 'move', zh: '移动' },
  keyDetails: { en: 'details', zh: '详情' },
  keyCopy: { en: 'copy the command', zh: '复制命令' },
  keyType: { en: 'put it at the prompt', zh: '放到命令行' },
} as const satisfies Readonly<Record<string, Bilingual>>;

export type StringId = keyof typeof STRINGS;

/** A sentence in one language, `{name}` replaced. */
export function text(id: StringId, lang: Lang, values: Readonly<Record<string, string | number>> = {}): string {
  return fill(STRINGS[id][lang], values);
}

/** A sentence in both languages, `{name}` replaced by the same value in both, or by each language's own. */
export function both(id: StringId, values: Readonly<Record<string, string | number | Bilingual>> = {}): Bilingual {
  const pick = (lang: Lang): string => {
    const chosen: Record<string, string | number> = {};
    for (const [name, value] of Object.entries(values)) chosen[name] = typeof value === 'object' ? value[lang] : value;
    return fill(STRINGS[id][lang], chosen);
  };
  return { en: pick('en'), zh: pick('zh') };
}

function fill(template: string, values: Readonly<Record<string, string | number>>): string {
  return template.replace(/\{(\w+)\}/g, (whole, name: string) => (name in values ? String(values[name]) : whole));
}
