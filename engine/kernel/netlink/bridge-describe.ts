import { actOf, type Description, messageOf, verbOf } from './description.js';
import type { BridgePortSet, BridgeVlanChange, FdbChange } from './request-types.js';
import { onOff, option, words } from './shell-words.js';

/** Bridge ports, their vlans and forwarding databases, for the reader. See bridge(8). */

export function describeFdb(request: FdbChange): Description {
  const { link, mac, destination } = request;
  const goal =
    destination === undefined
      ? { en: `behind the port ${link.name}`, zh: `端口 ${link.name} 之后` }
      : { en: `behind the tunnel end ${destination}`, zh: `隧道对端 ${destination} 之后` };
  return {
    command: words(
      'bridge',
      'fdb',
      verbOf(request.op),
      mac,
      'dev',
      link.name,
      ...option('dst', destination),
      ...option('vlan', request.vlan),
      ...option('port', request.port),
      ...option('vni', request.vni),
      request.where,
      ...(request.state === undefined ? [] : [request.state]),
    ),
    man: 'bridge(8)',
    act: actOf(messageOf(request.op, 'NEIGH'), {
      family: 'AF_BRIDGE',
      dev: link.name,
      lladdr: mac,
      dst: destination,
      vlan: request.vlan,
      where: request.where,
    }),
    explanation:
      request.op === 'fdb-delete'
        ? { en: `Forgets that ${mac} is ${goal.en}.`, zh: `删除转发表项：${mac} 位于${goal.zh}。` }
        : {
            en: `Notes in the forwarding database that ${mac} is ${goal.en}.`,
            zh: `在转发表中记录：${mac} 位于${goal.zh}。`,
          },
  };
}

export function describePort(request: BridgePortSet): Description {
  const settings = [
    ...onOff('guard', request.guard),
    ...onOff('hairpin', request.hairpin),
    ...onOff('learning', request.learning),
    ...onOff('flood', request.flood),
    ...option('cost', request.cost),
    ...option('priority', request.priority),
    ...option('state', request.state),
    ...onOff('neigh_suppress', request.neighbourSuppress),
    ...onOff('isolated', request.isolated),
  ];
  return {
    command: words('bridge', 'link', 'set', 'dev', request.link.name, ...settings),
    man: 'bridge(8)',
    act: actOf('RTM_SETLINK', { family: 'AF_BRIDGE', dev: request.link.name, port: settings.join(' ') }),
    explanation: {
      en: `Changes how the bridge treats its port ${request.link.name}: ${settings.join(' ')}.`,
      zh: `修改网桥对端口 ${request.link.name} 的处理方式：${settings.join(' ')}。`,
    },
  };
}

export function describeVlan(request: BridgeVlanChange): Description {
  const flags = [
    ...(request.pvid === true ? ['pvid'] : []),
    ...(request.untagged === true ? ['untagged'] : []),
    ...(request.self === true ? ['self'] : []),
  ];
  const deleting = request.op === 'bridge-vlan-delete';
  return {
    command: words(
      'bridge',
      'vlan',
      deleting ? 'delete' : 'add',
      'dev',
      request.link.name,
      'vid',
      String(request.vid),
      ...flags,
    ),
    man: 'bridge(8)',
    act: actOf(deleting ? 'RTM_DELLINK' : 'RTM_SETLINK', {
      family: 'AF_BRIDGE',
      dev: request.link.name,
      vid: request.vid,
      flags: flags.join(' ') || undefined,
    }),
    explanation: deleting
      ? {
          en: `Takes VLAN ${request.vid} from the bridge port ${request.link.name}.`,
          zh: `从网桥端口 ${request.link.name} 上移除 VLAN ${request.vid}。`,
        }
      : {
          en: `Lets VLAN ${request.vid} through the bridge port ${request.link.name}.`,
          zh: `允许 VLAN ${request.vid} 通过网桥端口 ${request.link.name}。`,
        },
  };
}
