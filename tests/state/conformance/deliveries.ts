/** Outboxes: the changes that the hooks of tasks have not received. */

import { assertEquals, assertThrows } from "@std/assert";
import { CronfetchError } from "../../../lib/core/errors.ts";
import { testHost } from "../../helpers/host.ts";
import { type ConformanceTest, sorted } from "../fixture.ts";
import { delivery, ids } from "../samples.ts";

/** Registers the tests of this topic. */
export function deliveriesConformance(test: ConformanceTest): void {
  test("deliveries: a state has none at first, and removing one of them changes nothing", async (place) => {
    await using state = await place.open(testHost());
    state.removeDelivery("a", "1");
    await state.flush();
    assertEquals(await state.deliveries(["a", ""]), new Map());
    assertEquals(await state.deliveries(null), new Map());
  });

  test("deliveries: read back immediately, by other states after a flush, and after reopening, sorted by id", async (place) => {
    const host = testHost({ timers: "manual" });
    const claimed = delivery("2", { publishedAt: null });
    const failed = delivery("2", {
      received: ["0123456789abcdef"],
      failures: 3,
      retryAt: "2026-01-15T12:00:00Z",
      message: "exit code 1",
    });
    const first = delivery("1", {
      status: "created",
      files: [{ key: "a.csv", sha256: "cd".repeat(32), sizeBytes: 0, previous: null }],
    });
    {
      await using state = await place.open(host);
      await using onlooker = await place.open(host);
      state.saveDelivery("a", claimed);
      state.saveDelivery("a", first);
      assertEquals(await state.deliveries(["a", "b"]), new Map([["a", [first, claimed]]]));
      assertEquals(await onlooker.deliveries(null), new Map());
      await state.flush();
      assertEquals(await onlooker.deliveries(null), new Map([["a", [first, claimed]]]));
      state.saveDelivery("a", failed);
      state.saveDelivery("b", first);
      assertEquals(await state.deliveries(["a"]), new Map([["a", [first, failed]]]));
      assertEquals(
        sorted(await state.deliveries(null)),
        sorted(new Map([["a", [first, failed]], ["b", [first]]])),
      );
    }
    await using state = await place.open(host);
    assertEquals(await state.deliveries(["a"]), new Map([["a", [first, failed]]]));
    state.removeDelivery("a", "1");
    state.removeDelivery("b", "1");
    assertEquals(await state.deliveries(null), new Map([["a", [failed]]]));
    await state.flush();
    assertEquals(await state.deliveries(null), new Map([["a", [failed]]]));
  });

  test("deliveries: of many tasks", async (place) => {
    await using state = await place.open(testHost());
    const tasks = ids(150);
    for (const task of tasks) state.saveDelivery(task, delivery("1"));
    await state.flush();
    assertEquals((await state.deliveries(tasks)).size, 150);
    assertEquals((await state.deliveries(null)).size, 150);
    assertEquals([...(await state.deliveries(["task-7"])).keys()], ["task-7"]);
  });

  test("saveDelivery: a name that no state can hold is refused", async (place) => {
    await using state = await place.open(testHost());
    for (const name of ["x".repeat(1001), "\ud800"]) {
      assertThrows(() => state.saveDelivery(name, delivery("1")), CronfetchError);
      assertThrows(() => state.saveDelivery("a", delivery(name)), CronfetchError);
      assertThrows(() => state.removeDelivery("a", name), CronfetchError);
    }
  });
}
