/** The contents of a commit, without files that must not be committed. */

import { plural } from "../../lib/report/format.ts";
import { type Git, listed } from "./git.ts";
import type { TaskChange } from "./paths.ts";

/** The contents of a commit. */
export interface Changes {
  readonly tasks: readonly TaskChange[];
  /** The path of the state from the root of the repository; null if it is not committed. */
  readonly state: string | null;
  /** Its text, if it differs from the working copy. */
  readonly stateText: string | null;
}

/** Maximum number of paths in a warning. */
const NAMED = 5;

/** The paths that are committed as in the working copy. */
export function pathsOf({ tasks, state, stateText }: Changes): string[] {
  const own = state === null || stateText !== null ? [] : [state];
  return [...tasks.flatMap(({ paths }) => paths), ...own];
}

/** All paths of the commit. */
export function allPathsOf(changes: Changes): string[] {
  return pathsOf({ ...changes, stateText: null });
}

/** Removes paths in other repositories, with a warning. */
export function withoutForeign(
  changes: Changes,
  foreign: ReadonlySet<string>,
  warn: (sentence: string) => void,
): Changes {
  if (foreign.size === 0) return changes;
  warn(
    `A submodule, or a repository within this one, keeps ${plural(foreign.size, "file")} out of ` +
      `the commit: ${firstOf(foreign)}; move the store and the state out of it`,
  );
  return without(changes, foreign);
}

/** Removes ignored paths, with a warning. */
export async function withoutIgnored(
  changes: Changes,
  git: Git,
  warn: (sentence: string) => void,
): Promise<Changes> {
  const input = pathsOf(changes).map((path) => `${path}\0`).join("");
  const answer = await git(["check-ignore", "-z", "--stdin"], { input });
  const ignored = new Set(listed(answer.stdout));
  if (ignored.size === 0) return changes;
  warn(
    `.gitignore keeps ${plural(ignored.size, "file")} out of the commit: ${firstOf(ignored)}`,
  );
  return without(changes, ignored);
}

function firstOf(paths: ReadonlySet<string>): string {
  return [...paths].slice(0, NAMED).join(", ");
}

function without({ tasks, state, stateText }: Changes, left: ReadonlySet<string>): Changes {
  return {
    tasks: tasks.map(({ outcome, paths }) => ({
      outcome,
      paths: paths.filter((path) => !left.has(path)),
    })),
    state: state !== null && left.has(state) ? null : state,
    stateText,
  };
}
