/** Invariants after every fault. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { ERROR_CODES } from "../../lib/core/errors.ts";
import type { TaskResult } from "../../lib/core/result.ts";
import { sha256, type Tree } from "../helpers/folder.ts";
import type { Place } from "../helpers/place.ts";

/** The state before a run, and its report. */
export interface Afterwards {
  /** The store. */
  readonly store: Place;
  /** Every file in it before the run. */
  readonly before: Tree;
  /** The complete new content by key, as in the tree. */
  readonly complete: Tree;
  /** The ids of the config. */
  readonly tasks: readonly string[];
  /** The report of the run. */
  readonly results: readonly TaskResult[];
}

/** One line that starts with a visible character and has no control character. */
const SENTENCE = /^[^\s\p{Cc}][^\p{Cc}]+$/u;

/**
 * Asserts that each task has exactly one result, that a failure has a code and a message, and that
 * the store has exactly, for each task, the complete new bytes if published, and the old bytes if
 * not.
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

/** Whether the run published new bytes; the faults here have no other success. */
function isPublished(result: TaskResult): boolean {
  return result.status === "created" || result.status === "updated";
}
