import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { TASK_STATUSES, type TaskStatus, type Validators } from "../../lib/core/result.ts";
import {
  dueMemories,
  dueMemory,
  nextRecord,
  type RecordFacts,
  retryDelayMs,
} from "../../lib/state/record.ts";
import type { OlderRepresentation, PartRecord, TaskRecord } from "../../lib/state/state.ts";
import { recentResult, record, taskResult, validators } from "./samples.ts";

const AT = "2026-01-16T12:00:00Z";

function facts(change: Partial<RecordFacts> = {}): RecordFacts {
  const usual = { permanent: false, alertAfter: 3, unhealthyAfterMs: 60 * 60_000 };
  return { run: "run-2", at: AT, published: null, ...usual, ...change };
}

const PART: PartRecord = {
  key: "a.csv",
  source: "https://example.org/a.csv",
  validator: '"2"',
  sizeBytes: 100_000,
  totalBytes: 200_000,
  draft: "draft-1",
};

const OLDER: OlderRepresentation = {
  lastModified: "Wed, 14 Jan 2026 11:00:00 GMT",
  runs: 2,
  since: "2026-01-16T09:00:00Z",
};

/** A task that failed twice, was deferred then, and has a part. */
const TROUBLED = record("a", {
  failures: 2,
  failingSince: "2026-01-16T10:00:00Z",
  health: "failing",
  notBefore: "2026-01-16T11:00:00Z",
  retryAt: "2026-01-16T11:30:00Z",
  part: PART,
});

