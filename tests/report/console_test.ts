import { assertEquals, assertStringIncludes } from "@std/assert";
import type { Health, Progress, Reporter, RunEvent } from "../../lib/core/event.ts";
import { type ConsoleOptions, consoleReporter } from "../../lib/report/console.ts";
import {
  event,
  type FakeOutput,
  fakeOutput,
  fakeProgress,
  type FakeTime,
  fakeTime,
  finished,
  summary,
} from "./fakes.ts";
import type { TaskStatus } from "../../lib/core/result.ts";
import type { Paint } from "../../lib/report/format.ts";
import { eventLine, type Verbosity } from "../../lib/report/lines.ts";
import { TerminalModel } from "./terminal_model.ts";

interface Scene {
  readonly reporter: Reporter;
  readonly output: FakeOutput;
  readonly time: FakeTime;
  readonly progress: Progress;
}

function scene(terminal: boolean, more: Partial<ConsoleOptions> = {}): Scene {
  const output = fakeOutput(terminal);
  const time = fakeTime();
  const progress = fakeProgress();
  const reporter = consoleReporter({
    output,
    progress,
    clock: time.clock,
    timers: time.timers,
    color: false,
    verbosity: "normal",
    ...more,
  });
  return { reporter, output, time, progress };
}

/** A run with each type of event and status. */
const SCRIPT: readonly RunEvent[] = [
  event({ type: "run.started", tasks: 6 }),
  event({ type: "task.started", task: "f1040", url: "https://example.org/f1040" }),
  finished("f1040", "created"),
  event({ type: "task.started", task: "rates", url: "https://example.org/rates" }),
  event({ type: "task.retrying", task: "rates", attempt: 2, code: "net.reset", delayMs: 1_500 }),
  finished("rates", "updated", {
    servedFrom: "https://mirror.example.org/rates",
    attempts: [
      { code: "net.reset", httpStatus: null, delayMs: 0 },
      { code: "http.status", httpStatus: 503, delayMs: 0 },
      { code: null, httpStatus: 200, delayMs: 1_500 },
    ],
    warnings: ["lengthUnknown"],
  }),
  finished("same", "unchanged", { bytes: 0, httpStatus: 304 }),
  finished("other", "skipped", { message: "another run holds it" }),
  finished("later", "deferred", {
    code: "http.status",
    message: "Fetching https://example.org/later: 503 Service Unavailable",
    httpStatus: 503,
    notBefore: "2026-01-02T04:00:00.000000001Z",
  }),
  finished("gone", "failed", {
    code: "http.status",
    message: "Fetching https://example.org/gone: 404 Not Found",
    httpStatus: 404,
    servedFrom: null,
  }),
  event({
    type: "run.finished",
    summary: summary(3, {
      created: 1,
      updated: 1,
      unchanged: 1,
      skipped: 1,
      deferred: 1,
      failed: 1,
    }),
  }),
];

const DEFERRED = "deferred   later  http.status: Fetching https://example.org/later: " +
  "503 Service Unavailable; next request after 2026-01-02T04:00:01Z";
const FAILED = "failed     gone  http.status: Fetching https://example.org/gone: 404 Not Found" +
  " → check the URL";
const CLOSING = "1 task failed permanently (exit code 3).";
const SUMMARY = `
created          1
updated          1
unchanged        1
skipped          1
deferred         1
failed           1
received   1.34 MB
time          2.5s

${CLOSING}
`;

const NORMAL = `created    f1040  1.34 MB in 2s
updated    rates  1.34 MB in 2s; the response declared no length, so the body may be incomplete
unchanged  same
skipped    other  another run holds it
${DEFERRED}
${FAILED}
${SUMMARY}`;

const QUIET = `${DEFERRED}
${FAILED}
${CLOSING}
`;

const TIMINGS = "queued 5ms, response 100ms, body 1.9s, publish 10ms";
const VERBOSE = `run        r1  6 tasks
started    f1040  https://example.org/f1040
created    f1040  1.34 MB in 2s; ${TIMINGS}
started    rates  https://example.org/rates
retrying   rates  attempt 2 in 1.5s after net.reset
updated    rates  1.34 MB in 2s; the response declared no length, so the body may be incomplete; ` +
  `attempts: net.reset, http.status 503, 200 after 1.5s; ${TIMINGS}; ` +
  `served from https://mirror.example.org/rates
unchanged  same  ${TIMINGS}
skipped    other  another run holds it; ${TIMINGS}
${DEFERRED}; ${TIMINGS}
${FAILED}; ${TIMINGS}
${SUMMARY}`;

