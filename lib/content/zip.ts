/** ZIP archives (APPNOTE 6.3.10), whose directory is at their end. They are read without seeking. */

import { configure, type Entry, type FileEntry, Reader, ZipReader } from "@zip.js/zip.js";
import { CronfetchError } from "../core/errors.ts";
import { Sha256 } from "../core/sha256.ts";
import { errorMessage } from "../core/text.ts";
import {
  type ArchiveEntry,
  type ArchiveFile,
  checkCount,
  checkRatio,
  unpackError,
} from "./archive.ts";

/** Bytes at the end of an archive that are kept: the directory of about 150,000 members. */
const TAIL_BYTES = 16 * 1024 * 1024;

/** Bytes before the last read ones that are kept: a header is read in several steps. */
const BACK_BYTES = 256 * 1024;

/**
 * Compressed bytes that are read, and decompressed, at a time. Deflate expands them at most 1,032
 * times.
 */
const CHUNK_BYTES = 16 * 1024;

/** An archive whose members are compared. */
type ComparedArchive = Pick<ArchiveFile, "sizeBytes"> & {
  readonly pieces: () => AsyncIterable<Uint8Array>;
};

/**
 * Whether two archives have the same members: names, sizes and bytes. Times, attributes, comments and
 * the order do not matter. The bytes are compared, by their digests, only if the directories agree.
 *
 * @returns False if one is no ZIP archive, is damaged, has a larger directory than 16 MiB, expands too
 * much, or has an encrypted member. Also if other programs may read other members: names are repeated,
 * or there are bytes before or behind the archive.
 * @throws What reading a file throws.
 */
export async function haveSameMembers(
  one: ComparedArchive,
  other: ComparedArchive,
): Promise<boolean> {
  const directory = await membersOf(one, directoryLine);
  if (directory === null || directory !== await membersOf(other, directoryLine)) return false;
  const members = await membersOf(one, contentLine);
  return members !== null && members === await membersOf(other, contentLine);
}

/** A line for each member, in the order of their texts; null if the archive cannot be compared. */
async function membersOf(
  file: ComparedArchive,
  lineOf: (entry: Entry, reader: FileEnd) => string | Promise<string>,
): Promise<string | null> {
  const reader = await FileEnd.read(file);
  const zip = openReader(reader, "strict");
  try {
    const entries: Entry[] = [];
    let sizeBytes = 0;
    for await (const entry of zip.getEntriesGenerator()) {
      if (entry.encrypted) return null;
      entries.push(entry);
      sizeBytes += entry.uncompressedSize;
      checkRatio(sizeBytes, file.sizeBytes);
    }
    // In the order of their data, so that the file is read forward.
    entries.sort((a, b) => a.offset - b.offset);
    checkOverlaps(entries);
    reader.rewind();
    const lines: string[] = [];
    for (const entry of entries) lines.push(await lineOf(entry, reader));
    return lines.sort().join("\n");
  } catch (error) {
    const reported = reader.reported(error);
    if (reported instanceof CronfetchError && reported.code === "content.unpack") return null;
    throw reported;
  } finally {
    await reader.release();
    await zip.close().catch(() => {});
  }
}

/** A member in its directory. Its name is hexadecimal, as archives use several encodings. */
function directoryLine({ rawFilename, uncompressedSize, signature }: Entry): string {
  return `${rawFilename.toHex()} ${uncompressedSize} ${signature}`;
}

/** A member with the digest of its bytes. */
async function contentLine(entry: Entry, reader: FileEnd): Promise<string> {
  const sha256 = new Sha256();
  if (!entry.directory) {
    for await (const piece of memberPieces(entry, reader)) {
      const added = sha256.update(piece.slice());
      if (added) await added;
    }
  }
  return `${entry.rawFilename.toHex()} ${await sha256.hex()}`;
}

/**
 * Reads the directory of an archive, and returns what reads its entries in the order of their data, so
 * that the file is read forward.
 *
 * @throws {CronfetchError} `content.unpack`; what reading the file throws.
 */
