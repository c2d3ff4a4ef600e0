/** The folders of a store on disk: made where they are missing, and known to be real ones. */

import { basename, dirname, join } from "@std/path";
import { isAbsent, Refusal } from "./errors.ts";
import type { FileSystem } from "./file_system.ts";
import { folderOf } from "./key.ts";

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
   * @throws {Refusal} `store.conflict`: a link or a file is in the way.
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
      if (error instanceof Refusal || isAbsent(error)) return null;
      throw error;
    }
  }

  /** Whether a folder's path still leads where it led. */
  async isIntact({ path, realPath }: RealFolder): Promise<boolean> {
    try {
      return await this.#fileSystem.realPath(path) === realPath;
    } catch (error) {
      if (isAbsent(error)) return false;
      throw error;
    }
  }

  /**
   * Makes sure that a draft that was just opened is inside of its folder, which may have been
   * swapped for a link between the last check and the call. A draft that is elsewhere is removed.
   * If the link is gone again by then, the path of the draft is unknown: it stays there, empty.
   *
   * @param path Absolute path of the draft, whose name is unguessable.
   * @throws {Refusal} `store.conflict`: it was elsewhere.
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
      if (isAbsent(error)) return null;
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
    if (obstacle !== null) throw new Refusal("store.conflict", `${path} ${obstacle}`);
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
export function replaced(path: string): Refusal {
  return new Refusal("store.conflict", `${path} was replaced by something else meanwhile`);
}

/** Why what stands at a path is no folder of the store, or null if it is one. */
function folderObstacle(standing: Deno.FileInfo): string | null {
  if (standing.isSymlink) return "is a symbolic link, which is not followed; remove it";
  return standing.isDirectory ? null : "is a file where a folder is needed; move it away";
}
