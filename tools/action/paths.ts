/** Finds the files that a run has changed. */

import { isAbsolute, join, relative, SEPARATOR } from "@std/path";
import { REFUSED_SUFFIX, versionedKey } from "../../lib/core/key.ts";
import { ActionError } from "./git.ts";
import { isChanged, type Outcome } from "./outcomes.ts";

/** A task and its changed files. */
export interface TaskChange {
  readonly outcome: Outcome;
  /** Paths from the root of the repository; missing files are removed from it. */
  readonly paths: readonly string[];
}

/**
 * A path relative to the root of the repository, with `/` as separator.
 *
 * @param what The subject of the error message.
 * @throws {ActionError} If the path is outside of the repository.
 */
export async function repositoryPath(root: string, path: string, what: string): Promise<string> {
  const inside = relative(root, await realPathOf(path)).replaceAll(SEPARATOR, "/");
  if (isAbsolute(inside) || inside === ".." || inside.startsWith("../")) {
    throw new ActionError(
      `${what} ${path} is outside of the repository ${root}: nothing to commit`,
    );
  }
  return inside;
}

/** A path without symbolic links; of a missing file, its folder without links. */
async function realPathOf(path: string): Promise<string> {
  try {
    return await Deno.realPath(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    const folder = join(path, "..");
    return folder === path ? path : join(await realPathOf(folder), relative(folder, path));
  }
}

/**
 * The files that a run has added, changed or removed, and no others: changed keys with their older
 * versions, refused content, and keys removed from families.
 *
 * @param store Folder of the store, from the root of the repository.
 * @param tracked Every path tracked by git.
 * @param removed Keys removed from families, by task.
 */
export async function changesOf(
  outcomes: readonly Outcome[],
  { root, store, tracked, removed }: {
    readonly root: string;
    readonly store: string;
    readonly tracked: ReadonlySet<string>;
    readonly removed: ReadonlyMap<string, readonly string[]>;
  },
): Promise<TaskChange[]> {
  const changed = new Set(outcomes.filter(isChanged).map(({ key }) => pathOf(store, key)));
  const versions = await versionsOf(changed, root, tracked);
  const changes: TaskChange[] = [];
  for (const outcome of outcomes) {
    const path = pathOf(store, outcome.key);
    const refused = path + REFUSED_SUFFIX;
    const paths: string[] = [];
    for (const key of removed.get(outcome.task) ?? []) {
      const member = pathOf(store, key);
      // An existing file belongs to another task now, or could not be removed.
      if (tracked.has(member) && !await isFile(join(root, member))) paths.push(member);
    }
    if (changed.has(path)) {
      // A later step may have removed it, which is no change of the run.
      if (await isFile(join(root, path))) paths.push(path, ...versions.get(path) ?? []);
      if (tracked.has(refused) && !await isFile(join(root, refused))) paths.push(refused);
    }
    const mayBeRefused = outcome.status === "failed" || changed.has(path);
    if (mayBeRefused && await isFile(join(root, refused))) paths.push(refused);
    changes.push({ outcome, paths });
  }
  return changes;
}

/** The older versions of files, on disk or tracked, by the path of the file. */
async function versionsOf(
  files: ReadonlySet<string>,
  root: string,
  tracked: ReadonlySet<string>,
): Promise<Map<string, Set<string>>> {
  const versions = new Map<string, Set<string>>();
  const note = (path: string): void => {
    const owner = versionedKey(path);
    if (owner === null || !files.has(owner)) return;
    const known = versions.get(owner) ?? new Set();
    versions.set(owner, known.add(path));
  };
  for (const path of tracked) note(path);
  const folders = new Set([...files].map((path) => path.slice(0, path.lastIndexOf("/") + 1)));
  for (const folder of folders) {
    for (const name of await namesIn(join(root, folder))) note(folder + name);
  }
  return versions;
}

function pathOf(store: string, key: string): string {
  return store === "" ? key : `${store}/${key}`;
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return (await Array.fromAsync(Deno.readDir(folder)))
      .filter(({ isFile }) => isFile).map(({ name }) => name);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await Deno.lstat(path)).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
