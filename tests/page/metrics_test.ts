import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import fc from "fast-check";
import { formatMetrics, type Metric } from "../../lib/page/metrics.ts";
import { record, runRecord, taskResult, validators } from "../state/samples.ts";
import { pageTask, site } from "./site.ts";

/** A metric as read back from the text format. */
interface ParsedMetric {
  readonly help: string;
  readonly type: string;
  /** Values by name and labels, such as `["a_bucket",{"le":"1"}]`. */
  readonly samples: Map<string, number>;
}

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const LABEL_NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/;
const NUMBER = /^(?:[+-]Inf|NaN|-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)$/;

/**
 * Parses Prometheus' text format 0.0.4; shares no code with the writer and accepts only what it
 * may write: one HELP and TYPE line before the samples of each metric, no timestamps, no series
 * twice, no value below 0 of a counter, consistent histograms.
 */
function parseExposition(text: string): Map<string, ParsedMetric> {
  const metrics = new Map<string, ParsedMetric>();
  const lines = text.split("\n");
  assertEquals(lines.pop(), "", "the last line must end in a line feed");
  let help: [string, string] | null = null;
  let current = "";
  for (const line of lines) {
    const [, kind, name = "", rest = ""] = /^# (HELP|TYPE) (\S+) (.+)$/s.exec(line) ?? [];
    if (line === "") {
      assertEquals(help, null, "a blank line after HELP");
    } else if (kind === "HELP") {
      assert(help === null && NAME.test(name) && !metrics.has(name), line);
      help = [name, unescaped(rest, "\\n")];
    } else if (kind === "TYPE") {
      assert(help?.[0] === name && /^(?:counter|gauge|histogram)$/.test(rest), line);
      metrics.set(name, { help: help[1], type: rest, samples: new Map() });
      [current, help] = [name, null];
    } else {
      const metric = metrics.get(current);
      assert(help === null && metric !== undefined, line);
      const [key, value] = parseSample(line);
      const suffixes = metric.type === "histogram" ? ["_bucket", "_sum", "_count"] : [""];
      assert(suffixes.some((suffix) => key.startsWith(`["${current}${suffix}",`)), line);
      assert(!metric.samples.has(key), `twice: ${line}`);
      assert(metric.type !== "counter" || (value >= 0 && current.endsWith("_total")), line);
      metric.samples.set(key, value);
    }
  }
  assertEquals(help, null, "HELP without TYPE");
  for (const [name, metric] of metrics) {
    if (metric.type === "histogram") assertHistogram(name, metric);
  }
  return metrics;
}

