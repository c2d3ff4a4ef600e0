/** The published files of a folder store: found, read and listed. Links are not followed. */

import { createHash } from "node:crypto";
import { join } from "@std/path";
import { lstatIfThere, readDirIfThere, storedFile } from "./file_system.ts";
import type { FolderContext } from "./folder_context.ts";
import type { RealFolder } from "./folder_tree.ts";
import { folderOf, keyFault, nameOf } from "./key.ts";
import type { ListedFile } from "./store.ts";

/** Bytes read at once, at most. */
export const BUFFER_BYTES = 512 * 1024;

/** A published file, found. */
export interface FoundFile {
  /** The folder it is in. */
  readonly folder: RealFolder;
  /** Absolute. */
  readonly path: string;
  /** What the system tells of it. */
  readonly info: Deno.FileInfo;
}

/** What is published under `key`, or null. */
export async function findFile(key: string, context: FolderContext): Promise<FoundFile | null> {
  const { tree, fileSystem } = context;
  const folder = await tree.find(folderOf(key));
  if (folder === null) return null;
  const path = join(folder.path, nameOf(key));
  const info = await lstatIfThere(fileSystem, path);
  return info?.isFile ? { folder, path, info } : null;
}

/**
 * The sha256 of what is published under `key`, or null.
 *
 * @throws The signal's reason, looked at before each piece that is read.
 */
export async function digestFile(
  key: string,
  signal: AbortSignal,
  context: FolderContext,
): Promise<string | null> {
  signal.throwIfAborted();
  const found = await findFile(key, context);
  if (found === null) return null;
  using file = await context.fileSystem.open(found.path, { read: true });
  const hash = createHash("sha256");
  const buffer = new Uint8Array(bufferBytes(found));
  for (;;) {
    signal.throwIfAborted();
    const readBytes = await file.read(buffer);
    if (readBytes === null) return hash.digest("hex");
    hash.update(buffer.subarray(0, readBytes));
  }
}

/** Size of a buffer to read a file with: not more than the file needs. */
export function bufferBytes({ info }: FoundFile): number {
  return Math.max(1, Math.min(info.size, BUFFER_BYTES));
}

/** Every published file below a folder. A file whose name no key can have is not one of them. */
export async function* listFiles(
  folder: string,
  context: FolderContext,
): AsyncGenerator<ListedFile> {
  const { tree, fileSystem } = context;
  const found = await tree.find(folder);
  if (found === null) return;
  for (const { name, isDirectory } of await readDirIfThere(fileSystem, found.path)) {
    if (keyFault(name) !== null) continue;
    const key = folder === "" ? name : `${folder}/${name}`;
    if (isDirectory) {
      yield* listFiles(key, context);
      continue;
    }
    const info = await lstatIfThere(fileSystem, join(found.path, name));
    if (info?.isFile) yield { key, ...storedFile(info) };
  }
}
