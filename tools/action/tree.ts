/**
 * Creates trees with a separate index, so that staged and other edits in the working copy are neither
 * committed nor lost.
 */

import { ask, type Git } from "./git.ts";

/** Changes of a tree. */
export interface TreeChanges {
  /** Paths taken from the working copy; missing files are removed. */
  readonly paths: readonly string[];
  /** Files with a different text than in the working copy. */
  readonly texts: ReadonlyMap<string, string>;
}

/**
 * Creates a tree from the tree of a commit.
 *
 * @param git Git in the root of the repository.
 * @returns The id of the tree.
 */
export async function treeOf(git: Git, base: string, changes: TreeChanges): Promise<string> {
  const index = await Deno.makeTempFile({ prefix: "cronfetch-index-" });
  // Git rejects an empty index file, and creates a missing one.
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

/** Updates the index of the working copy, as a commit does. */
export async function stage(git: Git, paths: readonly string[]): Promise<void> {
  await ask(git, UPDATE_INDEX, { input: nulEnded(paths) });
}

/** Unlike `git add`, this does not interpret patterns in paths. */
const UPDATE_INDEX = ["update-index", "--add", "--remove", "--replace", "-z", "--stdin"];

function nulEnded(paths: readonly string[]): string {
  return paths.map((path) => `${path}\0`).join("");
}
