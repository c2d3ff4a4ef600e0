/** A state that several processes use at the same time. */

import { assertEquals } from "@std/assert";
import { testHost } from "../../helpers/host.ts";
import {
  type ConformanceTest,
  otherProcess,
  realSleeps,
  type SharedPlace,
  startProcess,
  TTL_MS,
} from "../fixture.ts";
import { ids, record } from "../samples.ts";

/** Registers the tests of this topic. */
export function processesConformance(test: ConformanceTest<SharedPlace>): void {
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
      assertEquals(child.firstLine, '["a","b"]');
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
