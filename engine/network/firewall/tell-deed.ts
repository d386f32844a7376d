import type { Bilingual } from '../../api/types.js';
import type { DeedNote } from '../../kernel/journal/deed.js';
import { type ChangedRules, RULES } from './deed.js';

/** Rules of the firewall, in words and as commands of iptables. */
function tellRules({ commands, program, failure }: ChangedRules): readonly DeedNote[] {
  return [...commands()].flatMap(([table, lines]) =>
    lines.map((line): DeedNote => {
      const command = `${program} -t ${table} ${argumentsOf(line)}`;
      return {
        domain: 'firewall',
        act: `${table}: ${line}`,
        command,
        man: `${program}(8)`,
        explanation: meaningOf(line),
        result: failure === null ? { ok: true } : { ok: false, errno: failure },
      };
    }),
  );
}

/** What a rule is for, by its target and the way that a packet takes. */
const MEANINGS: readonly (readonly [RegExp, Bilingual])[] = [
  [
    /-j DNAT/,
    { en: 'what comes for the published port goes on to the container', zh: '发往已发布端口的数据包转给容器' },
  ],
  [
    /-s (\S+) -d \1 .*-j MASQUERADE/,
    { en: 'the container reaches its own published port', zh: '使容器能访问自己发布的端口' },
  ],
  [
    /-j MASQUERADE/,
    {
      en: "what leaves the bridge's network gets the machine's own address, so that answers find back",
      zh: '离开网桥网段的数据包换上本机地址，应答才能返回',
    },
  ],
  [
    /ctstate RELATED,ESTABLISHED/,
    { en: 'answers to connections from inside may come in', zh: '放行由内部发起的连接的应答' },
  ],
  [/-j DOCKER-ISOLATION/, { en: 'bridges are kept from each other: part one', zh: '隔离各网桥：第一步' }],
  [/-j DROP/, { en: 'such packets are thrown away', zh: '丢弃此类数据包' }],
  [/-j ACCEPT/, { en: 'such packets may pass', zh: '放行此类数据包' }],
  [/-j RETURN/, { en: 'such packets go back to the chain before', zh: '此类数据包返回上一条链' }],
  [
    /-j DOCKER/,
    { en: 'such packets are looked at by the chain of published ports', zh: '此类数据包交由已发布端口的链处理' },
  ],
];

/** A line of iptables-restore as arguments of iptables: `:DOCKER - [0:0]` makes a chain, `:FORWARD DROP [0:0]` sets a policy. */
function argumentsOf(line: string): string {
  const chain = /^:(\S+) (\S+)/.exec(line);
  if (chain === null) return line;
  return chain[2] === '-' ? `-N ${chain[1]}` : `-P ${chain[1]} ${chain[2]}`;
}

function meaningOf(line: string): Bilingual {
  if (line.startsWith(':'))
    return line.includes(' - ')
      ? { en: 'make a chain, for rules that are looked at together', zh: '新建一条链，存放一组一起匹配的规则' }
      : { en: 'decide what becomes of packets that no rule takes', zh: '设定没有规则匹配的数据包的默认处理' };
  const meaning = MEANINGS.find(([pattern]) => pattern.test(line))?.[1] ?? {
    en: 'such packets are handled by this rule',
    zh: '由该规则处理此类数据包',
  };
  if (!line.startsWith('-D ')) return { en: `add a rule: ${meaning.en}`, zh: `添加规则：${meaning.zh}` };
  return { en: `remove the rule: ${meaning.en}`, zh: `删除规则：${meaning.zh}` };
}

RULES.tellWith(tellRules);
