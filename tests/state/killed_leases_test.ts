/** Leases of killed processes. */

import { assertEquals } from "@std/assert";
import { openState } from "../helpers/open.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { testHost } from "../helpers/host.ts";
import { freeAfterKills, startProcess } from "./fixture.ts";

const TTL_MS = 60_000;

for (const scheme of ["file", "kv"]) {
  Deno.test(`row 144: ${scheme}: after 2 and 3 kills in a row the tasks are free at once`, async () => {
    await using folder = await temporaryFolder();
    const location = `${scheme}:${folder.file("state")}`;
    await using state = await openState(
      location,
      testHost({ now: Temporal.Now.instant().toString() }),
    );
    for (const kills of [2, 3]) {
      for (let kill = 1; kill <= kills; kill++) {
        await using child = await startProcess("hold", location, `${kills}-${kill}`, "a", "b");
        assertEquals(child.firstLine, '["a","b"]');
      }
      const run = `run-${kills}`;
      assertEquals(await state.acquire(["a", "b"], run, TTL_MS), new Set(["a", "b"]));
      await state.release(run);
    }
  });

  // `heavy/killed_leases_heavy.ts` tries every call.
  Deno.test(`row 144: ${scheme}: a run killed while it takes over the tasks of a killed run frees them at once`, async () => {
    await using folder = await temporaryFolder();
    const location = `${scheme}:${folder.file("state")}`;
    for (const call of [8, 12, 14, 16]) {
      assertEquals(await freeAfterKills(location, call, 1), true, `call ${call}`);
    }
  });
}
