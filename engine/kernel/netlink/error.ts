import type { ErrorBody } from '../../api/types.js';
import { errnoName } from '../errno.js';
import { EngineError, SyscallError } from '../errors.js';
import {
  NLM_F_ACK_TLVS,
  NLM_F_CAPPED,
  NLMSGERR_ATTR_MISS_TYPE,
  NLMSGERR_ATTR_MSG,
  NLMSGERR_ATTR_OFFS,
} from './constants.js';
import { Attributes, align4, HEADER_BYTES, viewOf } from './wire.js';

/** What the kernel says of a request: struct nlmsgerr, with its extended acknowledgement. See netlink(7). */
export interface Acknowledgement {
  /** 0, or an error number. */
  readonly errno: number;
  /** The kernel's own words: why it was refused, or a warning though it was done. */
  readonly text: string | null;
  /** Where in the request the attribute is that it did not like, bytes from the start of the header. */
  readonly offset: number | null;
  /** Attribute that it missed. */
  readonly missing: number | null;
}

/** Payload of NLMSG_ERROR. Null when it is too short to be one. */
export function decodeAcknowledgement(payload: Uint8Array, flags: number): Acknowledgement | null {
  if (payload.length < 4 + HEADER_BYTES) return null;
  const view = viewOf(payload);
  const requestLength = (flags & NLM_F_CAPPED) !== 0 ? HEADER_BYTES : align4(view.getUint32(4, true) & 0x7fffffff);
  return acknowledgement(payload, flags, 4 + requestLength);
}

/** Payload of NLMSG_DONE, the end of a dump: an error number and perhaps its words. */
export function decodeDone(payload: Uint8Array, flags: number): Acknowledgement {
  if (payload.length < 4) return { errno: 0, text: null, offset: null, missing: null };
  return acknowledgement(payload, flags, 4);
}

function acknowledgement(payload: Uint8Array, flags: number, attributesAt: number): Acknowledgement {
  const errno = Math.abs(viewOf(payload).getInt32(0, true));
  if ((flags & NLM_F_ACK_TLVS) === 0) return { errno, text: null, offset: null, missing: null };
  const attributes = new Attributes(payload, attributesAt);
  return {
    errno,
    text: attributes.text(NLMSGERR_ATTR_MSG),
    offset: attributes.number(NLMSGERR_ATTR_OFFS),
    missing: attributes.number(NLMSGERR_ATTR_MISS_TYPE),
  };
}

/** A request that the kernel refused. `message` says what was asked, then the kernel's own words where it has any. */
export class NetlinkError extends EngineError {
  /** Symbolic, for example `EEXIST`. */
  readonly errno: string;
  readonly acknowledgement: Acknowledgement;
  readonly man = 'rtnetlink(7)';

  /** `asked` names the act and the object: `ip link add v0 type veth`. */
  constructor(asked: string, acknowledgement: Acknowledgement) {
    const errno = errnoName(acknowledgement.errno);
    const text = acknowledgement.text?.replace(/\.$/, '') ?? null;
    const reason = text === null || text === '' ? '' : ` (${text.charAt(0).toLowerCase()}${text.slice(1)})`;
    const cause = new SyscallError('sendto', acknowledgement.errno, { while: asked });
    super(cause.code, `${asked}: ${errno}${reason}`, { details: { errno, offset: acknowledgement.offset } });
    this.name = 'NetlinkError';
    this.errno = errno;
    this.acknowledgement = acknowledgement;
  }

  override toBody(): ErrorBody {
    return { ...super.toBody(), syscall: 'sendto', errno: this.errno, man: this.man };
  }
}