/** Reads `name{label="value",…} number`. */
function parseSample(line: string): [key: string, value: number] {
  const labels: Record<string, string> = {};
  let at = line.search(/[{ ]/);
  const name = line.slice(0, at);
  assert(at > 0 && NAME.test(name), line);
  while (line[at] === "{" || line[at] === ",") {
    const equals = line.indexOf("=", at);
    const label = line.slice(at + 1, equals);
    assert(LABEL_NAME.test(label) && !Object.hasOwn(labels, label), line);
    assertEquals(line[equals + 1], '"', line);
    let end = equals + 2;
    while (end < line.length && line[end] !== '"') end += line[end] === "\\" ? 2 : 1;
    labels[label] = unescaped(line.slice(equals + 2, end), '\\n"');
    at = end + 1;
    assert(line[at] === "," || line[at] === "}", line);
  }
  if (line[at] === "}") at++;
  const number = line.slice(at + 1);
  assert(line[at] === " " && NUMBER.test(number), line);
  return [JSON.stringify([name, labels]), Number(number.replace("Inf", "Infinity"))];
}

function unescaped(text: string, escapes: string): string {
  let result = "";
  for (let at = 0; at < text.length; at++) {
    let character = text.charAt(at);
    if (character === "\\") {
      character = text.charAt(++at);
      assert(character !== "" && escapes.includes(character), `escape in ${text}`);
      if (character === "n") character = "\n";
    }
    result += character;
  }
  return result;
}

/** Asserts ascending bounds, cumulative counts, +Inf as the count, and a sum. */
function assertHistogram(name: string, { samples }: ParsedMetric): void {
  const buckets = [...samples].map(([key, value]) => ({ key: JSON.parse(key), value }))
    .filter(({ key }) => key[0] === `${name}_bucket`);
  const bounds = buckets.map(({ key }) => Number(key[1].le.replace("Inf", "Infinity")));
  const counts = buckets.map(({ value }) => value);
  assertEquals([...bounds].sort((a, b) => a - b), bounds);
  assertEquals([...counts].sort((a, b) => a - b), counts);
  assertEquals(bounds.at(-1), Infinity);
  assertEquals(samples.get(`["${name}_count",{}]`), counts.at(-1));
  assert(samples.has(`["${name}_sum",{}]`));
}

const EMPTY_GAUGE = "# HELP a b\n# TYPE a gauge\n";
const HISTOGRAM = "# HELP h b\n# TYPE h histogram\n";

Deno.test("metrics: the test's parser rejects malformed texts", () => {
  parseExposition(`${EMPTY_GAUGE}a 1\na{x="1",y=""} 1e+21\n`);
  for (
    const text of [
      `${EMPTY_GAUGE}a 1`,
      "a 1\n",
      "# HELP a b\n",
      "# HELP a b\n\n# TYPE a gauge\n",
      "# TYPE a gauge\na 1\n",
      `${EMPTY_GAUGE}${EMPTY_GAUGE}`,
      `${EMPTY_GAUGE}a 1\na 2\n`,
      ...["b 1", "a  1", "a Infinity", "a 1 ", "a", "a 1 2", 'a{x="1" 1', "a{x=1} 1"]
        .map((line) => `${EMPTY_GAUGE}${line}\n`),
      ...['a{x="\\t"} 1', 'a{x="""} 1', 'a{x="\\"} 1', 'a{1x=""} 1', 'a{x="",x=""} 1']
        .map((line) => `${EMPTY_GAUGE}${line}\n`),
      "# HELP a b\n# TYPE a counter\na 1\n",
      "# HELP a_total b\n# TYPE a_total counter\na_total -1\n",
      `${HISTOGRAM}h_bucket{le="1"} 1\nh_sum 1\nh_count 1\n`,
      `${HISTOGRAM}h_bucket{le="1"} 2\nh_bucket{le="+Inf"} 1\nh_sum 1\nh_count 1\n`,
      `${HISTOGRAM}h_bucket{le="+Inf"} 1\nh_sum 1\nh_count 2\n`,
    ]
  ) assertThrows(() => parseExposition(text), Error, undefined, JSON.stringify(text));
});

const ESCAPES: readonly (readonly [text: string, label: string, help: string])[] = [
  ["plain", "plain", "plain"],
  ['"', '\\"', '"'],
  ["\\", "\\\\", "\\\\"],
  ["\n", "\\n", "\\n"],
  ["\\n", "\\\\n", "\\\\n"],
  ['\\"', '\\\\\\"', '\\\\"'],
  ["\\\n", "\\\\\\n", "\\\\\\n"],
  ['a"b"c\n\nd', 'a\\"b\\"c\\n\\nd', 'a"b"c\\n\\nd'],
  // The format escapes nothing else.
  ["\r\t{}=, #名前\u2028$&", "\r\t{}=, #名前\u2028$&", "\r\t{}=, #名前\u2028$&"],
];

Deno.test("formatMetrics: escapes label values and help texts", () => {
  for (const [text, label, help] of ESCAPES) {
    const metric: Metric = {
      ...{ name: "a", type: "gauge", help: text },
      samples: [{ labels: { x: text, y: "" }, value: 1 }],
    };
    assertEquals(
      formatMetrics([metric]),
      `# HELP a ${help}\n# TYPE a gauge\na{x="${label}",y=""} 1\n`,
    );
  }
});

Deno.test("formatMetrics: writes numbers, suffixes and several metrics", () => {
  const samples = [0, -0, 1.5, 1e21, 5e-7, Infinity, -Infinity, NaN].map((value) => ({ value }));
  const histogram = [{ suffix: "_bucket", labels: { le: "+Inf" }, value: 0 }];
  assertEquals(
    formatMetrics([
      { name: "a", type: "gauge", help: "b", samples },
      { name: "empty", type: "gauge", help: "c", samples: [] },
      { name: "h", type: "histogram", help: "d", samples: histogram },
    ]),
    "# HELP a b\n# TYPE a gauge\na 0\na 0\na 1.5\na 1e+21\na 5e-7\na +Inf\na -Inf\na NaN\n\n" +
      "# HELP empty c\n# TYPE empty gauge\n\n" +
      '# HELP h d\n# TYPE h histogram\nh_bucket{le="+Inf"} 0\n',
  );
});

Deno.test("formatMetrics: any label value and help text is read back as it was", () => {
  const characters = [...'\\\n"n{},=# \r\0\u2028é名😀$&', "\ud800"];
  const texts = fc.string({ unit: fc.constantFrom(...characters) });
  fc.assert(fc.property(texts, texts, (value, help) => {
    const samples = [{ labels: { x: value }, value: 1 }];
    const text = formatMetrics([{ name: "a", type: "gauge", help: `.${help}`, samples }]);
    assertEquals([...parseExposition(text)], [[
      "a",
      {
        ...{ help: `.${help}`, type: "gauge" },
        samples: new Map([[JSON.stringify(["a", { x: value }]), 1]]),
      },
    ]]);
  }));
});

Deno.test("metrics: the whole output is well-formed for any task id", async () => {
  const ids = ['a"b', "c\\d", "e\nf", "{g}", "h=1,i", "名前", "\\", '"', "\\n", "j k", "__proto__"];
  await using at = site({
    tasks: ids.map((id) => pageTask(id)),
    runs: [runRecord("r", "2026-01-15T09:00:00Z")],
  });
  for (const bytes of [0, 7]) {
    at.emit({ type: "task.finished", result: taskResult("updated", { bytes }) });
  }
  const response = await at.ask("/metrics");
  assertEquals(
    response.headers.get("content-type"),
    "text/plain; version=0.0.4; charset=utf-8",
  );
  const text = await response.text();
  const metrics = parseExposition(text);
  assertEquals([...metrics].map(([name, { type }]) => `${type} ${name}`), METRICS);
  assertEquals(
    [...metrics.get("cronfetch_task_stale")?.samples ?? []],
    ids.map((task) => [JSON.stringify(["cronfetch_task_stale", { task }]), 0]),
  );
  assertStringIncludes(text, 'cronfetch_task_stale{task="a\\"b"} 0');
  assertStringIncludes(text, 'cronfetch_task_stale{task="c\\\\d"} 0');
  assertStringIncludes(text, 'cronfetch_task_stale{task="e\\nf"} 0');
});

/** All metrics in their order; dashboards and alert rules depend on the names. */
const METRICS = [
  "gauge cronfetch_build_info",
  "gauge cronfetch_tasks",
  "gauge cronfetch_tasks_paused",
  "gauge cronfetch_task_last_success_timestamp_seconds",
  "gauge cronfetch_task_stale",
  "gauge cronfetch_task_unhealthy",
  "gauge cronfetch_task_failures",
  "gauge cronfetch_task_size_bytes",
  "gauge cronfetch_task_next_due_timestamp_seconds",
  "gauge cronfetch_run_in_progress",
  "gauge cronfetch_last_run_timestamp_seconds",
  "gauge cronfetch_last_run_exit_code",
  "gauge cronfetch_last_run_duration_seconds",
  "counter cronfetch_task_results_total",
  "counter cronfetch_received_bytes_total",
  "histogram cronfetch_task_duration_seconds",
];

Deno.test("metrics: a duration counts in each bucket whose bound it does not exceed", async () => {
  await using at = site({ tasks: [] });
  const none = { queuedMs: 0, responseMs: 0, bodyMs: 0, publishMs: 0, totalMs: 0 };
  for (const totalMs of [0, 100, 101, 600_000, 600_001]) {
    at.emit({
      type: "task.finished",
      result: taskResult("updated", { timings: { ...none, totalMs } }),
    });
  }
  const text = await at.text("/metrics");
  assertEquals(
    text.slice(text.indexOf("# TYPE cronfetch_task_duration_seconds")),
    `# TYPE cronfetch_task_duration_seconds histogram
cronfetch_task_duration_seconds_bucket{le="0.1"} 2
cronfetch_task_duration_seconds_bucket{le="0.25"} 3
cronfetch_task_duration_seconds_bucket{le="0.5"} 3
cronfetch_task_duration_seconds_bucket{le="1"} 3
cronfetch_task_duration_seconds_bucket{le="2.5"} 3
cronfetch_task_duration_seconds_bucket{le="5"} 3
cronfetch_task_duration_seconds_bucket{le="10"} 3
cronfetch_task_duration_seconds_bucket{le="30"} 3
cronfetch_task_duration_seconds_bucket{le="60"} 3
cronfetch_task_duration_seconds_bucket{le="120"} 3
cronfetch_task_duration_seconds_bucket{le="300"} 3
cronfetch_task_duration_seconds_bucket{le="600"} 4
cronfetch_task_duration_seconds_bucket{le="+Inf"} 5
cronfetch_task_duration_seconds_sum 1200.202
cronfetch_task_duration_seconds_count 5
`,
  );
});

Deno.test("metrics: the last run is 0 before the first run, and stays if the state loses its runs", async () => {
  await using at = site({ tasks: [] });
  const line = async () => /^cronfetch_last_run_timestamp_.*/m.exec(await at.text("/metrics"))?.[0];
  assertEquals(await line(), "cronfetch_last_run_timestamp_seconds 0");
  at.set([], [runRecord("r", "2026-01-15T09:00:00Z")]);
  assertEquals(await line(), "cronfetch_last_run_timestamp_seconds 1768467601");
  at.set([], []);
  assertEquals(await line(), "cronfetch_last_run_timestamp_seconds 1768467601");
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
  const timings = { queuedMs: 99_000, responseMs: 200, bodyMs: 90, publishMs: 10, totalMs: 300 };
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
