/**
 * The last check of a database, recorded beside it when it is closed. A file that has not been touched
 * since need not be checked again when it is opened.
 */

/** After this time even an untouched file is checked again: a disk can lose bytes silently. */
const CHECK_EVERY_MS = 24 * 60 * 60_000;

/** What distinguishes versions of a file: a write changes `mtime`, and restoring that, `ctime`. */
interface FileVersion {
  readonly sizeBytes: number;
  readonly modifiedMs: number;
  /**
   * Deno reports `ctime` in whole seconds: a write that restores `mtime` in the second in which the
   * database was closed is not noticed before the next check.
   */
  readonly changedMs: number;
  readonly inode: number;
  readonly device: number;
}

/** A check of a version. */
export interface LastCheck extends FileVersion {
  /** Wall clock, in milliseconds since the epoch. */
  readonly checkedMs: number;
}

/** The path of the record. */
function recordPath(path: string): string {
  return `${path}.checked`;
}

/**
 * The last check of a database.
 *
 * @param nowMs Wall clock, in milliseconds since the epoch.
 * @returns Null if the database must be checked: it was touched since, it has a log because a process
 * uses it or was killed, the check is too old, or there is none.
 */
export async function lastCheck(path: string, nowMs: number): Promise<LastCheck | null> {
  const version = await closedVersion(path);
  if (version === null) return null;
  try {
    const check: LastCheck = JSON.parse(await Deno.readTextFile(recordPath(path)));
    const isRecent = check.checkedMs <= nowMs && nowMs - check.checkedMs < CHECK_EVERY_MS;
    return isRecent && isSame(check, version) ? check : null;
  } catch {
    // No record, or one that was cut off: the check costs time only.
    return null;
  }
}

/**
 * Records the check of a database that was closed.
 *
 * @param last The recorded check, or null; it is not written again.
 * @param checkedMs When the database was checked or created.
 */
export async function recordCheck(
  path: string,
  last: LastCheck | null,
  checkedMs: number,
): Promise<void> {
  const version = await closedVersion(path);
  if (version === null || last !== null && isSame(last, version)) return;
  const check: LastCheck = { checkedMs, ...version };
  // Without it, the next opening checks the database.
  await Deno.writeTextFile(recordPath(path), `${JSON.stringify(check)}\n`).catch(() => {});
}

/** The version of a database without a log, or with an empty one; null for any other file. */
async function closedVersion(path: string): Promise<FileVersion | null> {
  if (await mayHaveLog(path)) return null;
  const info = await Deno.stat(path).catch(() => null);
  if (!info?.isFile || info.mtime === null || info.ctime === null || info.ino === null) return null;
  return {
    sizeBytes: info.size,
    modifiedMs: info.mtime.getTime(),
    changedMs: info.ctime.getTime(),
    inode: info.ino,
    device: info.dev,
  };
}

async function mayHaveLog(path: string): Promise<boolean> {
  try {
    return (await Deno.lstat(`${path}-wal`)).size > 0;
  } catch (error) {
    return !(error instanceof Deno.errors.NotFound);
  }
}

function isSame(one: FileVersion, other: FileVersion): boolean {
  return one.sizeBytes === other.sizeBytes && one.modifiedMs === other.modifiedMs &&
    one.changedMs === other.changedMs && one.inode === other.inode && one.device === other.device;
}
