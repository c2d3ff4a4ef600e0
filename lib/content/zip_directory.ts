/** The members of a ZIP archive, by its central directory (APPNOTE 4.3.12). */

import { configure, Reader, ZipReader } from "@zip.js/zip.js";

/** Bytes at the end of an archive that are kept: the directory of about 150,000 members. */
const TAIL_BYTES = 16 * 1024 * 1024;

/** An archive. */
export interface ZipSource {
  readonly sizeBytes: number;
  /** Reads it from its beginning. */
  readonly pieces: () => AsyncIterable<Uint8Array>;
}

/** A member of an archive. */
export interface ZipMember {
  /** Its path, as hexadecimal bytes: archives use several encodings. */
  readonly name: string;
  /** Its size without compression. */
  readonly sizeBytes: number;
  /** The checksum of its bytes. */
  readonly crc32: number;
}

/**
 * Reads the directory of an archive. Reads the file once, from its beginning, and keeps only its end.
 *
 * @returns Null if the file is no ZIP archive, has a larger directory than 16 MiB, or has an encrypted
 * member, whose checksum may be missing. Also if other programs may read other members: names are
 * repeated, or there are bytes before or behind the archive.
 */
export async function readZipDirectory(file: ZipSource): Promise<ZipMember[] | null> {
  configure({ useWebWorkers: false });
  const tail = new Tail(file.sizeBytes);
  for await (const piece of file.pieces()) tail.add(piece);
  const zip = new ZipReader(tail, { filenameValidation: "tolerant", strictness: "strict" });
  try {
    const members: ZipMember[] = [];
    for await (const entry of zip.getEntriesGenerator()) {
      const { rawFilename, uncompressedSize, signature, encrypted } = entry;
      if (encrypted || signature === undefined) return null;
      members.push({ name: rawFilename.toHex(), sizeBytes: uncompressedSize, crc32: signature });
    }
    return members;
  } catch {
    return null;
  } finally {
    await zip.close().catch(() => {});
  }
}

/** The end of a file, as a reader of zip.js. */
class Tail extends Reader<number> {
  readonly #bytes: Uint8Array<ArrayBuffer>;
  /** Position of the first kept byte in the file. */
  readonly #start: number;
  #position = 0;

  constructor(sizeBytes: number) {
    super(sizeBytes);
    this.size = sizeBytes;
    this.#start = Math.max(0, sizeBytes - TAIL_BYTES);
    this.#bytes = new Uint8Array(sizeBytes - this.#start);
  }

  /** Adds the next bytes of the file. */
  add(piece: Uint8Array): void {
    const skipped = Math.max(0, this.#start - this.#position);
    const kept = piece.subarray(skipped);
    if (kept.length > 0) this.#bytes.set(kept, this.#position + skipped - this.#start);
    this.#position += piece.length;
  }

  override readUint8Array(offset: number, length: number): Promise<Uint8Array> {
    const start = offset - this.#start;
    if (start < 0) return Promise.reject(new RangeError("the directory is too large"));
    return Promise.resolve(this.#bytes.slice(start, start + length));
  }
}
