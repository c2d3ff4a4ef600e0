/**
 * Paths in other repositories: submodules, and nested repositories. A commit refers to such a
 * repository by an entry called a gitlink, which a file below it would replace.
 */

import { join } from "@std/path";
import { ask, type Git, listed, tryAsk } from "./git.ts";

/** The mode of a gitlink (git-fast-import(1)). */
const GITLINK = "160000 ";

/** The gitlinks in the index of the working copy. */
export async function indexLinks(git: Git): Promise<string[]> {
  return linksIn(await ask(git, ["ls-files", "-z", "--stage"]));
}

/** The gitlinks in a commit. */
export async function treeLinks(git: Git, commit: string): Promise<string[]> {
  return linksIn(await ask(git, ["ls-tree", "-r", "-z", "--full-tree", commit]));
}

/** Both lists start with the mode and have the path behind a tab. */
function linksIn(listing: string): string[] {
  return listed(listing).filter((entry) => entry.startsWith(GITLINK))
    .map((entry) => entry.slice(entry.indexOf("\t") + 1));
}

/** The paths at or below one of the folders. */
export function below(paths: readonly string[], folders: ReadonlySet<string>): Set<string> {
  if (folders.size === 0) return new Set();
  return new Set(
    paths.filter((path) =>
      folders.has(path) || foldersOf(path).some((folder) => folders.has(folder))
    ),
  );
}

/**
 * The paths in other repositories.
 *
 * @param root The root of this repository, which the paths are relative to.
 * @param links The gitlinks; a submodule that is not checked out has no repository on disk.
 */
export async function foreignPaths(
  paths: readonly string[],
  { root, links, gitIn }: {
    readonly root: string;
    readonly links: ReadonlySet<string>;
    readonly gitIn: (folder: string) => Git;
  },
): Promise<Set<string>> {
  const nested = new Set(links);
  for (const folder of new Set(paths.flatMap(foldersOf))) {
    if (nested.has(folder) || !await isThere(join(root, folder, ".git"))) continue;
    // Git decides what a repository is: a folder may have an incomplete `.git`.
    const top = await tryAsk(gitIn(join(root, folder)), ["rev-parse", "--show-toplevel"]);
    if (top !== null && await Deno.realPath(top) !== root) nested.add(folder);
  }
  return below(paths, nested);
}

/** The folders above a path, except the root. */
function foldersOf(path: string): string[] {
  const segments = path.split("/").slice(0, -1);
  return segments.map((_segment, index) => segments.slice(0, index + 1).join("/"));
}

async function isThere(path: string): Promise<boolean> {
  try {
    await Deno.lstat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