const CASES: readonly (readonly [
  name: string,
  previous: TaskRecord | null,
  status: TaskStatus,
  facts: Partial<RecordFacts>,
  expected: Partial<TaskRecord> | null,
])[] = [
  ["a first file", null, "created", { published: validators() }, {
    published: validators(),
    publishedAt: AT,
    lastRunAt: AT,
    lastSuccessAt: AT,
    failures: 0,
    health: "healthy",
  }],
  ["another file", record("a"), "updated", { published: validators({ etag: '"2"' }) }, {
    published: validators({ etag: '"2"' }),
    publishedAt: AT,
    lastSuccessAt: AT,
  }],
  ["the same file", record("a"), "unchanged", { published: validators({ etag: '"2"' }) }, {
    published: validators({ etag: '"2"' }),
    publishedAt: "2026-01-14T12:00:00Z",
    lastRunAt: AT,
    lastSuccessAt: AT,
  }],
  ["the same file, nothing new known", record("a"), "unchanged", {}, { published: validators() }],
  ["a success after trouble", TROUBLED, "unchanged", {}, {
    failures: 0,
    failingSince: null,
    health: "healthy",
    notBefore: null,
    retryAt: null,
    part: null,
    lastRunAt: AT,
    lastSuccessAt: AT,
  }],
  ["a first failure", record("a"), "failed", {}, {
    published: validators(),
    publishedAt: "2026-01-14T12:00:00Z",
    failures: 1,
    failingSince: AT,
    health: "failing",
    retryAt: "2026-01-16T12:01:00Z",
    lastRunAt: AT,
    lastSuccessAt: "2026-01-15T12:00:00Z",
  }],
  ["a failure too many", TROUBLED, "failed", {}, {
    failures: 3,
    failingSince: "2026-01-16T10:00:00Z",
    health: "unhealthy",
    notBefore: null,
    retryAt: "2026-01-16T12:04:00Z",
    part: PART,
  }],
  ["a permanent failure", record("a"), "failed", { permanent: true }, {
    failures: 1,
    retryAt: "2026-01-16T12:15:00Z",
  }],
  ["a failure too many within less than the time", TROUBLED, "failed", {
    unhealthyAfterMs: 2 * 60 * 60_000 + 1,
  }, { failures: 3, health: "failing" }],
  ["a failure too many after exactly the time", TROUBLED, "failed", {
    unhealthyAfterMs: 2 * 60 * 60_000,
  }, { failures: 3, health: "unhealthy" }],
  [
    "one failure too few, however long ago",
    record("a", {
      failures: 1,
      failingSince: "2025-01-16T12:00:00Z",
      health: "failing",
    }),
    "failed",
    {},
    { failures: 2, health: "failing" },
  ],
  ["a first failure that is one too many", null, "failed", {
    alertAfter: 1,
    unhealthyAfterMs: 0,
  }, {
    failures: 1,
    health: "unhealthy",
    published: null,
    lastSuccessAt: null,
  }],
  [
    "a failure once the alarm was given, with alertAfter raised",
    record("a", { failures: 3, health: "unhealthy" }),
    "failed",
    { alertAfter: 9 },
    { failures: 4, health: "unhealthy" },
  ],
  ["a failure in a streak whose start is unknown", record("a", { failures: 2 }), "failed", {}, {
    failures: 3,
    failingSince: AT,
  }],
  ["a deferral after an older representation", record("a", { older: OLDER }), "deferred", {}, {
    older: OLDER,
  }],
  ["an older representation", record("a"), "unchanged", { older: OLDER }, {
    older: OLDER,
    published: validators(),
  }],
  [
    "the published one after an older representation",
    record("a", { older: OLDER }),
    "unchanged",
    {},
    {
      older: null,
    },
  ],
  ["an update after an older representation", record("a", { older: OLDER }), "updated", {}, {
    older: null,
  }],
  ["a failure after an older representation", record("a", { older: OLDER }), "failed", {}, {
    older: OLDER,
  }],
  ["a failure with a part", record("a"), "failed", { part: PART }, { part: PART }],
  ["a failure whose part is gone", TROUBLED, "failed", { part: null }, { part: null }],
  ["a deferral", TROUBLED, "deferred", {}, {
    failures: 2,
    health: "failing",
    notBefore: "2026-01-16T13:00:00Z",
    retryAt: "2026-01-16T11:30:00Z",
    lastRunAt: "2026-01-15T12:00:00Z",
    lastSuccessAt: "2026-01-15T12:00:00Z",
    published: validators(),
    part: PART,
  }],
  ["a cancelled run", TROUBLED, "cancelled", { part: { ...PART, sizeBytes: 150_000 } }, {
    failures: 2,
    health: "failing",
    notBefore: "2026-01-16T11:00:00Z",
    retryAt: "2026-01-16T11:30:00Z",
    lastRunAt: "2026-01-15T12:00:00Z",
    published: validators(),
    part: { ...PART, sizeBytes: 150_000 },
  }],
  ["a task another run works on", TROUBLED, "skipped", {}, null],
  ["a new task another run works on", null, "skipped", {}, null],
];

Deno.test("nextRecord: by status", async (t) => {
  for (const [name, previous, status, change, expected] of CASES) {
    await t.step(name, () => {
      const deferral = status === "deferred" ? { notBefore: "2026-01-16T13:00:00Z" } : {};
      const next = nextRecord(previous, taskResult(status, deferral), facts(change));
      if (expected === null || next === null) return assertEquals(next, expected);
      assertEquals({ ...next, ...expected }, next);
      assertEquals(next.results[0]?.status, status);
    });
  }
});

Deno.test("nextRecord: records the result with its message, status and duration", () => {
  const result = taskResult("failed", {
    code: "http.status",
    message: "the server says 404",
    httpStatus: 404,
    bytes: 12,
  });
  assertEquals(nextRecord(null, result, facts())?.results, [{
    run: "run-2",
    at: AT,
    since: AT,
    times: 1,
    status: "failed",
    code: "http.status",
    message: "the server says 404",
    httpStatus: 404,
    bytes: 12,
    durationMs: 3,
    attempts: 1,
  }]);
});

