/** The published files of a folder store: found, read and listed. Links are not followed. */

import { join } from "@std/path";
import { lstatIfThere, type OpenFile, readDirIfThere, storedFile } from "./file_system.ts";
import type { FolderContext } from "./folder_context.ts";
import type { RealFolder } from "./folder_tree.ts";
import { folderOf, keyFault, nameOf } from "./key.ts";
import type { ListedFile } from "./store.ts";

/** Bytes read at once, at most. */
const BUFFER_BYTES = 512 * 1024;

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

/** Reads a file. All pieces are in one buffer, one after the other. */
export async function readPieces(
  { path, info }: { readonly path: string; readonly info: Pick<Deno.FileInfo, "size"> },
  { fileSystem }: Pick<FolderContext, "fileSystem">,
): Promise<AsyncGenerator<Uint8Array<ArrayBuffer>>> {
  const file = await fileSystem.open(path, { read: true });
  return closing(file, piecesOf(file, Math.max(1, Math.min(info.size, BUFFER_BYTES))));
}

/** Pieces of an open file, from where it stands to its end. */
export async function* piecesOf(
  file: OpenFile,
  bufferBytes = BUFFER_BYTES,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const buffer = new Uint8Array(bufferBytes);
  for (;;) {
    const readBytes = await file.read(buffer);
    if (readBytes === null) return;
    yield buffer.subarray(0, readBytes);
  }
}

async function* closing<T>(file: OpenFile, pieces: AsyncIterable<T>): AsyncGenerator<T> {
  try {
    yield* pieces;
  } finally {
    file.close();
  }
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
