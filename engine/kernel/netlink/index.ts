/** What the rest of the engine uses of netlink. */

export { NETLINK_NETFILTER, NETLINK_ROUTE } from './constants.js';
export { describe } from './describe.js';
export type { Description } from './description.js';
export { encode } from './encode.js';
export { NetlinkError } from './error.js';
export { ledgerEntryOf } from './ledger.js';
export type * from './message-types.js';
export {
  decodeRouteMessage,
  Monitor,
  type NetlinkEvent,
  openMonitor,
  subscribeFirewall,
  subscribeRoute,
} from './monitor.js';
export type * from './request-types.js';
export { type Outcome, Rtnetlink } from './rtnetlink.js';
export { netnsOfSocket, openNetlink } from './socket.js';
