import type { ArgumentSpec, CommandLineSpec, OptionSpec } from './spec.js';

const lesson: ArgumentSpec = { label: 'LESSON', kind: 'lesson', required: false };

const json: OptionSpec = {
  name: 'json',
  text: { en: 'print JSON for programs', zh: '输出供程序读取的 JSON' },
};

const keep: OptionSpec = {
  name: 'keep',
  value: { label: 'NAME', kind: 'name' },
  text: {
    en: 'keep the changes under this name and go on from them next time',
    zh: '以此名称保留改动，下次从中继续',
  },
};

/** Commands of the runtime, which reads them by a table of its own; a test compares. */
export const RUNTIME_COMMANDS: readonly string[] = [
  'create',
  'delete',
  'events',
  'exec',
  'explain',
  'features',
  'kill',
  'list',
  'pause',
  'ps',
  'resume',
  'run',
  'spec',
  'start',
  'state',
  'update',
];

/** Options that every command takes. */
export const GLOBAL_OPTIONS: readonly OptionSpec[] = [
  {
    name: 'plain',
    text: {
      en: 'lines of text instead of the full screen (screen readers, logs)',
      zh: '以逐行文本代替全屏界面（读屏软件、日志）',
    },
  },
  {
    name: 'lang',
    value: { label: 'en|zh', kind: 'language', choices: ['en', 'zh'] },
    text: { en: 'language of this run', zh: '本次运行使用的语言' },
  },
  { name: 'no-color', text: { en: 'no colours (as with NO_COLOR set)', zh: '不使用颜色（等同于设置 NO_COLOR）' } },
  {
    name: 'debug',
    text: { en: 'show where an error came from (its stack)', zh: '显示错误的来源（调用栈）' },
  },
  { name: 'help', short: 'h', text: { en: 'show this help', zh: '显示本帮助' } },
  { name: 'version', short: 'V', text: { en: 'show the version', zh: '显示版本' } },
];

