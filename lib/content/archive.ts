/** Archives and their entries, whatever the format; and the bounds of unpacking. */

import { CronfetchError } from "../core/errors.ts";
import { FREE_BYTES, LARGEST_RATIO } from "./decode.ts";

/** A file that may be an archive. */
export interface ArchiveFile {
  readonly sizeBytes: number;
  /** The first bytes, at least 512 unless it is shorter. */
  readonly head: Uint8Array;
  /** Reads it from its beginning; can be called again. A piece is valid until the next is requested. */
  readonly pieces: () => AsyncIterable<Uint8Array<ArrayBuffer>>;
}

/** A member of an archive. */
export interface ArchiveEntry {
  /** Its path as written in the archive; null in a format without names. */
  readonly path: string | null;
  /** A file, a folder, or why it is neither: `a symbolic link`. */
  readonly kind: "file" | "folder" | { readonly refused: string };
  /** Its size as announced; null if only reading it gives it. */
  readonly sizeBytes: number | null;
  /**
   * Reads it, at most once, and before the next entry is requested. A piece is valid until the next
   * one is requested.
   *
   * @throws {CronfetchError} `content.unpack`: it is damaged, or not of the announced size.
   */
  readonly pieces: () => AsyncIterable<Uint8Array>;
}

/** An archive. */
export interface Archive {
  /** Whether it is one compressed file, without a name of its own. */
  readonly isSingleFile: boolean;
  /**
   * Its entries, in the order of their data; can be called again, once the last call has ended.
   *
   * @throws {CronfetchError} `content.unpack`: it is damaged, ambiguous or a bomb; what reading the
   * file throws.
   */
  readonly entries: () => AsyncIterable<ArchiveEntry>;
}

/**
 * Checks that an archive is no bomb.
 *
 * @throws {CronfetchError} `content.unpack`.
 */
export function checkRatio(unpackedBytes: number, archiveBytes: number): void {
  if (unpackedBytes <= FREE_BYTES + LARGEST_RATIO * archiveBytes) return;
  throw unpackError(`it expands to more than ${LARGEST_RATIO} times its size`);
}

/** Most entries of an archive. */
const MOST_ENTRIES = 10_000;

/**
 * Checks the number of entries of an archive.
 *
 * @throws {CronfetchError} `content.unpack`.
 */
export function checkCount(entries: number): void {
  if (entries > MOST_ENTRIES) throw unpackError(`it has more than ${MOST_ENTRIES} members`);
}

/** The error of an archive that is not unpacked. `reason` is the rest of a sentence about it. */
export function unpackError(reason: string, cause?: unknown): CronfetchError {
  return new CronfetchError("content.unpack", `unpacking the archive: ${reason}`, { cause });
}
