import { EngineError } from '../../kernel/errors.js';
import { BLOCK, parseDecimal, parseNumber } from './numbers.js';

/** A piece of a sparse file that the archive has; between the pieces are holes. */
export interface SparsePiece {
  readonly offset: number;
  readonly length: number;
}

/**
 * The kinds of GNU's sparse maps. https://www.gnu.org/software/tar/manual/html_section/Sparse-Formats.html
 * Old GNU: 4 pairs in the header, 21 in each block that follows while a flag says so. PAX 0.0: repeated keywords; 0.1: one
 * keyword; 1.0: decimal lines in front of the content.
 */
export function oldGnuPairs(block: Uint8Array, at: number, count: number, pieces: SparsePiece[]): void {
  for (let i = 0; i < count; i++) {
    const pair = at + i * 24;
    if (block[pair] === 0) return;
    pieces.push({
      offset: parseNumber(block, pair, 12, 'offset of a sparse piece'),
      length: parseNumber(block, pair + 12, 12, 'length of a sparse piece'),
    });
  }
}

/** Offset, length, offset, length, … as PAX 0.0 and 0.1 have them. */
export function paxPairs(words: readonly string[]): SparsePiece[] {
  if (words.length % 2 !== 0) throw damaged('it has an odd number of words');
  const pieces: SparsePiece[] = [];
  for (let i = 0; i < words.length; i += 2)
    pieces.push({
      offset: parseDecimal(words[i] as string, 'offset of a sparse piece'),
      length: parseDecimal(words[i + 1] as string, 'length of a sparse piece'),
    });
  return pieces;
}

/** The map of PAX 1.0: the count of pieces, then offset and length of each, a line each, in the first blocks of the content. */
export class LinesMap {
  private readonly blocks: Buffer[] = [];
  private lines = 0;
  private count: number | undefined;

  get bytes(): number {
    return this.blocks.length * BLOCK;
  }

  get isComplete(): boolean {
    return this.count !== undefined && this.lines >= 2 * this.count + 1;
  }

  /** @param most bytes that a map may have */
  add(block: Buffer, most: number): void {
    this.blocks.push(Buffer.from(block));
    if (this.bytes > most) throw damaged('it does not end');
    if (this.count === undefined) {
      const end = block.indexOf(0x0a);
      if (end < 0) throw damaged('it has no count');
      this.count = parseDecimal(block.toString('latin1', 0, end), 'count of sparse pieces');
      if (this.count > most / 4) throw new EngineError('ResourceExhausted', 'read tar sparse map: it is too long');
    }
    for (const byte of block) if (byte === 0x0a) this.lines++;
  }

  pieces(): SparsePiece[] {
    const lines = Buffer.concat(this.blocks).toString('latin1').split('\n');
    return paxPairs(lines.slice(1, 1 + 2 * (this.count as number)));
  }
}

/** Pieces in order, within the file, and together as long as what the archive has; else DataLoss. */
export function checkMap(pieces: readonly SparsePiece[], stored: number, size: number): void {
  let end = 0;
  let sum = 0;
  for (const { offset, length } of pieces) {
    if (offset < end || length > size - offset) throw damaged('its pieces overlap or leave the file');
    end = offset + length;
    sum += length;
  }
  if (sum !== stored) throw damaged('its pieces are not as long as the content');
}

function damaged(what: string): EngineError {
  return new EngineError('DataLoss', `read tar sparse map: ${what}`);
}
