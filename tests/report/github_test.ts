import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { main } from "../../lib/cli/main.ts";
import type { RunEvent } from "../../lib/core/event.ts";
import { githubReporter } from "../../lib/report/github.ts";
import { WorkflowLog } from "../../lib/report/workflow_log.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { testHost, type TestHostOptions } from "../helpers/host.ts";
import { origin } from "../helpers/origin.ts";
import { event, finished, summary } from "./fakes.ts";

const MIB = 1024 * 1024;

/** Reports a run and returns what was written. */
async function reported(
  events: readonly RunEvent[],
  options: TestHostOptions & { readonly group?: boolean; readonly before?: string } = {},
) {
  const host = testHost(options);
  if (options.before !== undefined) host.files.set("/summary", options.before);
  const reporter = githubReporter({
    log: new WorkflowLog(host.stderr),
    host,
    summaryFile: "/summary",
    outputFile: "/output",
    outputs: { store: "/srv/data" },
    placeOf: (task) => task === "b" ? { file: "data/cronfetch.yaml", line: 7 } : null,
    group: options.group ?? true,
  });
  for (const one of events) reporter.report(one);
  await reporter.close();
  return {
    log: host.stderr.text,
    summary: host.files.get("/summary") ?? "",
    outputs: parseOutputs(host.files.get("/output") ?? ""),
  };
}

/** Parses `$GITHUB_OUTPUT` like the runner. */
function parseOutputs(text: string): Record<string, string> {
  const outputs: Record<string, string> = {};
  const lines = text.split("\n");
  while (lines.length > 1) {
    const [name = "", delimiter = ""] = lines.shift()?.split("<<") ?? [];
    const end = lines.indexOf(delimiter);
    assert(end >= 0, name);
    outputs[name] = lines.splice(0, end + 1).slice(0, -1).join("\n");
  }
  return outputs;
}

const started = event({ type: "run.started", tasks: 3 });
const ended = (exitCode: number, counts: Parameters<typeof summary>[1]) =>
  event({ type: "run.finished", summary: summary(exitCode, counts) });

const FAILURE = {
  code: "http.status",
  message: "fetching https://example.org/b: 404 Not Found",
  httpStatus: 404,
} as const;

/** A row of the table, with a file if it has a size. */
function row(status: string, task: string, size: string, remarks: string): string {
  const link = `<a href="https://example.org/${task}"><code>${task}</code></a>`;
  const file = size === "" ? "" : `<code>${task}</code>`;
  const cells = [status, link, file, size, remarks].map((cell) => `<td>${cell}</td>`);
  return `<tr>${cells.join("")}</tr>`;
}

Deno.test("githubReporter: a warning for each change that a hook has not received, ten at most", async () => {
  const hook = (status: "delivered" | "failed" | "expired", message: string | null) =>
    event({
      type: "hook.finished",
      ...{ task: "b", change: "c1", hook: "load.sh", status, message },
      ...{ code: status === "delivered" ? null : "hook.failed", retryAt: null },
    });
  const failures = Array.from({ length: 12 }, () => hook("failed", "exit code 3\n::error::no"));
  const { log } = await reported([hook("delivered", null), hook("expired", null), ...failures], {
    group: false,
  });
  const at = "::warning file=data/cronfetch.yaml,line=7,title=cronfetch%3A the hook of b";
  const lines = log.trimEnd().split("\n");
  assertEquals(lines.length, 10);
  assertEquals(lines[0], `${at} was given up::load.sh: expired`);
  assertEquals(lines[1], `${at} has failed::load.sh: exit code 3\\n::error::no`);
});

