export { FIREWALL_COMMANDS, type FirewallTexts, parseFirewall, parseNftTables } from './firewall.js';
export { parseIptablesSave } from './iptables-save.js';
export { readListening, type SocketTables } from './listening.js';
export { type NetworkLinks, networkNamespace, resolvePeers } from './resolve.js';
export { parseSysctls, SYSCTL_COMMAND } from './sysctls.js';
export { type NetworkTarget, type NetworkView, readNetwork, readNetworks, type Sibling } from './view.js';
