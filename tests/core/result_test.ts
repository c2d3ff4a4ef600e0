import { assertEquals } from "@std/assert";
import { EXIT, TASK_STATUSES, type TaskStatus } from "../../lib/core/result.ts";

Deno.test("every status is listed once, good ones first", () => {
  // The type makes this a list of all; the list beside it must not fall behind.
  const all: Readonly<Record<TaskStatus, true>> = {
    created: true,
    updated: true,
    unchanged: true,
    skipped: true,
    deferred: true,
    failed: true,
    cancelled: true,
  };
  assertEquals(TASK_STATUSES.map(String), Object.keys(all));
});

Deno.test("exit codes are a contract with scripts", () => {
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