Deno.test("nextRecord: changedAt is when the digest last changed", () => {
  const same = validators();
  const other = validators({ sha256: "cd".repeat(32) });
  const renamed = validators({ key: "b.csv" });
  const next = (last: TaskRecord | null, status: TaskStatus, published: Validators | null) =>
    nextRecord(last, taskResult(status), facts({ published }))?.changedAt;
  const known = record("a", { changedAt: "2026-01-10T12:00:00Z" });
  const table: [what: string, found: string | null | undefined, expected: string | null][] = [
    ["the first file", next(null, "created", same), AT],
    ["the first file, which was there already", next(null, "unchanged", null), AT],
    ["another digest", next(known, "updated", other), AT],
    ["no change", next(known, "unchanged", null), known.changedAt],
    ["other validators of the same bytes", next(known, "unchanged", same), known.changedAt],
    ["a removed file, published again", next(known, "created", same), known.changedAt],
    ["the same bytes under another name", next(known, "updated", renamed), known.changedAt],
    ["a failure", next(known, "failed", null), known.changedAt],
    ["never a file", next(null, "failed", null), null],
  ];
  for (const [what, found, expected] of table) assertEquals(found, expected, what);
});

Deno.test("nextRecord: keeps ten results; consecutive equal ones count as one", () => {
  let current: TaskRecord | null = null;
  const happens = (status: TaskStatus, minute: number, httpStatus: number) => {
    const at = Temporal.Instant.from(AT).add({ minutes: minute });
    const result = taskResult(status, { httpStatus, message: `minute ${minute}` });
    current = nextRecord(current, result, facts({ run: `run-${minute}`, at: at.toString() }));
    return current?.results ?? [];
  };
  happens("created", 0, 200);
  happens("unchanged", 1, 304);
  happens("unchanged", 2, 304);
  const results = happens("unchanged", 3, 304);
  assertEquals(results.map(({ status, times }) => [status, times]), [
    ["unchanged", 3],
    ["created", 1],
  ]);
  assertEquals(
    results[0],
    recentResult({
      run: "run-3",
      at: "2026-01-16T12:03:00Z",
      since: "2026-01-16T12:01:00Z",
      times: 3,
      message: "minute 3",
      durationMs: 3,
      attempts: 1,
      bytes: 3,
    }),
  );
  happens("updated", 4, 200);
  happens("updated", 5, 200);
  happens("failed", 6, 503);
  assertEquals(happens("failed", 7, 404).map(({ status, times }) => [status, times]), [
    ["failed", 1],
    ["failed", 1],
    ["updated", 1],
    ["updated", 1],
    ["unchanged", 3],
    ["created", 1],
  ]);
  for (let minute = 8; minute < 20; minute++) happens("updated", minute, 200);
  const last = happens("updated", 20, 200);
  assertEquals(last.map(({ run }) => run), Array.from({ length: 10 }, (_, i) => `run-${20 - i}`));
});

Deno.test("nextRecord: very long text is cut, or omitted if a cut would falsify it", () => {
  const url = `https://example.org/${"x".repeat(4000)}`;
  const header = "ü".repeat(1001);
  const whole = validators({ etag: '"1"', lastModified: "x" });
  const published = (change: Partial<typeof whole>) =>
    nextRecord(null, taskResult("created"), facts({ published: { ...whole, ...change } }))
      ?.published;
  assertEquals(published({ etag: header }), { ...whole, etag: null });
  assertEquals(published({ lastModified: header }), { ...whole, lastModified: null });
  assertEquals(published({ source: url }), null);
  assertEquals(published({ key: "x".repeat(2001) }), null);
  const part = (change: Partial<PartRecord>) =>
    nextRecord(null, taskResult("failed"), facts({ part: { ...PART, ...change } }))?.part;
  assertEquals(part({ source: url }), null);
  assertEquals(part({ validator: header }), null);
  assertEquals(part({ key: "x".repeat(2001) }), null);
  assertEquals(part({ draft: "x".repeat(2001) }), null);
  const message = `${"x".repeat(398)}🙂🙂`;
  const cut = nextRecord(null, taskResult("failed", { message }), facts())?.results[0]?.message;
  assertEquals(cut, `${"x".repeat(398)}\ufffd…`);
});

