/** Items: what is known of derived tasks. */

import { assertEquals, assertThrows } from "@std/assert";
import { CronfetchError } from "../../../lib/core/errors.ts";
import { testHost } from "../../helpers/host.ts";
import { type ConformanceTest, sorted } from "../fixture.ts";
import { ids } from "../samples.ts";

/** Registers the tests of this topic. */
export function itemsConformance(test: ConformanceTest): void {
  test("items: a state has none at first, and removing one of them changes nothing", async (place) => {
    await using state = await place.open(testHost());
    state.saveItem("a", "1", null);
    assertEquals(await state.items(["a", ""]), new Map());
    await state.flush();
    assertEquals(await state.items(["a", ""]), new Map());
  });

  test("items: read back immediately, by other states after a flush, and after reopening", async (place) => {
    const host = testHost({ timers: "manual" });
    const one = { url: "https://example.org/1", sizeBytes: 5, nested: { list: [1, null, "x"] } };
    const other = { text: "ä\u0000\u{1f600}" };
    {
      await using state = await place.open(host);
      await using onlooker = await place.open(host);
      state.saveItem("a", "", one);
      state.saveItem("a", "x/y@2026-01-15", one);
      assertEquals(
        await state.items(["a", "b"]),
        new Map([["a", new Map([["", one], ["x/y@2026-01-15", one]])]]),
      );
      assertEquals(await onlooker.items(["a"]), new Map());
      await state.flush();
      state.saveItem("a", "x/y@2026-01-15", other);
      state.saveItem("a", "", null);
      assertEquals(
        await state.items(["a"]),
        new Map([["a", new Map([["x/y@2026-01-15", other]])]]),
      );
      assertEquals((await onlooker.items(["a"])).get("a")?.size, 2);
    }
    await using state = await place.open(host);
    assertEquals(await state.items(["a"]), new Map([["a", new Map([["x/y@2026-01-15", other]])]]));
    state.saveItem("a", "x/y@2026-01-15", null);
    assertEquals(await state.items(["a"]), new Map());
    await state.flush();
    assertEquals(await state.items(["a"]), new Map());
  });

  test("items: of many owners, and many of one", async (place) => {
    await using state = await place.open(testHost());
    const names = ids(150);
    for (const name of names) {
      state.saveItem(name, "1", { name });
      state.saveItem("many", name, { name, text: "x".repeat(10_000) });
    }
    await state.flush();
    assertEquals((await state.items([...names, "many"])).size, 151);
    const expected = names.map((name) => [name, { name, text: "x".repeat(10_000) }] as const);
    const { many } = Object.fromEntries(await state.items(["many"]));
    assertEquals(sorted(many ?? new Map()), sorted(new Map(expected)));
  });

  test("saveItem: a name that no state can hold is refused", async (place) => {
    await using state = await place.open(testHost());
    for (const name of ["x".repeat(1001), "\ud800"]) {
      assertThrows(() => state.saveItem(name, "1", {}), CronfetchError);
      assertThrows(() => state.saveItem("a", name, null), CronfetchError);
    }
  });
}
