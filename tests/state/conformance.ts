/** The conformance suite of all state drivers. */

import { assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { delay } from "@std/async";
import { fromFileUrl } from "@std/path";
import fc from "fast-check";
import { CronfetchError } from "../../lib/core/errors.ts";
import type { StateHost } from "../../lib/state/driver.ts";
import { openState } from "../helpers/open.ts";
import type { FamilyMember, State } from "../../lib/state/state.ts";
import { type TestHost, testHost } from "../helpers/host.ts";
import { anyMember, anyRecord, ids, member, record, runRecord } from "./samples.ts";

/** A place for a state. */
export interface Place extends AsyncDisposable {
  /** Opens the state. Several may be open at the same time. */
  open(host: StateHost): Promise<State>;
}

/** A place for a state that other processes can open as well. */
export interface SharedPlace extends Place {
  /** The location that they open. */
  readonly location: string;
}

/** Registers the tests of a driver; each has its own place. */
export function stateConformance(name: string, makePlace: () => Promise<Place>): void {
  const test = tester(name, makePlace);
  remembering(test);
  keepingMembers(test);
  leasing(test);
}

/** Registers the tests of a driver whose states survive a process. */
export function sharingConformance(name: string, makePlace: () => Promise<SharedPlace>): void {
  sharing(tester(name, makePlace));
}

type Test<P = Place> = (title: string, body: (place: P) => Promise<void>) => void;

function tester<P extends Place>(name: string, makePlace: () => Promise<P>): Test<P> {
  return (title, body) => {
    Deno.test(`${name}: ${title}`, async () => {
      await using place = await makePlace();
      await body(place);
    });
  };
}

const START = "2026-01-15T12:00:00Z";
const TTL_MS = 60_000;

function remembering(test: Test): void {
  test("a new state is empty", async (place) => {
    await using state = await place.open(testHost());
    assertEquals(await state.records(["a", ""]), new Map());
    assertEquals(await state.allRecords(), new Map());
    assertEquals(await state.parked(), new Map());
    assertEquals(await state.runs(10), []);
    await state.flush();
  });

  test("save: visible immediately, to other states after a flush, and after reopening", async (place) => {
    const host = testHost({ timers: "manual" });
    const first = record("a", { failures: 1 });
    const second = record("a", { failures: 2 });
    const other = record("b");
    {
      await using state = await place.open(host);
      await using onlooker = await place.open(host);
      state.save(first);
      state.save(other);
      assertEquals(await state.records(["a"]), new Map([["a", first]]));
      await state.flush();
      assertEquals(await onlooker.records(["a"]), new Map([["a", first]]));
      state.save(second);
      assertEquals(await state.records(["a", "c"]), new Map([["a", second]]));
      assertEquals(await onlooker.records(["a"]), new Map([["a", first]]));
    }
    await using state = await place.open(host);
    assertEquals(sorted(await state.allRecords()), [["a", second], ["b", other]]);
  });

  test("save: written without a flush, after a second", async (place) => {
    const host = testHost({ timers: "manual" });
    await using state = await place.open(host);
    await using onlooker = await place.open(host);
    state.save(record("a"));
    await host.advance(999);
    assertEquals((await onlooker.allRecords()).size, 0);
    await host.advance(1);
    await state.flush();
    assertEquals((await onlooker.allRecords()).size, 1);
  });

  test("property: save: any record is read back unchanged", async (place) => {
    const host = testHost({ timers: "manual" });
    await fc.assert(
      fc.asyncProperty(fc.array(anyRecord, { minLength: 1, maxLength: 5 }), async (records) => {
        const expected = new Map(records.map((one) => [one.task, one]));
        {
          await using state = await place.open(host);
          for (const one of records) state.save(one);
        }
        await using state = await place.open(host);
        assertEquals(sorted(await state.records(expected.keys())), sorted(expected));
      }),
      { numRuns: 25 },
    );
  });

  test("records: 20,000, and some of them", async (place) => {
    const host = testHost({ timers: "manual" });
    const tasks = ids(20_000);
    {
      await using state = await place.open(host);
      for (const task of tasks) state.save(record(task));
    }
    await using state = await place.open(host);
    assertEquals((await state.records(tasks)).size, 20_000);
    assertEquals((await state.allRecords()).size, 20_000);
    for (const wanted of [1, 11, 501]) {
      const some = [...tasks.slice(0, wanted), "unknown"];
      assertEquals([...(await state.records(some)).keys()].sort(), tasks.slice(0, wanted).sort());
    }
  });

  test("save: an id of 1,000 bytes is accepted, longer or malformed ones are rejected", async (place) => {
    await using state = await place.open(testHost());
    const most = ["x".repeat(1000), "\0".repeat(1000), "ü".repeat(500)];
    for (const task of most) state.save(record(task));
    await state.acquire(most, "run", TTL_MS);
    await state.flush();
    assertEquals((await state.records(most)).size, 3);
    for (const task of ["x".repeat(1001), "ü".repeat(501), "\ud800"]) {
      const error = assertThrows(() => state.save(record(task)), CronfetchError);
      assertEquals(error.code, "config.invalid");
      await assertRejects(() => state.records([task]), CronfetchError);
      await assertRejects(() => state.acquire([task], "run", TTL_MS), CronfetchError);
    }
  });

  test("park: a host is parked until its time", async (place) => {
    const host = testHost({ now: START });
    const at = (seconds: number) => Temporal.Instant.from(START).add({ seconds });
    {
      await using state = await place.open(host);
      state.park("a.example", at(100));
      state.park("b.example:8080", at(10));
      state.park("c.example", at(0));
      assertEquals(sorted(await state.parked()), [
        ["a.example", at(100)],
        ["b.example:8080", at(10)],
      ]);
    }
    {
      await using state = await place.open(host);
      state.park("a.example", at(20));
      assertEquals(sorted(await state.parked()), [["a.example", at(20)], [
        "b.example:8080",
        at(10),
      ]]);
    }
    await host.advance(10_000);
    await using state = await place.open(host);
    assertEquals(sorted(await state.parked()), [["a.example", at(20)]]);
  });

  test("addRun: the newest 100 runs of 90 days are kept", async (place) => {
    const host = testHost({ now: START });
    const start = Temporal.Instant.from(START);
    const run = (hours: number) => runRecord(`run-${hours}`, start.subtract({ hours }).toString());
    {
      await using state = await place.open(host);
      for (const hours of [1, 0, 24 * 90, 24 * 90 + 1]) state.addRun(run(hours));
      assertEquals(await state.runs(10), [run(0), run(1), run(24 * 90)]);
    }
    {
      await using state = await place.open(host);
      assertEquals(await state.runs(2), [run(0), run(1)]);
      for (let hours = 2; hours < 110; hours++) state.addRun(run(hours));
    }
    await using state = await place.open(host);
    assertEquals(await state.runs(1000), Array.from({ length: 100 }, (_, hours) => run(hours)));
    await host.advance(24 * 90 * 3_600_000);
    assertEquals(await state.runs(1000), [run(0)]);
  });

  test("addRun: the same run again replaces the first", async (place) => {
    await using state = await place.open(testHost({ now: START }));
    state.addRun(runRecord("run", "2026-01-15T11:00:00Z"));
    await state.flush();
    state.addRun(runRecord("run", "2026-01-15T11:30:00Z"));
    await state.flush();
    assertEquals((await state.runs(9)).map((run) => run.startedAt), ["2026-01-15T11:30:00Z"]);
  });

  test("save: two states that write concurrently lose nothing", async (place) => {
    const host = realSleeps(testHost({ timers: "manual", now: START }));
    {
      await using one = await place.open(host);
      await using two = await place.open(host);
      for (const [index, state] of [one, two].entries()) {
        for (const task of ids(600, `${index}-`)) state.save(record(task));
        state.addRun(runRecord(`run-${index}`, START));
        state.park(`host-${index}`, Temporal.Instant.from("2026-02-01T00:00:00Z"));
      }
      await Promise.all([one.flush(), two.flush()]);
    }
    await using state = await place.open(host);
    assertEquals((await state.allRecords()).size, 1200);
    assertEquals((await state.runs(10)).length, 2);
    assertEquals((await state.parked()).size, 2);
  });
}

function keepingMembers(test: Test): void {
  test("members: a state has none at first, and removing one of them changes nothing", async (place) => {
    await using state = await place.open(testHost());
    state.removeMember("a", "a.csv");
    await state.flush();
    assertEquals(await state.members(["a", ""]), new Map());
  });

  test("members: read back immediately, by other states after a flush, and after reopening, sorted by key", async (place) => {
    const host = testHost({ timers: "manual" });
    const claimed = member("c.csv", { sha256: null, sizeBytes: 0, publishedAt: null });
    const published = member("c.csv", { sizeBytes: 5 });
    const version = member("b.csv", { kind: "version" });
    const family = (...all: FamilyMember[]) => new Map([["a", all]]);
    {
      await using state = await place.open(host);
      await using onlooker = await place.open(host);
      state.saveMember("a", claimed);
      state.saveMember("a", version);
      state.saveMember("b", member("a.csv", { kind: "refused" }));
      assertEquals(await state.members(["a", "c"]), family(version, claimed));
      assertEquals(await onlooker.members(["a"]), new Map());
      await state.flush();
      assertEquals(await onlooker.members(["a"]), family(version, claimed));
      state.saveMember("a", published);
      assertEquals(await state.members(["a"]), family(version, published));
      assertEquals(await onlooker.members(["a"]), family(version, claimed));
    }
    await using state = await place.open(host);
    assertEquals(await state.members(["a"]), family(version, published));
    assertEquals((await state.members(["b", "a"])).get("b")?.map(({ key }) => key), ["a.csv"]);
    assertEquals(await state.allRecords(), new Map());
  });

  test("a removed member is missing at once, after a flush and after reopening, and may return", async (place) => {
    const host = testHost({ timers: "manual" });
    {
      await using state = await place.open(host);
      for (const key of ["a", "b", "c"]) state.saveMember("a", member(key));
      state.removeMember("a", "a");
      await state.flush();
      assertEquals((await state.members(["a"])).get("a")?.map(({ key }) => key), ["b", "c"]);
      state.removeMember("a", "b");
      assertEquals((await state.members(["a"])).get("a")?.map(({ key }) => key), ["c"]);
      state.removeMember("a", "c");
      assertEquals(await state.members(["a"]), new Map());
      await state.flush();
      assertEquals(await state.members(["a"]), new Map());
      state.saveMember("a", member("b"));
    }
    await using state = await place.open(host);
    assertEquals(await state.members(["a"]), new Map([["a", [member("b")]]]));
  });

  test("any members come back as they were", async (place) => {
    const host = testHost({ timers: "manual" });
    const families = fc.dictionary(
      fc.oneof(fc.string(), fc.constant("__proto__")),
      fc.uniqueArray(anyMember, { selector: ({ key }) => key, minLength: 1, maxLength: 5 }),
      { minKeys: 1, maxKeys: 4, noNullPrototype: false },
    );
    await fc.assert(
      fc.asyncProperty(families, async (all) => {
        {
          await using state = await place.open(host);
          const tasks = Object.keys(all);
          for (const [task, members] of await state.members(tasks)) {
            for (const { key } of members) state.removeMember(task, key);
          }
          for (const [task, members] of Object.entries(all)) {
            for (const one of members) state.saveMember(task, one);
          }
        }
        await using state = await place.open(host);
        const expected = new Map(
          Object.entries(all).map(([task, members]) => [
            task,
            members.toSorted((a, b) => a.key < b.key ? -1 : 1),
          ]),
        );
        assertEquals(await state.members(expected.keys()), expected);
      }),
      { numRuns: 25 },
    );
  });

  test("20,000 members of 1,000 families, and some of them", async (place) => {
    const host = testHost({ timers: "manual" });
    const tasks = ids(1_000);
    {
      await using state = await place.open(host);
      for (const task of tasks) {
        for (const key of ids(20, "key-")) state.saveMember(task, member(key));
      }
    }
    await using state = await place.open(host);
    for (const wanted of [1, 100, 101, 1_000]) {
      const families = await state.members([...tasks.slice(0, wanted), "unknown"]);
      assertEquals([...families.keys()].sort(), tasks.slice(0, wanted).sort());
      assertEquals([...families.values()].every((members) => members.length === 20), true);
    }
  });

  test("a key of 1,024 bytes fits beside an id of 1,000; longer and malformed ones are refused", async (place) => {
    const host = testHost({ timers: "manual" });
    const tasks = ["x".repeat(1000), "\0".repeat(1000), "ü".repeat(500)];
    // Two of them differ in their last letter only.
    const keys = ["y".repeat(1024), `${"y".repeat(1023)}z`, "\0".repeat(1024), "字".repeat(341)];
    const expected = keys.toSorted().map((key) => member(key));
    {
      await using state = await place.open(host);
      for (const task of tasks) for (const key of keys) state.saveMember(task, member(key));
    }
    {
      await using state = await place.open(host);
      const families = await state.members([...tasks, "x", "\0".repeat(999)]);
      assertEquals(sorted(families), sorted(new Map(tasks.map((task) => [task, expected]))));
      for (const task of tasks) state.removeMember(task, keys[2] ?? "");
      for (const key of ["y".repeat(1025), "ü".repeat(513), "\ud800"]) {
        const error = assertThrows(() => state.saveMember("a", member(key)), CronfetchError);
        assertEquals(error.code, "config.invalid");
        assertThrows(() => state.removeMember("a", key), CronfetchError);
      }
      assertThrows(() => state.saveMember("x".repeat(1001), member("a")), CronfetchError);
      await assertRejects(() => state.members(["x".repeat(1001)]), CronfetchError);
    }
    await using state = await place.open(host);
    const left = expected.filter(({ key }) => key !== keys[2]);
    assertEquals(sorted(await state.members(tasks)), sorted(new Map(tasks.map((t) => [t, left]))));
  });

  test("members: two states that write one family concurrently lose nothing", async (place) => {
    const host = realSleeps(testHost({ timers: "manual" }));
    {
      await using one = await place.open(host);
      await using two = await place.open(host);
      for (const [index, state] of [one, two].entries()) {
        for (const key of ids(300, `${index}-`)) state.saveMember("a", member(key));
      }
      await Promise.all([one.flush(), two.flush()]);
    }
    await using state = await place.open(host);
    assertEquals((await state.members(["a"])).get("a")?.length, 600);
  });
}

function leasing(test: Test): void {
  test("acquire: of two runs one leases a task, the other does not", async (place) => {
    const host = testHost();
    await using first = await place.open(host);
    await using second = await place.open(host);
    assertEquals(await first.acquire(["a", "b"], "one", TTL_MS), new Set(["a", "b"]));
    assertEquals(await second.acquire(["b", "c"], "two", TTL_MS), new Set(["c"]));
    assertEquals(await second.acquire(["a", "b"], "two", TTL_MS), new Set());
    assertEquals(await first.acquire(["b", "c", "d"], "one", TTL_MS), new Set(["b", "d"]));
  });

  test("release: ends the leases of the run, and no others", async (place) => {
    await using state = await place.open(testHost());
    await state.acquire(["a"], "one", TTL_MS);
    await state.acquire(["b"], "one", TTL_MS);
    await state.acquire(["c"], "two", TTL_MS);
    await state.release("one");
    assertEquals(await state.acquire(["a", "b", "c"], "three", TTL_MS), new Set(["a", "b"]));
    assertEquals(await state.renew("one", TTL_MS), false);
    assertEquals(await state.renew("two", TTL_MS), true);
    await state.release("unknown");
  });

  test("release: writes the records first", async (place) => {
    const host = testHost({ timers: "manual" });
    await using state = await place.open(host);
    await using next = await place.open(host);
    await state.acquire(["a"], "one", TTL_MS);
    state.save(record("a"));
    await state.release("one");
    assertEquals(await next.acquire(["a"], "two", TTL_MS), new Set(["a"]));
    assertEquals((await next.records(["a"])).size, 1);
  });

  test("row 86: acquire: a lease that is not renewed expires, to the millisecond", async (place) => {
    const host = testHost();
    await using stalled = await place.open(host);
    await stalled.acquire(ids(3), "stalled", TTL_MS);
    await using state = await place.open(host);
    await host.advance(TTL_MS - 1);
    assertEquals(await state.acquire(ids(3), "heir", TTL_MS), new Set());
    await host.advance(1);
    assertEquals(await state.acquire(ids(3), "heir", TTL_MS), new Set(ids(3)));
  });

  test("renew: extends the lease of all its tasks", async (place) => {
    const host = testHost();
    await using state = await place.open(host);
    await state.acquire(["a"], "run", TTL_MS);
    await state.acquire(["b"], "run", TTL_MS);
    for (let minute = 0; minute < 3; minute++) {
      await host.advance(TTL_MS - 1);
      assertEquals(await state.renew("run", TTL_MS), true);
    }
    await host.advance(TTL_MS - 1);
    assertEquals(await state.acquire(["a", "b"], "other", TTL_MS), new Set());
    await host.advance(1);
    assertEquals(await state.acquire(["a", "b"], "other", TTL_MS), new Set(["a", "b"]));
  });

  test("acquire: more tasks extend the lease of the others", async (place) => {
    const host = testHost();
    await using state = await place.open(host);
    await state.acquire(["a"], "run", TTL_MS);
    await host.advance(TTL_MS - 1);
    await state.acquire(["a"], "run", TTL_MS);
    await host.advance(TTL_MS - 1);
    assertEquals(await state.acquire(["a"], "other", TTL_MS), new Set());
  });

  test("renew: an expired lease cannot be renewed, but acquired again", async (place) => {
    const host = testHost();
    await using state = await place.open(host);
    await state.acquire(["a", "b"], "slow", TTL_MS);
    await host.advance(TTL_MS);
    assertEquals(await state.renew("slow", TTL_MS), false);
    assertEquals(await state.acquire(["a"], "other", TTL_MS), new Set(["a"]));
    assertEquals(await state.renew("slow", TTL_MS), false);
    assertEquals(await state.acquire(["a", "b"], "slow", TTL_MS), new Set(["b"]));
    assertEquals(await state.renew("slow", TTL_MS), true);
  });

  test("acquire: tasks taken from a crashed run stay taken if the clock is set back", async (place) => {
    const host = testHost();
    await using state = await place.open(host);
    await state.acquire(["a"], "slow", TTL_MS);
    await host.advance(TTL_MS);
    await state.acquire(["a"], "other", TTL_MS);
    host.jump(-TTL_MS);
    assertEquals(await state.renew("slow", TTL_MS), false);
    assertEquals(await state.acquire(["a"], "slow", TTL_MS), new Set());
    assertEquals(await state.renew("other", TTL_MS), true);
  });

  test("acquire: 20,000 leases", async (place) => {
    const host = testHost();
    await using state = await place.open(host);
    const tasks = ids(20_000, "a-task-with-a-name-of-usual-length-");
    assertEquals((await state.acquire(tasks, "one", TTL_MS)).size, 20_000);
    assertEquals(await state.acquire(tasks, "two", TTL_MS), new Set());
    assertEquals(await state.renew("one", TTL_MS), true);
    await state.release("one");
    assertEquals((await state.acquire(tasks, "two", TTL_MS)).size, 20_000);
  });

  test("row 86: acquire: concurrent runs lease each task once", async (place) => {
    const host = realSleeps(testHost());
    const tasks = ids(2_000, "x".repeat(900));
    const runs = ids(4, "run-");
    await using stack = new AsyncDisposableStack();
    const states: State[] = [];
    for (const _ of runs) states.push(stack.use(await place.open(host)));
    const got = await Promise.all(
      states.map((state, index) => state.acquire(tasks, `run-${index}`, TTL_MS)),
    );
    assertEquals(got.reduce((sum, { size }) => sum + size, 0), tasks.length);
    assertEquals(got.reduce((all, some) => all.union(some)).size, tasks.length);
    for (const [index, state] of states.entries()) {
      assertEquals(await state.acquire(tasks, `run-${index}`, TTL_MS), got[index]);
    }
  });

  test("acquire: concurrent runs lease each task of a crashed run once", async (place) => {
    const host = realSleeps(testHost());
    await using one = await place.open(host);
    await using two = await place.open(host);
    await one.acquire(ids(100), "dead", TTL_MS);
    await host.advance(TTL_MS);
    const [first, second, renewed] = await Promise.all([
      one.acquire(ids(100), "one", TTL_MS),
      two.acquire(ids(100), "two", TTL_MS),
      two.renew("dead", TTL_MS),
    ]);
    assertEquals(renewed, false);
    assertEquals(first.intersection(second), new Set());
    assertEquals(first.union(second).size, 100);
  });
}

function sharing(test: Test<SharedPlace>): void {
  test("save: two processes that write concurrently lose nothing", async (place) => {
    const writers = ["a-", "b-"].map((prefix) =>
      otherProcess("write", place.location, prefix, "700").output()
    );
    const host = realSleeps(testHost());
    {
      await using state = await place.open(host);
      for (const task of ids(700, "c-")) {
        state.save(record(task));
        if (task.endsWith("00")) await state.flush();
      }
    }
    for (const { success, stderr } of await Promise.all(writers)) {
      assertEquals({ success, stderr: new TextDecoder().decode(stderr) }, {
        success: true,
        stderr: "",
      });
    }
    await using state = await place.open(host);
    assertEquals((await state.allRecords()).size, 2100);
  });

  test("row 82: acquire: the leases of a killed process end with it", async (place) => {
    const host = testHost({ now: Temporal.Now.instant().toString() });
    await using state = await place.open(host);
    {
      await using child = await startProcess("hold", place.location, "killed", "a", "b");
      assertEquals(child.said, '["a","b"]');
      assertEquals(await state.acquire(["a", "b", "c"], "run", TTL_MS), new Set(["c"]));
    }
    assertEquals(await state.acquire(["a", "b"], "run", TTL_MS), new Set(["a", "b"]));
  });

  test("row 144: acquire: a state closed without a release frees its tasks immediately", async (place) => {
    const host = testHost();
    await using state = await place.open(host);
    {
      await using lost = await place.open(host);
      await lost.acquire(["a"], "lost", TTL_MS);
      assertEquals(await state.acquire(["a"], "run", TTL_MS), new Set());
    }
    assertEquals(await state.acquire(["a"], "run", TTL_MS), new Set(["a"]));
  });
}

/** Asserts that opening fails with a code and message. */
export async function assertRefused(place: Place, message: string): Promise<void> {
  const error = await assertRejects(() => place.open(testHost()), CronfetchError);
  assertEquals(error.code, "state.unreadable");
  assertStringIncludes(error.message, message);
}

/**
 * Lets a process lease tasks and be killed, then `kills` more be killed before call number `call`
 * of leasing the same tasks; asserts that the next run gets all of them.
 *
 * @returns False if there are fewer calls: the last process got to its end.
 */
export async function freeAfterKills(
  location: string,
  call: number,
  kills: number,
): Promise<boolean> {
  await (await startProcess("hold", location, `held-${call}`, "a", "b"))[Symbol.asyncDispose]();
  let isKilled = true;
  for (let kill = 1; kill <= kills; kill++) {
    await using child = await startProcess("die", location, `${call}-${kill}`, `${call}`, "a", "b");
    isKilled = child.said === "";
    if (!isKilled) assertEquals(child.said, '["a","b"]');
  }
  const host = testHost({ now: Temporal.Now.instant().toString() });
  await using state = await openState(location, host);
  const granted = await state.acquire(["a", "b"], `run-${call}`, TTL_MS);
  assertEquals(granted, new Set(["a", "b"]), `killed before call ${call}`);
  await state.release(`run-${call}`);
  return isKilled;
}

/** A process that waits until it is killed. */
export interface StayingProcess extends AsyncDisposable {
  /** The line it printed when ready; empty if it ended before. */
  readonly said: string;
}

/** Starts `process.ts`; disposing of it, for the first time, kills it on the spot. */
export async function startProcess(...args: string[]): Promise<StayingProcess> {
  const child = otherProcess(...args).spawn();
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  const end = async () => {
    try {
      child.kill("SIGKILL");
    } catch (error) {
      // It has ended already.
      if (!(error instanceof TypeError || error instanceof Deno.errors.NotFound)) throw error;
    }
    await reader.cancel();
    await child.stderr.cancel();
    await child.status;
  };
  let ended: Promise<void> | null = null;
  return {
    said: new TextDecoder().decode(value).trimEnd(),
    [Symbol.asyncDispose]: () => ended ??= end(),
  };
}

function otherProcess(...args: string[]): Deno.Command {
  const script = fromFileUrl(new URL("process.ts", import.meta.url));
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--allow-read", "--allow-write", "--allow-env", script, ...args],
    stdout: "piped",
    stderr: "piped",
  });
}

/** Sleeps in real time, so that other processes proceed. */
function realSleeps(host: TestHost): TestHost {
  const sleep = (durationMs: number, signal: AbortSignal) => delay(durationMs, { signal });
  return { ...host, timers: { ...host.timers, sleep } };
}

function sorted<T>(values: ReadonlyMap<string, T>): [string, T][] {
  return [...values].sort(([a], [b]) => a < b ? -1 : 1);
}
