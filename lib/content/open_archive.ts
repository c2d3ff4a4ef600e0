/** Opens archives by their content: zip, tar, and what gzip and zstd compress. */

import { CronfetchError } from "../core/errors.ts";
import { type Archive, type ArchiveFile, checkRatio, unpackError } from "./archive.ts";
import { findFormat, formatOfExtension } from "./binary_format.ts";
import { decodeZlib } from "./builtin_decoders.ts";
import { joinBytes } from "./byte_reader.ts";

const isZip = formatOfExtension("zip");
const isTar = formatOfExtension("tar");
const isGzip = formatOfExtension("gz");
const isZstd = formatOfExtension("zst");

/**
 * Opens an archive of a known format, recognized by its content.
 *
 * @throws {CronfetchError} `content.unpack`: the format is another one, or the archive is damaged.
 */
export async function openArchive(file: ArchiveFile): Promise<Archive> {
  const { head } = file;
  if (isGzip?.matches(head)) return await openCompressed(file, (it) => decodeZlib("gzip", it));
  if (isZstd?.matches(head)) {
    const { decodeZstd } = await import("./zstd.ts");
    return await openCompressed(file, decodeZstd);
  }
  if (isTar?.matches(head)) {
    const { tarEntries } = await import("./tar.ts");
    return { isSingleFile: false, entries: () => tarEntries(file.pieces()) };
  }
  if (isZip?.matches(head)) {
    const { openZip } = await import("./zip.ts");
    return { isSingleFile: false, entries: await openZip(file) };
  }
  const found = findFormat(head);
  const what = found === null ? "no archive" : `a file of the format ${found.name}`;
  throw unpackError(`it is ${what}; zip, tar, tar.gz, tar.zst, gz and zst can be unpacked`);
}

/** Opens a compressed file: a tar, or one file. */
async function openCompressed(
  file: ArchiveFile,
  decode: (encoded: AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array>,
): Promise<Archive> {
  const decoded = () => checkedPieces(file, decode);
  if (await isTarFile(decoded())) {
    const { tarEntries } = await import("./tar.ts");
    return { isSingleFile: false, entries: () => tarEntries(decoded()) };
  }
  return {
    isSingleFile: true,
    async *entries() {
      yield { path: null, kind: "file", sizeBytes: null, pieces: decoded };
    },
  };
}

/** Whether a stream is a tar with at least one entry. Closes the stream. */
async function isTarFile(pieces: AsyncIterable<Uint8Array>): Promise<boolean> {
  let head = new Uint8Array(0);
  for await (const piece of pieces) {
    const more = piece.subarray(0, 512 - head.length);
    head = joinBytes([head, more]);
    if (head.length === 512) break;
  }
  return head.some((byte) => byte !== 0) && isTar?.matches(head) === true;
}

/** The decoded bytes of a file, as long as it is no bomb. */
async function* checkedPieces(
  file: ArchiveFile,
  decode: (encoded: AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  let decodedBytes = 0;
  try {
    for await (const piece of decode(file.pieces())) {
      decodedBytes += piece.length;
      checkRatio(decodedBytes, file.sizeBytes);
      yield piece;
    }
  } catch (error) {
    if (!(error instanceof CronfetchError) || error.code !== "content.coding") throw error;
    throw unpackError(
      error.message.replace("the body cannot be decoded", "it cannot be read"),
      error,
    );
  }
}