Deno.test("nextRecord: the largest record fits a value of Deno KV", () => {
  const header = "ü".repeat(1000);
  const source = "x".repeat(4000);
  const name = "字".repeat(2000);
  const published = validators({ key: name, source, etag: header, lastModified: header });
  const part = { ...PART, key: name, source, validator: header, draft: name };
  let current = nextRecord(null, taskResult("created"), facts({ published }));
  for (let index = 0; index < 10; index++) {
    const result = taskResult("failed", { message: "\0".repeat(9999), httpStatus: 500 + index });
    current = nextRecord(current, result, facts({ part }));
  }
  assertEquals([current?.published?.key, current?.part?.draft], [name, name]);
  const bytes = new TextEncoder().encode(JSON.stringify(current)).length;
  assert(bytes <= 65_536, `${bytes} bytes`);
});

Deno.test("property: nextRecord: the health depends on the results alone", () => {
  const statuses = fc.array(fc.constantFrom(...TASK_STATUSES), { maxLength: 30 });
  fc.assert(fc.property(statuses, fc.integer({ min: 1, max: 5 }), (all, alertAfter) => {
    let current: TaskRecord | null = null;
    let streak = 0;
    for (const status of all) {
      const next: TaskRecord | null = nextRecord(
        current,
        taskResult(status),
        facts({ alertAfter, unhealthyAfterMs: 0 }),
      );
      if (!next) continue;
      if (status === "failed") streak++;
      if (["created", "updated", "unchanged"].includes(status)) streak = 0;
      assertEquals(next.failures, streak);
      const health = streak === 0 ? "healthy" : streak < alertAfter ? "failing" : "unhealthy";
      assertEquals(next.health, health);
      current = next;
    }
  }));
});

Deno.test("row 132: retryDelayMs doubles from 1 minute, or 15 after a permanent failure, up to 6 h", () => {
  const minutes = (permanent: boolean, failures: readonly number[]) =>
    failures.map((count) => retryDelayMs(count, permanent) / 60_000);
  assertEquals(minutes(false, [1, 2, 3, 4, 9, 10, 2000]), [1, 2, 4, 8, 256, 360, 360]);
  assertEquals(minutes(true, [1, 2, 3, 4, 5, 6, 2000]), [15, 30, 60, 120, 240, 360, 360]);
});

Deno.test("dueMemory: the times of a record", () => {
  const notBefore = "2026-01-16T11:59:59Z";
  const retryAt = "2026-01-16T12:00:01Z";
  const memory = (change: Partial<TaskRecord> | undefined) => {
    const times = dueMemory(change && record("a", change));
    return [times.lastRunAt, times.notBefore, times.retryAt].map((time) =>
      time?.toString() ?? null
    );
  };
  assertEquals(memory(undefined), [null, null, null]);
  assertEquals(memory({}), ["2026-01-15T12:00:00Z", null, null]);
  assertEquals(memory({ notBefore, retryAt }), ["2026-01-15T12:00:00Z", notBefore, retryAt]);
});

Deno.test("dueMemories: read at once, and in batches for more than 10,000 tasks", async () => {
  for (
    const [count, batchSize, reads] of [[10_000, 500, 1], [10_001, 500, 21], [10_001, undefined, 1]]
  ) {
    const sizes: number[] = [];
    const state = {
      ...(batchSize === undefined ? {} : { batchSize }),
      records: (tasks: Iterable<string>) => {
        const wanted = [...tasks];
        sizes.push(wanted.length);
        const known = wanted.filter((id) => id !== "new");
        return Promise.resolve(new Map(known.map((id) => [id, record(id, { lastRunAt: AT })])));
      },
    };
    const tasks = Array.from({ length: count ?? 0 }, (_, index) => ({ id: `${index || "new"}` }));
    const memoryOf = await dueMemories(tasks, state);
    assertEquals(sizes.length, reads);
    assertEquals(sizes.reduce((sum, size) => sum + size), count);
    const lastRuns = [tasks[0], tasks.at(-1)].map((task) =>
      memoryOf(task as { id: string }).lastRunAt
    );
    assertEquals(lastRuns.map((at) => at?.toString()), [undefined, AT]);
  }
});
