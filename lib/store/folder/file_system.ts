/** The file system calls of the folder driver, passed as an argument. */

import { DriverError, isNotFound } from "../errors.ts";
import type { StoredFile } from "../store.ts";

/** The methods of an open file that are used. */
export type OpenFile = Pick<
  Deno.FsFile,
  "read" | "write" | "stat" | "sync" | "tryLock" | "close" | typeof Symbol.dispose
>;

/** Deno's calls, or those of a test that fail or return something else. */
export interface FileSystem extends
  Pick<
    typeof Deno,
    "chmod" | "link" | "lstat" | "mkdir" | "readDir" | "realPath" | "remove" | "rename" | "utime"
  > {
  /**
   * Whether a path exists; false for a dangling link, perhaps. For a path that does not exist, it
   * is far cheaper than `lstat`, which throws.
   */
  exists(path: string): Promise<boolean>;
  /** Opens a file. */
  open(path: string, options: Deno.OpenOptions): Promise<OpenFile>;
}

/** The file system of this machine. */
export const machineFileSystem: FileSystem = {
  // Spreading `Deno` would load every API that it loads lazily.
  chmod: Deno.chmod,
  link: Deno.link,
  lstat: Deno.lstat,
  mkdir: Deno.mkdir,
  readDir: Deno.readDir,
  realPath: Deno.realPath,
  remove: Deno.remove,
  rename: Deno.rename,
  utime: Deno.utime,
  open: Deno.open,
  exists: (path) => Deno.lstat(path).then(() => true, () => false),
};

/** Writes all of `bytes`, in several calls if a write is partial. */
export async function writeAll(file: OpenFile, bytes: Uint8Array): Promise<void> {
  let rest = bytes;
  while (rest.length > 0) {
    const writtenBytes = await file.write(rest);
    if (writtenBytes === 0) throw new Error("the file accepts no more bytes");
    rest = rest.subarray(writtenBytes);
  }
}

/** Reads from the current position until `bytes` is full or the file ends; returns what it read. */
export async function readFull(
  file: OpenFile,
  bytes: Uint8Array<ArrayBuffer>,
): Promise<Uint8Array<ArrayBuffer>> {
  let filledBytes = 0;
  while (filledBytes < bytes.length) {
    const readBytes = await file.read(bytes.subarray(filledBytes));
    if (readBytes === null) break;
    filledBytes += readBytes;
  }
  return bytes.subarray(0, filledBytes);
}

/** `lstat`, or null if the path does not exist. */
export async function lstatIfExists(
  fileSystem: FileSystem,
  path: string,
): Promise<Deno.FileInfo | null> {
  try {
    return await fileSystem.lstat(path);
  } catch (error) {
    if (isNotFound(error)) return null;
    throw error;
  }
}

/** The entries of a folder; none if it does not exist. */
export async function readDirIfExists(
  fileSystem: FileSystem,
  path: string,
): Promise<Deno.DirEntry[]> {
  try {
    return await Array.fromAsync(fileSystem.readDir(path));
  } catch (error) {
    if (isNotFound(error)) return [];
    throw error;
  }
}

/** Removes a file if it exists. */
export async function removeIfExists(fileSystem: FileSystem, path: string): Promise<void> {
  try {
    await fileSystem.remove(path);
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}

/** A file as the store returns it; its revision is its modification time. */
export function storedFile(info: Deno.FileInfo): StoredFile {
  const modifiedMs = info.mtime?.getTime() ?? 0;
  return { sizeBytes: info.size, modifiedMs, revision: String(modifiedMs), sha256: null };
}

/** The nine permission bits of a file; null on systems without them. */
export function permissionsOf(info: Deno.FileInfo): number | null {
  return info.mode === null ? null : info.mode & 0o777;
}

/** The error for a file or folder that another process has replaced during an operation. */
export function replacedError(path: string): DriverError {
  return new DriverError("store.conflict", `${path} was replaced by another process`);
}
