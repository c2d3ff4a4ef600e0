import { assertEquals, assertThrows } from "@std/assert";
import { CronfetchError } from "../../lib/core/errors.ts";
import { emptyContents } from "../../lib/state/driver.ts";
import { type Body, type Collection, COLLECTIONS, setEntry } from "../../lib/state/entries.ts";
import { parseContents, printContents } from "../../lib/state/file_text.ts";
import { addDays, dayCountsOf } from "../../lib/state/history.ts";
import type { RunRecord, TaskRecord } from "../../lib/state/state.ts";
import { mergeStates } from "../../tools/action/state_merge.ts";
import { member, recentResult, record, runRecord } from "../state/samples.ts";

const NOW = Temporal.Instant.from("2026-01-15T13:00:00Z");

/** Bodies of the collections that this version checks. */
const BODIES: Partial<Record<Collection, Body>> = {
  outbox: {
    ...{ status: "created", run: "r", url: "https://example.org/a" },
    ...{ files: [], claimedAt: "2026-01-15T08:00:00Z" },
  },
  members: { kind: "file", sha256: "ab".repeat(32), sizeBytes: 3, publishedAt: null },
  results: { status: "failed", attempts: [{ code: "net.reset", httpStatus: 500 }] },
};

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

Deno.test("mergeStates: the record with the newer file wins, else the later result", () => {
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
    const merged = mergeStates(
      { base: null, theirs: state(theirs ? [theirs] : []), ours: state([ours]) },
      ["t"],
      NOW,
    );
    assertEquals([...merged.yielded], yielded ? ["t"] : [], name);
    assertEquals(
      parseContents(merged.text, "merged").records.get("t"),
      yielded ? theirs : ours,
      name,
    );
  }
});

Deno.test("mergeStates: other tasks are theirs; runs and parked hosts are of both", () => {
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
    mergeStates({ base: null, theirs, ours }, ["a", "unknown"], NOW).text,
    state(
      [at("a", 9, 9), at("b", 10, 10)],
      [runRecord("run-1", "2026-01-15T09:00:00Z"), runRecord("run-2", "2026-01-15T10:00:00Z")],
      { "x.example": "2026-01-15T15:00:00Z", "y.example": "2026-01-15T16:00:00Z" },
    ),
  );
  assertEquals(mergeStates({ base: null, theirs: null, ours }, ["a"], NOW), {
    text: ours,
    yielded: new Set<string>(),
  });
});

/** A state with runs, each with one result, and the number of evaluations of a day. */
function history(evaluations: number, ...runs: readonly string[]): string {
  const contents = emptyContents();
  for (const run of runs) {
    const record = runRecord(run, `2026-01-15T${run}:00:00Z`);
    contents.runs.set(run, { ...record, resultsKept: 1 });
    setEntry(contents.entries, "results", run, "t", { status: "failed", httpStatus: 404 });
    addDays(contents.days, [["2026-01-15", dayCountsOf(record)]]);
  }
  contents.days.set("2026-01-14", { evaluations, runs: 1, counts: { failed: 2 }, bytes: 10 });
  return printContents(contents);
}

Deno.test("mergeStates: runs of both sides are kept with their results, and days are added", () => {
  const texts = {
    base: history(5, "08", "09"),
    // Either side has removed the oldest run.
    theirs: history(7, "09", "10"),
    ours: history(6, "09", "11"),
  };
  const merged = parseContents(mergeStates(texts, ["t"], NOW).text, "merged");
  assertEquals([...merged.runs.keys()], ["11", "10", "09"]);
  assertEquals([...merged.entries.get("results")?.keys() ?? []].sort(), ["09", "10", "11"]);
  assertEquals(merged.days.get("2026-01-14"), {
    ...{ evaluations: 8, runs: 1, counts: { failed: 2 }, bytes: 10 },
  });
  const base = parseContents(mergeStates({ ...texts, base: null }, ["t"], NOW).text, "merged");
  assertEquals([...base.runs.keys()], ["11", "10", "09"]);
  const unchanged = mergeStates({ ...texts, ours: texts.base }, ["t"], NOW).text;
  assertEquals(parseContents(unchanged, "merged").days, parseContents(texts.theirs, "").days);
});