Deno.test("githubReporter: a group, an annotation per failure, a table with failures first, outputs", async () => {
  const { log, summary, outputs } = await reported([
    started,
    finished("a", "updated", { sizeBytes: 1_340_040, previousSizeBytes: 1_340_000 }),
    finished("b", "failed", { ...FAILURE, sizeBytes: null }),
    finished("c", "unchanged", { sizeBytes: 40 }),
    finished("d", "deferred", { code: "net.failed", message: "no route", sizeBytes: 7 }),
    finished("e", "created", { sizeBytes: 60, warnings: ["lengthUnknown"] }),
    ended(3, { updated: 1, created: 1, failed: 1, unchanged: 1, deferred: 1 }),
  ]);
  assertEquals(
    log,
    [
      "::group::cronfetch: 3 tasks",
      "::endgroup::",
      "::error file=data/cronfetch.yaml,line=7,title=cronfetch%3A b failed::" +
      "http.status: fetching https://example.org/b: " +
      "404 Not Found → check the URL",
      "",
    ].join("\n"),
  );
  assertEquals(
    summary,
    [
      "### cronfetch",
      "",
      "1 task failed permanently (exit code 3).",
      "",
      "1 failed, 1 deferred, 1 created, 1 updated, 1 unchanged · 1.34 MB received in 2.5s · " +
      "changed files: 1.34 MB (+100 B)",
      "",
      "<table>",
      "<tr><th>status</th><th>task</th><th>file</th><th>size</th><th>remarks</th></tr>",
      row(
        "<strong>failed</strong>",
        "b",
        "",
        "404 Not Found<br>hint: check the URL",
      ),
      row("deferred", "d", "7&nbsp;B", "no route<br><code>net.failed</code>"),
      row(
        "created",
        "e",
        "60&nbsp;B",
        "warning: the response declared no length, so the body may be incomplete",
      ),
      row("updated", "a", "1.34&nbsp;MB&nbsp;(+40&nbsp;B)", ""),
      row("unchanged", "c", "40&nbsp;B", ""),
      "</table>",
      "",
    ].join("\n"),
  );
  assertEquals(outputs, {
    created: "1",
    updated: "1",
    unchanged: "1",
    pending: "0",
    skipped: "0",
    deferred: "1",
    failed: "1",
    cancelled: "0",
    changed: '["a","e"]',
    files: '[{"key":"a","status":"updated","sizeBytes":1340040,"previousSizeBytes":1340000},' +
      '{"key":"e","status":"created","sizeBytes":60,"previousSizeBytes":null}]',
    "exit-code": "3",
    store: "/srv/data",
  });
});

Deno.test("githubReporter: text from outside is inert in the table, the log and the outputs", async () => {
  const evil = "a|b\n\n::error::x\r\n##[error]<script>*[x](javascript:1)* @all #1 `\u202e&amp;\n";
  const { log, summary, outputs } = await reported([
    started,
    finished(evil, "failed", { ...FAILURE, message: evil, key: evil, sizeBytes: null }),
    finished(evil, "updated", { key: `${evil}"\n` }),
    ended(3, { failed: 1, updated: 1 }),
  ]);
  const name = "a|b\\n\\n::error::x\\r\\n##[error]&#60;script&#62;*[x](javascript:1)* @all #1 " +
    "`\\u{202e}&#38;amp;\\n";
  const words = name.replace("@all #1", "@\u2060all #\u20601");
  const table = summary.slice(summary.indexOf("<table>"));
  // One HTML block, which only an empty line would end, with the table's tags only.
  assertEquals(table.trimEnd().includes("\n\n"), false);
  assertEquals(
    new Set(table.match(/<\/?[a-z]+/g)),
    new Set(
      ["<table", "</table", "<tr", "</tr", "<th", "</th", "<td", "</td", "<strong", "</strong"]
        .concat(["<code", "</code", "<a", "</a", "<br"]),
    ),
  );
  assertStringIncludes(table, `<code>${name}</code></a></td><td></td><td></td><td>${words}<br>`);
  assertEquals(log.split("\n").filter((line) => line.includes("::")).length, 3);
  assertMatch(log, /^::error title=cronfetch%3A a\|b\\n\\n%3A%3Aerror%3A%3Ax/m);
  assertEquals(JSON.parse(outputs["changed"] ?? ""), [`${evil}"\n`]);
});

Deno.test("githubReporter: at most ten annotations, the last one counts the others", async () => {
  const failures = Array.from(
    { length: 12 },
    (_, index) => finished(`t${index}`, "failed", FAILURE),
  );
  const table: [events: RunEvent[], errors: number, last: string][] = [
    [failures.slice(0, 10), 10, "::error title=cronfetch%3A t9 failed::"],
    [failures, 10, "::error title=cronfetch::3 more tasks failed; see the job summary"],
    [[finished("a", "deferred"), finished("b", "skipped"), finished("c", "cancelled")], 0, ""],
  ];
  for (const [events, errors, last] of table) {
    const { log } = await reported([started, ...events, ended(3, { failed: events.length })]);
    const shown = log.split("\n").filter((line) => line.startsWith("::error"));
    assertEquals(shown.length, errors);
    assert((shown.at(-1) ?? "").startsWith(last));
  }
});

Deno.test("githubReporter: the summary file stays below 1 MiB with its previous content", async () => {
  const failures = Array.from(
    { length: 100 },
    (_, index) => finished(`f${index}`, "failed", FAILURE),
  );
  const others = Array.from(
    { length: 12_000 },
    (_, index) => finished(`${"ü".repeat(60)}${index}`, "created"),
  );
  const events = [started, ...others, ...failures, ended(3, { created: 12_000, failed: 100 })];
  for (const before of [0, 400_000, MIB - 20_000]) {
    const { summary } = await reported(events, { before: "x".repeat(before) });
    const sizeBytes = new TextEncoder().encode(summary).length;
    assert(sizeBytes < MIB, `${sizeBytes}`);
    assert(sizeBytes > MIB - 1_000, `${sizeBytes}`);
    const rows = summary.match(/^<tr><td>.*$/gm) ?? [];
    const firstRows = rows.slice(0, Math.min(100, rows.length));
    assertEquals(firstRows.every((row) => row.includes("failed")), true);
    const left = Number(/and ([\d,]+) more/.exec(summary)?.[1]?.replace(",", ""));
    assertEquals(rows.length + left, 12_100);
  }
  const full = await reported(events, { before: "x".repeat(MIB - 50) });
  assertEquals(full.summary, "x".repeat(MIB - 50));
  assertStringIncludes(
    full.log,
    "The job summary could not be written: no space is left in the summary",
  );
});

