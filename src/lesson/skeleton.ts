/** What `glassbox lesson new` writes: a small lesson that is whole and loads; its author replaces it piece by piece. */
import { digestOf } from './prose.js';

export function skeleton(id: string, number: number): Record<string, string> {
  const en = `# Title of the lesson
What one can do afterwards.

## step: make | Make it
Make a network namespace and call it \`{{name}}\`.

### hint: other-name
There is a named network namespace, but it is not called \`{{name}}\`.
### hint: which-tool
\`ip help\` lists what ip can do.
### hint: which-verb
\`ip netns help\` lists the verbs.
### engine
A container engine calls \`clone3(2)\` with \`CLONE_NEWNET\`.
### demo
Point at the new box in the picture.
`;
  const zh = `<!-- translates: sha256:${digestOf(en)} -->
# 课程标题
学完之后能做什么。

## step: make | 动手创建
创建一个名为 \`{{name}}\` 的网络命名空间。

### hint: other-name
已经有一个具名的网络命名空间，但它不叫 \`{{name}}\`。
### hint: which-tool
\`ip help\` 会列出 ip 能做的事。
### hint: which-verb
\`ip netns help\` 会列出动词。
### engine
容器引擎以 \`CLONE_NEWNET\` 调用 \`clone3(2)\`。
### demo
指出图中新出现的方框。
`;
  const yaml = `# yaml-language-server: $schema=../../assets/lesson.schema.json
id: ${id}
number: ${number}
minutes: 5
needs:
  lessons: []
  features: [netns]
  tools: [ip]
teaches:
  commands: [ip netns]
  ideas: [network-namespace]
mirrors:
  - {note: "004", lines: 3-16, facts: [F154]}
vars:
  name: {choose: [r1, r2]}
steps:
  - id: make
    kind: do
    goal:
      - {id: named, namespace: {kind: net, name: "{{name}}"}}
    hints:
      rules:
        - {id: other-name, when: {namespace: {kind: net, heldBy: bind-mount}}}
      ladder: [which-tool, which-verb, solution]
    solutions:
      - {way: by-hand, run: ["ip netns add {{name}}"]}
    tests:
      wrong:
        - {run: [ip netns add another], hint: other-name}
      also_ok:
        - {run: [ip netns add another, "ip netns add {{name}}"]}
      undo: {run: ["ip netns del {{name}}"], breaks: [named]}
`;
  return { 'lesson.yaml': yaml, 'text.en.md': en, 'text.zh.md': zh };
}
