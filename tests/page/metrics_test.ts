import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { record, runRecord, taskResult, validators } from "../state/samples.ts";
import { pageTask, site } from "./site.ts";

/** A line of Prometheus' text format 0.0.4: a comment, or a name, labels and a number. */
const LINE = new RegExp(
  "^(?:# (?:HELP|TYPE) [a-z_]+ .+" +
    '|[a-z_]+(?:\\{[a-z]+="(?:[^"\\\\\\n]|\\\\["\\\\n])*"(?:,[a-z]+="[^"]*")*\\})? [-+0-9.eInf]+)$',
);

Deno.test("metrics: every line is well-formed for any task id", async () => {
  const ids = ['a"b', "c\\d", "e\nf", "{g}", "h=1,i", "名前"];
  await using at = site({
    tasks: ids.map((id) => pageTask(id)),
    runs: [runRecord("r", "2026-01-15T09:00:00Z")],
  });
  const response = await at.ask("/metrics");
  assertMatch(response.headers.get("content-type") ?? "", /^text\/plain; version=0\.0\.4/);
  const text = await response.text();
  for (const line of text.split("\n").filter((line) => line !== "")) assertMatch(line, LINE);
  assertStringIncludes(text, 'cronfetch_task_stale{task="a\\"b"} 0');
  assertStringIncludes(text, 'cronfetch_task_stale{task="c\\\\d"} 0');
  assertStringIncludes(text, 'cronfetch_task_stale{task="e\\nf"} 0');
});

Deno.test("metrics: gauges show the current tasks, counters the events since the start", async () => {
  const stale = pageTask("old", {
    ...{ health: "stale", stale: true, paused: true, nextDue: null },
    record: record("old", {
      lastSuccessAt: "2026-01-01T00:00:00.5Z",
      failures: 2,
      published: null,
    }),
  });
  const fine = pageTask("a", { record: record("a", { published: validators({ sizeBytes: 42 }) }) });
  const run = runRecord("r", "2026-01-15T09:00:00Z");
  await using at = site({ tasks: [stale, fine, pageTask("n", { health: "new", record: null })] });
  const before = await at.text("/metrics");
  assertStringIncludes(before, 'cronfetch_task_results_total{status="failed"} 0\n');
  const never = pageTask("never", {
    ...{ health: "unhealthy", stale: false },
    record: record("never", { lastSuccessAt: null, failures: 3, published: null }),
  });
  at.set([stale, fine, never], [{ ...run, summary: { ...run.summary, exitCode: 3 } }]);
  at.emit({ type: "run.started", tasks: 2 });
  const timings = { queuedMs: 99_000, responseMs: 200, bodyMs: 90, publishMs: 10 };
  at.emit({ type: "task.finished", result: taskResult("updated", { bytes: 1_000, timings }) });
  at.emit({ type: "task.finished", result: taskResult("failed", { bytes: 5 }) });
  const lines = (await at.text("/metrics")).split("\n");
  const { version } = JSON.parse(await Deno.readTextFile("deno.json"));
  for (
    const line of [
      `cronfetch_build_info{version="${version}"} 1`,
      'cronfetch_tasks{health="new"} 0',
      'cronfetch_tasks{health="healthy"} 1',
      'cronfetch_tasks{health="stale"} 1',
      "cronfetch_tasks_paused 1",
      'cronfetch_task_last_success_timestamp_seconds{task="old"} 1767225600.5',
      'cronfetch_task_stale{task="old"} 1',
      'cronfetch_task_unhealthy{task="old"} 0',
      'cronfetch_task_stale{task="never"} 0',
      'cronfetch_task_unhealthy{task="never"} 1',
      'cronfetch_task_failures{task="old"} 2',
      'cronfetch_task_size_bytes{task="a"} 42',
      'cronfetch_task_next_due_timestamp_seconds{task="a"} 1768543200',
      "cronfetch_run_in_progress 1",
      "cronfetch_last_run_timestamp_seconds 1768467601",
      "cronfetch_last_run_exit_code 3",
      "cronfetch_last_run_duration_seconds 1",
      'cronfetch_task_results_total{status="updated"} 1',
      'cronfetch_task_results_total{status="failed"} 1',
      "cronfetch_received_bytes_total 1005",
      'cronfetch_task_duration_seconds_bucket{le="0.25"} 1',
      'cronfetch_task_duration_seconds_bucket{le="0.5"} 2',
      "cronfetch_task_duration_seconds_count 2",
    ]
  ) assertEquals(lines.filter((one) => one === line), [line]);
  const gone = lines.filter((line) => line.includes('task="n"'));
  assertEquals(gone, []);
  assertEquals(lines.some((line) => /size_bytes\{task="old"|due.*\{task="old"/.test(line)), false);
});
