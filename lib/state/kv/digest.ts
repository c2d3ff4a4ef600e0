/**
 * The digest of a database, recorded beside it when it is closed. A file with the same bytes need not
 * be checked again when it is opened.
 */

import { Sha256 } from "../../core/sha256.ts";

/** Size of a read. */
const PIECE_BYTES = 1024 * 1024;

/** The path of the record. */
function recordPath(path: string): string {
  return `${path}.checked`;
}

/**
 * Compares a database with the recorded digest.
 *
 * @returns The digest; null if the database must be checked: its bytes differ, it has a log because a
 * process uses it or was killed, or there is no record.
 */
export async function recordedDigest(path: string): Promise<string | null> {
  const recorded = await Deno.readTextFile(recordPath(path)).catch(() => null);
  if (recorded === null) return null;
  const digest = await closedDigest(path);
  return digest !== null && recorded === recordOf(digest) ? digest : null;
}

/**
 * Records the digest of a database that was checked and closed.
 *
 * @param recorded The digest that is recorded already, or null.
 */
export async function recordDigest(path: string, recorded: string | null): Promise<void> {
  const digest = await closedDigest(path);
  if (digest === null || digest === recorded) return;
  // Without it, the next opening checks the database.
  await Deno.writeTextFile(recordPath(path), recordOf(digest)).catch(() => {});
}

function recordOf(digest: string): string {
  return `sha256:${digest}\n`;
}

/** The digest of a database without a log, or with an empty one; null for any other file. */
async function closedDigest(path: string): Promise<string | null> {
  try {
    if (await hasLog(path)) return null;
    using file = await Deno.open(path);
    const hash = new Sha256();
    const piece = new Uint8Array(PIECE_BYTES);
    for (let count = await file.read(piece); count !== null; count = await file.read(piece)) {
      await hash.update(piece.subarray(0, count));
    }
    return await hash.hex();
  } catch {
    // The check reports why the file cannot be read.
    return null;
  }
}

async function hasLog(path: string): Promise<boolean> {
  try {
    return (await Deno.lstat(`${path}-wal`)).size > 0;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