Deno.test("consoleReporter: started and retrying write nothing unless verbose", () => {
  for (const terminal of [true, false]) {
    for (const verbosity of ["quiet", "normal"] as const) {
      const { reporter, output } = scene(terminal, { verbosity });
      for (const each of SCRIPT) {
        if (["task.started", "task.retrying"].includes(each.type)) reporter.report(each);
      }
      assertEquals(output.writes, [], `${verbosity}, ${terminal}`);
    }
  }
});

Deno.test("consoleReporter: without a terminal each result is a line, written immediately", async () => {
  const cases = [["normal", NORMAL, 7], ["quiet", QUIET, 3], ["verbose", VERBOSE, 11]] as const;
  for (const [verbosity, text, writes] of cases) {
    const { reporter, output, time } = scene(false, { verbosity });
    for (const each of SCRIPT) reporter.report(each);
    await reporter.close();
    assertEquals(output.writes.join(""), text);
    assertEquals(output.writes.length, writes);
    assertEquals(time.pending(), 0);
  }
});

Deno.test("consoleReporter: colour does not change the text", async () => {
  const { reporter, output } = scene(false, { color: true });
  for (const each of SCRIPT) reporter.report(each);
  await reporter.close();
  assertEquals(output.writes[0], "\x1b[32mcreated  \x1b[39m  f1040  1.34 MB in 2s\n");
  assertEquals(new TerminalModel(1_000).write(output.writes.join("")).text + "\n", NORMAL);
});

Deno.test("consoleReporter: on a terminal the live view is below the failures, and replaced by the summary", async () => {
  const { reporter, output, time, progress } = scene(true);
  const terminal = new TerminalModel(80);
  const shown = (): string[] => {
    terminal.write(output.writes.splice(0).join(""));
    return terminal.lines;
  };
  const [runStarted, ...rest] = SCRIPT;
  if (runStarted === undefined) throw new Error("no script");

  reporter.report(runStarted);
  assertEquals(output.writes, []);

  progress.running.set("f1040", { receivedBytes: 250, totalBytes: 1_000 });
  progress.bytes = 250;
  time.advance(100);
  assertEquals(shown(), ["░░░░░░░░░░░░░░░░░░░░ 0/6 tasks  250 B", "     25%  f1040"]);

  time.advance(1_000);
  assertEquals(shown(), ["░░░░░░░░░░░░░░░░░░░░ 0/6 tasks  250 B  0 B/s  1s", "     25%  f1040"]);

  progress.running.clear();
  progress.bytes = 1_340_000;
  for (const each of rest.slice(0, -1)) reporter.report(each);
  assertEquals(output.writes, []);
  time.advance(100);
  assertEquals(output.writes.length, 1);
  assertEquals(shown(), [
    DEFERRED.slice(0, 80),
    DEFERRED.slice(80),
    FAILED.slice(0, 80),
    FAILED.slice(80),
    "████████████████████ 6/6 tasks  1 failed  1.34 MB  1.22 MB/s  1s",
  ]);

  for (const each of rest.slice(-1)) reporter.report(each);
  assertEquals(output.writes.length, 1);
  assertEquals(time.pending(), 0);
  assertEquals(shown().slice(4).join("\n") + "\n", SUMMARY.replaceAll(/.{80}(?=.)/g, "$&\n"));
  assertEquals(terminal.state.column, 0);
  assertEquals(terminal.state.wrap, true);

  await reporter.close();
  assertEquals(output.writes, []);
});

Deno.test("consoleReporter: on a terminal quiet draws no view, and verbose writes every step above it", () => {
  for (const [verbosity, text] of [["quiet", QUIET], ["verbose", VERBOSE]] as const) {
    const { reporter, output, time } = scene(true, { verbosity });
    for (const each of SCRIPT) {
      reporter.report(each);
      time.advance(100);
    }
    const terminal = new TerminalModel(1_000).write(output.writes.join(""));
    assertEquals(terminal.text + "\n", text);
    assertEquals(time.pending(), 0);
  }
});

Deno.test("consoleReporter: close removes the view of an unfinished run, also when called twice", async () => {
  const { reporter, output, time } = scene(true);
  reporter.report(event({ type: "run.started", tasks: 1 }));
  time.advance(100);
  await reporter.close();
  await reporter.close();
  assertEquals(time.pending(), 0);
  assertEquals(new TerminalModel(80).write(output.writes.join("")).text, "");
});

