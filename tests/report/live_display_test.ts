import { assertEquals } from "@std/assert";
import { createScreen } from "../../lib/report/live_display.ts";
import { fakeOutput } from "./fakes.ts";
import { TerminalModel } from "./terminal_model.ts";

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
  assertEquals(output.writes.at(-1), "\r\x1b[1Anew\x1b[K\n\x1b[?7lsame\x1b[K\n\x1b[?7h\x1b[J");
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

Deno.test("createScreen: replaces the view after the terminal echoed Ctrl-C", () => {
  const output = fakeOutput(true, 20);
  const terminal = new TerminalModel(20);
  const { draw } = createScreen(output);
  draw([], ["view"]);
  terminal.write(output.writes.at(-1) ?? "").write("^C");
  draw(["the end"], []);
  assertEquals(terminal.write(output.writes.at(-1) ?? "").lines, ["the end"]);
});
