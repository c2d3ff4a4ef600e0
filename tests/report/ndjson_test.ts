import { assert, assertEquals } from "@std/assert";
import type { RunEvent } from "../../lib/core/event.ts";
import { ndjsonReporter } from "../../lib/report/ndjson.ts";
import { event, fakeOutput, finished, summary } from "./fakes.ts";

const RESULT_TAIL = '"url":"https://example.org/a","servedFrom":"https://example.org/a",' +
  '"key":"a","bytes":1340000,"wireBytes":1340000,"sha256":null,"sizeBytes":null,' +
  '"previousSizeBytes":null,"partialBytes":null,"httpStatus":200,' +
  '"attempts":[{"code":null,"httpStatus":200,"delayMs":0}],' +
  '"timings":{"queuedMs":5,"responseMs":100,"bodyMs":1900,"publishMs":10,"totalMs":2010},"warnings":[]';

const HEAD = '"time":"2026-01-02T03:04:05Z","run":"r1"';

Deno.test("ndjsonReporter: writes each event immediately, as one line with ordered keys", async () => {
  const cases: [RunEvent, string][] = [
    [event({ type: "run.started", tasks: 3 }), `{"type":"run.started",${HEAD},"tasks":3}\n`],
    [
      event({ type: "task.started", task: "a", url: "https://example.org/a" }),
      `{"type":"task.started",${HEAD},"task":"a","url":"https://example.org/a"}\n`,
    ],
    [
      event({ type: "task.retrying", delayMs: 250, code: "net.reset", attempt: 2, task: "a" }),
      `{"type":"task.retrying",${HEAD},"task":"a","code":"net.reset","attempt":2,"delayMs":250}\n`,
    ],
    [
      finished("a", "created"),
      `{"type":"task.finished",${HEAD},"result":{"task":"a","status":"created",${RESULT_TAIL}}}\n`,
    ],
    [
      finished("a", "failed", { message: "Went wrong", code: "net.dns" }),
      `{"type":"task.finished",${HEAD},"result":{"task":"a","status":"failed",` +
      `"code":"net.dns","message":"Went wrong",${RESULT_TAIL}}}\n`,
    ],
    [
      event({ type: "run.finished", summary: summary(3, { failed: 1 }) }),
      `{"type":"run.finished",${HEAD},"summary":{"bytes":1340000,"counts":{"created":0,"updated":0,` +
      `"unchanged":0,"pending":0,"skipped":0,"deferred":0,"failed":1,"cancelled":0},` +
      `"durationMs":2500,"exitCode":3}}\n`,
    ],
  ];
  const output = fakeOutput(false);
  const reporter = ndjsonReporter(output);
  for (const [given, line] of cases) {
    reporter.report(given);
    assertEquals(output.writes.at(-1), line);
    assertEquals(JSON.parse(line), given);
  }
  await reporter.close();
  assertEquals(output.writes.length, cases.length);
});

Deno.test("ndjsonReporter: escapes control characters", () => {
  const output = fakeOutput(false);
  const task = "a\n\r\x1b[2J\x7f\x9b\u2028\u2029\u202e\ud800日本";
  ndjsonReporter(output).report(event({ type: "task.started", task, url: "https://e.org/" }));
  const line = output.writes.join("");
  assert(/^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]+\n$/u.test(line));
  assertEquals(JSON.parse(line).task, task);
});

Deno.test("ndjsonReporter: omits fields that the schema does not have", () => {
  const output = fakeOutput(false);
  const more = { authorization: "secret" };
  ndjsonReporter(output).report({ ...event({ type: "run.started", tasks: 1 }), ...more });
  assertEquals(output.writes, [`{"type":"run.started",${HEAD},"tasks":1}\n`]);
});

Deno.test("ndjsonReporter: stops writing when the output is closed", async () => {
  const output = fakeOutput(false);
  const reporter = ndjsonReporter(output);
  reporter.report(event({ type: "run.started", tasks: 1 }));
  output.breakPipe();
  reporter.report(finished("a", "created"));
  reporter.report(finished("b", "created"));
  await reporter.close();
  assertEquals(output.writes.length, 2);
});
