/** What holds after every fault, whatever it was. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { ERROR_CODES } from "../../lib/core/errors.ts";
import type { TaskResult } from "../../lib/core/result.ts";
import { sha256, type Tree } from "../helpers/folder.ts";
import type { Place } from "../helpers/place.ts";

/** What a run began with and what it said. */
export interface Afterwards {
  /** Where the files are. */
  readonly store: Place;
  /** Every file in it before the run. */
  readonly before: Tree;
  /** The complete new content by key, as the tree would show it. */
  readonly complete: Tree;
  /** The ids of the config. */
  readonly tasks: readonly string[];
  /** What the run gave. */
  readonly results: readonly TaskResult[];
}

/** One line that begins with a visible character and holds no control character. */
const SENTENCE = /^[^\s\p{Cc}][^\p{Cc}]+$/u;

/**
 * Asserts that each task has exactly one result, that a failure says why in a
 * code and a sentence, and that the store holds, for each task, the complete
 * new bytes if the result says so and the old bytes if not; and nothing else.
 */
export async function assertOracle(afterwards: Afterwards): Promise<void> {
  const { before, complete, results } = afterwards;
  const ids = results.map((result) => result.task);
  assertEquals(ids.toSorted(), afterwards.tasks.toSorted(), "exactly one result for each task");

  const files = await afterwards.store.tree();
  const names = Object.keys(files);
  assertEquals(names.filter((name) => name.includes(".cronfetch-")), [], "leftovers");

  const expected: Tree = { ...before };
  for (const result of results) {
    if (isPublished(result)) {
      expected[result.key] = complete[result.key] ?? "nothing complete was served";
      const bytes = await afterwards.store.read(result.key);
      assertEquals(result.sha256, bytes && await sha256(bytes), `${result.task}: digest`);
      assertEquals(result.code, undefined, `${result.task}: a published file with a code`);
    } else {
      assert(
        result.code !== undefined && result.code in ERROR_CODES,
        `${result.task}: no reason given`,
      );
      assertMatch(result.message ?? "", SENTENCE, `${result.task}: no sentence given`);
    }
  }
  assertEquals(files, expected, "old bytes or complete new ones, and nothing else");
}

/** Whether the run put new bytes in place. The faults here know no other good end. */
function isPublished(result: TaskResult): boolean {
  return result.status === "created" || result.status === "updated";
}
