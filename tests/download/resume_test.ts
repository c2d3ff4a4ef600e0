import { assert, assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import { CronfetchError, ERROR_CODES, type ErrorCode, type Retry } from "../../lib/core/errors.ts";
import type { Task } from "../../lib/core/task.ts";
import {
  canResume,
  isPermanentResponse,
  leavesPartial,
  type Part,
  Parts,
  rangeHeaders,
  remainingBytes,
  strongValidator,
  unsatisfiedTotal,
} from "../../lib/download/resume.ts";
import { openMemory } from "../../lib/store/memory.ts";
import type { PartRecord } from "../../lib/state/state.ts";
import { DEFAULT_EXPECTATIONS, defaultTask } from "../helpers/task.ts";

const PART: Part = { sizeBytes: 100, totalBytes: 1000, validator: '"v1"' };

Deno.test("rows 123 and 124: strongValidator is a strong ETag, else a Last-Modified old enough", () => {
  const date = "Thu, 15 Jan 2026 12:00:00 GMT";
  const table: [headers: Record<string, string>, validator: string | null][] = [
    [{}, null],
    [{ etag: '"v1"' }, '"v1"'],
    [{ etag: 'W/"v1"' }, null],
    // A weak ETag overrides the dates.
    [{ etag: 'W/"v1"', "last-modified": "Wed, 14 Jan 2026 12:00:00 GMT", date }, null],
    // Row 123: for If-None-Match only.
    [{ etag: "v1" }, null],
    [{ etag: '"v1', "last-modified": "Wed, 14 Jan 2026 12:00:00 GMT", date }, null],
    [{ etag: '""', "last-modified": "Wed, 14 Jan 2026 12:00:00 GMT", date }, null],
    [{ "last-modified": "Thu, 15 Jan 2026 11:59:59 GMT", date }, "Thu, 15 Jan 2026 11:59:59 GMT"],
    [{ "last-modified": date, date }, null],
    [{ "last-modified": date }, null],
    [{ "last-modified": "lately", date }, null],
    // Row 124: not HTTP-dates, though Date.parse accepts them.
    [{ "last-modified": "12.5", date }, null],
    [{ "last-modified": "2026-01-14", date }, null],
    [{ "last-modified": "Wed, 14 Jan 2026 12:00:00 GMT", date: "2026-01-15T12:00:00Z" }, null],
    // Obsolete forms.
    [
      { "last-modified": "Wednesday, 14-Jan-26 12:00:00 GMT", date },
      "Wednesday, 14-Jan-26 12:00:00 GMT",
    ],
  ];
  for (const [headers, validator] of table) {
    assertEquals(
      strongValidator(new Headers(headers), () => Date.UTC(2026, 0, 15)),
      validator,
      JSON.stringify(headers),
    );
  }
});

Deno.test("row 125: canResume needs a usable validator or an expected digest", () => {
  const table: readonly (readonly [
    validator: string,
    conditional: boolean,
    sha256: Task["expect"]["sha256"],
    expected: boolean,
  ])[] = [
    ['"v1"', true, null, true],
    ['"v1"', true, "00", true],
    ['"v1"', false, null, false],
    ['"v1"', false, "00", true],
    ["", true, null, false],
    ["", true, "00", true],
    ["", false, null, false],
    ["", false, "00", true],
    ["", true, { url: "https://example.org/a.sha256", name: "a" }, true],
  ];
  for (const [validator, conditional, sha256, expected] of table) {
    const task = defaultTask("a", { conditional, expect: { ...DEFAULT_EXPECTATIONS, sha256 } });
    assertEquals(canResume(validator, task), expected, `${validator} ${conditional} ${sha256}`);
    const request = { method: "POST", body: null, contentType: null } as const;
    assertEquals(canResume(validator, { ...task, request }), false);
  }
});

Deno.test("rangeHeaders requests the rest on condition of the validator", () => {
  assertEquals(rangeHeaders(PART), { "range": "bytes=100-", "if-range": '"v1"' });
  assertEquals(rangeHeaders({ ...PART, validator: "" }), { "range": "bytes=100-" });
});

Deno.test("remainingBytes is null for any inconsistency", () => {
  const table: [name: string, part: Part, headers: Record<string, string>, rest: number | null][] =
    [
      ["the rest", PART, { "content-range": "bytes 100-999/1000" }, 900],
      ["the same ETag", PART, { "content-range": "bytes 100-999/1000", etag: '"v1"' }, 900],
      ["another ETag", PART, { "content-range": "bytes 100-999/1000", etag: '"v2"' }, null],
      ["row 47: another start", PART, { "content-range": "bytes 0-999/1000" }, null],
      ["row 47: a later start", PART, { "content-range": "bytes 101-999/1000" }, null],
      ["row 48: another total", PART, { "content-range": "bytes 100-1000/1001" }, null],
      ["no total", PART, { "content-range": "bytes 100-999/*" }, null],
      ["not up to the end", PART, { "content-range": "bytes 100-899/1000" }, null],
      ["no Content-Range", PART, {}, null],
      ["another unit", PART, { "content-range": "lines 100-999/1000" }, null],
      [
        "row 54: several ranges",
        PART,
        { "content-type": "multipart/byteranges; boundary=x" },
        null,
      ],
      [
        "row 53: the part is longer than the file",
        { ...PART, totalBytes: null },
        { "content-range": "bytes 100-49/50" },
        null,
      ],
      [
        "a total that was not known before",
        { ...PART, totalBytes: null },
        { "content-range": "bytes 100-999/1000" },
        900,
      ],
    ];
  for (const [name, part, headers, rest] of table) {
    assertEquals(remainingBytes(part, new Headers(headers)), rest, name);
  }
});

Deno.test("property: remainingBytes accepts only a range without gap or overlap", () => {
  const range = fc.tuple(fc.nat(2000), fc.nat(2000), fc.nat(2000));
  const part = fc.record({
    sizeBytes: fc.integer({ min: 1, max: 2000 }),
    totalBytes: fc.option(fc.nat(2000)),
    validator: fc.constant('"v1"'),
  });
  fc.assert(
    fc.property(part, range, (held, [start, end, total]) => {
      const headers = new Headers({ "content-range": `bytes ${start}-${end}/${total}` });
      const rest = remainingBytes(held, headers);
      if (rest === null) return;
      assertEquals(start, held.sizeBytes);
      assertEquals(held.sizeBytes + rest, total);
      assert(rest > 0);
      assert(held.totalBytes === null || held.totalBytes === total);
    }),
    { numRuns: 2000 },
  );
});

Deno.test("unsatisfiedTotal returns the size in a 416", () => {
  assertEquals(unsatisfiedTotal(new Headers({ "content-range": "bytes */1000" })), 1000);
  assertEquals(unsatisfiedTotal(new Headers({ "content-range": "bytes 0-1/2" })), null);
  assertEquals(unsatisfiedTotal(new Headers()), null);
});

/** An error with a code. */
function failure(code: ErrorCode, retry?: Retry): CronfetchError {
  return new CronfetchError(code, "it failed", retry && { retry });
}

Deno.test("isPermanentResponse: a response that the server would repeat", () => {
  const table: readonly (readonly [error: unknown, expected: boolean])[] = [
    [failure("http.status", "never"), true],
    [failure("http.status", "later"), false],
    [failure("http.protocol"), true],
    [failure("net.reset"), false],
    [failure("tls.untrusted"), false],
    [failure("redirect.loop"), false],
    [new TypeError("a bug"), false],
  ];
  for (const [error, expected] of table) {
    assertEquals(isPermanentResponse(error), expected, `${error}`);
  }
});

Deno.test("leavesPartial: only errors after which the received bytes are valid", () => {
  const good = ["body.truncated", "cancelled", "http.status"];
  for (const code of Object.keys(ERROR_CODES) as ErrorCode[]) {
    const expected = good.includes(code) || code.startsWith("timeout.");
    assertEquals(leavesPartial(failure(code)), expected, code);
  }
  assertEquals(leavesPartial(new TypeError("a bug")), false);
});

const SOURCE = "https://x.example/a";

const TASK = defaultTask("a");

/** A partial file, suspended in a store. */
async function suspendedPart(store: ReturnType<typeof openMemory>): Promise<PartRecord> {
  await using draft = await store.draft("a");
  await draft.write(new Uint8Array(100));
  const name = await draft.suspend();
  const about = { key: "a", source: SOURCE, validator: '"1"', sizeBytes: 100, totalBytes: 200 };
  return { ...about, draft: name };
}

Deno.test("Parts: a partial file that could not be opened is kept for the next run", async () => {
  await using store = openMemory();
  const remembered = await suspendedPart(store);
  const failure = new Error("interrupted");
  const { signal } = new AbortController();
  const parts = new Parts({
    store: { ...store, resume: () => Promise.reject(failure) },
    statCache: store.statCache([], signal),
    signal,
    task: TASK,
    recorded: remembered,
    durable: true,
  });
  assertEquals(await assertRejects(() => parts.resume(SOURCE)), failure);
  assertEquals(await parts.finish(false), remembered);
  const resumed = await store.resume("a", remembered.draft, signal);
  assertEquals(resumed?.draft.sizeBytes, 100);
  await resumed?.draft.discard();
});

Deno.test("Parts: a partial file of another source is dropped", async () => {
  await using store = openMemory();
  const remembered = await suspendedPart(store);
  const { signal } = new AbortController();
  const statCache = store.statCache([], signal);
  const parts = new Parts({
    store,
    statCache,
    signal,
    task: TASK,
    recorded: remembered,
    durable: true,
  });
  assertEquals(await parts.resume("https://mirror.example/a"), null);
  assertEquals(await parts.finish(false), null);
  assertEquals(await store.resume("a", remembered.draft, signal), null);
});

Deno.test("Parts: a partial file that cannot be resumed is dropped unread", async () => {
  await using store = openMemory();
  const remembered = await suspendedPart(store);
  const { signal } = new AbortController();
  let resumed = 0;
  const parts = new Parts({
    store: {
      ...store,
      resume: (...given) => {
        resumed++;
        return store.resume(...given);
      },
    },
    statCache: store.statCache([], signal),
    signal,
    task: { ...TASK, conditional: false },
    recorded: remembered,
    durable: true,
  });
  assertEquals([await parts.resume(SOURCE), resumed], [null, 0]);
  assertEquals(await parts.finish(false), null);
  assertEquals(await store.resume("a", remembered.draft, signal), null);
});
