/** Whether what landed is what the origin has: every name, and every byte. */

import { join } from "@std/path";

const BLOCK_BYTES = 4 * 2 ** 20;

/** What was compared. */
export interface Landed {
  readonly files: number;
  readonly bytes: number;
}

/**
 * Compares a folder that was downloaded with the one that the origin serves.
 *
 * @throws {Error} That names the first file that is missing, should not be there, or differs.
 */
export function checkLanded(served: string, landed: string): Landed {
  const names = namesIn(served);
  const found = new Set(namesIn(landed));
  let bytes = 0;
  for (const name of names) {
    if (!found.delete(name)) throw new Error(`${name} did not land`);
    const { sameBytes, differsAt } = compareFiles(join(served, name), join(landed, name));
    if (differsAt !== null) throw new Error(`${name} differs at byte ${differsAt}`);
    bytes += sameBytes;
  }
  for (const name of found) throw new Error(`${name} should not be there`);
  return { files: names.length, bytes };
}

/** Two files, and how far they agree; one that ends early differs at its end. */
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

/** Kept, as thousands of files are compared one after another. */
const BLOCKS = [new Uint8Array(BLOCK_BYTES), new Uint8Array(BLOCK_BYTES)] as const;

/** Reads until the block is full or the file is at its end. */
function fill(file: Deno.FsFile, block: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  let held = 0;
  while (held < block.length) {
    const read = file.readSync(block.subarray(held));
    if (read === null) break;
    held += read;
  }
  return block.subarray(0, held);
}

/** Where two pieces of memory begin to differ, in bytes; null if they are the same. */
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

/** The first word of four bytes that differs, or the number of whole words: a gibibyte takes long. */
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
