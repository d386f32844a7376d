import { actOf, type Description, messageOf, verbOf } from './description.js';
import type { NextHop, RouteChange, RuleChange } from './request-types.js';
import { option, words } from './shell-words.js';

/** Routes and the rules that choose their table, for the reader. See ip-route(8), ip-rule(8). */

function hopWords(hop: NextHop): string[] {
  return [
    ...(hop.via === undefined ? [] : ['via', hop.via]),
    ...option('dev', hop.link?.name),
    ...option('weight', hop.weight),
    ...(hop.onlink === true ? ['onlink'] : []),
  ];
}

export function describeRoute(request: RouteChange): Description {
  const v6 = request.family === 'inet6' || [request.destination, request.via ?? ''].some((text) => text.includes(':'));
  const path = hopWords(request);
  const type = request.type === undefined || request.type === 'unicast' ? [] : [request.type];
  const where =
    request.via !== undefined
      ? { en: ` through the gateway ${request.via}`, zh: `，经由网关 ${request.via}` }
      : request.link !== undefined
        ? { en: ` directly out of ${request.link.name}`, zh: `，直接从 ${request.link.name} 发出` }
        : { en: '', zh: '' };
  const goal =
    request.destination === 'default'
      ? { en: 'everything that no other route matches', zh: '其他路由都不匹配的所有数据包' }
      : { en: `packets to ${request.destination}`, zh: `发往 ${request.destination} 的数据包` };
  const table =
    request.table === undefined
      ? { en: '', zh: '' }
      : { en: ` in table ${request.table}`, zh: `（路由表 ${request.table}）` };
  return {
    command: words(
      'ip',
      ...(v6 ? ['-6'] : []),
      'route',
      verbOf(request.op),
      ...type,
      request.destination,
      ...path,
      ...option('src', request.source),
      ...option('metric', request.metric),
      ...option('table', request.table),
      ...option('scope', request.scope),
      ...option('proto', request.protocol),
      ...option('mtu', request.mtu),
      ...(request.nextHops ?? []).flatMap((hop) => ['nexthop', ...hopWords(hop)]),
    ),
    man: 'ip-route(8)',
    act: actOf(messageOf(request.op, 'ROUTE'), {
      dst: request.destination,
      type: request.type,
      gateway: request.via,
      dev: request.link?.name,
      prefsrc: request.source,
      priority: request.metric,
      table: request.table,
      nexthops: request.nextHops?.map((hop) => hopWords(hop).join(' ')),
    }),
    explanation:
      request.op === 'route-delete'
        ? { en: `Deletes the route for ${goal.en}${table.en}.`, zh: `删除${goal.zh}的路由${table.zh}。` }
        : type.length > 0
          ? {
              en: `Adds a route of type ${type[0]} for ${goal.en}${table.en}.`,
              zh: `为${goal.zh}添加一条类型为 ${type[0]} 的路由${table.zh}。`,
            }
          : {
              en: `Sends ${goal.en}${where.en}${table.en}.`,
              zh: `让${goal.zh}走这条路由${where.zh}${table.zh}。`,
            },
  };
}

export function describeRule(request: RuleChange): Description {
  const action = request.action ?? 'lookup';
  const table =
    request.table === undefined
      ? action === 'lookup' && request.op === 'rule-add'
        ? 'main'
        : undefined
      : String(request.table);
  const selector = [
    ...(request.not === true ? ['not'] : []),
    'from',
    request.from ?? 'all',
    ...option('to', request.to),
    ...option('iif', request.inInterface),
    ...option('oif', request.outInterface),
    ...(request.fwmark === undefined
      ? []
      : ['fwmark', `${request.fwmark}${request.fwmask === undefined ? '' : `/${request.fwmask}`}`]),
  ];
  const matched = selector.join(' ');
  const effect =
    action === 'lookup'
      ? { en: `are routed by table ${table ?? 'main'}`, zh: `按路由表 ${table ?? 'main'} 转发` }
      : { en: `meet ${action}`, zh: `执行 ${action}` };
  return {
    command: words(
      'ip',
      ...(request.family === 'inet6' ? ['-6'] : []),
      'rule',
      verbOf(request.op),
      ...selector,
      ...(action === 'lookup' ? option('lookup', table) : [action]),
      ...option('priority', request.priority),
    ),
    man: 'ip-rule(8)',
    act: actOf(messageOf(request.op, 'RULE'), { select: matched, action, table, priority: request.priority }),
    explanation:
      request.op === 'rule-delete'
        ? {
            en: `Deletes the rule by which packets (${matched}) ${effect.en}.`,
            zh: `删除规则：匹配 ${matched} 的数据包${effect.zh}。`,
          }
        : {
            en: `Adds the rule that packets (${matched}) ${effect.en}.`,
            zh: `添加规则：匹配 ${matched} 的数据包${effect.zh}。`,
          },
  };
}
