/** The folders and published files of a store on disk. Symbolic links below the root are refused. */

import { basename, dirname, join, SEPARATOR } from "@std/path";
import type { Random } from "../../core/host.ts";
import { DriverError, isNotFound } from "../errors.ts";
import { folderOf, keyFault, nameOf } from "../../core/key.ts";
import type { ListedFile } from "../store.ts";
import {
  type FileSystem,
  lstatIfExists,
  type OpenFile,
  readDirIfExists,
  replacedError,
  storedFile,
} from "./file_system.ts";
import type { RunFile } from "./run_file.ts";
import type { Writer } from "./writer.ts";

/** Bytes per read, at most. */
const BUFFER_BYTES = 512 * 1024;
/** Attempts to find a file that was created outside of the store, while a link keeps changing. */
const REMOVAL_ATTEMPTS = 20;

/** What the parts of a folder store share. */
export interface FolderContext {
  /** Absolute path of the store. */
  readonly root: string;
  /** Whether to sync files and folders to disk. */
  readonly sync: boolean;
  readonly tree: FolderTree;
  readonly runFile: RunFile;
  /** For names that no other process can guess. */
  readonly random: Random;
  /** The thread that writes large files; null if threads are unavailable. */
  readonly writer: () => Promise<Writer | null>;
  readonly fileSystem: FileSystem;
}

/** A folder of the store without a symbolic link in its path, when it was checked. */
export interface RealFolder {
  /** Absolute, by way of the root as configured. */
  readonly path: string;
  /** `path` with the links of the root resolved. */
  readonly realPath: string;
}

/** The path of an entry of a folder. Both are in normal form, so that `join` would only cost time. */
export function pathIn(folderPath: string, name: string): string {
  return folderPath.endsWith(SEPARATOR) ? folderPath + name : folderPath + SEPARATOR + name;
}

/**
 * The folders of one store by key; `""` is the root. The root itself may be a symbolic link, since
 * the user configured it; no folder below may.
 */
export class FolderTree {
  readonly #root: string;
  readonly #fileSystem: FileSystem;
  /** Folders that exist and were checked. */
  readonly #known = new Map<string, RealFolder>();

  /** @param root Absolute path of the store, which need not exist. */
  constructor(root: string, fileSystem: FileSystem) {
    this.#root = root;
    this.#fileSystem = fileSystem;
  }

  /**
   * Creates a folder and its parents unless they exist.
   *
   * @throws {DriverError} `store.conflict`: one of them is a link or a file.
   */
  async make(folder: string): Promise<RealFolder> {
    const found = await this.#visit(folder, true);
    if (await this.isIntact(found)) return found;
    this.forget();
    return await this.#visit(folder, true);
  }

  /**
   * A folder that was made or found earlier, without checking that it is intact. To create a file in
   * it, the caller has to call {@linkcode checkInside} before writing to the file, and
   * {@linkcode forget} if the folder is missing.
   */
  known(folder: string): RealFolder | undefined {
    return this.#known.get(folder);
  }

  /** Discards what is known: folders may be removed and created again while a store is open. */
  forget(): void {
    this.#known.clear();
  }

  /** Finds a folder; null if it does not exist, or is not a folder of the store. */
  async find(folder: string): Promise<RealFolder | null> {
    try {
      return await this.#visit(folder, false);
    } catch (error) {
      if (error instanceof DriverError || isNotFound(error)) return null;
      throw error;
    }
  }

  /** Whether the path of a folder still resolves to the same folder. */
  async isIntact({ path, realPath }: RealFolder): Promise<boolean> {
    try {
      return await this.#fileSystem.realPath(path) === realPath;
    } catch (error) {
      if (isNotFound(error)) return false;
      throw error;
    }
  }

  /**
   * Checks that a draft that was just created is inside of its folder, which another process may
   * have replaced by a link between the check and the call. A draft elsewhere is removed; if the
   * link is already gone again, its path is unknown and an empty file is left behind.
   *
   * @param path Absolute path of the draft, whose name is unguessable.
   * @throws {DriverError} `store.conflict`: it was elsewhere.
   */
  async checkInside(folder: RealFolder, path: string): Promise<void> {
    const name = basename(path);
    let found: string | null = null;
    try {
      found = await this.#fileSystem.realPath(path);
      if (found === pathIn(folder.realPath, name)) return;
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
    // Under another name, the draft itself is a link, which does not concern the folder.
    if (found !== null && (basename(found) !== name || dirname(found) === folder.realPath)) return;
    for (let attempt = 0; attempt < REMOVAL_ATTEMPTS; attempt++) {
      // Remove by the real path, since the link may be gone before the call.
      const outside = attempt === 0 ? found : await this.#realPathIfExists(path);
      if (outside === null || basename(outside) !== name) continue;
      if (dirname(outside) === folder.realPath) continue;
      await this.#fileSystem.remove(outside).catch(() => {});
      break;
    }
    throw replacedError(folder.path);
  }

  async #realPathIfExists(path: string): Promise<string | null> {
    try {
      return await this.#fileSystem.realPath(path);
    } catch (error) {
      if (isNotFound(error)) return null;
      throw error;
    }
  }

