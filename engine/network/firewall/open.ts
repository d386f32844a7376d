import { Firewall } from './firewall.js';
import { iptables } from './iptables.js';
import { baseRules } from './rules.js';

/** The firewall of one version of IP in this process's network namespace; nothing is written before `reconcile`. */
export function newFirewall(version: 4 | 6, hairpin: boolean, warn: (message: string) => void): Firewall {
  const firewall = new Firewall(iptables(version), warn);
  firewall.want(baseRules(version, hairpin));
  return firewall;
}
