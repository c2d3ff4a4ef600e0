import { assertEquals } from "@std/assert";
import type { Progress, TaskProgress } from "../../lib/core/event.ts";
import { painter } from "../../lib/report/format.ts";
import {
  createRateMeter,
  createTaskRates,
  renderView,
  type RunView,
} from "../../lib/report/live_view.ts";
import { taskProgress } from "./fakes.ts";

const plain = painter(false);

function moment(more: Partial<RunView> = {}): RunView {
  return {
    total: 10,
    finished: 0,
    failed: 0,
    failedTasks: [],
    elapsedMs: 0,
    nowMs: 0,
    rateOf: () => null,
    bytesPerSecond: null,
    progress: progress([]),
    ...more,
  };
}

function progress(running: [string, TaskProgress][], bytes = 0): Progress {
  return { bytes, running: new Map(running) };
}

Deno.test("renderView: the bar, the totals and the first running tasks", () => {
  const cases: [string, RunView, string[]][] = [
    ["the start", moment(), ["░░░░░░░░░░░░░░░░░░░░ 0/10 tasks  0 B"]],
    ["no tasks at all", moment({ total: 0 }), ["░░░░░░░░░░░░░░░░░░░░ 0/0 tasks  0 B"]],
    [
      "the middle",
      moment({
        finished: 4,
        failed: 1,
        failedTasks: ["gone"],
        elapsedMs: 83_999,
        bytesPerSecond: 1_234_567.8,
        progress: progress([
          ["half", taskProgress(500, 1_000)],
          ["unknown", taskProgress(340_000, null)],
          ["empty", taskProgress(0, 0)],
          ["almost", taskProgress(999, 1_000)],
          ["lied to", taskProgress(2_000, 1_000)],
        ], 45_200_000),
      }),
      [
        "████████████░░░░░░░░ 4/10 tasks  1 failed  45.2 MB  1.23 MB/s  1m 23s",
        "  half       500 B of 1 kB      50%",
        "  unknown   340 kB",
        "  empty        0 B",
        "  almost     999 B of 1 kB      99%",
        "  lied to     2 kB of 1 kB     100%",
        "  failed: gone",
      ],
    ],
    [
      "more than can be shown",
      moment({
        total: 12_000,
        finished: 6_000,
        progress: progress(
          ["a", "b", "c", "d", "e", "f", "g"].map((id) => [
            id,
            taskProgress(0, null),
          ]),
        ),
      }),
      [
        "██████████░░░░░░░░░░ 6,000/12,000 tasks  0 B",
        "  a      0 B",
        "  b      0 B",
        "  c      0 B",
        "  d      0 B",
        "  e      0 B",
        "  and 2 more",
      ],
    ],
  ];
  for (const [name, given, lines] of cases) assertEquals(renderView(given, 80, plain), lines, name);
});

Deno.test("renderView: leaves the last column free for any width and id", () => {
  const given = moment({
    progress: progress([
      ["日本語日本語", taskProgress(1, 2)],
      ["evil\x1b[2J\n", taskProgress(1, 2)],
    ]),
  });
  assertEquals(renderView(given, 20, plain), [
    "░░░░░ 0/10 tasks  …",
    "  日本語…    50%",
    "  evil\\u{…   50%",
  ]);
  assertEquals(renderView(given, 1, plain), ["…", "…", "…"]);
});

Deno.test("renderView: a row shows what its task waits for", () => {
  const retry = {
    attempt: 2,
    attempts: 3,
    code: "http.status",
    httpStatus: 503,
    atMs: 5_500,
  } as const;
  const cases: [Partial<TaskProgress>, wide: string, narrow: string][] = [
    [{ phase: "waiting" }, "waiting for example.org", "waiting for example.org"],
    [{ phase: "connecting" }, "connecting", "connecting"],
    [{ phase: "requesting" }, "waiting for the response", "waiting for the response"],
    [
      { phase: "receiving", receivedBytes: 20_100_000, totalBytes: 62_900_000 },
      "20.1 MB of 62.9 MB   31%  6.31 MB/s  7s left",
      " 31%  6.31 MB/s  7s",
    ],
    [
      { phase: "receiving", receivedBytes: 20_100_000, totalBytes: null },
      "20.1 MB  6.31 MB/s",
      "20.1 MB  6.31 MB/s",
    ],
    [{ phase: "publishing" }, "publishing", "publishing"],
    [{ phase: "retrying", retry }, "retry 2/3 in 4s (503)", "retry 2/3 in 4s (503)"],
    [
      {
        phase: "retrying",
        retry: { ...retry, attempt: null, code: "http.status", httpStatus: 429 },
      },
      "retry in 4s (429)",
      "retry in 4s (429)",
    ],
    [
      { phase: "retrying", retry: { ...retry, atMs: 1_000 } },
      "waiting for example.org",
      "waiting for example.org",
    ],
  ];
  for (const [more, wide, narrow] of cases) {
    const given = moment({
      nowMs: 2_000,
      rateOf: () => 6_310_000,
      progress: progress([["a", taskProgress(0, null, more)]]),
    });
    assertEquals(renderView(given, 80, plain)[1], `  a  ${wide}`);
    assertEquals(renderView(given, 40, plain)[1], `  a  ${narrow}`);
  }
});

Deno.test("createTaskRates: measures each task, and starts over for another attempt", () => {
  let nowMs = 0;
  const rateOf = createTaskRates(() => nowMs);
  const [one, other] = [taskProgress(0), taskProgress(500)];
  assertEquals([rateOf(one), rateOf(other)], [null, null]);
  nowMs = 1_000;
  one.receivedBytes = 3_000;
  assertEquals([rateOf(one), rateOf(other)], [3_000, 0]);
  one.receivedBytes = 10;
  assertEquals(rateOf(one), null);
  nowMs = 2_000;
  one.receivedBytes = 60;
  assertEquals(rateOf(one), 50);
});

Deno.test("createRateMeter: measures the last three seconds, null in the first half second", () => {
  const rate = createRateMeter();
  const cases: [number, number, number | null][] = [
    [0, 0, null],
    [100, 1_000, null],
    [500, 1_000, 2_000],
    [1_000, 4_000, 4_000],
    [3_000, 6_000, 2_000],
    [4_000, 7_000, 1_000],
    [20_000, 7_000, 0],
  ];
  for (const [nowMs, bytes, expected] of cases) assertEquals(rate(nowMs, bytes), expected);
});