/** The command line of `glassbox`: parser, help, completion and docs/cli.md are made from this table. */
export const COMMAND_LINE: CommandLineSpec = {
  program: 'glassbox',
  globals: GLOBAL_OPTIONS,
  commands: [
    {
      name: '',
      text: {
        en: 'A terminal lab in which you make Linux containers by hand and watch the kernel while you do.',
        zh: '一个终端实验室：亲手搭建 Linux 容器，同时观察内核的每一步变化。',
      },
      options: [],
      arguments: [],
      notes: [
        { en: 'Without a command: a menu, when there is a terminal.', zh: '不带命令时：若有终端则显示菜单。' },
        {
          en: 'Everything happens inside a disposable lab host; the machine itself is left as it was.',
          zh: '一切都发生在用完即弃的实验主机中；本机保持原样。',
        },
      ],
    },
    {
      name: 'learn',
      text: {
        en: 'take a lesson; without a name, go on where you stopped',
        zh: '学习课程；不指定名称时从上次停下处继续',
      },
      options: [],
      arguments: [lesson],
      examples: [{ line: 'glassbox learn', text: { en: 'go on with the next lesson', zh: '继续下一课' } }],
    },
    {
      name: 'play',
      text: {
        en: 'open a lab to try anything in, or run one command in a fresh lab',
        zh: '打开实验室随意尝试，或在全新的实验室中运行一条命令',
      },
      options: [keep],
      arguments: [{ label: 'CMD', kind: 'command', required: false, rest: true, afterDashes: true }],
      notes: [
        {
          en: 'With CMD: no screen and no terminal needed; input, output, errors, signals and the exit status pass through. 125: no lab could be made, 126: CMD cannot be executed, 127: CMD was not found, 128+N: signal N ended it.',
          zh: '带 CMD 时：无需界面和终端；输入、输出、错误输出、信号与退出状态原样传递。125：无法创建实验室；126：CMD 无法执行；127：找不到 CMD；128+N：被信号 N 终止。',
        },
      ],
      examples: [
        {
          line: 'glassbox play',
          text: { en: 'a shell with the live picture beside it', zh: '一个 shell，旁边是实时图景' },
        },
        {
          line: 'glassbox play -- ip -br link',
          text: { en: 'one command in a lab of its own', zh: '在独立的实验室中运行一条命令' },
        },
      ],
    },
    {
      name: 'demo',
      text: {
        en: 'present a lesson: one key types the next command, one runs it',
        zh: '演示课程：一个键输入下一条命令，另一个键运行它',
      },
      options: [
        { name: 'auto', text: { en: 'play it without a presenter', zh: '自动播放，无需讲者操作' } },
        {
          name: 'record',
          value: { label: 'FILE', kind: 'file' },
          text: { en: 'write an asciicast while presenting', zh: '演示的同时录制 asciicast' },
        },
        {
          name: 'format',
          value: { label: 'v2|v3', kind: 'name', choices: ['v2', 'v3'] },
          text: { en: 'version of the asciicast', zh: 'asciicast 的版本' },
        },
        {
          name: 'speed',
          value: { label: '1-6', kind: 'number', choices: ['1', '2', '3', '4', '5', '6'] },
          text: { en: 'how fast commands are typed', zh: '输入命令的速度' },
        },
        {
          name: 'notes',
          text: {
            en: 'in a second terminal: notes for the presenter of the running demo',
            zh: '在另一个终端中显示当前演示的讲者备注',
          },
        },
      ],
      arguments: [lesson],
      examples: [
        { line: 'glassbox demo uts-hostname', text: { en: 'present the first lesson', zh: '演示第一课' } },
        {
          line: 'glassbox demo uts-hostname --auto --record first.cast',
          text: { en: 'record it unattended', zh: '无人值守地录制' },
        },
      ],
    },
    {
      name: 'doctor',
      text: {
        en: 'what this machine offers a lab, what is missing, and what to do about it',
        zh: '本机能为实验室提供什么、缺少什么、如何补上',
      },
      options: [json],
      arguments: [],
      notes: [
        {
          en: 'Exit status 0 when the lab can run, 1 when it cannot. Nothing on the machine is changed.',
          zh: '实验室可以运行时退出状态为 0，否则为 1。不会改动本机。',
        },
      ],
    },
    {
      name: 'lesson',
      text: { en: 'list, test and write lessons', zh: '列出、测试和编写课程' },
      options: [],
      arguments: [],
    },
    {
      name: 'lesson list',
      text: { en: 'the lessons, what each needs, and how far you are', zh: '列出课程、各自的要求以及学习进度' },
      options: [],
      arguments: [],
    },
    {
      name: 'lesson test',
      text: {
        en: 'prove that lessons can be solved, and only by solving them',
        zh: '证明课程可以完成，且只有真正做到才算完成',
      },
      options: [
        { name: 'files', text: { en: 'only what needs no lab', zh: '只检查无需实验室的部分' } },
        {
          name: 'quick',
          text: { en: 'without mutations, wrong answers and kills', zh: '跳过变异、错误答案与强杀测试' },
        },
        {
          name: 'step',
          value: { label: 'ID', kind: 'name' },
          text: { en: 'only this step (may be repeated)', zh: '只测试该步骤（可重复）' },
        },
        {
          name: 'seed',
          value: { label: 'SEED', kind: 'name' },
          text: { en: 'names and subnets from this seed (may be repeated)', zh: '用此种子生成名称与子网（可重复）' },
        },
        { name: 'verbose', text: { en: 'also what went well', zh: '同时显示通过的项目' } },
      ],
      arguments: [{ ...lesson, rest: true }],
    },
    {
      name: 'lesson new',
      text: { en: 'write the skeleton of a new lesson', zh: '生成一门新课程的骨架' },
      options: [],
      arguments: [{ label: 'ID', kind: 'name', required: true }],
    },
    {
      name: 'lesson schema',
      text: { en: 'print the JSON Schema of lesson.yaml', zh: '输出 lesson.yaml 的 JSON Schema' },
      options: [],
      arguments: [],
    },
    {
      name: 'lesson stamp',
      text: {
        en: 'mark the Chinese text as a translation of the English as it is now',
        zh: '标记中文文本已与当前英文一致',
      },
      options: [],
      arguments: [{ ...lesson, rest: true }],
    },
    {
      name: 'observe',
      text: {
        en: 'what the kernel holds in a fresh lab, as lines or as JSON',
        zh: '以文本或 JSON 列出全新实验室中内核持有的对象',
      },
      options: [
        json,
        {
          name: 'wiring',
          value: { label: 'FORMAT', kind: 'name', choices: ['text', 'svg', 'mermaid', 'json'] },
          text: {
            en: 'only the drawing of links and namespaces: text, svg, mermaid or json',
            zh: '只输出网络接口与命名空间的连线图：text、svg、mermaid 或 json',
          },
        },
        {
          name: 'watch',
          text: { en: 'go on with every change until interrupted', zh: '持续输出每一处变化，直到被中断' },
        },
        keep,
      ],
      arguments: [{ label: 'CMD', kind: 'command', required: false, rest: true, afterDashes: true }],
      notes: [
        {
          en: 'With CMD: run it in the lab first (with --watch: meanwhile).',
          zh: '带 CMD 时：先在实验室中运行它（加 --watch 则同时运行）。',
        },
      ],
      examples: [
        {
          line: "glassbox observe --json -- sh -c 'ip link add br0 type bridge'",
          text: { en: 'the lab after one command', zh: '执行一条命令之后的实验室' },
        },
      ],
    },
    {
      name: 'explain',
      text: {
        en: 'what each docker command made the engine do: files, mounts, netlink messages, cgroup writes, system calls; else how a container or the lab was made',
        zh: '说明每条 docker 命令让引擎做了什么：文件、挂载、netlink 消息、cgroup 写入、系统调用；或容器、实验室是怎样创建的',
      },
      options: [
        json,
        {
          name: 'host',
          value: { label: 'URL', kind: 'name' },
          text: {
            en: 'the engine to ask (unix:// or tcp://); by default that of DOCKER_HOST or /var/run/docker.sock',
            zh: '要询问的引擎（unix:// 或 tcp://）；默认取 DOCKER_HOST 或 /var/run/docker.sock',
          },
        },
        { name: 'last', text: { en: 'the last command, whole', zh: '最近一条命令的全部经过' } },
        {
          name: 'limit',
          value: { label: 'N', kind: 'number' },
          text: { en: 'list so many commands (20)', zh: '列出多少条命令（默认 20）' },
        },
        {
          name: 'lab',
          text: { en: 'every system call that makes a new lab', zh: '创建一个新实验室的每个系统调用' },
        },
        {
          name: 'root',
          value: { label: 'DIR', kind: 'file' },
          text: { en: 'where the runtime keeps its containers', zh: '运行时存放容器状态的目录' },
        },
        {
          name: 'birth',
          text: {
            en: 'watch a container being born: one system call at a time, with the live picture beside it',
            zh: '观看容器诞生：一次一个系统调用，旁边是实时图景',
          },
        },
        {
          name: 'single-step',
          text: {
            en: 'make the lab one system call at a time: Enter issues the next, r runs the rest, q undoes everything',
            zh: '逐个系统调用地创建实验室：回车执行下一条，r 执行其余全部，q 撤销一切',
          },
        },
      ],
      arguments: [{ label: 'N|NAME', kind: 'name', required: false }],
      notes: [
        {
          en: "In a lab, or with --host or DOCKER_HOST: without a word the last commands that changed something, with their numbers; with N one of them; with NAME all that was done to a container, network, volume or image. The engine keeps the last 500 requests in memory, or as many as 8 MiB hold, no passwords and no values of a container's environment.",
          zh: '在实验室中，或指定 --host、DOCKER_HOST 时：不带参数列出最近有改动的命令及其编号；带 N 讲述其中一条；带 NAME 讲述对某个容器、网络、卷或镜像所做的一切。引擎在内存中保留最近 500 个请求（最多 8 MiB），不保留密码，也不保留容器环境变量的值。',
        },
        {
          en: 'Where no such engine answers: with NAME a container that glassbox-runtime made on this machine, without a fresh lab.',
          zh: '没有这样的引擎时：带 NAME 说明本机上由 glassbox-runtime 创建的容器，不带则创建一个全新的实验室来说明。',
        },
      ],
      examples: [
        {
          line: 'glassbox explain --birth',
          text: { en: 'step through the start of a container', zh: '单步观看一个容器的启动' },
        },
        {
          line: 'glassbox explain --last',
          text: { en: 'what the last docker command did', zh: '最近一条 docker 命令做了什么' },
        },
        {
          line: 'glassbox explain web',
          text: { en: 'all that was done to the container web', zh: '对容器 web 所做的一切' },
        },
      ],
    },
    {
      name: 'docker',
      text: {
        en: "a docker command of our own, for machines without Docker's: glassbox-docker",
        zh: '自带的 docker 命令，供没有 Docker 的机器使用：即 glassbox-docker',
      },
      options: [],
      arguments: [{ label: 'COMMAND', kind: 'name', required: false, rest: true }],
      notes: [
        {
          en: "In a lab 'docker' alone will do: it drives the lab's own engine, which starts at the first command. Elsewhere it needs an engine: 'glassbox engine', or dockerd. It reads its words itself and must come first; its messages are those of docker, in English.",
          zh: '在实验室中直接使用 docker 即可：它驱动实验室自己的引擎，引擎在第一条命令时启动。在其他地方则需要一个引擎：“glassbox engine”或 dockerd。它自行解析其后的参数，且必须写在最前面；消息与 docker 相同，为英文。',
        },
      ],
      examples: [{ line: 'glassbox docker ps', text: { en: 'containers that run', zh: '列出运行中的容器' } }],
    },
    {
      name: 'engine',
      text: {
        en: 'the container engine alone: serves the Docker Engine API on a socket',
        zh: '单独运行容器引擎：在套接字上提供 Docker Engine API',
      },
      options: [],
      arguments: [{ label: 'OPTIONS', kind: 'name', required: false, rest: true }],
      notes: [
        {
          en: "It reads its words itself and must come first: 'glassbox engine --help'. Options and messages are those of dockerd, in English.",
          zh: '它自行解析其后的参数，且必须写在最前面：如“glassbox engine --help”。选项与消息同 dockerd，为英文。',
        },
      ],
    },
    {
      name: 'runtime',
      text: {
        en: "the OCI runtime with runc's command line: glassbox-runtime",
        zh: 'OCI 运行时，命令行与 runc 相同：即 glassbox-runtime',
      },
      options: [],
      arguments: [{ label: 'COMMAND', kind: 'name', required: false, rest: true, suggestions: RUNTIME_COMMANDS }],
      notes: [
        {
          en: "It reads its words itself and must come first: 'glassbox runtime --help'; 'glassbox runtime run --step' makes a container one system call at a time. Messages are English, as those who start a runtime expect.",
          zh: '它自行解析其后的参数，且必须写在最前面：如“glassbox runtime --help”；“glassbox runtime run --step”可一次一个系统调用地创建容器。消息为英文，因为调用运行时的程序要读取它们。',
        },
        {
          en: 'Exit status: 1 failed, 255 exec failed, otherwise that of the process in the container, 128+N when signal N ended it.',
          zh: '退出状态：1 失败，255 exec 失败，否则为容器中进程的退出状态；被信号 N 终止时为 128+N。',
        },
      ],
      examples: [
        {
          line: 'glassbox runtime list',
          text: { en: 'containers that this runtime made', zh: '列出由此运行时创建的容器' },
        },
      ],
    },
    {
      name: 'completion',
      text: { en: 'print the completion script of a shell', zh: '输出 shell 的补全脚本' },
      options: [],
      arguments: [{ label: 'SHELL', kind: 'shell', choices: ['bash', 'zsh', 'fish'], required: true }],
      examples: [{ line: 'source <(glassbox completion bash)', text: { en: 'for this shell', zh: '用于当前 shell' } }],
    },
  ],
};
