/** What a commit is made of, and what is left out of it. */

import { plural } from "../../lib/report/format.ts";
import { type Git, listed } from "./git.ts";
import type { TaskChange } from "./paths.ts";

/** Everything a commit is made of. */
export interface Changes {
  readonly tasks: readonly TaskChange[];
  /** The state's file from the root of the repository; null where none is to be committed. */
  readonly state: string | null;
  /** Its text where that is not the one in the working copy. */
  readonly stateText: string | null;
}

/** Paths named in a warning at most. */
const NAMED = 5;

/** The paths that are committed as they are in the working copy. */
export function pathsOf({ tasks, state, stateText }: Changes): string[] {
  const own = state === null || stateText !== null ? [] : [state];
  return [...tasks.flatMap(({ paths }) => paths), ...own];
}

/** The paths that are committed. */
export function allPathsOf(changes: Changes): string[] {
  return pathsOf({ ...changes, stateText: null });
}

/** Leaves out what is another repository's, and says so. */
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

/** Leaves out what the repository's own rules leave out, and says so. */
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