export async function openZip(file: ArchiveFile): Promise<() => AsyncIterable<ArchiveEntry>> {
  const reader = await FileEnd.read(file);
  const zip = openReader(reader, "balanced");
  const found: Entry[] = [];
  let sizeBytes = 0;
  try {
    for await (const entry of zip.getEntriesGenerator()) {
      found.push(entry);
      checkCount(found.length);
      sizeBytes += entry.uncompressedSize;
      checkRatio(sizeBytes, file.sizeBytes);
    }
  } catch (error) {
    throw reader.reported(error);
  }
  found.sort((one, other) => one.offset - other.offset);
  checkOverlaps(found);
  return async function* () {
    reader.rewind();
    try {
      for (const entry of found) yield archiveEntry(entry, reader);
    } finally {
      await reader.release();
    }
  };
}

function openReader(source: FileEnd, strictness: "strict" | "balanced"): ZipReader<unknown> {
  configure({ useWebWorkers: false, chunkSize: CHUNK_BYTES });
  return new ZipReader(source, { filenameValidation: "tolerant", strictness });
}

/** Overlapping data is that of a bomb: one piece of it is the data of many members. */
function checkOverlaps(entries: readonly Entry[]): void {
  let end = 0;
  for (const { offset, compressedSize, rawFilename } of entries) {
    if (offset < end) throw unpackError("its members overlap");
    end = offset + LOCAL_HEADER_BYTES + rawFilename.length + compressedSize;
  }
}

const LOCAL_HEADER_BYTES = 30;

/** File types of Unix in the upper half of the attributes. */
const TYPE_MASK = 0o170000;
const FILE_TYPE = 0o100000;
const FOLDER_TYPE = 0o040000;
const LINK_TYPE = 0o120000;

function archiveEntry(entry: Entry, reader: FileEnd): ArchiveEntry {
  const { filename, uncompressedSize } = entry;
  return {
    path: filename,
    kind: kindOf(entry),
    sizeBytes: uncompressedSize,
    pieces: () => entry.directory ? ReadableStream.from([]) : memberPieces(entry, reader),
  };
}

function kindOf(
  { directory, encrypted, externalFileAttributes, versionMadeBy }: Entry,
): ArchiveEntry["kind"] {
  // 3 and 19 are Unix and macOS; a DOS program has no types in the upper half.
  const isUnix = [3, 19].includes(versionMadeBy >> 8);
  const type = externalFileAttributes >>> 16 & TYPE_MASK;
  if (type === LINK_TYPE) return { refused: "a symbolic link" };
  if (isUnix && type !== 0 && type !== FILE_TYPE && type !== FOLDER_TYPE) {
    return { refused: "a device or a pipe" };
  }
  if (directory) return "folder";
  return encrypted ? { refused: "encrypted" } : "file";
}

/** The bytes of a member, whose size and checksum are checked. */
async function* memberPieces(entry: FileEntry, reader: FileEnd): AsyncGenerator<Uint8Array> {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const reading = entry.getData(writable, { checkCrc32: true }).then(
    () => null,
    async (error: unknown) => {
      // A header that is refused leaves the stream open.
      await writable.abort(error).catch(() => {});
      return { error };
    },
  );
  let sizeBytes = 0;
  try {
    for await (const piece of readable) {
      sizeBytes += piece.length;
      if (sizeBytes > entry.uncompressedSize) throw new RangeError("a size is wrong");
      yield piece;
    }
    const failure = await reading;
    if (failure !== null) throw failure.error;
    if (sizeBytes !== entry.uncompressedSize) throw new RangeError("a size is wrong");
  } catch (error) {
    throw reader.reported(error, entry.filename);
  }
}

/**
 * The end of a file, which is kept, and the rest, which is read forward, as a reader of zip.js. Bytes
 * further back than {@linkcode BACK_BYTES} cannot be read again before {@linkcode FileEnd.rewind}.
 */
