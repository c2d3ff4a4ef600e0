import { assertEquals } from "@std/assert";
import { colorWanted, painter } from "../../lib/report/format.ts";

Deno.test("colorWanted: NO_COLOR, FORCE_COLOR, the terminal and TERM, in this order", () => {
  const cases: [Record<string, string>, boolean, boolean][] = [
    [{}, true, true],
    [{}, false, false],
    [{ NO_COLOR: "1" }, true, false],
    [{ NO_COLOR: "" }, true, true],
    [{ FORCE_COLOR: "1" }, false, true],
    [{ FORCE_COLOR: "" }, false, false],
    [{ NO_COLOR: "1", FORCE_COLOR: "1" }, true, false],
    [{ TERM: "dumb" }, true, false],
    [{ TERM: "xterm-256color" }, true, true],
    [{ TERM: "dumb", FORCE_COLOR: "1" }, true, true],
  ];
  for (const [env, isTerminal, wanted] of cases) {
    assertEquals(colorWanted((name) => env[name], isTerminal), wanted, JSON.stringify(env));
  }
});

Deno.test("painter: adds attributes, or returns the text unchanged", () => {
  assertEquals(painter(true)("bad", "failed"), "\x1b[31mfailed\x1b[39m");
  assertEquals(painter(false)("bad", "failed"), "failed");
});
