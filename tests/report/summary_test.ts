import { listEvent, nothingListed } from "../../lib/report/listed_results.ts";
import { assertEquals } from "@std/assert";
import { EXIT, type TaskStatus } from "../../lib/core/result.ts";
import { painter } from "../../lib/report/format.ts";
import type { Health } from "../../lib/core/event.ts";
import type { LineStyle } from "../../lib/report/lines.ts";
import { closingLine, listedLines, totalLines } from "../../lib/report/summary.ts";
import { event, finished, summary } from "./fakes.ts";

const plain = painter(false);
const DOWNLOADS = { store: "downloads", showsPaths: false };
const STYLE: LineStyle = {
  verbosity: "normal",
  paint: plain,
  columns: null,
  idColumns: 4,
  destination: DOWNLOADS,
};

Deno.test("closingLine: the meaning of each exit code", () => {
  const cases: [number, Partial<Record<TaskStatus, number>>, string][] = [
    [EXIT.good, {}, "There was nothing to do."],
    [EXIT.good, { unchanged: 2 }, "Everything is up to date."],
    [EXIT.good, { pending: 1 }, "1 file not published yet."],
    [
      EXIT.good,
      { created: 1, pending: 2, skipped: 1 },
      "Everything else is up to date, 2 files not published yet, 1 task left to another run.",
    ],
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

Deno.test("listedLines: lists twenty files and twenty failures, and counts the others", () => {
  const cases: [count: number, shown: number, more: string[]][] = [
    [20, 20, []],
    [21, 20, ["1"]],
    [1_021, 20, ["1,001"]],
  ];
  for (const [count, shown, more] of cases) {
    const listed = nothingListed();
    for (let index = 0; index < count; index++) {
      const error = { code: "net.dns", message: "no host" } as const;
      listEvent(listed, finished(`t${index}`, "failed", error), DOWNLOADS);
      listEvent(listed, finished(`f${index}`, "created", { sizeBytes: 3 }), DOWNLOADS);
      listEvent(listed, finished(`same${index}`, "unchanged"), DOWNLOADS);
    }
    const numbers = Array.from({ length: shown }, (_, index) => index);
    assertEquals(listedLines(listed, STYLE), [
      ...numbers.map((index) => `✓ ${`f${index}`.padEnd(3)}  3 B  created`),
      ...more.map((rest) => `  and ${rest} more created or updated; -v lists all`),
      ...numbers.flatMap((index) => [
        `✗ ${`t${index}`.padEnd(3)}  no host (net.dns)`,
        `       https://example.org/t${index}`,
        "       hint: check the host name, and that this machine can resolve names",
      ]),
      ...more.map((rest) => `  and ${rest} more failed or deferred; -v lists all`),
    ]);
  }
});

Deno.test("listedLines: files that are not published yet, before failures", () => {
  const listed = nothingListed();
  for (let index = 0; index < 21; index++) {
    const notBefore = "2026-01-15T16:31:00Z";
    listEvent(listed, finished(`t${index}`, "pending", { notBefore }), DOWNLOADS);
  }
  const lines = listedLines(listed, STYLE);
  assertEquals(lines[0], "- t0   not published yet; next try at 2026-01-15T16:31:00Z");
  assertEquals(lines.slice(20), ["  and 1 more not published yet; -v lists all"]);
});

Deno.test("listedLines: the change of a size, and names that are cut in their middle", () => {
  const listed = nothingListed();
  const long = `${"deep/".repeat(10)}rates.csv`;
  const changes: [key: string, before: number, after: number][] = [
    [long, 1_000, 1_100],
    ["less", 2_000, 1_500],
    ["same", 7, 7],
  ];
  for (const [key, previousSizeBytes, sizeBytes] of changes) {
    const sizes = { key, previousSizeBytes, sizeBytes };
    listEvent(listed, finished(key, "updated", sizes), DOWNLOADS);
  }
  assertEquals(listedLines(listed, { ...STYLE, columns: 80 }), [
    "✓ deep/deep/deep/deep/deep…deep/deep/deep/rates.csv  1.1 kB  updated  +100 B",
    "✓ less                                               1.5 kB  updated  -500 B",
    "✓ same                                                  7 B  updated  same size",
  ]);
  assertEquals(listedLines(listed, { ...STYLE, columns: 40 }), [
    "✓ deep/dee…rates.csv  1.1 kB  +100 B",
    "✓ less                1.5 kB  -500 B",
    "✓ same                   7 B  same size",
  ]);
});

Deno.test("listedLines: a failure names the task that became unhealthy, and a recovery its task", () => {
  const listed = nothingListed();
  const health = (task: string, before: Health, now: Health, failures: number) =>
    event({ type: "task.health", task, before, health: now, failures });
  const events = [
    finished("a", "failed", { code: "http.status", message: "404 Not Found", httpStatus: 404 }),
    health("a", "failing", "unhealthy", 3),
    finished("b", "unchanged"),
    health("b", "unhealthy", "healthy", 0),
    finished("c", "unchanged"),
    health("c", "failing", "healthy", 0),
  ];
  for (const each of events) listEvent(listed, each, DOWNLOADS);
  assertEquals(listedLines(listed, STYLE), [
    "✗ a  404 Not Found; unhealthy: 3 failures in a row",
    "     https://example.org/a",
    "     hint: check the URL",
    "✓ b  healthy again",
  ]);
});

Deno.test("totalLines: the totals, what is kept, and the meaning of the exit code", () => {
  const listed = nothingListed();
  const lines = (
    exitCode: number,
    counts: Partial<Record<TaskStatus, number>>,
    columns: number | null = null,
  ) => totalLines(summary(exitCode, counts), listed, { ...STYLE, columns });
  assertEquals(lines(0, {}), ["nothing to do"]);
  assertEquals(lines(0, { created: 2, unchanged: 9 }), [
    "2 created, 9 unchanged; 1.34 MB in 2.5s → downloads",
  ]);
  assertEquals(lines(4, { deferred: 1 }, 40), [
    "1 deferred; 1.34 MB in 2.5s → downloads",
    "1 task deferred; try again later (exit",
    "code 4).",
  ]);
  const partial = { partialBytes: 22_300_000 };
  listEvent(listed, finished("big.bin", "cancelled", partial), DOWNLOADS);
  assertEquals(lines(130, { cancelled: 1 }), [
    "kept 22.3 MB of big.bin, which the next run resumes",
    "1 cancelled; 1.34 MB in 2.5s → downloads",
    "Interrupted by SIGINT, after cleanup (exit code 130).",
  ]);
  listEvent(listed, finished("other", "cancelled", partial), DOWNLOADS);
  assertEquals(
    lines(130, { cancelled: 2 })[0],
    "kept 44.6 MB of 2 files, which the next run resumes",
  );
});

Deno.test("listedLines: tasks with the same warning are named in one line", () => {
  const listed = nothingListed();
  for (let index = 0; index < 7; index++) {
    const warnings = ["olderThanPublished"] as const;
    listEvent(listed, finished(`t${index}`, "unchanged", { warnings }), DOWNLOADS);
  }
  assertEquals(listedLines(listed, STYLE), [
    "warning: t0, t1, t2, t3, t4 and 2 more: the server sent an older file than the published one",
  ]);
});

Deno.test("listedLines: files of URLs on the command line have their paths, unchanged ones too", () => {
  for (
    const [store, path] of [["downloads", "downloads/a.csv"], [".", "a.csv"], [
      null,
      "a.csv",
    ]] as const
  ) {
    const destination = { store, showsPaths: true };
    const listed = nothingListed();
    listEvent(listed, finished("a.csv", "unchanged", { sizeBytes: 3 }), destination);
    assertEquals(listedLines(listed, { ...STYLE, destination }), [`✓ ${path}  3 B  unchanged`]);
  }
});
