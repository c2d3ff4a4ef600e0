import { assertEquals, assertStringIncludes } from "@std/assert";
import type { Health, Progress, Reporter, RunEvent } from "../../lib/core/event.ts";
import { consoleReporter, plainDisplay } from "../../lib/report/console.ts";
import { painter } from "../../lib/report/format.ts";
import { liveDisplay } from "../../lib/report/live_display.ts";
import {
  event,
  type FakeOutput,
  fakeOutput,
  fakeProgress,
  type FakeTime,
  fakeTime,
  finished,
  summary,
  taskProgress,
} from "./fakes.ts";
import type { Verbosity } from "../../lib/report/lines.ts";
import { TerminalModel } from "./terminal_model.ts";

interface Scene {
  readonly reporter: Reporter;
  readonly output: FakeOutput;
  readonly time: FakeTime;
  readonly progress: Progress;
}

function scene(
  terminal: boolean,
  { verbosity = "normal", color = false }: { verbosity?: Verbosity; color?: boolean } = {},
): Scene {
  const output = fakeOutput(terminal);
  const time = fakeTime();
  const progress = fakeProgress();
  const { clock, timers } = time;
  const paint = painter(color);
  const reporter = consoleReporter({
    display: terminal && verbosity !== "quiet"
      ? liveDisplay({ output, progress, clock, timers, paint })
      : plainDisplay(output),
    output,
    paint,
    verbosity,
    idColumns: 5,
    destination: { store: "downloads", showsPaths: false },
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
    sizeBytes: 1_340_000,
    previousSizeBytes: 1_327_700,
    key: "data/rates.csv",
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
    message: "fetching https://example.org/later: 503 Service Unavailable",
    httpStatus: 503,
    notBefore: "2026-01-02T04:00:00.000000001Z",
  }),
  finished("gone", "failed", {
    code: "http.status",
    message: "fetching https://example.org/gone: 404 Not Found",
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

const DEFERRED = `\
deferred   later  503 Service Unavailable; next request after 2026-01-02T04:00:01Z
                  https://example.org/later
`;
const FAILED = `\
failed     gone   404 Not Found
                  https://example.org/gone
`;
const HINT = "                  hint: check the URL\n";
const CLOSING = "1 task failed permanently (exit code 3).\n";
const TOTALS = `\
1 created, 1 updated, 1 unchanged, 1 skipped, 1 deferred, 1 failed; 1.34 MB in 2.5s → downloads
`;

const NORMAL = `\
created    f1040  1.34 MB in 2s
updated    rates  1.34 MB (+12.3 kB) in 2s; data/rates.csv
                  warning: the response declared no length, so the body may be incomplete
unchanged  same
skipped    other  another run holds it
${DEFERRED}${FAILED}${HINT}${TOTALS}${CLOSING}`;

const QUIET = `${DEFERRED}${FAILED}${HINT}${CLOSING}`;

/** The end of the run on a terminal. */
const LISTED = `\
✓ data/rates.csv  1.34 MB  updated  +12.3 kB
✓ f1040           1.34 MB  created
! later  503 Service Unavailable; next request after 2026-01-02T04:00:01Z
         https://example.org/later
✗ gone   404 Not Found
         https://example.org/gone
         hint: check the URL
warning: rates: the response declared no length, so the body may be incomplete

1 created, 1 updated, 1 unchanged, 1 skipped, 1 deferred, 1 failed; 1.34 MB
in 2.5s → downloads
${CLOSING}`;

const TIMINGS = "queued 5ms, response 100ms, body 1.9s, publish 10ms";
const INDENT = " ".repeat(18);
const VERBOSE = `\
run        r1     6 tasks
started    f1040  https://example.org/f1040
created    f1040  1.34 MB in 2s
${INDENT}${TIMINGS}
started    rates  https://example.org/rates
retrying   rates  attempt 2 in 1.5s after net.reset
updated    rates  1.34 MB (+12.3 kB) in 2s; data/rates.csv
${INDENT}warning: the response declared no length, so the body may be incomplete
${INDENT}attempts: net.reset, http.status 503, 200 after 1.5s
${INDENT}${TIMINGS}
${INDENT}served from https://mirror.example.org/rates
unchanged  same   ${TIMINGS}
skipped    other  another run holds it
${INDENT}${TIMINGS}
${DEFERRED}${INDENT}${TIMINGS}
${FAILED}${HINT}${INDENT}${TIMINGS}
${TOTALS}${CLOSING}`;

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

Deno.test("consoleReporter: on a terminal the live view is replaced by what changed and what failed, once each", async () => {
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

  progress.running.set("f1040", taskProgress(250, 1_000));
  progress.bytes = 250;
  time.advance(100);
  assertEquals(shown(), [
    "░░░░░░░░░░░░░░░░░░░░ 0/6 tasks  250 B",
    "  f1040    250 B of 1 kB      25%",
  ]);

  time.advance(1_000);
  assertEquals(shown(), [
    "░░░░░░░░░░░░░░░░░░░░ 0/6 tasks  250 B  0 B/s  1s",
    "  f1040    250 B of 1 kB      25%      0 B/s",
  ]);

  progress.running.clear();
  progress.bytes = 1_340_000;
  for (const each of rest.slice(0, -1)) reporter.report(each);
  assertEquals(output.writes, []);
  time.advance(100);
  assertEquals(output.writes.length, 1);
  assertEquals(shown(), [
    "████████████████████ 6/6 tasks  1 failed  1.34 MB  1.22 MB/s  1s",
    "  failed: gone",
  ]);

  for (const each of rest.slice(-1)) reporter.report(each);
  assertEquals(output.writes.length, 1);
  assertEquals(time.pending(), 0);
  assertEquals(shown().join("\n") + "\n", LISTED);
  assertEquals(terminal.state.column, 0);
  assertEquals(terminal.state.wrap, true);

  await reporter.close();
  assertEquals(output.writes, []);
});

Deno.test("consoleReporter: on a terminal quiet draws no view, and verbose writes every step above it", () => {
  for (const [verbosity, text] of [["quiet", QUIET], ["verbose", VERBOSE]] as const) {
    const { reporter, output, time } = scene(true, { verbosity });
    output.resize(1_000);
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
    "\r\x1b[1A1 unchanged; 1.34 MB in 2.5s → downloads\x1b[K\n\x1b[J",
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
    `failed     ${shown}  ${shown} (internal)\n${INDENT}https://example.org/${shown}\n` +
    `${INDENT}hint: please report it\n${INDENT}${TIMINGS}\n${INDENT}served from ${shown}\n`,
  ]);
});

Deno.test("eventLines: becoming unhealthy is always shown, recovery unless quiet", () => {
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
  const unhealthy = "unhealthy  a      3 failures in a row\n";
  assertEquals(lineAt("quiet"), unhealthy);
  assertEquals(lineAt("normal"), `${unhealthy}healthy    a      was unhealthy\n`);
  assertEquals(
    lineAt("verbose"),
    `failing    a      was healthy\n${unhealthy}healthy    a      was unhealthy\n`,
  );
});

Deno.test("eventLines: shows the warning of an older file, whether kept or published", () => {
  const warnings = ["olderThanPublished"] as const;
  const why = "the server sent an older file than the published one";
  for (const [status, details] of [["unchanged", ""], ["updated", "1.34 MB in 2s"]] as const) {
    const { reporter, output } = scene(false);
    reporter.report(finished("rates", status, { warnings }));
    const lines = output.writes.join("").split("\n");
    assertStringIncludes(lines.join("\n"), details);
    assertStringIncludes(lines.at(-2) ?? "", `warning: ${why}`);
  }
});

Deno.test("eventLines: shows no file of a list, which has none", () => {
  const { reporter, output } = scene(false);
  reporter.report(finished("rates", "created", { key: "list:rates" }));
  assertEquals(output.writes.join(""), "created    rates  1.34 MB in 2s\n");
});

Deno.test("eventLines: counts the members of an unpacked archive", () => {
  const table = [
    [{ created: 2, updated: 0, unchanged: 10 }, "members: 2 created, 10 unchanged"],
    [{ created: 0, updated: 0, unchanged: 0 }, "members: none"],
  ] as const;
  for (const [members, text] of table) {
    const { reporter, output } = scene(false);
    reporter.report(finished("rates", "updated", { members }));
    assertStringIncludes(output.writes.join(""), text);
  }
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
