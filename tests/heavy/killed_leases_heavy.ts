/** Runs killed one after another, each taking over the tasks of the one before (row 144). */

import { assertEquals, assertGreater } from "@std/assert";
import { delay } from "@std/async";
import { temporaryFolder } from "../helpers/folder.ts";
import { origin } from "../helpers/origin.ts";
import { freeAfterKills } from "../state/fixture.ts";
import { seeded } from "./changing_origin.ts";
import { startRun, writeConfig } from "./program.ts";

for (const [scheme, fewestCalls] of [["file", 12], ["kv", 12]] as const) {
  Deno.test(`row 144: ${scheme}: tasks are free at once after 3 kills, two of them before every call of leasing`, async () => {
    let call = 1;
    for (let isKilled = true; isKilled; call++) {
      await using folder = await temporaryFolder();
      const location = `${scheme}:${folder.file("state")}`;
      isKilled = await freeAfterKills(location, call, 2);
    }
    assertGreater(call, fewestCalls);
  });
}

const SEED = 1440;
const TASKS = 20;

for (const state of ["file:state.json", "kv:state.db"]) {
  Deno.test(`row 144: ${state}: after 2 and 3 SIGKILLs of runs (seed ${SEED}) the next run skips no task`, async () => {
    const random = seeded(SEED);
    for (let round = 0; round < 10; round++) {
      await using folder = await temporaryFolder();
      const names = Array.from({ length: TASKS }, (_, index) => `/${index}.txt`);
      await using server = origin(Object.fromEntries(names.map((name) => [name, `${name}\n`])));
      const config = await writeConfig(folder.path, {
        store: folder.file("files"),
        state,
        tasks: names.map((name) => `${server.origin}${name}`),
      });
      for (let kill = 0; kill < 2 + round % 2; kill++) {
        await using program = startRun(config);
        // Before it leases its tasks, while it does, and while it downloads.
        const killing = new AbortController();
        const { signal } = killing;
        const early = delay(150 + random() * 400, { signal }).catch(() => {});
        await Promise.race([early, program.reached(10), program.ended]);
        killing.abort();
        program.kill();
      }
      const statuses = new Map<string, number>();
      await using program = startRun(config, {
        onEvent: (event) => {
          if (event.type !== "task.finished") return;
          const { status } = event.result;
          statuses.set(status, (statuses.get(status) ?? 0) + 1);
        },
      });
      const { code, stderr } = await program.ended;
      assertEquals([code, stderr, statuses.get("skipped")], [0, "", undefined]);
      assertEquals(statuses.values().reduce((sum, count) => sum + count), TASKS);
    }
  });
}
