/** Families: the files published by a task. */

import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import fc from "fast-check";
import { CronfetchError } from "../../../lib/core/errors.ts";
import type { FamilyMember } from "../../../lib/state/state.ts";
import { testHost } from "../../helpers/host.ts";
import { type ConformanceTest, realSleeps, sorted } from "../fixture.ts";
import { anyMember, ids, member } from "../samples.ts";

/** Registers the tests of this topic. */
export function membersConformance(test: ConformanceTest): void {
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
