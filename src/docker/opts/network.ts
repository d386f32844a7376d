import { parseCsv } from './csv.js';

/** One --network: a name, or `name=net,alias=a,ip=…`. docker/cli/opts/network.go. */
export interface NetworkAttachment {
  target: string;
  aliases: string[];
  driverOpts: Record<string, string>;
  links: string[];
  ipv4: string;
  ipv6: string;
  linkLocal: string[];
  mac: string;
  priority: number | null;
}

export function parseNetwork(value: string): NetworkAttachment {
  const one: NetworkAttachment = {
    target: '',
    aliases: [],
    driverOpts: {},
    links: [],
    ipv4: '',
    ipv6: '',
    linkLocal: [],
    mac: '',
    priority: null,
  };
  if (!/^[^=,]*=/.test(value)) return { ...one, target: value };
  for (const field of parseCsv(value)) {
    const equals = field.indexOf('=');
    if (equals < 0 || field.slice(0, equals) === '' || field.slice(equals + 1) === '')
      throw new Error(`invalid field ${field}`);
    const key = field.slice(0, equals).trim().toLowerCase();
    const setting = field.slice(equals + 1).trim();
    switch (key) {
      case 'name':
        one.target = setting;
        break;
      case 'alias':
        one.aliases.push(setting);
        break;
      case 'ip':
        one.ipv4 = setting;
        break;
      case 'ip6':
        one.ipv6 = setting;
        break;
      case 'mac-address':
        one.mac = setting;
        break;
      case 'link-local-ip':
        one.linkLocal.push(setting);
        break;
      case 'driver-opt': {
        const at = setting.indexOf('=');
        if (at < 0) throw new Error('invalid key value pair format in driver options');
        one.driverOpts[setting.slice(0, at).trim().toLowerCase()] = setting
          .slice(at + 1)
          .trim()
          .toLowerCase();
        break;
      }
      case 'gw-priority':
        if (!/^-?[0-9]{1,15}$/.test(setting)) throw new Error(`invalid gw-priority: ${setting}`);
        one.priority = Number(setting);
        break;
      default:
        throw new Error(`invalid field key ${key}`);
    }
  }
  if (one.target === '') throw new Error('network name/id is not specified');
  return one;
}
