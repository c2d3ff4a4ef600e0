import { assertEquals } from "@std/assert";
import { CronfetchError, type ErrorCode } from "../../lib/core/errors.ts";
import type { TaskStatus } from "../../lib/core/result.ts";
import { createRunCounter, type RunEnding } from "../../lib/core/result.ts";
import { taskResult } from "../state/samples.ts";

/** A run without results that was not ended early. */
const QUIET: RunEnding = {
  durationMs: 5,
  deadlinePassed: false,
  interrupted: null,
  unsaved: null,
};

const unreadable = new CronfetchError("state.unreadable", "corrupt");
const locked = new CronfetchError("state.locked", "locked");

type Result = readonly [status: TaskStatus, permanent?: boolean, code?: ErrorCode];

Deno.test("RunCounter: exit code of a run", () => {
  const table: [name: string, results: Result[], ending: Partial<RunEnding>, exitCode: number][] = [
    ["no result", [], {}, 0],
    ["only successes", [["created"], ["updated"], ["unchanged"], ["skipped"]], {}, 0],
    ["temporary failure", [["created"], ["failed"]], {}, 4],
    ["deferred", [["deferred"]], {}, 4],
    ["permanent failure", [["failed"], ["failed", true]], {}, 3],
    ["deadline", [["failed", true], ["cancelled"]], { deadlinePassed: true }, 10],
    ["deadline without cancelled tasks", [["created"]], { deadlinePassed: true }, 0],
    ["signal", [["failed", true]], { interrupted: 143, deadlinePassed: true }, 143],
    ["bug", [["failed", true, "internal"]], { interrupted: 130 }, 1],
    ["state locked", [["created"]], { unsaved: locked }, 4],
    ["state unreadable", [["failed"]], { unsaved: unreadable }, 3],
    ["permanent failure, state locked", [["failed", true]], { unsaved: locked }, 3],
    ["signal, state unreadable", [["cancelled"]], { interrupted: 130, unsaved: unreadable }, 130],
  ];
  for (const [name, results, ending, exitCode] of table) {
    const counter = createRunCounter();
    for (const [status, permanent = false, code] of results) {
      counter.add(taskResult(status, code ? { code } : {}), permanent);
    }
    assertEquals(counter.summary({ ...QUIET, ...ending }).exitCode, exitCode, name);
  }
});

Deno.test("RunCounter: results and bytes", () => {
  const counter = createRunCounter();
  counter.add(taskResult("created", { wireBytes: 3 }), false);
  counter.add(taskResult("created", { wireBytes: 4 }), false);
  counter.add(taskResult("failed", { wireBytes: 1 }), false);
  const { counts, bytes, durationMs } = counter.summary(QUIET);
  assertEquals([counts.created, counts.failed, counts.skipped, bytes, durationMs], [2, 1, 0, 8, 5]);
});
