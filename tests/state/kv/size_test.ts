/** Sizes of the entries of a `kv:` state: fields that are not stored, pages, and limits of commits. */

import { assert, assertEquals } from "@std/assert";
import { encode } from "../../../lib/state/kv/connection.ts";
import { readRecord } from "../../../lib/state/format.ts";
import { addOutcome } from "../../../lib/state/outcomes.ts";
import type { RecentResult, TaskRecord } from "../../../lib/state/state.ts";
import { temporaryFolder } from "../../helpers/folder.ts";
import { testHost } from "../../helpers/host.ts";
import { openState } from "../../helpers/open.ts";
import { ids, recentResult, record, validators } from "../samples.ts";

for (const id of ["a".repeat(140), "a".repeat(300), "a".repeat(990), "ä".repeat(490)]) {
  const bytes = new TextEncoder().encode(id).length;
  Deno.test(`kv: no commit exceeds the limit of keys, with ids of ${bytes} bytes`, async () => {
    await using folder = await temporaryFolder();
    await using state = await openState(`kv:${folder.file("state.db")}`, testHost());
    for (const task of ids(1_000, id)) state.save(record(task));
    await state.flush();
    assertEquals((await state.allRecords()).size, 1_000);
  });
}

/** The outcomes of daily runs that end within 15 seconds, all unchanged. */
function outcomesOf(days: number, last: string): string {
  let outcomes = "";
  let results: RecentResult[] = [];
  for (let day = days - 1; day >= 0; day--) {
    const at = Temporal.Instant.from(last).subtract({ hours: 24 * day, seconds: day * 7 % 15 });
    const added = { at: at.toString(), status: "unchanged", code: null } as const;
    outcomes = addOutcome({ outcomes, results }, added);
    results = [recentResult(added)];
  }
  return outcomes;
}

/** The record of a file with a URL of 120 characters that was created, then unchanged in 20 runs. */
function typicalRecord(task: string): TaskRecord {
  const unchanged = recentResult({
    run: "2026-01-15T12:00:00Z-abc123",
    at: "2026-01-15T12:00:00.123Z",
    since: "2026-01-01T12:00:00.123Z",
    times: 20,
    durationMs: 14,
    attempts: 1,
  });
  const at = "2025-12-31T12:00:00.123Z";
  const created: RecentResult = {
    ...{ ...unchanged, at, since: at, times: 1 },
    ...{ status: "created", httpStatus: 200, bytes: 16_384 },
  };
  const source = `https://files.example.org/${"a".repeat(94)}`;
  return record(task, {
    published: validators({ key: task, source, etag: '"6567a1b2-400000"', sizeBytes: 16_384 }),
    publishedAt: at,
    changedAt: at,
    lastRunAt: unchanged.at,
    lastSuccessAt: unchanged.at,
    results: [unchanged, created],
    outcomes: outcomesOf(50, unchanged.at),
  });
}

Deno.test("kv: four typical records fit a page of the database", async () => {
  await using folder = await temporaryFolder();
  const path = folder.file("state.db");
  {
    await using state = await openState(`kv:${path}`, testHost());
    for (let index = 0; index < 1_000; index++) {
      state.save(typicalRecord(`stations/measurements-${String(index).padStart(6, "0")}.csv`));
    }
  }
  const pages = (await Deno.stat(path)).size / 4_096;
  // 250 of records, and about 30 of the schema and inner nodes.
  assert(pages <= 285, `${pages} pages`);
});

Deno.test("kv: reads records with all fields, and without those that have their default", async () => {
  await using folder = await temporaryFolder();
  const path = folder.file("state.db");
  const whole = typicalRecord("whole");
  const { task: _, published, ...times } = whole;
  const [unchanged, created] = whole.results;
  {
    await using state = await openState(`kv:${path}`, testHost());
    state.save(record("other"));
  }
  {
    using kv = await Deno.openKv(path);
    const results = [
      { ...unchanged, code: undefined, message: undefined, bytes: undefined },
      { ...created, since: undefined, times: undefined, code: undefined, message: undefined },
    ];
    await kv.set(["cronfetch", "record", "whole"], encode({ ...times, published }));
    await kv.set(["cronfetch", "record", "short"], encode({ published, results }));
  }
  await using state = await openState(`kv:${path}`, testHost());
  const short = { ...whole, task: "short", outcomes: "" };
  assertEquals(
    await state.allRecords(),
    new Map([["short", short], ["whole", whole], ["other", record("other")]]),
  );
});

Deno.test("readRecord: the defaults of times follow from the results", () => {
  const at = "2026-01-14T12:00:00Z";
  const failed = {
    run: "run-1",
    at: "2026-01-15T12:00:00Z",
    status: "failed" as const,
    httpStatus: 500,
  };
  const updated = { run: "run-0", at, status: "updated" as const, httpStatus: 200, bytes: 3 };
  const stored = JSON.parse(JSON.stringify({ published: null, results: [failed, updated] }));
  const { lastRunAt, lastSuccessAt, publishedAt, results } = readRecord("a", stored);
  assertEquals([lastRunAt, lastSuccessAt, publishedAt], [failed.at, failed.at, at]);
  assertEquals(results.map(({ since, times, bytes }) => [since, times, bytes]), [
    [failed.at, 1, 0],
    [at, 1, 3],
  ]);
});
