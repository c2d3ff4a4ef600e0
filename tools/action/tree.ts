/**
 * Commits that are made beside the working copy, in an index of their own: what
 * others have staged or edited there neither goes in nor gets lost.
 */

import { ask, type Git } from "./git.ts";

/** What is put into a tree. */
export interface TreeChanges {
  /** Paths as they are in the working copy; one that is not there is removed. */
  readonly paths: readonly string[];
  /** Files with another text than in the working copy. */
  readonly texts: ReadonlyMap<string, string>;
}

/**
 * Makes a tree from the one of a commit.
 *
 * @param git In the root of the repository.
 * @returns Its name.
 */
export async function treeOf(git: Git, base: string, changes: TreeChanges): Promise<string> {
  const index = await Deno.makeTempFile({ prefix: "cronfetch-index-" });
  // Git refuses an index of no bytes, and makes one that is missing.
  await Deno.remove(index);
  const env = { GIT_INDEX_FILE: index };
  try {
    await ask(git, ["read-tree", base], { env });
    await ask(git, UPDATE_INDEX, { env, input: nulEnded(changes.paths) });
    for (const [path, text] of changes.texts) {
      const blob = await ask(git, ["hash-object", "-w", "--stdin", "--path", path], {
        input: text,
      });
      const entry = `100644,${blob},${path}`;
      await ask(git, ["update-index", "--add", "--replace", "--cacheinfo", entry], { env });
    }
    return await ask(git, ["write-tree"], { env });
  } finally {
    await Deno.remove(index).catch(() => {});
    await Deno.remove(`${index}.lock`).catch(() => {});
  }
}

/** Takes files as they are into the index of the working copy, as after any commit. */
export async function stage(git: Git, paths: readonly string[]): Promise<void> {
  await ask(git, UPDATE_INDEX, { input: nulEnded(paths) });
}

/** Unlike `git add`, this takes paths as they are written, with no patterns in them. */
const UPDATE_INDEX = ["update-index", "--add", "--remove", "--replace", "-z", "--stdin"];

function nulEnded(paths: readonly string[]): string {
  return paths.map((path) => `${path}\0`).join("");
}
