/** The folders of a store on disk: made where they are missing, and known to be real ones. */

import { basename, dirname, join } from "@std/path";
import { DriverError, isNotFound } from "../errors.ts";
import {
  type FileSystem,
  lstatIfThere,
  type OpenFile,
  readDirIfThere,
  storedFile,
} from "./file_system.ts";
import { folderOf, keyFault, nameOf } from "../key.ts";
import type { ListedFile } from "../store.ts";
import type { Random } from "../../core/host.ts";
import type { RunFile } from "./run_file.ts";
import type { Writer } from "./writer.ts";

/** How often something that came to lie outside is looked for, while links come and go. */
const REMOVAL_TRIES = 20;

/** A folder of the store, with no symbolic link in its path when it was looked at. */
export interface RealFolder {
  /** Absolute; the store works by this path. */
  readonly path: string;
  /** Where the path led. */
  readonly realPath: string;
}

/**
 * The folders of one store, by their keys; `""` is the root. The root may be a
 * symbolic link, since a person chose it; nothing below may.
 */
export class FolderTree {
  readonly #root: string;
  readonly #fileSystem: FileSystem;
  /** What was looked at once, and need not be made or looked at again. */
  readonly #known = new Map<string, RealFolder>();

  /** Makes the tree below `root`, an absolute path; touches nothing. */
  constructor(root: string, fileSystem: FileSystem) {
    this.#root = root;
    this.#fileSystem = fileSystem;
  }

  /**
   * Gives a folder, and makes it and its parents where they are missing.
   *
   * @throws {DriverError} `store.conflict`: a link or a file is in the way.
   */
  async make(folder: string): Promise<RealFolder> {
    const found = await this.#visit(folder, true);
    if (await this.isIntact(found)) return found;
    // A store may be open for months; its folders may come and go meanwhile.
    this.#known.clear();
    return await this.#visit(folder, true);
  }

  /** Gives a folder that is there; null where there is none, or none that is the store's. */
  async find(folder: string): Promise<RealFolder | null> {
    try {
      return await this.#visit(folder, false);
    } catch (error) {
      if (error instanceof DriverError || isNotFound(error)) return null;
      throw error;
    }
  }

  /** Whether a folder's path still leads where it led. */
  async isIntact({ path, realPath }: RealFolder): Promise<boolean> {
    try {
      return await this.#fileSystem.realPath(path) === realPath;
    } catch (error) {
      if (isNotFound(error)) return false;
      throw error;
    }
  }

  /**
   * Makes sure that a draft that was just opened is inside of its folder, which may have been
   * swapped for a link between the last check and the call. A draft that is elsewhere is removed.
   * If the link is gone again by then, the path of the draft is unknown: it stays there, empty.
   *
   * @param path Absolute path of the draft, whose name is unguessable.
   * @throws {DriverError} `store.conflict`: it was elsewhere.
   */
  async checkInside(folder: RealFolder, path: string): Promise<void> {
    const name = basename(path);
    const found = await this.#realPathIfThere(path);
    // Another name: the path of the folder is none of its business.
    if (found !== null && (basename(found) !== name || dirname(found) === folder.realPath)) return;
    for (let tries = 0; tries < REMOVAL_TRIES; tries++) {
      // The real path is removed: the link may be gone by the time of the call.
      const outside = tries === 0 ? found : await this.#realPathIfThere(path);
      if (outside === null || basename(outside) !== name) continue;
      if (dirname(outside) === folder.realPath) continue;
      await this.#fileSystem.remove(outside).catch(() => {});
      break;
    }
    throw replaced(folder.path);
  }

  async #realPathIfThere(path: string): Promise<string | null> {
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
    if (make) await this.#makeUnlessThere(path);
    const obstacle = folderObstacle(await this.#fileSystem.lstat(path));
    if (obstacle !== null) throw new DriverError("store.conflict", `${path} ${obstacle}`);
    const realPath = await this.#fileSystem.realPath(path);
    // Somebody may be putting a link there just now, or in place of a parent.
    if (dirname(realPath) !== parent.realPath) throw replaced(path);
    return { path, realPath };
  }

  async #makeUnlessThere(path: string): Promise<void> {
    try {
      await this.#fileSystem.mkdir(path);
    } catch (error) {
      if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    }
  }
}

/** What is wrong when a folder's path leads elsewhere than it did. */
export function replaced(path: string): DriverError {
  return new DriverError("store.conflict", `${path} was replaced by something else meanwhile`);
}

/** Why what stands at a path is no folder of the store, or null if it is one. */
function folderObstacle(info: Deno.FileInfo): string | null {
  if (info.isSymlink) return "is a symbolic link, which is not followed; remove it";
  return info.isDirectory ? null : "is a file where a folder is needed; move it away";
}

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

/** What the parts of a folder store share. */
export interface FolderContext {
  /** Absolute path of the store. */
  readonly root: string;
  /** Whether to wait until the disk holds what was written. */
  readonly sync: boolean;
  /** The folders below. */
  readonly tree: FolderTree;
  /** Says that this run lives, and where it drafts. */
  readonly runFile: RunFile;
  /** For names nobody can guess. */
  readonly random: Random;
  /** The thread that writes large files; null where there is none. */
  readonly writer: () => Promise<Writer | null>;
  /** The calls to make. */
  readonly fileSystem: FileSystem;
}
