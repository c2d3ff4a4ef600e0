import { assertEquals } from "@std/assert";
import { logOutput } from "../../lib/report/log.ts";
import { fakeOutput } from "./fakes.ts";

const clock = { now: () => Temporal.Instant.from("2026-01-15T12:00:00.1234Z") };

Deno.test("logOutput: text has a time before each line", () => {
  const output = fakeOutput(true);
  const log = logOutput(output, { clock, format: "text" });
  assertEquals(log.isTerminal(), false);
  log.write("next: a\n");
  log.write("error: it failed\n\n  hint: try again\n");
  assertEquals(output.writes, [
    "2026-01-15T12:00:00Z next: a\n",
    "2026-01-15T12:00:00Z error: it failed\n2026-01-15T12:00:00Z\n" +
    "2026-01-15T12:00:00Z   hint: try again\n",
  ]);
});

Deno.test("logOutput: json is one object per write, with the level of its first word", () => {
  const output = fakeOutput(false);
  const log = logOutput(output, { clock, format: "json" });
  const cases = [
    ["next: a", "info"],
    ["updated a (1 kB); 2 unchanged in 1s", "info"],
    ["warning: a header looks like a variable", "warning"],
    ["deferred a (429 Too Many Requests) in 1s", "warning"],
    ["failed a (404 Not Found) in 1s", "error"],
    ["unhealthy  a  3 failures in a row", "error"],
    ["error: one\n  hint: two\u001b[2J", "error"],
  ] as const;
  for (const [message, level] of cases) {
    log.write(`${message}\n`);
    const line = output.writes.at(-1) ?? "";
    const expected = { time: "2026-01-15T12:00:00.123Z", level, message };
    assertEquals(JSON.parse(line), expected);
    assertEquals([line.split("\n").length, line.includes("\u001b")], [2, false]);
  }
});

Deno.test("logOutput: a closed output ends the log", () => {
  const output = fakeOutput(false);
  output.breakPipe();
  assertEquals(logOutput(output, { clock, format: "json" }).write("a\n"), false);
});