class FileEnd extends Reader<unknown> {
  readonly #pieces: () => AsyncIterable<Uint8Array>;
  readonly #tail: Uint8Array<ArrayBuffer>;
  /** Position of the tail in the file. */
  readonly #tailStart: number;
  /** What is read forward, from `#windowStart` on. */
  #source: AsyncIterator<Uint8Array> | null = null;
  #window: Uint8Array[] = [];
  #windowStart = 0;
  #windowEnd = 0;
  #fault: CronfetchError | null = null;
  /** The last call; calls must not overlap. */
  #last: Promise<unknown> = Promise.resolve();

  private constructor(
    sizeBytes: number,
    pieces: () => AsyncIterable<Uint8Array>,
    tail: Uint8Array<ArrayBuffer>,
  ) {
    super(null);
    this.size = sizeBytes;
    this.#pieces = pieces;
    this.#tail = tail;
    this.#tailStart = sizeBytes - tail.length;
  }

  /** Reads a file, and keeps its end. */
  static async read(
    { sizeBytes, pieces }: {
      readonly sizeBytes: number;
      readonly pieces: () => AsyncIterable<Uint8Array>;
    },
  ): Promise<FileEnd> {
    const start = Math.max(0, sizeBytes - TAIL_BYTES);
    const tail = new Uint8Array(sizeBytes - start);
    let position = 0;
    for await (const piece of pieces()) {
      const skipped = Math.max(0, start - position);
      const kept = piece.subarray(skipped);
      if (kept.length > 0) tail.set(kept, position + skipped - start);
      position += piece.length;
    }
    return new FileEnd(sizeBytes, pieces, tail);
  }

  override async readUint8Array(offset: number, length: number): Promise<Uint8Array> {
    if (offset >= this.#tailStart) {
      const start = offset - this.#tailStart;
      return this.#tail.slice(start, start + length);
    }
    const reading = this.#last.then(() => this.#readForward(offset, length));
    this.#last = reading.catch(() => {});
    return await reading;
  }

  /** Starts over at the beginning of the file. */
  rewind(): void {
    this.#source = null;
    this.#window = [];
    this.#windowStart = this.#windowEnd = 0;
  }

  /** Ends reading the file. */
  async release(): Promise<void> {
    const source = this.#source;
    this.rewind();
    await source?.return?.(undefined);
  }

  /** The error of the file if reading it has failed; else that of the archive. */
  reported(error: unknown, path: string | null = null): unknown {
    if (this.#fault !== null) return this.#fault;
    if (error instanceof CronfetchError) return error;
    const where = path === null ? "" : ` at ${JSON.stringify(path.slice(0, 200))}`;
    return unpackError(`it cannot be read as zip${where}: ${errorMessage(error)}`, error);
  }

  async #readForward(offset: number, length: number): Promise<Uint8Array> {
    if (offset < this.#windowStart) throw new RangeError("its directory is too large, or damaged");
    const end = Math.min(offset + length, this.size);
    try {
      const source = this.#source ??= this.#pieces()[Symbol.asyncIterator]();
      while (this.#windowEnd < end) {
        const { value, done } = await source.next();
        if (done) throw new RangeError("it is truncated");
        this.#window.push(value.slice());
        this.#windowEnd += value.length;
        this.#forget(offset - BACK_BYTES);
      }
    } catch (error) {
      if (error instanceof CronfetchError) this.#fault = error;
      throw error;
    }
    return this.#copy(offset, end);
  }

  /** Drops the pieces before a position. */
  #forget(position: number): void {
    for (let [first] = this.#window; first !== undefined; [first] = this.#window) {
      if (this.#windowStart + first.length > position) return;
      this.#window.shift();
      this.#windowStart += first.length;
    }
  }

  #copy(start: number, end: number): Uint8Array {
    const bytes = new Uint8Array(end - start);
    let at = this.#windowStart;
    for (const piece of this.#window) {
      const from = Math.max(start - at, 0);
      const part = piece.subarray(from, Math.max(from, end - at));
      if (part.length > 0) bytes.set(part, at + from - start);
      at += piece.length;
    }
    return bytes;
  }
}
