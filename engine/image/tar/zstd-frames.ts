import { Decompress } from 'fzstd';
import { EngineError } from '../../kernel/errors.js';

const MAGIC = 0xfd2fb528;
/** 16 magic numbers of frames that are to be skipped: 0x184D2A50 to …5F. */
const SKIPPABLE = 0x184d2a50;
/** Longest header of a frame: magic, descriptor, window, dictionary, size. */
const MAX_HEADER = 18;
/** Block_Maximum_Size of RFC 8878. */
const MAX_BLOCK = 128 << 10;

/**
 * zstd, decoded as it comes. Frames and blocks are found here, so that the window is known before memory is taken for it, an
 * oversized block never reaches the decoder, and each frame has a decoder of its own. RFC 8878, section 3.
 * Checksums of frames are not compared: what is decoded here has a digest of its own.
 */
export class ZstdDecoder {
  private held: Buffer = Buffer.alloc(0);
  private decoder: Decompress | null = null;
  private skip = 0;
  private hasChecksum = false;
  private frames = 0;
  private output: Uint8Array[] = [];
  private readonly maxWindow: number;

  constructor(maxWindow: number) {
    this.maxWindow = maxWindow;
  }

  /** What the bytes gave, piece by piece: no more than a block is decoded ahead. */
  *push(chunk: Uint8Array): Generator<Uint8Array, void, undefined> {
    this.held = this.held.length === 0 ? Buffer.from(chunk) : Buffer.concat([this.held, chunk]);
    let at = 0;
    for (;;) {
      const used = this.skip > 0 ? this.skipping(at) : this.decoder === null ? this.frame(at) : this.block(at);
      if (used === 0) break;
      at += used;
      yield* this.output;
      this.output = [];
    }
    this.held = this.held.subarray(at);
  }

  finish(): void {
    if (this.held.length > 0 || this.decoder !== null || this.skip > 0) throw damaged('it ends too early');
  }

  private skipping(at: number): number {
    const n = Math.min(this.skip, this.held.length - at);
    this.skip -= n;
    return n;
  }

  /** A frame's header: its length when it is there whole. */
  private frame(at: number): number {
    const bytes = this.held.subarray(at, at + MAX_HEADER);
    if (bytes.length < 5) return 0;
    const magic = bytes.readUInt32LE(0);
    if (magic >>> 4 === SKIPPABLE >>> 4) {
      if (bytes.length < 8) return 0;
      this.skip = bytes.readUInt32LE(4);
      return 8;
    }
    if (magic !== MAGIC) throw damaged(this.frames === 0 ? 'no zstd' : 'garbage follows a frame');
    const descriptor = bytes[4] as number;
    const isSingle = (descriptor & 0x20) !== 0;
    const sizeBytes = [isSingle ? 1 : 0, 2, 4, 8][descriptor >> 6] as number;
    const dictionaryBytes = [0, 1, 2, 4][descriptor & 3] as number;
    const sizeAt = 5 + (isSingle ? 0 : 1) + dictionaryBytes;
    const length = sizeAt + sizeBytes;
    if (bytes.length < length) return 0;
    if ((descriptor & 0x08) !== 0) throw damaged('a reserved bit is set');
    if (dictionaryBytes > 0 && bytes.readUIntLE(sizeAt - dictionaryBytes, dictionaryBytes) !== 0)
      throw damaged('it needs a dictionary');
    const window = isSingle ? contentSize(bytes, sizeAt, sizeBytes) : windowSize(bytes[5] as number);
    if (window > this.maxWindow)
      throw new EngineError('ResourceExhausted', `decompress zstd: its window of ${window} bytes is too large`);
    this.hasChecksum = (descriptor & 0x04) !== 0;
    this.frames++;
    this.decoder = new Decompress((piece) => void this.output.push(piece));
    this.feed(bytes.subarray(0, length));
    return length;
  }

  /** A block with its header: its length when it is there whole. */
  private block(at: number): number {
    if (this.held.length < at + 3) return 0;
    const header = this.held.readUIntLE(at, 3);
    const isLast = (header & 1) !== 0;
    const type = (header >> 1) & 3;
    const size = header >> 3;
    if (type === 3 || size > MAX_BLOCK) throw damaged('a block is of no known kind, or too large');
    const length = 3 + (type === 1 ? 1 : size) + (isLast && this.hasChecksum ? 4 : 0);
    if (this.held.length < at + length) return 0;
    this.feed(this.held.subarray(at, at + length), isLast);
    if (isLast) this.decoder = null;
    return length;
  }

  private feed(bytes: Uint8Array, isLast = false): void {
    try {
      this.decoder?.push(bytes, isLast);
    } catch (error) {
      if (error instanceof EngineError) throw error;
      throw new EngineError('DataLoss', 'decompress zstd: the data is damaged', { cause: error });
    }
  }
}

function windowSize(descriptor: number): number {
  const base = 2 ** (10 + (descriptor >> 3));
  return base + (base / 8) * (descriptor & 7);
}

function contentSize(bytes: Buffer, at: number, length: number): number {
  if (length === 8) return Number(bytes.readBigUInt64LE(at));
  return bytes.readUIntLE(at, length) + (length === 2 ? 256 : 0);
}

function damaged(what: string): EngineError {
  return new EngineError('DataLoss', `decompress zstd: ${what}`);
}
