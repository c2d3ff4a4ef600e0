/** The file system as an argument: the calls the folder driver makes, and no others. */

import { isNotFound } from "../errors.ts";
import type { StoredFile } from "../store.ts";

/** An open file. */
export type OpenFile = Pick<
  Deno.FsFile,
  "read" | "write" | "stat" | "sync" | "tryLock" | "close" | typeof Symbol.dispose
>;

/** The calls of Deno's that the folder driver makes; tests pass ones that fail or lie. */
export interface FileSystem extends
  Pick<
    typeof Deno,
    "chmod" | "link" | "lstat" | "mkdir" | "readDir" | "realPath" | "remove" | "rename" | "utime"
  > {
  /**
   * Whether something stands at a path; a link that leads nowhere may count as nothing.
   * Where nothing is, this can be far cheaper than an `lstat`, which has to throw.
   */
  exists(path: string): Promise<boolean>;
  /** Opens a file. */
  open(path: string, options: Deno.OpenOptions): Promise<OpenFile>;
}

/** The file system of this machine. */
export const machineFileSystem: FileSystem = {
  // By name: to spread `Deno` would load all that it loads lazily.
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

/** Writes all of `bytes`, in as many calls as the file needs. */
export async function writeAll(file: OpenFile, bytes: Uint8Array): Promise<void> {
  let rest = bytes;
  while (rest.length > 0) {
    const writtenBytes = await file.write(rest);
    if (writtenBytes === 0) throw new Error("the file takes no more bytes");
    rest = rest.subarray(writtenBytes);
  }
}

/** Reads from where the file stands until `bytes` is full or the file ends. Gives what came. */
export async function readInto(
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

/** What stands at a path, links not followed; or null. */
export async function lstatIfThere(
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

/** What is in a folder; nothing where there is no folder. */
export async function readDirIfThere(
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

/** Removes a file. One that is not there is no error. */
export async function removeIfThere(fileSystem: FileSystem, path: string): Promise<void> {
  try {
    await fileSystem.remove(path);
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}

/** What a store tells of a file. */
export function storedFile(info: Deno.FileInfo): StoredFile {
  const modifiedMs = info.mtime?.getTime() ?? 0;
  return { sizeBytes: info.size, modifiedMs, revision: String(modifiedMs), sha256: null };
}

/** Who may read, write and execute a file (nine bits); null where the system has no such bits. */
export function permissionsOf(info: Deno.FileInfo): number | null {
  return info.mode === null ? null : info.mode & 0o777;
}
