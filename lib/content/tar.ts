/**
 * The entries of a tar archive: POSIX ustar and pax, GNU with long names, and the formats before them
 * (POSIX.1-2024, pax, "ustar Interchange Format"). The libraries that were tried do not report the
 * type of an entry that they do not know, and pass a sparse file on as a damaged one.
 */

import { type ArchiveEntry, checkCount, unpackError } from "./archive.ts";
import { ByteReader } from "./byte_reader.ts";

const BLOCK_BYTES = 512;

/** Largest extended header or long name. */
const LARGEST_META_BYTES = 1024 * 1024;

/** Types of entries that are no files, by their flag. */
const REFUSED: Readonly<Record<string, string>> = {
  "1": "a hard link",
  "2": "a symbolic link",
  "3": "a device",
  "4": "a device",
  "6": "a named pipe",
  "S": "a sparse file",
  "M": "a part of a file",
  "V": "a volume label",
  "D": "a list of a folder",
};

/** What an extended header says of the next entry, or of all (`g`). */
interface Overrides {
  path?: string;
  sizeBytes?: number;
  isSparse?: boolean;
}

/**
 * Reads the entries of an archive, whose bytes are read once.
 *
 * @throws {CronfetchError} `content.unpack`; what `pieces` throws.
 */
export async function* tarEntries(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<ArchiveEntry> {
  const input = new ByteReader(pieces, () => damaged("it is truncated"));
  const globals: Overrides = {};
  let next: Overrides = {};
  try {
    for (let entries = 1;;) {
      const block = await input.read(BLOCK_BYTES);
      // The end is two blocks of zeros; some programs write one. What follows is no part of the
      // archive, but a compressed stream has its checksum behind it.
      if (block.every((byte) => byte === 0)) return await input.skipAll();
      const header = readHeader(block);
      const paddedBytes = Math.ceil(header.sizeBytes / BLOCK_BYTES) * BLOCK_BYTES;
      const { type } = header;
      if (type === "x" || type === "g" || type === "L" || type === "K") {
        if (header.sizeBytes > LARGEST_META_BYTES) throw damaged("a header is too large");
        const bytes = (await input.read(header.sizeBytes)).slice();
        await input.skip(paddedBytes - header.sizeBytes);
        if (type === "g") Object.assign(globals, readExtended(bytes));
        else if (type === "x") Object.assign(next, readExtended(bytes));
        else if (type === "L") next.path = textOf(untilNul(bytes));
        continue;
      }
      checkCount(entries++);
      const overrides = { ...globals, ...next };
      next = {};
      const sizeBytes = overrides.sizeBytes ?? header.sizeBytes;
      const path = overrides.path ?? header.path;
      let leftBytes = sizeBytes;
      const body = async function* (): AsyncGenerator<Uint8Array> {
        for await (const piece of input.pieces(sizeBytes)) {
          leftBytes -= piece.length;
          yield piece;
        }
      };
      yield {
        path,
        kind: kindOf(type, path, overrides.isSparse === true),
        sizeBytes,
        pieces: body,
      };
      await input.skip(leftBytes + Math.ceil(sizeBytes / BLOCK_BYTES) * BLOCK_BYTES - sizeBytes);
    }
  } finally {
    await input.close();
  }
}

/** The fields of a header that are used. */
interface Header {
  readonly path: string;
  readonly sizeBytes: number;
  readonly type: string;
}

function readHeader(block: Uint8Array): Header {
  const sum = block.reduce((total, byte, at) => total + (at >= 148 && at < 156 ? 32 : byte), 0);
  if (readNumber(block.subarray(148, 156)) !== sum) {
    throw damaged("the checksum of a header is wrong");
  }
  const name = textOf(untilNul(block.subarray(0, 100)));
  // GNU tar has times in place of the prefix, and a space in its magic.
  const isPosix = textOf(block.subarray(257, 263)) === "ustar\0";
  const prefix = isPosix ? textOf(untilNul(block.subarray(345, 500))) : "";
  return {
    path: prefix === "" ? name : `${prefix}/${name}`,
    sizeBytes: readNumber(block.subarray(124, 136)),
    type: String.fromCharCode(block[156] ?? 0),
  };
}

function kindOf(type: string, path: string, isSparse: boolean): ArchiveEntry["kind"] {
  if (isSparse) return { refused: "a sparse file" };
  if (type === "5") return "folder";
  // Formats before POSIX mark a folder by a slash.
  if (type === "0" || type === "\0" || type === "7") return path.endsWith("/") ? "folder" : "file";
  return { refused: REFUSED[type] ?? `an entry of the unknown type ${JSON.stringify(type)}` };
}

/** A number in octal, or in base 256 if the first bit is set (GNU). */
function readNumber(field: Uint8Array): number {
  const [first = 0] = field;
  if ((first & 0x80) === 0) {
    const text = textOf(untilNul(field)).trim();
    if (!/^[0-7]*$/.test(text)) throw damaged("a number in a header is damaged");
    return text === "" ? 0 : parseInt(text, 8);
  }
  const value = field.reduce((sum, byte, at) => sum * 256 + (at === 0 ? byte & 0x7f : byte), 0);
  if (!Number.isSafeInteger(value)) throw damaged("a number in a header is too large");
  return value;
}

/** Reads the records of an extended header, each `LENGTH KEY=VALUE\n`. */
function readExtended(bytes: Uint8Array): Overrides {
  const overrides: Overrides = {};
  for (let start = 0; start < bytes.length;) {
    const space = bytes.indexOf(0x20, start);
    const digits = space < 0 ? "" : textOf(bytes.subarray(start, space));
    const end = start + (/^[0-9]{1,8}$/.test(digits) ? Number(digits) : 0);
    if (end <= space || end > bytes.length || bytes[end - 1] !== 0x0a) {
      throw damaged("an extended header is damaged");
    }
    const equals = bytes.indexOf(0x3d, space);
    if (equals < 0 || equals >= end) throw damaged("an extended header is damaged");
    const key = textOf(bytes.subarray(space + 1, equals));
    const value = textOf(bytes.subarray(equals + 1, end - 1));
    if (key === "path") overrides.path = value;
    else if (key === "size") overrides.sizeBytes = decimal(value);
    else if (key.startsWith("GNU.sparse.")) overrides.isSparse = true;
    start = end;
  }
  return overrides;
}

function decimal(text: string): number {
  const value = /^[0-9]{1,16}$/.test(text) ? Number(text) : NaN;
  if (!Number.isSafeInteger(value)) throw damaged("a size in an extended header is damaged");
  return value;
}

function untilNul(field: Uint8Array): Uint8Array {
  const end = field.indexOf(0);
  return end < 0 ? field : field.subarray(0, end);
}

const decoder = new TextDecoder();

function textOf(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}

function damaged(reason: string): Error {
  return unpackError(`it cannot be read as tar: ${reason}`);
}
