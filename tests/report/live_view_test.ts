import { assertEquals } from "@std/assert";
import type { Progress, TaskProgress } from "../../lib/core/event.ts";
import {
  createRateMeter,
  createScreen,
  renderView,
  type RunView,
} from "../../lib/report/live_view.ts";
import { fakeOutput } from "./fakes.ts";
import { TerminalModel } from "./terminal_model.ts";

function moment(more: Partial<RunView> = {}): RunView {
  return {
    total: 10,
    finished: 0,
    failed: 0,
    elapsedMs: 0,
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
        elapsedMs: 83_999,
        bytesPerSecond: 1_234_567.8,
        progress: progress([
          ["half", { receivedBytes: 500, totalBytes: 1_000 }],
          ["unknown", { receivedBytes: 340_000, totalBytes: null }],
          ["empty", { receivedBytes: 0, totalBytes: 0 }],
          ["almost", { receivedBytes: 999, totalBytes: 1_000 }],
          ["lied to", { receivedBytes: 2_000, totalBytes: 1_000 }],
        ], 45_200_000),
      }),
      [
        "████████████░░░░░░░░ 4/10 tasks  1 failed  45.2 MB  1.23 MB/s  1m 23s",
        "     50%  half",
        "  340 kB  unknown",
        "     0 B  empty",
        "     99%  almost",
        "    100%  lied to",
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
            { receivedBytes: 0, totalBytes: null },
          ]),
        ),
      }),
      [
        "██████████░░░░░░░░░░ 6,000/12,000 tasks  0 B",
        "     0 B  a",
        "     0 B  b",
        "     0 B  c",
        "     0 B  d",
        "     0 B  e",
        "          and 2 more",
      ],
    ],
  ];
  for (const [name, given, lines] of cases) assertEquals(renderView(given, 80), lines, name);
});

Deno.test("renderView: leaves the last column free for any width and id", () => {
  const given = moment({
    progress: progress([
      ["日本語日本語", { receivedBytes: 1, totalBytes: 2 }],
      ["evil\x1b[2J\n", { receivedBytes: 1, totalBytes: 2 }],
    ]),
  });
  assertEquals(renderView(given, 20), [
    "░░░░░ 0/10 tasks  …",
    "     50%  日本語日…",
    "     50%  evil\\u{1…",
  ]);
  assertEquals(renderView(given, 1), ["…", "…", "…"]);
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

Deno.test("createScreen: replaces the last view and keeps the lines above", () => {
  const output = fakeOutput(true, 20);
  const terminal = new TerminalModel(20);
  const { draw } = createScreen(output);
  const steps: [string[], string[], string[]][] = [
    [[], ["one", "two", "three"], ["one", "two", "three"]],
    [[], ["ONE", "2"], ["ONE", "2"]],
    [["stays"], ["1"], ["stays", "1"]],
    [["a line that is longer than wide"], ["1", "2"], [
      "stays",
      "a line that is longe",
      "r than wide",
      "1",
      "2",
    ]],
    [["exactly twenty wide."], ["日本"], [
      "stays",
      "a line that is longe",
      "r than wide",
      "exactly twenty wide.",
      "日本",
    ]],
    [[], [], ["stays", "a line that is longe", "r than wide", "exactly twenty wide."]],
  ];
  for (const [lasting, picture, lines] of steps) {
    draw(lasting, picture);
    terminal.write(output.writes.at(-1) ?? "");
    assertEquals(terminal.lines, lines);
    assertEquals(terminal.state, { row: lines.length, column: 0, wrap: true });
  }
  assertEquals(output.writes.length, steps.length);
});

Deno.test("createScreen: writes nothing if nothing changed", () => {
  const output = fakeOutput(true);
  const { draw } = createScreen(output);
  draw([], []);
  draw([], ["same"]);
  draw([], ["same"]);
  assertEquals(output.writes, ["\x1b[?7lsame\n\x1b[?7h"]);
  draw(["new"], ["same"]);
  assertEquals(output.writes.at(-1), "\x1b[1A\x1b[Jnew\n\x1b[?7lsame\n\x1b[?7h");
});

Deno.test("createScreen: erases the view after the terminal became narrower", () => {
  const output = fakeOutput(true, 12);
  const { draw } = createScreen(output);
  draw(["stays"], ["0123456789", "日本語", ""]);
  output.resize(4);
  draw([], ["ok"]);
  // The model rewraps the old lines like a terminal: three rows, two and one.
  const terminal = new TerminalModel(4).write("stay\n0123456789\n日本語\n\n")
    .write(output.writes.at(-1) ?? "");
  assertEquals(terminal.lines, ["stay", "ok"]);
});