Deno.test("consoleReporter: a second run starts with empty counters", async () => {
  const { reporter, output, time, progress } = scene(true);
  for (const each of SCRIPT) {
    reporter.report(each);
    progress.bytes += 1_000;
    time.advance(100);
  }
  output.writes.length = 0;
  progress.bytes = 0;
  reporter.report(event({ type: "run.started", tasks: 1 }));
  time.advance(100);
  reporter.report(finished("f1040", "unchanged"));
  reporter.report(event({ type: "run.finished", summary: summary(0, { unchanged: 1 }) }));
  await reporter.close();
  assertEquals(output.writes, [
    "\x1b[?7l░░░░░░░░░░░░░░░░░░░░ 0/1 task  0 B\n\x1b[?7h",
    "\x1b[1A\x1b[J\nunchanged        1\nreceived   1.34 MB\ntime          2.5s\n\n" +
    "Everything is up to date.\n",
  ]);
});

Deno.test("consoleReporter: stops writing when the output is closed", async () => {
  for (const terminal of [false, true]) {
    const { reporter, output, time } = scene(terminal, { verbosity: "verbose" });
    output.breakPipe();
    for (const each of SCRIPT) {
      reporter.report(each);
      time.advance(100);
    }
    await reporter.close();
    assertEquals(output.writes.length, 1);
    assertEquals(time.pending(), 0);
  }
});

Deno.test("consoleReporter: text from outside cannot control the terminal or forge a line", async () => {
  const { reporter, output } = scene(false, { verbosity: "verbose" });
  const evil = "a\nfailed     b\x1b[2J\x1b]0;title\x07\u202e";
  const shown = "a\\nfailed     b\\u{1b}[2J\\u{1b}]0;title\\u{7}\\u{202e}";
  reporter.report(event({ type: "task.started", task: evil, url: evil }));
  reporter.report(finished(evil, "failed", { code: "internal", message: evil, servedFrom: evil }));
  await reporter.close();
  assertEquals(output.writes, [
    `started    ${shown}  ${shown}\n`,
    `failed     ${shown}  internal: ${shown} → please report it; ${TIMINGS}; served from ${shown}\n`,
  ]);
});

Deno.test("eventLine: becoming unhealthy is always shown, recovery unless quiet", () => {
  const changes: [before: Health, health: Health, failures: number][] = [
    ["healthy", "failing", 1],
    ["failing", "unhealthy", 3],
    ["unhealthy", "healthy", 0],
  ];
  const lineAt = (verbosity: Verbosity) => {
    const { reporter, output } = scene(false, { verbosity });
    for (const [before, health, failures] of changes) {
      reporter.report(event({ type: "task.health", task: "a", before, health, failures }));
    }
    return output.writes.join("");
  };
  const unhealthy = "unhealthy  a  3 failures in a row\n";
  assertEquals(lineAt("quiet"), unhealthy);
  assertEquals(lineAt("normal"), `${unhealthy}healthy    a  was unhealthy\n`);
  assertEquals(
    lineAt("verbose"),
    `failing    a  was healthy\n${unhealthy}healthy    a  was unhealthy\n`,
  );
});

Deno.test("resultLine: shows the warning of an older file, whether kept or published", () => {
  const plain: Paint = (_style, text) => text;
  const warnings = ["olderThanPublished"] as const;
  const why = "the server sent an older file than the published one";
  const shown = (status: TaskStatus): string | null =>
    eventLine(finished("rates", status, { warnings }), "normal", plain);
  assertEquals(shown("unchanged"), `unchanged  rates  ${why}`);
  assertStringIncludes(shown("updated") ?? "", `; ${why}`);
});

Deno.test("consoleReporter: writes the same without the events that it ignores", () => {
  for (const verbosity of ["quiet", "normal", "verbose"] as const) {
    for (const terminal of [false, true]) {
      const [all, some] = [scene(terminal, { verbosity }), scene(terminal, { verbosity })];
      const ignored = all.reporter.ignores ?? [];
      assertEquals(ignored.includes("task.started"), verbosity !== "verbose");
      for (const event of SCRIPT) {
        all.reporter.report(event);
        if (!ignored.includes(event.type)) some.reporter.report(event);
      }
      assertEquals(some.output.writes, all.output.writes);
    }
  }
});
