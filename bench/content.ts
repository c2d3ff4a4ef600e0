/** Content of the origin's files: unique, without repetition. */

import { join } from "@std/path";

/** Every this many bytes the content has the number of its file and its offset. */
const STRIDE_BYTES = 4096;
const BLOCK_BYTES = 4 * 2 ** 20;

/** Incompressible pseudo-random bytes, the same on each call. */
function noise(sizeBytes: number): Uint8Array<ArrayBuffer> {
  const words = new Uint32Array(Math.ceil(sizeBytes / 4));
  let word = 0x9e3779b9;
  for (let index = 0; index < words.length; index++) {
    word ^= word << 13;
    word ^= word >>> 17;
    word ^= word << 5;
    words[index] = word;
  }
  return new Uint8Array(words.buffer).subarray(0, sizeBytes);
}

/** Marks a block of file `number` that starts at `offsetBytes`, a multiple of 4096. */
function mark(block: Uint8Array<ArrayBuffer>, number: number, offsetBytes: number): void {
  const view = new DataView(block.buffer, block.byteOffset, block.length);
  for (let at = 0; at + 8 <= block.length; at += STRIDE_BYTES) {
    view.setUint32(at, number);
    view.setUint32(at + 4, (offsetBytes + at) / STRIDE_BYTES);
  }
}

/**
 * Writes the files `0.bin` to `COUNT - 1.bin` into a new folder.
 *
 * @param sizeBytes Size of each, at least 8.
 * @returns The names of the files.
 */
export function writeContent(folder: string, count: number, sizeBytes: number): string[] {
  Deno.mkdirSync(folder, { recursive: true });
  const block = noise(Math.min(BLOCK_BYTES, sizeBytes));
  return Array.from({ length: count }, (_, number) => {
    using file = Deno.createSync(join(folder, `${number}.bin`));
    for (let offset = 0; offset < sizeBytes; offset += block.length) {
      mark(block, number, offset);
      writeAll(file, block.subarray(0, sizeBytes - offset));
    }
    return `${number}.bin`;
  });
}

function writeAll(file: Deno.FsFile, bytes: Uint8Array): void {
  for (let written = 0; written < bytes.length;) {
    written += file.writeSync(bytes.subarray(written));
  }
}
