import { assertEquals, assertRejects } from "@std/assert";
import { bufferedState } from "../../lib/state/buffered.ts";
import { CronfetchError } from "../../lib/core/errors.ts";
import { copyState, readContents } from "../../lib/state/copy.ts";
import type { StateDriver } from "../../lib/state/driver.ts";
import { openDriver } from "../../lib/state/open.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { testHost } from "../helpers/host.ts";
import { stateLocation } from "../helpers/open.ts";
import { START } from "./fixture.ts";
import { delivery, ids, member, record, runRecord, runResult } from "./samples.ts";

/** A driver whose state has something of everything. */
async function filled(place: string): Promise<StateDriver> {
  const host = testHost({ now: START });
  const driver = await openDriver(stateLocation(place), host);
  const state = bufferedState(driver, host);
  for (const task of ids(20)) state.save(record(task));
  state.saveMember("task-1", member("a.csv"));
  state.saveDelivery("task-1", delivery("1"));
  state.park("a.example", Temporal.Instant.from("2026-02-01T00:00:00Z"));
  state.addRun(runRecord("run", START), [runResult("task-1")]);
  state.addEvaluation();
  if (place !== "memory:") {
    await state[Symbol.asyncDispose]();
    // What it has written, it may keep as it was.
    return await openDriver(stateLocation(place), host);
  }
  await state.flush();
  return driver;
}

Deno.test("copyState: everything but leases, between any two drivers", async () => {
  await using folder = await temporaryFolder();
  const host = testHost({ now: START });
  const places = [`file:${folder.file("a.json")}`, `kv:${folder.file("a.db")}`];
  for (const [index, place] of places.entries()) {
    await using from = await filled(place);
    for (
      const target of [`file:${folder.file(`b${index}.json`)}`, `kv:${folder.file(`b${index}`)}`]
    ) {
      await using to = await openDriver(stateLocation(target), host);
      assertEquals(await copyState(from, to, false), {
        ...{ records: 20, entries: 3, parked: 1, runs: 1, days: 1 },
      });
      assertEquals(await readContents(to), await readContents(from));
    }
  }
});

Deno.test("copyState: a target that is not empty is kept, or merged", async () => {
  const host = testHost({ now: START });
  await using from = await filled("memory:");
  await using to = await openDriver(stateLocation("memory:"), host);
  const state = bufferedState(to, host);
  state.save(record("task-1", { failures: 9 }));
  state.save(record("other"));
  state.addEvaluation();
  await state.flush();
  const error = await assertRejects(() => copyState(from, to, false), CronfetchError);
  assertEquals([error.code, (await to.records(null)).size], ["usage", 2]);
  await copyState(from, to, true);
  const records = await to.records(null);
  assertEquals([records.size, records.get("task-1")?.failures], [21, 0]);
  // The runs of a day are not added twice.
  assertEquals(
    [...(await to.days()).values()].map(({ runs, evaluations }) => [runs, evaluations]),
    [
      [0, 1],
    ],
  );
});

Deno.test("copyState: not while a run has leases", async () => {
  const host = testHost({ now: START });
  await using from = await filled("memory:");
  await using to = await openDriver(stateLocation("memory:"), host);
  await from.acquire(new Set(["task-1"]), "run", 60_000);
  const error = await assertRejects(() => copyState(from, to, true), CronfetchError);
  assertEquals(error.code, "state.locked");
});
