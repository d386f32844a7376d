import { Decompress } from 'fzstd';
import { EngineError } from '../../kernel/errors.js';

const MAGIC = 0xfd2fb528;
/** 16 magic numbers of frames that are to be skipped: 0x184D2A50 to …5F. */
const SKIPPABLE = 0x184d2a50;
/** Longest header of a frame: magic, descriptor, window, dictionary, size. */
const MAX_HEADER = 18;
/** Block_Maximum_Size of RFC 8878. */
const MAX_BLOCK = 128 << 10;
/** A frame that gives less gets a window of that size only, whatever it asks for. */
const SMALL_FRAME = 1 << 20;
/** The decoder moves a whole window for each block: so many bytes, and so many for each byte that came out, may be moved. */
const FREE_WORK = 16 * 2 ** 30;
const WORK_RATIO = 640;

/**
 * zstd, decoded as it comes. Frames and blocks are found here, so that the window is known before memory is taken for it, an
 * oversized block never reaches the decoder, and each frame has a decoder of its own. RFC 8878, section 3.
 * Checksums of frames are not compared: what is decoded here has a digest of its own.
 */
export class ZstdDecoder {
  private held: Buffer = Buffer.alloc(0);
  /** Pieces that came since, put together when there are as many bytes as the next step needs. */
  private waiting: Uint8Array[] = [];
  private waitingBytes = 0;
  private needed = 1;

  private skip = 0;
  private frames = 0;
  private frame: { readonly window: number; readonly hasChecksum: boolean } | null = null;
  /** Blocks of a frame that may turn out to be small, and at most how much they give. */
  private early: Buffer[] = [];
  private bound = 0;
  private decoder: Decompress | null = null;
  private output: Uint8Array[] = [];

  private work = 0;
  private given = 0;
  private readonly maxWindow: number;

  constructor(maxWindow: number) {
    this.maxWindow = maxWindow;
  }

  /** What the bytes gave, piece by piece. */
  *push(chunk: Uint8Array): Generator<Uint8Array, void, undefined> {
    this.waiting.push(chunk);
    this.waitingBytes += chunk.length;
    if (this.held.length + this.waitingBytes < this.needed) return;
    this.held = Buffer.concat([this.held, ...this.waiting]);
    this.waiting = [];
    this.waitingBytes = 0;
    let at = 0;
    for (;;) {
      const used = this.skip > 0 ? this.skipping(at) : this.frame === null ? this.header(at) : this.block(at);
      if (used === 0) break;
      at += used;
      yield* this.output;
      this.output = [];
    }
    this.held = this.held.subarray(at);
  }

  finish(): void {
    if (this.held.length + this.waitingBytes > 0 || this.frame !== null || this.skip > 0)
      throw damaged('it ends too early');
  }

  /** Nothing can be done before there are so many bytes. */
  private wait(bytes: number): 0 {
    this.needed = bytes;
    return 0;
  }

  private skipping(at: number): number {
    if (at === this.held.length) return this.wait(1);
    const n = Math.min(this.skip, this.held.length - at);
    this.skip -= n;
    return n;
  }

  /** A frame's header: its length when it is there whole. */
  private header(at: number): number {
    const bytes = this.held.subarray(at, at + MAX_HEADER);
    if (bytes.length < 5) return this.wait(bytes.length === 0 ? 1 : 5);
    const magic = bytes.readUInt32LE(0);
    if (magic >>> 4 === SKIPPABLE >>> 4) {
      if (bytes.length < 8) return this.wait(8);
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
    if (bytes.length < length) return this.wait(length);
    if ((descriptor & 0x08) !== 0) throw damaged('a reserved bit is set');
    if (dictionaryBytes > 0 && bytes.readUIntLE(sizeAt - dictionaryBytes, dictionaryBytes) !== 0)
      throw damaged('it needs a dictionary');
    const window = isSingle ? contentSize(bytes, sizeAt, sizeBytes) : windowSize(bytes[5] as number);
    if (window > this.maxWindow)
      throw new EngineError('ResourceExhausted', `decompress zstd: its window of ${window} bytes is too large`);
    this.frames++;
    this.frame = { window, hasChecksum: (descriptor & 0x04) !== 0 };
    return length;
  }

  /** A block with its header: its length when it is there whole. */
  private block(at: number): number {
    const { window, hasChecksum } = this.frame as NonNullable<typeof this.frame>;
    if (this.held.length < at + 3) return this.wait(3);
    const header = this.held.readUIntLE(at, 3);
    const isLast = (header & 1) !== 0;
    const type = (header >> 1) & 3;
    const size = header >> 3;
    if (type === 3 || size > MAX_BLOCK) throw damaged('a block is of no known kind, or too large');
    const length = 3 + (type === 1 ? 1 : size);
    const whole = length + (isLast && hasChecksum ? 4 : 0);
    if (this.held.length < at + whole) return this.wait(whole);
    this.early.push(this.held.subarray(at, at + length));
    // empty blocks count too: they are kept
    this.bound += type === 2 ? MAX_BLOCK : Math.max(size, 256);
    if (isLast || this.decoder !== null || this.bound > SMALL_FRAME) this.decode(isLast, window);
    return whole;
  }

  private decode(isLast: boolean, window: number): void {
    const used = Math.min(window, this.bound > SMALL_FRAME ? window : this.bound);
    for (const [i, block] of this.early.entries()) {
      this.work += used;
      if (this.work > FREE_WORK + WORK_RATIO * this.given)
        throw new EngineError('ResourceExhausted', 'decompress zstd: its window is too large for its blocks');
      this.feed(block, isLast && i === this.early.length - 1, Math.max(used, 1024));
    }
    this.early = [];
    if (!isLast) return;
    this.frame = null;
    this.decoder = null;
    this.bound = 0;
  }

  private feed(block: Uint8Array, isLast: boolean, window: number): void {
    try {
      if (this.decoder === null) {
        this.decoder = new Decompress((piece) => {
          this.given += piece.length;
          if (piece.length > 0) this.output.push(piece);
        });
        this.decoder.push(plainHeader(window));
      }
      this.decoder.push(block, isLast);
    } catch (error) {
      throw new EngineError('DataLoss', 'decompress zstd: the data is damaged', { cause: error });
    }
  }
}

/** A frame's header with nothing but a window of at least so many bytes. */
function plainHeader(window: number): Buffer {
  const exponent = Math.max(0, Math.ceil(Math.log2(Math.max(window, MAX_BLOCK))) - 10);
  return Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, exponent << 3]);
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
