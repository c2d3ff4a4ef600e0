/** States of format 1, as version 0.1 wrote them: `tests/fixtures/state/`. */

import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { dirname, fromFileUrl } from "@std/path";
import { CronfetchError } from "../../lib/core/errors.ts";
import { bufferedState } from "../../lib/state/buffered.ts";
import { RunLocks } from "../../lib/state/file_lock.ts";
import { isObject } from "../../lib/state/shape.ts";
import { kvDriver } from "../../lib/state/kv/kv.ts";
import type { Kv } from "../../lib/state/kv/connection.ts";
import { openState } from "../helpers/open.ts";
import type { State } from "../../lib/state/state.ts";
import { temporaryFolder, tree } from "../helpers/folder.ts";
import { testHost } from "../helpers/host.ts";
import { member, record, runRecord } from "./samples.ts";

const FIXTURES = new URL("../fixtures/state/", import.meta.url);
const NOW = "2026-01-15T13:00:00Z";

const FORMAT_1 = JSON.parse(await Deno.readTextFile(new URL("format_1.json", FIXTURES)));

/** When the present streak of failures of each failing task began. */
const FAILING_SINCE: Readonly<Record<string, string>> = {
  "failing": "2026-01-15T07:00:00Z",
  "unhealthy": "2026-01-15T07:00:00Z",
  "never published": "2026-01-15T07:00:00Z",
  "failing with a part": "2026-01-15T07:00:00Z",
  // Of 14 failures, 10 are recorded.
  "long failing": "2026-01-15T06:14:00Z",
};

/** What the fixtures hold, in the present format. */
const MIGRATED: ReadonlyMap<string, unknown> = new Map(
  Object.entries<Record<string, unknown>>(FORMAT_1.records).map(([task, body]) => {
    const { heldUntil, ...rest } = body;
    const added = {
      retryAt: heldUntil,
      failingSince: FAILING_SINCE[task] ?? null,
      older: null,
      changedAt: body.publishedAt,
      outcomes: "",
    };
    return [task, { task, ...rest, ...added }];
  }),
);

/** A copy of a fixture. */
interface Copy extends AsyncDisposable {
  readonly path: string;
  open(): Promise<State>;
  /** Its format. */
  format(): Promise<unknown>;
}

