import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { CronfetchError } from "../../../lib/core/errors.ts";
import { bufferedState } from "../../../lib/state/buffered.ts";
import type { StateHost } from "../../../lib/state/driver.ts";
import { kvDriver } from "../../../lib/state/kv/kv.ts";
import { encode, type Kv } from "../../../lib/state/kv/connection.ts";
import { openState } from "../../helpers/open.ts";
import { RunLocks } from "../../../lib/state/file_lock.ts";
import type { State } from "../../../lib/state/state.ts";
import { temporaryFolder, tree } from "../../helpers/folder.ts";
import { testHost } from "../../helpers/host.ts";
import { sharingConformance, stateConformance } from "../conformance.ts";
import { assertRefused, type SharedPlace, startProcess } from "../fixture.ts";
import { ids, record, runRecord, runResult } from "../samples.ts";

async function kvPlace(): Promise<SharedPlace & { readonly path: string }> {
  const folder = await temporaryFolder();
  const path = folder.file(".cronfetch/state.db");
  const location = `kv:${path}`;
  return {
    path,
    location,
    open: (host, historyMs) => openState(location, host, historyMs),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

stateConformance("kv", kvPlace);
sharingConformance("kv", kvPlace);

/** The observed and controlled commits of a database. */
interface Watched extends Kv {
  /** Mutations of each commit. */
  readonly commits: number[];
  /** Number of commits that fail, from the next one on. */
  failures: number;
  /** Awaited before each commit. */
  beforeCommit: () => Promise<void>;
}

/** A database in memory whose commits are counted, and fail on demand. */
async function watchedKv(failure = "database is locked"): Promise<Watched> {
  const kv = await Deno.openKv(":memory:");
  const watched: Watched = {
    commits: [],
    failures: 0,
    beforeCommit: () => Promise.resolve(),
    get: (key, options) => kv.get(key, options),
    getMany: (keys, options) => kv.getMany(keys, options),
    list: (selector, options) => kv.list(selector, options),
    close: () => kv.close(),
    atomic: () => {
      const atomic = kv.atomic();
      let mutations = 0;
      const counted = new Proxy(atomic, {
        get: (target, name) => {
          if (name === "check") {
            return (...checks: Deno.AtomicCheck[]) => (target.check(...checks), counted);
          }
          if (name !== "commit") {
            return (key: Deno.KvKey, value: unknown) => {
              mutations++;
              if (name === "set") target.set(key, value);
              else target.delete(key);
              return counted;
            };
          }
          return async () => {
            await watched.beforeCommit();
            if (watched.failures-- > 0) throw new TypeError(failure);
            watched.commits.push(mutations);
            return await target.commit();
          };
        },
      });
      return counted;
    },
  };
  return watched;
}

async function watchedState(kv: Kv, host: StateHost): Promise<State> {
  return bufferedState(await kvDriver(kv, "kv:", new RunLocks(null), host), host);
}

Deno.test("kv: creates the folder, and only the record of the check beside the database", async () => {
  await using folder = await temporaryFolder();
  {
    await using state = await openState(`kv:${folder.file("a/b/state.db")}`, testHost());
    assertEquals([state.location, state.durable], [`kv:${folder.file("a/b/state.db")}`, true]);
    state.save(record("a"));
  }
  assertEquals(Object.keys(await tree(folder.path)), ["a/b/state.db", "a/b/state.db.checked"]);
});

Deno.test("kv: 20,000 records are written in 40 commits", async () => {
  const kv = await watchedKv();
  await using state = await watchedState(kv, testHost({ timers: "manual" }));
  kv.commits.length = 0;
  for (const task of ids(20_000)) state.save(record(task));
  await state.flush();
  assertEquals(kv.commits, Array(40).fill(500));
});

Deno.test("kv: no commit exceeds the limits of the database", async () => {
  const kv = await watchedKv();
  await using state = await watchedState(kv, testHost({ timers: "manual" }));
  kv.commits.length = 0;
  const message = "\0".repeat(400);
  const results = Array.from({ length: 10 }, (_, index) => ({
    run: `${index}`,
    at: "2026-01-15T12:00:00Z",
    since: "2026-01-15T12:00:00Z",
    times: 1,
    status: "failed" as const,
    code: "net.reset",
    message,
    httpStatus: null,
    bytes: 0,
  }));
  for (const task of ids(100, "\0".repeat(990))) state.save(record(task, { results }));
  await state.flush();
  assertEquals(kv.commits.reduce((sum, mutations) => sum + mutations), 100);
  assertEquals((await state.allRecords()).size, 100);
});

Deno.test("kv: 100,000 leases are renewed by one write", async () => {
  const kv = await watchedKv();
  await using state = await watchedState(kv, testHost());
  assertEquals((await state.acquire(ids(100_000), "run", 60_000)).size, 100_000);
  kv.commits.length = 0;
  await state.renew("run", 60_000);
  assertEquals(kv.commits, [1]);
});

Deno.test("kv: a run that renews while another considers it crashed keeps its tasks", async () => {
  const host = testHost();
  const kv = await watchedKv();
  await using state = await watchedState(kv, host);
  await state.acquire(["a"], "slow", 60_000);
  await host.advance(59_999);
  const ahead = testHost({ now: host.clock.now().add({ milliseconds: 1 }).toString() });
  await using other = await watchedState({ ...kv, close: () => {} }, ahead);
  const answers: boolean[] = [];
  // Between reading the leases and the commit.
  kv.beforeCommit = async () => {
    kv.beforeCommit = () => Promise.resolve();
    answers.push(await state.renew("slow", 60_000));
  };
  assertEquals(await other.acquire(["a"], "other", 60_000), new Set());
  assertEquals(answers, [true]);
});

Deno.test("kv: a run whose tasks another leases during its renewal does not get them back", async () => {
  const host = testHost();
  const kv = await watchedKv();
  await using state = await watchedState(kv, host);
  await state.acquire(["a"], "slow", 60_000);
  await host.advance(59_999);
  const ahead = testHost({ now: host.clock.now().add({ milliseconds: 1 }).toString() });
  await using other = await watchedState({ ...kv, close: () => {} }, ahead);
  const granted: Set<string>[] = [];
  // Between reading the lease and the commit that extends it.
  kv.beforeCommit = async () => {
    kv.beforeCommit = () => Promise.resolve();
    granted.push(await other.acquire(["a"], "other", 60_000));
  };
  assertEquals(await state.renew("slow", 60_000), false);
  assertEquals(granted, [new Set(["a"])]);
  assertEquals(await other.renew("other", 60_000), true);
  assertEquals(await state.acquire(["a"], "slow", 60_000), new Set());
});

Deno.test("kv: retries a locked database, then reports it, and loses nothing", async () => {
  const kv = await watchedKv();
  const host = testHost({ timers: "manual" });
  await using state = await watchedState(kv, host);
  state.save(record("a"));
  kv.failures = 2;
  await state.flush();
  assertEquals(host.slept.length, 2);
  state.save(record("b"));
  kv.failures = 3;
  const error = await assertRejects(() => state.flush(), CronfetchError);
  assertEquals(
    [error.code, error.message],
    ["state.locked", "writing the state kv:: another process keeps it locked"],
  );
  assertEquals((await state.allRecords()).size, 2);
  await state.flush();
});

Deno.test("kv: reports other failures immediately", async () => {
  const kv = await watchedKv("database or disk is full");
  const host = testHost({ timers: "manual" });
  await using state = await watchedState(kv, host);
  state.save(record("a"));
  kv.failures = 1;
  const error = await assertRejects(() => state.flush(), CronfetchError);
  assertEquals([error.code, host.slept], ["store.full", []]);
});

Deno.test("kv: waits for a database that another process has locked", async () => {
  await using place = await kvPlace();
  const host = testHost({ timers: "manual" });
  await using onlooker = await place.open(host);
  const sleep = async (durationMs: number, signal: AbortSignal) => {
    await child[Symbol.asyncDispose]();
    await host.timers.sleep(durationMs, signal);
  };
  await using state = await place.open({ ...host, timers: { ...host.timers, sleep } });
  await using child = await startProcess("lock", place.path);
  state.save(record("a"));
  await state.flush();
  assertEquals(host.slept.length, 1);
  assertEquals((await onlooker.allRecords()).size, 1);
});

Deno.test("kv: gives up on a database that does not respond, and closes it once it does", async () => {
  const host = testHost({ timers: "manual" });
  const { promise: answer, resolve } = Promise.withResolvers<void>();
  const { promise: closed, resolve: close } = Promise.withResolvers<void>();
  const kv = await watchedKv();
  const silent: Kv = {
    ...kv,
    get: async (key, options) => {
      await answer;
      return await kv.get(key, options);
    },
    close: () => {
      kv.close();
      close();
    },
  };
  const opening = assertRejects(() => watchedState(silent, host), CronfetchError);
  await host.advance(10_000);
  assertEquals((await opening).code, "state.locked");
  resolve();
  await closed;
});

Deno.test("kv: rejects and keeps a file that is no database", async () => {
  await using place = await kvPlace();
  const content = "no database, but some other text\n".repeat(100);
  await Deno.mkdir(place.path.replace(/state\.db$/, ""));
  await Deno.writeTextFile(place.path, content);
  await assertRefused(
    place,
    "the file is not a database; move it away to start from scratch; published files are kept",
  );
  assertEquals(await Deno.readTextFile(place.path), content);
});

Deno.test("kv: rejects and keeps a damaged database", async () => {
  await using place = await kvPlace();
  {
    await using state = await place.open(testHost());
    for (const task of ids(100)) state.save(record(task));
  }
  const bytes = await Deno.readFile(place.path);
  bytes.fill(0x5a, 4096);
  await Deno.writeFile(place.path, bytes);
  await assertRefused(place, "the database is damaged (");
  assertEquals(await Deno.readFile(place.path), bytes);
});

for (
  const [what, value, message] of [
    [
      "a newer format",
      encode(3),
      "a newer cronfetch wrote it, in format 3; update cronfetch, or restore the copy from before",
    ],
    ["no format", encode("one"), 'the entry ["cronfetch","format"] is damaged'],
    ["an older format", encode(0), "it is no state of cronfetch"],
    ["a value of another program", 1, "the database is damaged (an entry is not JSON)"],
  ] as const
) {
  Deno.test(`kv: ${what} is refused and kept`, async () => {
    await using place = await kvPlace();
    await Deno.mkdir(place.path.replace(/state\.db$/, ""));
    using kv = await Deno.openKv(place.path);
    await kv.set(["cronfetch", "format"], value);
    await assertRefused(place, message);
    assertEquals((await kv.get(["cronfetch", "format"])).value, value);
  });
}

Deno.test("kv: the error of a damaged entry names its key", async () => {
  const kv = await Deno.openKv(":memory:");
  await using state = await watchedState(kv, testHost());
  for (
    const value of [encode({ ...record("a"), failures: -0.5 }), new Uint8Array([0xff]), "text"]
  ) {
    await kv.set(["cronfetch", "record", "a"], value);
    const error = await assertRejects(() => state.records(["a"]), CronfetchError);
    assertEquals(error.code, "state.unreadable");
    assertStringIncludes(error.message, 'the entry ["cronfetch","record","a"] is damaged');
  }
});

Deno.test("kv: a write that ends after any of its commits leaves no results without a run", async () => {
  const host = testHost({ now: "2026-01-15T12:00:00Z", timers: "manual" });
  for (let commits = 0;; commits++) {
    const kv = await Deno.openKv(":memory:");
    const state = await watchedState(kv, host);
    const open = kv.atomic.bind(kv);
    let left = commits;
    kv.atomic = () => {
      const operation = open();
      if (left-- > 0) return operation;
      operation.commit = () => Promise.reject(new Error("the process has ended"));
      return operation;
    };
    state.addRun(runRecord("run", host.clock.now().toString()), [runResult("a"), runResult("b")]);
    const isWritten = await state.flush().then(() => true, () => false);
    const count = async (name: string) =>
      (await Array.fromAsync(kv.list({ prefix: ["cronfetch", name] }))).length;
    const [runs, results] = [await count("run"), await count("results")];
    assertEquals(results > 0 && runs === 0, false, `${commits} commits`);
    kv.close();
    if (!isWritten) continue;
    assertEquals([runs, results, commits > 1], [1, 2, true]);
    break;
  }
});

Deno.test("kv: expired runs and hosts leave no entries", async () => {
  const host = testHost({ now: "2026-01-15T12:00:00Z" });
  const kv = await Deno.openKv(":memory:");
  await using state = await watchedState(kv, host);
  const start = host.clock.now();
  for (let index = 0; index < 1_005; index++) {
    state.addRun(runRecord(`run-${index}`, start.subtract({ minutes: index }).toString()));
  }
  state.park("a", start.add({ seconds: 1 }));
  await state.flush();
  await host.advance(1000);
  state.park("b", start.add({ seconds: 2 }));
  state.addRun(runRecord("newest", start.toString()));
  await state.flush();
  await state.acquire(ids(10), "run", 1000);
  await state.release("run");
  await state.acquire(ids(10), "dead", 1000);
  await host.advance(1000);
  await state.acquire([], "other", 1000);
  const names: Record<string, number> = {};
  for await (const { key } of kv.list({ prefix: ["cronfetch"] })) {
    names[String(key[1])] = (names[String(key[1])] ?? 0) + 1;
  }
  assertEquals(names, { day: 2, format: 1, parked: 1, run: 1_000, turn: 1 });
});
