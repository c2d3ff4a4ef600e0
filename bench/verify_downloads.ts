/** Compares downloaded files with the origin's: every name and every byte. */

import { join } from "@std/path";

const BLOCK_BYTES = 4 * 2 ** 20;

/** Totals of the compared files. */
export interface VerifiedFiles {
  readonly files: number;
  readonly bytes: number;
}

/**
 * Compares a downloaded folder with the one that the origin serves.
 *
 * @throws {Error} With the first file that is missing, unexpected or different.
 */
export function verifyDownloads(served: string, downloaded: string): VerifiedFiles {
  const names = namesIn(served);
  const found = new Set(namesIn(downloaded));
  let bytes = 0;
  for (const name of names) {
    if (!found.delete(name)) throw new Error(`${name} is missing`);
    const { sameBytes, differsAt } = compareFiles(join(served, name), join(downloaded, name));
    if (differsAt !== null) throw new Error(`${name} differs at byte ${differsAt}`);
    bytes += sameBytes;
  }
  for (const name of found) throw new Error(`${name} is unexpected`);
  return { files: names.length, bytes };
}

/** Compares two files; a shorter file differs at its end. */
function compareFiles(
  one: string,
  other: string,
): { readonly sameBytes: number; readonly differsAt: number | null } {
  using first = Deno.openSync(one);
  using second = Deno.openSync(other);
  for (let offset = 0;;) {
    const mine = fill(first, BLOCKS[0]);
    const theirs = fill(second, BLOCKS[1]);
    const at = firstDifference(mine, theirs);
    if (at !== null) return { sameBytes: offset + at, differsAt: offset + at };
    offset += mine.length;
    if (mine.length < BLOCK_BYTES) return { sameBytes: offset, differsAt: null };
  }
}

/** Reused for thousands of files. */
const BLOCKS = [new Uint8Array(BLOCK_BYTES), new Uint8Array(BLOCK_BYTES)] as const;

/** Reads until the block is full or the file ends. */
function fill(file: Deno.FsFile, block: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  let filled = 0;
  while (filled < block.length) {
    const read = file.readSync(block.subarray(filled));
    if (read === null) break;
    filled += read;
  }
  return block.subarray(0, filled);
}

/** Offset of the first different byte; null if the arrays are equal. */
export function firstDifference(
  one: Uint8Array<ArrayBuffer>,
  other: Uint8Array<ArrayBuffer>,
): number | null {
  const length = Math.min(one.length, other.length);
  for (let at = differingWord(one, other, length) * 4; at < length; at++) {
    if (one[at] !== other[at]) return at;
  }
  return one.length === other.length ? null : length;
}

/** Index of the first different 32-bit word, or the number of words; faster than by bytes. */
function differingWord(
  one: Uint8Array<ArrayBuffer>,
  other: Uint8Array<ArrayBuffer>,
  length: number,
): number {
  const words = Math.floor(length / 4);
  if (one.byteOffset % 4 !== 0 || other.byteOffset % 4 !== 0) return 0;
  const mine = new Int32Array(one.buffer, one.byteOffset, words);
  const theirs = new Int32Array(other.buffer, other.byteOffset, words);
  let index = 0;
  while (index < words && mine[index] === theirs[index]) index++;
  return index;
}

function namesIn(folder: string): string[] {
  return [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
}
