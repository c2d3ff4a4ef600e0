import { assertEquals } from "@std/assert";
import { EXIT, TASK_STATUSES, type TaskStatus } from "../../lib/core/result.ts";

Deno.test("TASK_STATUSES: every status once, good ones first", () => {
  // The type makes this list complete.
  const all: Readonly<Record<TaskStatus, true>> = {
    created: true,
    updated: true,
    unchanged: true,
    pending: true,
    skipped: true,
    deferred: true,
    failed: true,
    cancelled: true,
  };
  assertEquals(TASK_STATUSES.map(String), Object.keys(all));
});

Deno.test("EXIT: the exit codes are a contract with scripts", () => {
  assertEquals({ ...EXIT }, {
    good: 0,
    bug: 1,
    usage: 2,
    failed: 3,
    temporary: 4,
    deadline: 10,
    interrupted: 130,
    terminated: 143,
  });
});