Deno.test("githubReporter: a long output is cut and logged; the counts are complete", async () => {
  const keys = Array.from({ length: 3_000 }, (_, index) => `${index}-${"k".repeat(200)}`);
  const { outputs, log } = await reported([
    started,
    ...keys.map((key) => finished(key, "created")),
    ended(0, { created: 3_000 }),
  ]);
  const listed: string[] = JSON.parse(outputs["changed"] ?? "");
  assertEquals(listed, keys.slice(0, listed.length));
  assert((outputs["changed"] ?? "").length <= 400_000);
  assertEquals(outputs["created"], "3000");
  assertMatch(
    log,
    new RegExp(`${(3_000 - listed.length).toLocaleString("en-US")} of the changed keys`),
  );
});

Deno.test("githubReporter: a failed write is logged and ignored", async () => {
  const { log } = await reported([started, ended(0, {})], {
    unwritable: ["/summary", "/output"],
    group: false,
  });
  assertEquals(log.split("\n").length, 3);
  assertStringIncludes(log, "The job summary could not be written: /summary is unwritable");
  assertStringIncludes(log, "The outputs could not be written: /output is unwritable");
});

Deno.test("githubReporter: an unfinished run closes its group and writes no file", async () => {
  const { log, summary, outputs } = await reported([started]);
  assertEquals(log, "::group::cronfetch: 3 tasks\n::endgroup::\n");
  assertEquals([summary, outputs], ["", {}]);
});

Deno.test("run on GitHub: log, summary and outputs together, and no foreign text is a command", async () => {
  const evil = "::error::from outside";
  await using server = origin({ "/a.txt": "first\n", "/b.txt": 404 });
  await using folder = await temporaryFolder();
  const env = {
    GITHUB_ACTIONS: "true",
    GITHUB_STEP_SUMMARY: "/summary",
    GITHUB_OUTPUT: "/output",
  };
  const tasks = [
    { id: evil, url: `${server.origin}/a.txt`, to: "a.txt" },
    { id: "##[error]b", url: `${server.origin}/b.txt`, to: "b.txt" },
  ];
  const config = { store: "data", state: "file:state.json", tasks };
  await Deno.writeTextFile(folder.file("cronfetch.json"), JSON.stringify(config));
  const host = testHost({ cwd: folder.path, env });
  assertEquals(await main(["run", "--json"], host), 3);
  const lines = host.stderr.text.split("\n");
  assertEquals(
    lines.filter((line) => line.startsWith("::")).map((line) => /^::[a-z]+/.exec(line)?.[0]),
    ["::group", "::endgroup", "::error"],
  );
  // The summary follows the group.
  const end = lines.indexOf("::endgroup::");
  assert(lines.findIndex((line) => line.startsWith("created ")) < end);
  assert(lines.findIndex((line) => line.includes("1 task failed permanently")) > end);
  for (const line of [...lines, ...host.stdout.text.split("\n")]) {
    assertEquals(line.includes("##[") && !line.startsWith("::"), false, line);
  }
  const results = host.stdout.text.trimEnd().split("\n").map((line) => JSON.parse(line))
    .filter((line) => line.type === "task.finished");
  assertEquals(new Set(results.map((line) => line.result.task)), new Set([evil, "##[error]b"]));
  const outputs = parseOutputs(host.files.get("/output") ?? "");
  assertEquals(
    [outputs["store"], outputs["state"], outputs["changed"], outputs["exit-code"]],
    [folder.file("data"), folder.file("state.json"), '["a.txt"]', "3"],
  );
  assertStringIncludes(host.files.get("/summary") ?? "", "<code>##[error]b</code>");

  // A multiline error with foreign text.
  const broken = testHost({ cwd: folder.path, env });
  assertEquals(await main(["run", "\n::error::x"], broken), 2);
  assertEquals(broken.stderr.text.split("\n").filter((line) => line.startsWith("::")), []);

  const elsewhere = testHost({ cwd: folder.path });
  await main(["run"], elsewhere);
  assertEquals([elsewhere.files.size, elsewhere.stderr.text.includes("::group")], [0, false]);
});
