import { assertEquals } from "@std/assert";
import { CronfetchError, type ErrorCode } from "../../lib/core/errors.ts";
import type { TaskStatus } from "../../lib/core/result.ts";
import { createTally, type RunEnding } from "../../lib/worker/run.ts";
import { taskResult } from "../state/samples.ts";

/** A run without results that ended by itself. */
const QUIET: RunEnding = {
  durationMs: 5,
  deadlinePassed: false,
  interrupted: null,
  unsaved: null,
};

const unreadable = new CronfetchError("state.unreadable", "corrupt");
const locked = new CronfetchError("state.locked", "locked");

type Result = readonly [status: TaskStatus, permanent?: boolean, code?: ErrorCode];

Deno.test("exit codes weigh what happened", () => {
  const table: [name: string, results: Result[], ending: Partial<RunEnding>, exitCode: number][] = [
    ["nothing", [], {}, 0],
    ["all good", [["created"], ["updated"], ["unchanged"], ["skipped"]], {}, 0],
    ["failed for now", [["created"], ["failed"]], {}, 4],
    ["deferred", [["deferred"]], {}, 4],
    ["failed for good", [["failed"], ["failed", true]], {}, 3],
    ["the deadline", [["failed", true], ["cancelled"]], { deadlinePassed: true }, 10],
    ["a deadline that cut nothing", [["created"]], { deadlinePassed: true }, 0],
    ["a signal", [["failed", true]], { interrupted: 143, deadlinePassed: true }, 143],
    ["a bug", [["failed", true, "internal"]], { interrupted: 130 }, 1],
    ["a state busy for now", [["created"]], { unsaved: locked }, 4],
    ["a state broken for good", [["failed"]], { unsaved: unreadable }, 3],
    ["failed for good, a state busy", [["failed", true]], { unsaved: locked }, 3],
    ["a signal, a state broken", [["cancelled"]], { interrupted: 130, unsaved: unreadable }, 130],
  ];
  for (const [name, results, ending, exitCode] of table) {
    const tally = createTally();
    for (const [status, permanent = false, code] of results) {
      tally.add(taskResult(status, code ? { code } : {}), permanent);
    }
    assertEquals(tally.summary({ ...QUIET, ...ending }).exitCode, exitCode, name);
  }
});

Deno.test("results are counted, and their bytes", () => {
  const tally = createTally();
  tally.add(taskResult("created", { bytes: 3 }), false);
  tally.add(taskResult("created", { bytes: 4 }), false);
  tally.add(taskResult("failed", { bytes: 1 }), false);
  const { counts, bytes, durationMs } = tally.summary(QUIET);
  assertEquals([counts.created, counts.failed, counts.skipped, bytes, durationMs], [2, 1, 0, 8, 5]);
});
