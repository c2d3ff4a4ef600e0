import { assertEquals, assertThrows } from "@std/assert";
import { CronfetchError } from "../../lib/core/errors.ts";
import { emptyContents } from "../../lib/state/driver.ts";
import { parseContents, printContents } from "../../lib/state/file_text.ts";
import type { RunRecord, TaskRecord } from "../../lib/state/state.ts";
import { mergeStates } from "../../tools/action/state_merge.ts";
import { recentResult, record, runRecord } from "../state/samples.ts";

const NOW = Temporal.Instant.from("2026-01-15T13:00:00Z");

function state(
  records: readonly TaskRecord[],
  runs: readonly RunRecord[] = [],
  parked: Readonly<Record<string, string>> = {},
): string {
  const contents = emptyContents();
  for (const one of records) contents.records.set(one.task, one);
  for (const run of runs) contents.runs.set(run.run, run);
  for (const [host, until] of Object.entries(parked)) {
    contents.parked.set(host, Temporal.Instant.from(until));
  }
  return printContents(contents);
}

/** A record of a file published at one hour, with a last result at another. */
function at(task: string, publishedHour: number | null, lastHour: number): TaskRecord {
  const time = (hour: number) => `2026-01-15T${String(hour).padStart(2, "0")}:00:00Z`;
  return record(task, {
    publishedAt: publishedHour === null ? null : time(publishedHour),
    results: [recentResult({ at: time(lastHour) })],
  });
}

Deno.test("of two records the one of the newer file is chosen, else the one that came last", () => {
  const table: [name: string, theirs: TaskRecord | null, ours: TaskRecord, yielded: boolean][] = [
    ["new to them", null, at("t", 9, 9), false],
    ["ours published", at("t", 8, 8), at("t", 9, 9), false],
    ["theirs published", at("t", 9, 9), at("t", 8, 8), true],
    ["theirs published, ours came to nothing later", at("t", 9, 9), at("t", 8, 10), true],
    ["ours published, theirs came to nothing later", at("t", 8, 10), at("t", 9, 9), false],
    ["none published, ours came last", at("t", 8, 9), at("t", 8, 10), false],
    ["none published, theirs came last", at("t", 8, 10), at("t", 8, 9), true],
    ["both the same", at("t", 8, 8), at("t", 8, 8), false],
    ["nothing was ever published by them", at("t", null, 10), at("t", 8, 8), false],
    ["nothing was ever published by us", at("t", 8, 8), at("t", null, 10), true],
  ];
  for (const [name, theirs, ours, yielded] of table) {
    const merged = mergeStates(state(theirs ? [theirs] : []), state([ours]), ["t"], NOW);
    assertEquals([...merged.yielded], yielded ? ["t"] : [], name);
    assertEquals(
      parseContents(merged.text, "merged").records.get("t"),
      yielded ? theirs : ours,
      name,
    );
  }
});

Deno.test("tasks that the run did not work on are theirs; runs and parked hosts are of both", () => {
  const theirs = state(
    [at("a", 8, 8), at("b", 10, 10)],
    [runRecord("run-2", "2026-01-15T10:00:00Z")],
    { "x.example": "2026-01-15T15:00:00Z", "y.example": "2026-01-15T14:00:00Z" },
  );
  const ours = state(
    [at("a", 9, 9), at("b", 11, 11), at("gone", 7, 7)],
    [runRecord("run-1", "2026-01-15T09:00:00Z")],
    { "x.example": "2026-01-15T14:00:00Z", "y.example": "2026-01-15T16:00:00Z" },
  );
  assertEquals(
    mergeStates(theirs, ours, ["a", "unknown"], NOW).text,
    state(
      [at("a", 9, 9), at("b", 10, 10)],
      [runRecord("run-1", "2026-01-15T09:00:00Z"), runRecord("run-2", "2026-01-15T10:00:00Z")],
      { "x.example": "2026-01-15T15:00:00Z", "y.example": "2026-01-15T16:00:00Z" },
    ),
  );
  assertEquals(mergeStates(null, ours, ["a"], NOW), {
    text: ours,
    yielded: new Set<string>(),
  });
});

Deno.test("a state that cannot be read is no reason to write another over it", () => {
  const error = assertThrows(
    () => mergeStates("<<<<<<< ours\n", state([]), [], NOW),
    CronfetchError,
  );
  assertEquals(error.code, "state.unreadable");
});
