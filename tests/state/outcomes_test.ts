import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { TASK_STATUSES } from "../../lib/core/result.ts";
import {
  addOutcome,
  type Outcome,
  OUTCOMES_KEPT,
  recentOutcomes,
} from "../../lib/state/outcomes.ts";
import type { TaskRecord } from "../../lib/state/state.ts";
import { recentResult } from "./samples.ts";

type OutcomeRecord = Pick<TaskRecord, "outcomes" | "results">;

const EMPTY: OutcomeRecord = { outcomes: "", results: [] };

/** A record to which outcomes were added, the first one first. */
function recordOf(outcomes: readonly Outcome[], record = EMPTY): OutcomeRecord {
  return outcomes.reduce((last, added) => ({
    results: [recentResult({ ...added, since: added.at }), ...last.results].slice(0, 10),
    outcomes: addOutcome(last, added),
  }), record);
}

function unchanged(at: string): Outcome {
  return { at, status: "unchanged", code: null };
}

Deno.test("recentOutcomes: the newest first, with exact times and codes", () => {
  const outcomes: Outcome[] = [
    unchanged("2026-01-13T12:00:00Z"),
    { at: "2026-01-14T12:00:07Z", status: "failed", code: "http.status" },
    { at: "2026-01-14T12:01:08Z", status: "failed", code: "net.reset" },
    { at: "2026-01-14T12:03:10Z", status: "failed", code: "http.status" },
    { at: "2026-01-15T12:00:01Z", status: "updated", code: null },
    // The clock was set back.
    unchanged("2025-12-31T23:59:59Z"),
  ];
  const record = recordOf(outcomes);
  assertEquals(recentOutcomes(record), outcomes.toReversed());
  assertEquals(record.outcomes, "sufBfAfBs -1252802 qo3xCxkoF5D00oF net.reset,http.status");
});

Deno.test("addOutcome: the newest 50 are kept, in whole seconds", () => {
  const start = Temporal.Instant.from("2026-01-15T12:00:00.987Z");
  const at = (hours: number) => start.add({ hours });
  const record = recordOf(
    Array.from({ length: 70 }, (_, hours) => unchanged(at(hours).toString())),
  );
  const times = recentOutcomes(record).map((outcome) => outcome.at);
  assertEquals(
    times,
    Array.from(
      { length: 50 },
      (_, index) => at(69 - index).round("second").subtract({ seconds: 1 }),
    )
      .map(String),
  );
});

Deno.test("addOutcome: 50 regular outcomes take 60 bytes, irregular ones 105", () => {
  const jitters: [longestS: number, mostBytes: number][] = [[0, 60], [7, 60], [300, 105]];
  for (const [longestS, mostBytes] of jitters) {
    const outcomes = Array.from({ length: 100 }, (_, day) => {
      const seconds = (day * 7919) % (longestS + 1);
      const at = Temporal.Instant.from("2026-01-15T06:00:00Z").add({ hours: 24 * day, seconds });
      return unchanged(at.toString());
    });
    const { outcomes: text } = recordOf(outcomes);
    assert(text.length <= mostBytes, `${longestS}: ${text.length} bytes: ${text}`);
  }
});

const anyOutcome: fc.Arbitrary<Outcome> = fc.record({
  at: fc.integer({ min: -(10 ** 10), max: 10 ** 11 })
    .map((seconds) => Temporal.Instant.fromEpochMilliseconds(seconds * 1000).toString()),
  status: fc.constantFrom(...TASK_STATUSES),
  code: fc.constantFrom(null, null, "http.status", "net.reset", "internal"),
});

Deno.test("property: addOutcome: any outcomes are read back unchanged", () => {
  fc.assert(fc.property(fc.array(anyOutcome, { maxLength: 120 }), (outcomes) => {
    assertEquals(
      recentOutcomes(recordOf(outcomes)),
      outcomes.toReversed().slice(0, OUTCOMES_KEPT),
    );
  }));
});

Deno.test("property: recentOutcomes, addOutcome: a damaged text throws nothing", () => {
  const text = fc.oneof(
    fc.string(),
    fc.stringMatching(/^[csukdfxA-C0-9]{0,20} -?[0-9]{0,20} [\w-]{0,80} [a-z.,]{0,9}$/),
  );
  fc.assert(fc.property(text, (damaged) => {
    const record = { outcomes: damaged, results: [recentResult()] };
    assert(recentOutcomes(record).length <= OUTCOMES_KEPT);
    const outcomes = addOutcome(record, unchanged("2026-01-15T12:00:00Z"));
    assert(recentOutcomes({ ...record, outcomes }).length <= OUTCOMES_KEPT);
  }));
});

Deno.test("addOutcome: of very many codes, the last 26 are kept", () => {
  const outcomes = Array.from({ length: 50 }, (_, minute): Outcome => ({
    at: `2026-01-15T12:${String(minute).padStart(2, "0")}:00Z`,
    status: "failed",
    code: `code.${minute}`,
  }));
  const codes = recentOutcomes(recordOf(outcomes)).map(({ code }) => code);
  assertEquals(codes.slice(0, 26), outcomes.slice(24).toReversed().map(({ code }) => code));
  assertEquals(new Set(codes.slice(26)), new Set([null]));
});

Deno.test("recentOutcomes: a record of an older version has those of its results", () => {
  const record = {
    outcomes: "",
    results: [
      recentResult({ at: "2026-01-15T12:00:00Z", since: "2026-01-10T12:00:00Z", times: 6 }),
      recentResult({ at: "2026-01-09T12:00:00Z", status: "failed", code: "net.reset" }),
    ],
  };
  const expected: Outcome[] = [
    unchanged("2026-01-15T12:00:00Z"),
    unchanged("2026-01-10T12:00:00Z"),
    { at: "2026-01-09T12:00:00Z", status: "failed", code: "net.reset" },
  ];
  assertEquals(recentOutcomes(record), expected);
  const added = recordOf([unchanged("2026-01-16T12:00:00Z")], record);
  assertEquals(recentOutcomes(added), [unchanged("2026-01-16T12:00:00Z"), ...expected]);
});
