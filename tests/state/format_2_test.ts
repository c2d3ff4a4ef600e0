/** States of format 2 from before the history of runs: `tests/fixtures/state/`. */

import { assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { nextRecord } from "../../lib/state/record.ts";
import { recentOutcomes } from "../../lib/state/outcomes.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { testHost } from "../helpers/host.ts";
import { openState } from "../helpers/open.ts";
import { member, runRecord, runResult, taskResult } from "./samples.ts";

const FIXTURES = new URL("../fixtures/state/", import.meta.url);
const NOW = "2026-01-15T13:00:00Z";

for (const [kind, name] of [["file", "format_2.json"], ["kv", "format_2.db"]] as const) {
  Deno.test(`${name}: is read and added to, with defaults for what it lacks`, async () => {
    await using folder = await temporaryFolder();
    const path = folder.file(name);
    await Deno.copyFile(fromFileUrl(new URL(name, FIXTURES)), path);
    const host = testHost({ now: NOW });
    const runs = [
      runRecord("run-1", "2026-01-15T11:00:00Z"),
      runRecord("run-0", "2026-01-12T12:00:00Z"),
    ];
    const unchanged = { status: "unchanged", code: null } as const;
    const created = { at: "2026-01-12T12:00:00Z", status: "created", code: null } as const;
    const known = [
      { at: "2026-01-15T12:00:00Z", ...unchanged },
      { at: "2026-01-13T12:00:00Z", ...unchanged },
      created,
    ];
    {
      await using state = await openState(`${kind}:${path}`, host);
      const records = await state.allRecords();
      const [healthy, failing] = [records.get("healthy"), records.get("failing")];
      assertEquals([healthy?.changedAt, failing?.changedAt], [created.at, null]);
      assertEquals(healthy && recentOutcomes(healthy), known);
      assertEquals(await state.runs(9), runs);
      assertEquals(await state.runResults("run-1"), []);
      assertEquals(await state.days(9), []);
      assertEquals(await state.activeRuns(), []);
      const next = nextRecord(healthy ?? null, taskResult("unchanged", { task: "healthy" }), {
        ...{ run: "run-2", at: NOW, published: null, permanent: false },
        ...{ alertAfter: 3, unhealthyAfterMs: 0 },
      });
      if (next) state.save(next);
      state.addRun(runRecord("run-2", NOW), [runResult("healthy")]);
    }
    await using state = await openState(`${kind}:${path}`, host);
    const healthy = (await state.records(["healthy"])).get("healthy");
    assertEquals(healthy?.changedAt, created.at);
    assertEquals(healthy && recentOutcomes(healthy), [{ at: NOW, ...unchanged }, ...known]);
    assertEquals(await state.runs(9), [{ ...runRecord("run-2", NOW), resultsKept: 1 }, ...runs]);
    assertEquals(await state.runResults("run-2"), [runResult("healthy")]);
    assertEquals((await state.days(9)).map(({ day, runs }) => [day, runs]), [["2026-01-15", 1]]);
    assertEquals(await state.members(["healthy"]), new Map([["healthy", [member("a.csv")]]]));
  });
}
