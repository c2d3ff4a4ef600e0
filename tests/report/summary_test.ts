import { assertEquals } from "@std/assert";
import { EXIT, type TaskStatus } from "../../lib/core/result.ts";
import { painter } from "../../lib/report/format.ts";
import {
  addFailure,
  closingLine,
  emptyFailureList,
  summaryLines,
} from "../../lib/report/summary.ts";
import { result, summary } from "./fakes.ts";

const plain = painter(false);

Deno.test("closingLine: the meaning of each exit code", () => {
  const cases: [number, Partial<Record<TaskStatus, number>>, string][] = [
    [EXIT.good, {}, "There was nothing to do."],
    [EXIT.good, { unchanged: 2 }, "Everything is up to date."],
    [EXIT.good, { skipped: 2 }, "2 tasks left to another run."],
    [
      EXIT.good,
      { updated: 1, skipped: 1 },
      "Everything else is up to date, 1 task left to another run.",
    ],
    [EXIT.bug, {}, "A bug in cronfetch (exit code 1)."],
    [
      EXIT.usage,
      {},
      "Usage, config or state error: no request was sent (exit code 2).",
    ],
    [EXIT.failed, { failed: 1, created: 2 }, "1 task failed permanently (exit code 3)."],
    [
      EXIT.failed,
      { failed: 1_200 },
      "1,200 tasks failed, at least one of them permanently (exit code 3).",
    ],
    [EXIT.temporary, { failed: 1 }, "1 task failed temporarily; try again later (exit code 4)."],
    [EXIT.temporary, {}, "Some tasks could not be finished; try again later (exit code 4)."],
    [EXIT.temporary, { deferred: 2 }, "2 tasks deferred; try again later (exit code 4)."],
    [
      EXIT.temporary,
      { failed: 2, deferred: 1 },
      "2 tasks failed temporarily, 1 deferred; try again later (exit code 4).",
    ],
    [
      EXIT.deadline,
      { failed: 1 },
      "The run's deadline passed (exit code 10).",
    ],
    [EXIT.interrupted, { cancelled: 1 }, "Interrupted by SIGINT, after cleanup (exit code 130)."],
    [EXIT.terminated, { cancelled: 1 }, "Terminated by SIGTERM, after cleanup (exit code 143)."],
    [99, {}, "The run ended early (exit code 99)."],
  ];
  for (const [exitCode, counts, line] of cases) {
    assertEquals(closingLine(summary(exitCode, counts), plain), line);
  }
});

Deno.test("summaryLines: lists twenty failures of a long run and counts the others", () => {
  const cases: [count: number, listed: number, more: string[]][] = [
    [20, 0, []],
    [21, 20, ["and 1 more; see --json"]],
    [1_021, 20, ["and 1,001 more; see --json"]],
  ];
  for (const [count, listed, more] of cases) {
    const troubles = emptyFailureList();
    for (let index = 0; index < count; index++) {
      addFailure(troubles, result(`t${index}`, "failed", { code: "net.dns", message: "No host" }));
      addFailure(troubles, result("fine", "created"));
    }
    assertEquals(summaryLines(summary(3, { failed: count }), troubles, plain).slice(5), [
      ...Array.from(
        { length: listed },
        (_, index) =>
          `failed     t${index}  net.dns: No host` +
          " → check the host name, and that this machine can resolve names",
      ),
      ...more,
      ...(listed > 0 ? [""] : []),
      closingLine(summary(3, { failed: count }), plain),
    ]);
  }
});

Deno.test("summaryLines: colours whole rows, which stay aligned", () => {
  assertEquals(summaryLines(summary(0, { created: 3 }), emptyFailureList(), painter(true)), [
    "",
    "\x1b[32mcreated         3\x1b[39m",
    "received  1.34 MB",
    "time         2.5s",
    "",
    "\x1b[32mEverything is up to date.\x1b[39m",
  ]);
});
