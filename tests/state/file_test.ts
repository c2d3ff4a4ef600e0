import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { basename, dirname } from "@std/path";
import { CronfetchError } from "../../lib/core/errors.ts";
import { emptyContents } from "../../lib/state/driver.ts";
import { openFileDriver } from "../../lib/state/file.ts";
import { DEFAULT_HISTORY_MS } from "../../lib/state/history.ts";
import { openState } from "../helpers/open.ts";
import { temporaryFolder, tree } from "../helpers/folder.ts";
import { testHost } from "../helpers/host.ts";
import { sharingConformance, stateConformance } from "./conformance.ts";
import { assertRefused, type SharedPlace } from "./fixture.ts";
import { recentResult, record, runRecord, runResult } from "./samples.ts";

async function filePlace(): Promise<
  SharedPlace & { readonly path: string; readonly folder: string }
> {
  const folder = await temporaryFolder();
  const path = folder.file("state.json");
  return {
    path,
    folder: folder.path,
    location: `file:${path}`,
    open: (host, historyMs) => openState(`file:${path}`, host, historyMs),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

stateConformance("file", filePlace);
sharingConformance("file", filePlace);

const SNAPSHOT = `{
  "format": 2,
  "records": {
    "a": {
      "health": "unhealthy",
      "failures": 3,
      "failingSince": "2026-01-15T11:00:00Z",
      "retryAt": "2026-01-15T12:02:00Z",
      "lastRunAt": "2026-01-15T12:00:00Z",
      "lastSuccessAt": null,
      "published": null,
      "older": {"lastModified":"Wed, 14 Jan 2026 11:00:00 GMT","runs":2,"since":"2026-01-15T10:00:00Z"},
      "part": {"key":"a","source":"https://example.org/a","validator":"\\"1\\"","sizeBytes":1,"totalBytes":null,"draft":"d"},
      "results": []
    },
    "b": {
      "publishedAt": "2026-01-14T12:00:00Z",
      "published": {"key":"a.csv","source":"https://example.org/a.csv","etag":"\\"1\\"","lastModified":"Thu, 15 Jan 2026 11:00:00 GMT","sha256":"${
  "ab".repeat(32)
}","sizeBytes":3,"revision":"1768474800000"},
      "results": [
        {"run":"run-1","at":"2026-01-15T12:00:00Z","status":"unchanged","httpStatus":304},
        {"run":"run-0","at":"2026-01-15T12:00:00Z","status":"created","httpStatus":200,"bytes":3}
      ],
      "outcomes": "s2fA 86400 A http.status"
    }
  },
  "results": {
    "run-1": {
      "b": {"status":"failed","code":"http.status","message":"404 Not Found","httpStatus":404,"durationMs":14,"attempts":[{"code":"http.status","httpStatus":404}]},
      "c": {"status":"updated","httpStatus":200,"bytes":3,"sizeBytes":3,"previousSizeBytes":3,"durationMs":14,"attempts":[{"httpStatus":200}],"warnings":["lengthUnknown"]}
    }
  },
  "parked": {
    "a.example": "2026-01-15T13:00:00Z",
    "b.example": "2026-01-15T14:00:00Z"
  },
  "runs": [
    {"run":"run-1","startedAt":"2026-01-15T11:30:00Z","finishedAt":"2026-01-15T11:30:01Z","summary":{"counts":{"created":0,"updated":0,"unchanged":1,"skipped":0,"deferred":0,"failed":0,"cancelled":0},"bytes":0,"durationMs":1000,"exitCode":0},"trigger":"watch","tasks":3,"resultsKept":2},
    {"run":"run-0","startedAt":"2026-01-15T11:00:00Z","finishedAt":"2026-01-15T11:00:01Z","summary":{"counts":{"created":0,"updated":0,"unchanged":1,"skipped":0,"deferred":0,"failed":0,"cancelled":0},"bytes":0,"durationMs":1000,"exitCode":0}}
  ],
  "days": {
    "2026-01-15": {"runs":2,"counts":{"unchanged":2}}
  }
}
`;

Deno.test("file: the exact text, independent of the order of changes", async () => {
  await using place = await filePlace();
  const at = (text: string) => Temporal.Instant.from(text);
  {
    await using state = await place.open(testHost({ now: "2026-01-15T12:00:00Z" }));
    state.park("b.example", at("2026-01-15T14:00:00Z"));
    state.addRun(runRecord("run-0", "2026-01-15T11:00:00Z"));
    const results = [
      recentResult(),
      recentResult({ run: "run-0", status: "created", httpStatus: 200, bytes: 3 }),
    ];
    state.save(record("b", { results, outcomes: "s2fA 86400 A http.status" }));
    await state.flush();
    state.addRun({
      ...runRecord("run-1", "2026-01-15T11:30:00Z"),
      ...{ trigger: "watch", tasks: 3 } as const,
    }, [
      runResult("c", { warnings: ["lengthUnknown"] }),
      runResult("b", {
        ...{ status: "failed", code: "http.status", message: "404 Not Found" } as const,
        ...{ httpStatus: 404, bytes: 0, sizeBytes: null, previousSizeBytes: null },
        attempts: [{ code: "http.status", httpStatus: 404, delayMs: 0 }],
      }),
    ]);
    state.park("a.example", at("2026-01-15T13:00:00Z"));
    // The fields in another order, too.
    state.save({
      task: "a",
      results: [],
      part: {
        key: "a",
        draft: "d",
        totalBytes: null,
        sizeBytes: 1,
        validator: '"1"',
        source: "https://example.org/a",
      },
      health: "unhealthy",
      notBefore: null,
      retryAt: "2026-01-15T12:02:00Z",
      failingSince: "2026-01-15T11:00:00Z",
      older: {
        lastModified: "Wed, 14 Jan 2026 11:00:00 GMT",
        runs: 2,
        since: "2026-01-15T10:00:00Z",
      },
      failures: 3,
      lastSuccessAt: null,
      lastRunAt: "2026-01-15T12:00:00Z",
      publishedAt: null,
      outcomes: "",
      changedAt: null,
      published: null,
    });
  }
  assertEquals(await Deno.readTextFile(place.path), SNAPSHOT);
});

Deno.test("file: reads texts of the first versions, without revisions", async () => {
  await using at = await filePlace();
  const written = SNAPSHOT.replace('"revision":"1768474800000"', '"modifiedMs":1768474800000');
  await Deno.writeTextFile(at.path, written);
  await using state = await at.open(testHost());
  const published = (await state.allRecords()).get("b")?.published;
  assertEquals([published?.sizeBytes, published?.revision], [3, ""]);
});

Deno.test("file: nothing is written before the first change", async () => {
  await using place = await filePlace();
  {
    await using state = await place.open(testHost());
    assertEquals([state.location, state.durable], [place.location, true]);
    await state.allRecords();
  }
  assertEquals(await tree(place.folder), {});
});

Deno.test("file: a change without a difference is not written", async () => {
  await using place = await filePlace();
  for (const expected of [1, 1]) {
    await using state = await place.open(testHost());
    state.save(record("a"));
    await state.flush();
    assertEquals((await state.allRecords()).size, expected);
    // A replaced file would have today's time.
    await Deno.utime(place.path, 1_000_000_000, 1_000_000_000);
    state.save(record("a"));
  }
  const { mtime } = await Deno.stat(place.path);
  assertEquals(mtime?.getTime(), 1_000_000_000_000);
});

Deno.test("file: leases are in a companion file while they last", async () => {
  await using place = await filePlace();
  await using state = await place.open(testHost());
  await state.acquire(["a"], "one", 60_000);
  await state.acquire(["b"], "two", 60_000);
  assertEquals(Object.keys(await tree(place.folder)), [
    "state.json.leases",
    "state.json.run-one",
    "state.json.run-two",
  ]);
  state.save(record("a"));
  await state.release("one");
  await state.release("two");
  const files = await tree(place.folder);
  assertEquals(Object.keys(files), ["state.json"]);
});

Deno.test("file: creates the folder, and removes files of a crashed process", async () => {
  await using folder = await temporaryFolder();
  await Deno.mkdir(folder.file("deep"));
  await Deno.writeTextFile(folder.file("deep/state.json.new"), "half of it");
  for (const path of ["deep/state.json", "a/b/state.json"]) {
    await using state = await openState(`file:${folder.file(path)}`, testHost());
    state.save(record("a"));
    await state.flush();
  }
  assertEquals(Object.keys(await tree(folder.path)), [
    "a/b/state.json",
    "deep/state.json",
  ]);
});

Deno.test("file: waits for a lock, then reports it, and loses nothing", async () => {
  await using place = await filePlace();
  const host = testHost({ timers: "manual" });
  await using state = await place.open(host);
  state.save(record("a"));
  {
    using lock = await Deno.open(`${place.path}.lock`, { write: true, createNew: true });
    await lock.lock(true);
    const error = await assertRejects(() => state.flush(), CronfetchError);
    assertEquals(
      [error.code, error.message],
      ["state.locked", `writing the state ${place.location}: other processes keep changing it`],
    );
    assertEquals(host.slept.length, 7);
    await assertRejects(() => state.acquire(["a"], "run", 60_000), CronfetchError);
  }
  await state.flush();
  assertEquals(JSON.parse(await Deno.readTextFile(place.path)).records.a.results.length, 1);
});

Deno.test("file: reports a failed disk, and keeps the old file", async () => {
  await using place = await filePlace();
  const host = testHost({ timers: "manual" });
  const state = await place.open(host);
  state.save(record("a"));
  await state.flush();
  const before = await tree(place.folder);
  state.save(record("b"));
  // A folder that cannot be removed has the name of the temporary file.
  await Deno.mkdir(`${place.path}.new/full`, { recursive: true });
  const error = await assertRejects(() => state.flush(), CronfetchError);
  assertEquals(error.code, "store.failed");
  assertStringIncludes(error.message, `writing the state ${place.location}: `);
  assertEquals(await tree(place.folder), before);
  assertEquals((await state.allRecords()).size, 2);
  await Deno.remove(`${place.path}.new`, { recursive: true });
  await state[Symbol.asyncDispose]();
  await using later = await place.open(host);
  assertEquals((await later.allRecords()).size, 2);
});

Deno.test("file: a new text is flushed to the disk before it replaces the old one", async () => {
  await using place = await filePlace();
  await using state = await place.open(testHost({ timers: "manual" }));
  state.save(record("a"));
  const calls: string[] = [];
  {
    using _rename = spiedOn(Deno, "rename", (_from, to) => calls.push(`rename to ${basename(to)}`));
    using _sync = spiedOn(Deno.FsFile.prototype, "syncData", () => calls.push("syncData"));
    await state.flush();
  }
  assertEquals(calls, ["syncData", "rename to state.json"]);
});

/** Reports the arguments of each call of a method, until disposal. */
function spiedOn(
  target: object,
  name: string,
  report: (...args: string[]) => unknown,
): Disposable {
  const descriptor = Object.getOwnPropertyDescriptor(target, name) ?? {};
  const method: (...args: unknown[]) => unknown = Reflect.get(target, name);
  Object.defineProperty(target, name, {
    ...descriptor,
    value(this: unknown, ...args: unknown[]): unknown {
      report(...args.map(String));
      return Reflect.apply(method, this, args);
    },
  });
  return { [Symbol.dispose]: () => void Object.defineProperty(target, name, descriptor) };
}

Deno.test("file: a failed write is not treated as written", async () => {
  await using place = await filePlace();
  const driver = await openFileDriver(place.path, testHost());
  const changes = emptyContents();
  changes.records.set("a", record("a"));
  await driver.write(changes, DEFAULT_HISTORY_MS);
  changes.records.set("b", record("b"));
  await Deno.mkdir(`${place.path}.new/full`, { recursive: true });
  await assertRejects(() => driver.write(changes, DEFAULT_HISTORY_MS), CronfetchError);
  assertEquals([...(await driver.records(null)).keys()], ["a"]);
});

const BODY = record("a");

for (
  const [what, text, message] of [
    ["an empty file", "", "it is no JSON"],
    ["half a file", SNAPSHOT.slice(0, 500), "it is no JSON"],
    ["a conflict of git", SNAPSHOT.replace('  "runs', '<<<<<<< ours\n  "runs'), "a merge left"],
    ["a list", "[]", "it is no state of cronfetch"],
    ["another program's file", '{"a": 1}', "it is no state of cronfetch"],
    [
      "a newer format",
      SNAPSHOT.replace('"format": 2', '"format": 3'),
      "a newer cronfetch wrote it",
    ],
    ["no records", '{"format": 2}', "the list of records is damaged"],
    ["records in a list", '{"format": 2, "records": []}', "the list of records is damaged"],
    [
      "a record of another kind",
      holding({ ...BODY, failures: "3" }),
      'the record of "a" is damaged',
    ],
    ["a negative count", holding({ ...BODY, failures: -1 }), 'the record of "a" is damaged'],
    ["a field too few", holding({ ...BODY, results: undefined }), 'the record of "a" is damaged'],
    ["an impossible day", holding({ ...BODY, lastRunAt: "2026-02-30T00:00:00Z" }), 'record of "a"'],
    ["a time of no zone", holding({ ...BODY, lastRunAt: "2026-02-28T00:00:00+01:00" }), "damaged"],
    ["a host's time gone", SNAPSHOT.replace("2026-01-15T13:00", "soon"), 'of "a.example" is'],
    ["a run cut short", SNAPSHOT.replace('"exitCode":0', '"exitCode":null'), "the list of runs"],
  ] as const
) {
  Deno.test(`file: ${what} is refused and kept`, async () => {
    await using place = await filePlace();
    await Deno.writeTextFile(place.path, text);
    await assertRefused(place, message);
    assertEquals(await Deno.readTextFile(place.path), text);
  });
}

Deno.test("file: rejects and keeps bytes that are no text", async () => {
  await using place = await filePlace();
  const bytes = new Uint8Array([0x7b, 0xff, 0x7d]);
  await Deno.writeFile(place.path, bytes);
  await assertRefused(place, "it is not UTF-8");
  assertEquals(await Deno.readFile(place.path), bytes);
});

for (
  const [what, make, message] of [
    ["a folder", (path) => Deno.mkdir(path), "it is a folder"],
    ["a pipe", (path) => execute("mkfifo", path), "it is not a file"],
    ["a link to itself", (path) => execute("ln", "-s", path, path), "links form a loop"],
    [
      "a file in the place of its folder",
      async (path) => {
        await Deno.remove(dirname(path));
        await Deno.writeTextFile(dirname(path), "a\n");
      },
      "a folder of its path is a file; choose another path",
    ],
  ] as const satisfies readonly (readonly [string, (path: string) => Promise<void>, string])[]
) {
  Deno.test(`file: ${what} is state.unreadable`, async () => {
    await using folder = await temporaryFolder();
    const path = folder.file("deep/state.json");
    await Deno.mkdir(dirname(path));
    await make(path);
    const opening = () => openState(`file:${path}`, testHost());
    const error = await assertRejects(opening, CronfetchError);
    assertEquals(error.code, "state.unreadable");
    assertStringIncludes(`${error.message}; ${error.hint}`, message);
  });
}

async function execute(program: string, ...args: string[]): Promise<void> {
  assertEquals((await new Deno.Command(program, { args }).output()).code, 0);
}

Deno.test("file: a file damaged while it is open is not overwritten", async () => {
  await using place = await filePlace();
  const state = await place.open(testHost());
  state.save(record("a"));
  await Deno.writeTextFile(place.path, "broken");
  const error = await assertRejects(() => state.flush(), CronfetchError);
  assertEquals(error.code, "state.unreadable");
  assertEquals(await Deno.readTextFile(place.path), "broken");
  await Deno.remove(place.path);
  await state[Symbol.asyncDispose]();
  assertEquals(Object.keys(JSON.parse(await Deno.readTextFile(place.path)).records), ["a"]);
});

Deno.test("file: the error of damaged leases names their file", async () => {
  await using place = await filePlace();
  await using state = await place.open(testHost());
  for (const text of ["", "{}", '{"format":2,"leases":{"run":{"expiresMs":"1","tasks":[]}}}']) {
    await Deno.writeTextFile(`${place.path}.leases`, text);
    const error = await assertRejects(() => state.acquire(["a"], "run", 1), CronfetchError);
    assertEquals(error.code, "state.unreadable");
    assertStringIncludes(error.message, `${place.path}.leases`);
  }
});

/** A state file that holds one record. */
function holding(body: Record<string, unknown>): string {
  return JSON.stringify({ format: 2, records: { a: body }, parked: {}, runs: [] });
}