Deno.test("mergeStates: an unreadable state is not overwritten", () => {
  const error = assertThrows(
    () => mergeStates({ base: null, theirs: "<<<<<<< ours\n", ours: state([]) }, [], NOW),
    CronfetchError,
  );
  assertEquals(error.code, "state.unreadable");
});

/** A state with the record of `t`, published at an hour, and its members by key. */
function family(hour: number, members: Readonly<Record<string, number>>): string {
  const contents = emptyContents();
  contents.records.set("t", at("t", hour, hour));
  for (const [key, sizeBytes] of Object.entries(members)) {
    const { key: _, ...body } = member(key, { sizeBytes });
    setEntry(contents.entries, "members", "t", key, body);
  }
  return printContents(contents);
}

Deno.test("mergeStates: entries of both sides are kept; removals since the base are applied", () => {
  type Sizes = Readonly<Record<string, number>>;
  const table: [name: string, base: Sizes | null, theirs: Sizes, ours: Sizes, merged: Sizes][] = [
    ["both added", {}, { a: 1 }, { b: 1 }, { a: 1, b: 1 }],
    ["both added, without a base", null, { a: 1, b: 1 }, { b: 2, c: 1 }, { a: 1, b: 2, c: 1 }],
    ["ours removed", { a: 1, b: 1 }, { a: 1, b: 1 }, { b: 1 }, { b: 1 }],
    ["theirs removed", { a: 1, b: 1 }, { b: 1 }, { a: 1, b: 1 }, { b: 1 }],
    ["both removed", { a: 1 }, {}, {}, {}],
    ["ours changed", { a: 1 }, { a: 1 }, { a: 2 }, { a: 2 }],
    ["theirs changed", { a: 1 }, { a: 2 }, { a: 1 }, { a: 2 }],
    ["both changed", { a: 1 }, { a: 2 }, { a: 3 }, { a: 3 }],
    ["ours removed, theirs changed", { a: 1 }, { a: 2 }, {}, { a: 2 }],
    ["theirs removed, ours changed", { a: 1 }, {}, { a: 2 }, { a: 2 }],
  ];
  for (const [name, base, theirs, ours, expected] of table) {
    const texts = {
      base: base && family(8, base),
      theirs: family(8, theirs),
      ours: family(9, ours),
    };
    assertEquals(mergeStates(texts, ["t"], NOW).text, family(9, expected), name);
  }
});

Deno.test("mergeStates: a task with their record keeps their family", () => {
  const texts = {
    base: family(7, { a: 1, b: 1 }),
    theirs: family(10, { a: 1, b: 1, theirs: 1 }),
    ours: family(9, { b: 2, ours: 1 }),
  };
  assertEquals(mergeStates(texts, ["t"], NOW), {
    text: texts.theirs,
    yielded: new Set(["t"]),
  });
});

Deno.test("mergeStates: merges every collection with unchanged bodies; an unreadable base has no entries", () => {
  const body = { text: "ü", list: [1, { a: null }], nested: { b: 1, a: 2 } };
  const stateOf = (owner: string, hour: number) => {
    const contents = emptyContents();
    contents.records.set("t", at("t", hour, hour));
    for (const collection of COLLECTIONS) {
      setEntry(contents.entries, collection, owner, "1", BODIES[collection] ?? body);
    }
    return printContents(contents);
  };
  const texts = { base: "<<<<<<< ours\n", theirs: stateOf("x", 8), ours: stateOf("y", 9) };
  const { entries } = parseContents(mergeStates(texts, ["t"], NOW).text, "merged");
  assertEquals([...entries.keys()], [...COLLECTIONS]);
  for (const [collection, owners] of entries) {
    assertEquals([...owners.keys()], ["x", "y"], collection);
    assertEquals(owners.get("y")?.get("1"), BODIES[collection] ?? body);
  }
});

Deno.test("mergeStates: a pushed state of format 1 is merged with one of format 2", async () => {
  const pushed = await Deno.readTextFile(
    new URL("../fixtures/state/format_1.json", import.meta.url),
  );
  const texts = { base: pushed, theirs: pushed, ours: family(9, { a: 1 }) };
  const merged = parseContents(mergeStates(texts, ["t"], NOW).text, "merged");
  assertEquals(merged.records.size, 11);
  assertEquals([...merged.entries.get("members")?.keys() ?? []], ["t"]);
});