  async #visit(folder: string, make: boolean): Promise<RealFolder> {
    const known = this.#known.get(folder);
    if (known !== undefined) return known;
    const visited = folder === "" ? await this.#visitRoot(make) : await this.#enter(folder, make);
    this.#known.set(folder, visited);
    return visited;
  }

  async #visitRoot(make: boolean): Promise<RealFolder> {
    if (make) await this.#fileSystem.mkdir(this.#root, { recursive: true });
    return { path: this.#root, realPath: await this.#fileSystem.realPath(this.#root) };
  }

  async #enter(folder: string, make: boolean): Promise<RealFolder> {
    const parent = await this.#visit(folderOf(folder), make);
    const path = join(this.#root, folder);
    if (make) await this.#mkdirUnlessExists(path);
    const obstacle = folderObstacle(await this.#fileSystem.lstat(path));
    if (obstacle !== null) throw new DriverError("store.conflict", `${path} ${obstacle}`);
    const realPath = await this.#fileSystem.realPath(path);
    // Another process may have replaced it, or a parent, by a link after `lstat`.
    if (dirname(realPath) !== parent.realPath) throw replacedError(path);
    return { path, realPath };
  }

  async #mkdirUnlessExists(path: string): Promise<void> {
    try {
      await this.#fileSystem.mkdir(path);
    } catch (error) {
      if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    }
  }
}

/** Why a path is not usable as a folder of the store, as a clause; or null. */
function folderObstacle(info: Deno.FileInfo): string | null {
  if (info.isSymlink) return "is a symbolic link, which is not followed; remove it";
  return info.isDirectory ? null : "is a file where a folder is needed; move it away";
}

/** A published file. */
export interface FoundFile {
  readonly folder: RealFolder;
  /** Absolute. */
  readonly path: string;
  readonly info: Deno.FileInfo;
}

/** Finds the file published under `key`; null if there is none. */
export async function findFile(key: string, context: FolderContext): Promise<FoundFile | null> {
  const { tree, fileSystem } = context;
  const folder = tree.known(folderOf(key)) ?? await tree.find(folderOf(key));
  if (folder === null) return null;
  const path = pathIn(folder.path, nameOf(key));
  const info = await lstatIfExists(fileSystem, path);
  return info?.isFile ? { folder, path, info } : null;
}

/** Reads a file. All pieces share one buffer. */
export async function readPieces(
  { path, info }: { readonly path: string; readonly info: Pick<Deno.FileInfo, "size"> },
  { fileSystem }: Pick<FolderContext, "fileSystem">,
): Promise<AsyncGenerator<Uint8Array<ArrayBuffer>>> {
  const file = await fileSystem.open(path, { read: true });
  return closeAfter(file, piecesOf(file, Math.max(1, Math.min(info.size, BUFFER_BYTES))));
}

/** Reads an open file from its current position to its end. All pieces share one buffer. */
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

async function* closeAfter<T>(file: OpenFile, pieces: AsyncIterable<T>): AsyncGenerator<T> {
  try {
    yield* pieces;
  } finally {
    file.close();
  }
}

/** Lists the published files below a folder, without files whose names are not valid in a key. */
export async function* listFiles(
  folder: string,
  context: FolderContext,
): AsyncGenerator<ListedFile> {
  const { tree, fileSystem } = context;
  const found = await tree.find(folder);
  if (found === null) return;
  for (const { name, isDirectory } of await readDirIfExists(fileSystem, found.path)) {
    if (keyFault(name) !== null) continue;
    const key = folder === "" ? name : `${folder}/${name}`;
    if (isDirectory) {
      yield* listFiles(key, context);
      continue;
    }
    const info = await lstatIfExists(fileSystem, join(found.path, name));
    if (info?.isFile) yield { key, ...storedFile(info) };
  }
}