async function copyOf(name: "format_1.json" | "format_1.db"): Promise<Copy> {
  const folder = await temporaryFolder();
  const path = folder.file(name);
  await Deno.copyFile(fromFileUrl(new URL(name, FIXTURES)), path);
  const isFile = name === "format_1.json";
  return {
    path,
    open: () => openState(`${isFile ? "file" : "kv"}:${path}`, testHost({ now: NOW })),
    format: async () => {
      if (isFile) return JSON.parse(await Deno.readTextFile(path)).format;
      using kv = await Deno.openKv(path);
      const { value } = await kv.get<Uint8Array<ArrayBuffer>>(["cronfetch", "format"]);
      return JSON.parse(new TextDecoder().decode(value ?? new Uint8Array()));
    },
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

async function assertHoldsAll(state: State): Promise<void> {
  assertEquals(await state.records(["healthy"]), new Map([["healthy", MIGRATED.get("healthy")]]));
  assertEquals(await state.allRecords(), MIGRATED);
  assertEquals((await state.runs(10)).map(({ run }) => run), ["run-120", "run-60", "run-0"]);
  assertEquals(
    Object.fromEntries([...await state.parked()].map(([host, until]) => [host, `${until}`])),
    { "a.example": "2026-02-01T00:00:00Z", "b.example:8080": "2026-02-01T01:00:00Z" },
  );
  assertEquals(await state.members(MIGRATED.keys()), new Map());
}

Deno.test("the fixtures hold records of every health, parts, failures, parked hosts and runs", () => {
  const bodies = Object.values<Record<string, unknown>>(FORMAT_1.records);
  const kinds = new Set(bodies.map(({ health }) => health));
  assertEquals([FORMAT_1.format, MIGRATED.size], [1, 10]);
  assertEquals(kinds, new Set(["healthy", "failing", "unhealthy"]));
  for (const field of ["part", "heldUntil", "notBefore", "published"]) {
    assert(bodies.some((body) => body[field] !== null), field);
    assert(bodies.some((body) => body[field] === null), field);
  }
  assertEquals([FORMAT_1.runs.length, Object.keys(FORMAT_1.parked).length], [3, 2]);
});

for (const name of ["format_1.json", "format_1.db"] as const) {
  Deno.test(`${name}: reads everything, and reading and leasing write nothing`, async () => {
    await using copy = await copyOf(name);
    const before = await Deno.readFile(copy.path);
    {
      await using state = await copy.open();
      await assertHoldsAll(state);
      await state.acquire(["healthy"], "run", 60_000);
      await state.release("run");
    }
    assertEquals(await copy.format(), 1);
    if (name === "format_1.json") assertEquals(await Deno.readFile(copy.path), before);
  });

  Deno.test(`${name}: the first change makes it format 2, with nothing lost`, async () => {
    await using copy = await copyOf(name);
    const changed = record("healthy", { failures: 1, failingSince: "2026-01-15T12:00:00Z" });
    {
      await using state = await copy.open();
      state.save(changed);
      state.save(record("new"));
      state.saveMember("new", member("new.csv"));
      state.addRun(runRecord("run-new", "2026-01-15T12:30:00Z"));
    }
    assertEquals(await copy.format(), 2);
    await using state = await copy.open();
    const expected = new Map([...MIGRATED, ["healthy", changed], ["new", record("new")]]);
    assertEquals(await state.allRecords(), expected);
    assertEquals((await state.runs(10)).map(({ run }) => run), [
      "run-new",
      "run-120",
      "run-60",
      "run-0",
    ]);
    assertEquals((await state.parked()).size, 2);
    assertEquals(await state.members(["new"]), new Map([["new", [member("new.csv")]]]));
  });

  for (
    const [change, make] of [
      ["a member", (state) => state.saveMember("new", member("new.csv"))],
      ["a run", (state) => state.addRun(runRecord("run-new", "2026-01-15T12:30:00Z"))],
      ["a host", (state) => state.park("c", Temporal.Instant.from("2026-02-01T00:00:00Z"))],
    ] as const satisfies readonly (readonly [string, (state: State) => void])[]
  ) {
    Deno.test(`${name}: ${change} alone makes it format 2`, async () => {
      await using copy = await copyOf(name);
      {
        await using state = await copy.open();
        make(state);
      }
      assertEquals(await copy.format(), 2);
      await using state = await copy.open();
      assertEquals(await state.allRecords(), MIGRATED);
    });
  }

  Deno.test(`${name}: version 0.1 refuses format 2`, async () => {
    await using copy = await copyOf(name);
    {
      await using state = await copy.open();
      state.save(record("new"));
    }
    const format = await copy.format();
    assertThrows(() => checkFormat1(format), Error, "a newer cronfetch wrote it");
    checkFormat1(1);
  });
}

/** `checkFormat` of `lib/state/format.ts` as version 0.1 has it. */
function checkFormat1(format: unknown): void {
  const FORMAT = 1;
  if (format === FORMAT) return;
  const newer = Number.isSafeInteger(format) && Number(format) > FORMAT;
  throw new Error(newer ? "a newer cronfetch wrote it" : "it is no state of cronfetch");
}

Deno.test("format_1.json: the error of a damaged record names its task", async () => {
  await using copy = await copyOf("format_1.json");
  const broken = structuredClone(FORMAT_1);
  delete broken.records.failing.results;
  assert(isObject(broken.records.failing));
  await Deno.writeTextFile(copy.path, JSON.stringify(broken));
  const error = await copy.open().then(() => null, (thrown) => thrown);
  assert(error instanceof Error && error.message.includes('the record of "failing" is damaged'));
});

Deno.test("format_1.db: the migration keeps a copy in format 1 beside the database", async () => {
  await using copy = await copyOf("format_1.db");
  {
    await using state = await copy.open();
    await state.allRecords();
    assertEquals(await names(copy), ["format_1.db"]);
    state.save(record("new"));
    await state.flush();
    state.save(record("newer"));
  }
  await assertHasFormat1Beside(copy);
});

/** Calls of a database that wait: locks and reads of several connections then have an order. */
interface Gates {
  readonly get?: (key: Deno.KvKey) => Promise<void>;
  readonly commit: (work: () => Promise<unknown>) => Promise<void>;
}

async function openGated({ path }: Copy, gates: Gates): Promise<State> {
  const kv = await Deno.openKv(path);
  const gated: Kv = {
    get: async (key, options) => {
      await gates.get?.(key);
      return await kv.get(key, options);
    },
    getMany: (keys, options) => kv.getMany(keys, options),
    list: (selector, options) => kv.list(selector, options),
    atomic: () => {
      const operation = kv.atomic();
      const commit = operation.commit.bind(operation);
      operation.commit = async () => {
        const result = Promise.withResolvers<Awaited<ReturnType<typeof commit>>>();
        await gates.commit(() => commit().then(result.resolve, result.reject));
        return await result.promise;
      };
      return operation;
    },
    close: () => kv.close(),
  };
  const host = testHost({ now: NOW });
  return bufferedState(
    await kvDriver(gated, `kv:${path}`, new RunLocks(path), host, { path, digest: null }),
    host,
  );
}

/** Runs one commit after another, the first once `count` of them are requested. */
function commitsInTurn(count: number): Gates["commit"] {
  const all = Promise.withResolvers<void>();
  let requested = 0;
  let last = all.promise;
  return (work) => {
    if (++requested === count) all.resolve();
    return last = last.then(async () => void await work());
  };
}

Deno.test("format_1.db: states that migrate concurrently keep a copy in format 1, and all changes", async () => {
  await using copy = await copyOf("format_1.db");
  {
    await using stack = new AsyncDisposableStack();
    const states: State[] = [];
    const commit = commitsInTurn(4);
    for (let index = 0; index < 4; index++) {
      states.push(stack.use(await openGated(copy, { commit })));
    }
    for (const [index, state] of states.entries()) state.save(record(`new-${index}`));
    await Promise.all(states.map((state) => state.flush()));
  }
  {
    await using state = await copy.open();
    assertEquals((await state.allRecords()).size, MIGRATED.size + 4);
  }
  await assertHasFormat1Beside(copy);
});

Deno.test("format_1.db: a copy that another state's migration overtakes is discarded", async () => {
  await using copy = await copyOf("format_1.db");
  const copied = Promise.withResolvers<void>();
  const migrated = Promise.withResolvers<void>();
  const inTurn = commitsInTurn(1);
  let reads = 0;
  {
    await using first = await openGated(copy, {
      commit: async (work) => {
        await copied.promise;
        await inTurn(work);
        migrated.resolve();
      },
    });
    await using second = await openGated(copy, {
      // When it opens, before it copies, and after it has copied.
      get: async () => {
        if (++reads !== 3) return;
        copied.resolve();
        await migrated.promise;
      },
      commit: inTurn,
    });
    first.save(record("first"));
    const flushed = first.flush();
    second.save(record("second"));
    await second.flush();
    await flushed;
    assertEquals(reads, 3);
  }
  {
    await using state = await copy.open();
    assertEquals((await state.allRecords()).size, MIGRATED.size + 2);
  }
  await assertHasFormat1Beside(copy);
});

async function assertHasFormat1Beside(copy: Copy): Promise<void> {
  assertEquals(await names(copy), ["format_1.db", "format_1.db.format-1"]);
  await Deno.rename(`${copy.path}.format-1`, copy.path);
  assertEquals(await copy.format(), 1);
  await using state = await copy.open();
  await assertHoldsAll(state);
}

Deno.test("format_1.db: remains format 1 if the copy fails, and the changes are kept", async () => {
  await using copy = await copyOf("format_1.db");
  await Deno.mkdir(`${copy.path}.format-1/full`, { recursive: true });
  {
    await using state = await copy.open();
    state.save(record("new"));
    const error = await assertRejects(() => state.flush(), CronfetchError);
    assertEquals(error.code, "state.unreadable");
    assertStringIncludes(error.message, "before its migration: it is a folder");
    await Deno.remove(`${copy.path}.format-1`, { recursive: true });
  }
  assertEquals(await names(copy), ["format_1.db", "format_1.db.format-1"]);
  await using state = await copy.open();
  assertEquals((await state.allRecords()).size, MIGRATED.size + 1);
});

/** Names of the files in the folder of a copy. */
async function names({ path }: Copy): Promise<string[]> {
  return Object.keys(await tree(dirname(path))).filter((name) =>
    !/-(?:wal|shm)$|\.checked$/.test(name)
  );
}
