import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { CronfetchError } from "../../lib/core/errors.ts";
import {
  delivery,
  outcomesText,
  recentResult,
  record,
  runRecord,
  runResult,
  validators,
} from "../state/samples.ts";
import type { TaskStatus } from "../../lib/core/result.ts";
import type { PageTask } from "../../lib/page/source.ts";
import { pageTask, site } from "./site.ts";
import { taskProgress } from "../report/fakes.ts";

const PATHS = ["/", "/runs", "/runs/r1", "/tasks/a.csv", "/api/status", "/api/runs"];
const OTHERS = ["/api/tasks/a.csv", "/healthz", "/metrics", "/live.js", "/style.css", "/icon.svg"];

Deno.test("page: every route accepts GET and HEAD, and rejects other methods", async () => {
  await using at = site({ runs: [runRecord("r1", "2026-01-15T09:00:00Z")] });
  for (const path of [...PATHS, ...OTHERS, "/robots.txt"]) {
    const get = await at.ask(path);
    assertEquals(get.status, 200, path);
    assert((await get.text()).length > 0);
    const head = await at.ask(path, { method: "HEAD" });
    assertEquals([head.status, await head.text()], [200, ""], path);
    assertEquals(head.headers.get("content-type"), get.headers.get("content-type"));
    for (const method of ["POST", "PUT", "DELETE", "OPTIONS"]) {
      const refused = await at.ask(path, { method });
      await refused.body?.cancel();
      assertEquals([refused.status, refused.headers.get("allow")], [405, "GET, HEAD"], path);
    }
  }
});

Deno.test("page: unknown paths are 404, as HTML or as JSON below /api", async () => {
  await using at = site();
  for (
    const path of ["/x", "/tasks/x", "/tasks/", "/tasks/%ff", "/runs/x", "/files/a.csv", "/a/b"]
  ) {
    const response = await at.ask(path);
    assertEquals(response.status, 404, path);
    assertMatch(response.headers.get("content-type") ?? "", /^text\/html/);
    assertStringIncludes(await response.text(), "<h1>Not found</h1>");
  }
  const response = await at.ask("/api/tasks/x");
  assertEquals(response.status, 404);
  assertEquals(await response.json(), { error: "The config has no such task." });
  assertEquals((await (await at.ask("/api/runs?limit=0")).json()).error.length > 0, true);
});

Deno.test("page: every response has the security headers", async () => {
  await using at = site({ isActive: false });
  for (const path of [...PATHS, ...OTHERS, "/nothing", "/files/x"]) {
    const response = await at.ask(path);
    await response.body?.cancel();
    assertEquals(
      response.headers.get("content-security-policy"),
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; " +
        "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    );
    assertEquals(response.headers.get("x-content-type-options"), "nosniff");
    assertEquals(response.headers.get("referrer-policy"), "same-origin");
    assertEquals(response.headers.get("x-frame-options"), "DENY");
    assertEquals(response.headers.get("cross-origin-resource-policy"), "same-origin");
    assertEquals(response.headers.get("access-control-allow-origin"), null);
    const isAsset = /\.(?:js|css|svg)$/.test(path);
    assertEquals(response.headers.get("cache-control"), isAsset ? "max-age=86400" : "no-store");
  }
});

Deno.test("page: the HTML has no inline style, handler or third-party URL that the policy forbids", async () => {
  await using at = site({ token: "long enough to guess", tasks: [], runs: [] });
  for (const path of ["/", "/runs", "/nothing"]) {
    const html = await (await at.ask(path)).text();
    assertMatch(html, /^<!doctype html><html lang="en">/);
    assertEquals(/ style=|<style| on[a-z]+=|https?:\/\//.test(html), false);
    for (const [, url] of html.matchAll(/ (?:src|href|action)="([^"]*)"/g)) {
      assertMatch(url ?? "", /^(?:\/(?!\/)|#)/);
    }
  }
});

Deno.test("run page: a run that failed as a whole has its reason, and no table", async () => {
  const error = "opening the store: <denied>";
  const failed = { ...runRecord("r1", "2026-01-15T09:00:00Z"), error, failedRuns: 12 };
  await using at = site({ runs: [failed] });
  const html = await at.text("/runs/r1");
  assertStringIncludes(html, "<h2>Opening the store: &lt;denied&gt;</h2>");
  assertStringIncludes(html, "12 runs in a row failed like this.");
  assertStringIncludes(await at.text("/runs"), "opening the store: &lt;denied&gt;");
  const overview = await at.text("/");
  assertStringIncludes(
    overview,
    "and failed as a whole: opening the store: &lt;denied&gt;</span>.",
  );
  // Each task keeps the health that the last run with results has given it.
  assertStringIncludes(overview, "<h1>The last run failed</h1>");
  assertStringIncludes(overview, "<title>(!) cronfetch</title>");
  at.set([pageTask("a", { health: "unhealthy" })]);
  const both = await at.text("/");
  assertStringIncludes(both, "<h1>1 of 1 task needs attention</h1>");
  assertStringIncludes(both, "<title>(1) cronfetch</title>");
});

Deno.test("runs page: what started each run, and what happened on each day", async () => {
  const runs = Array.from({ length: 120 }, (_, index) => {
    const run = runRecord(`r${index}`, "2026-01-15T09:00:00Z");
    return index === 0 ? { ...run, trigger: "schedule" as const } : run;
  });
  const { counts } = runRecord("r", "2026-01-15T09:00:00Z").summary;
  const day = { day: "2026-01-14", evaluations: 287, runs: 1, counts, bytes: 1_000 };
  await using at = site({ runs, days: [day] });
  const html = await at.text("/runs");
  const rows = (text: string) => text.match(/<a href="\/runs\/r/g)?.length;
  assertEquals([rows(html), rows(await at.text("/runs?page=2"))], [100, 20]);
  for (const words of ["command, for due tasks", "2026-01-14", `data-label="Checks">287<`]) {
    assertStringIncludes(html, words);
  }
});

Deno.test("overview: a run of another process is shown, the one of this process only once", async () => {
  const other = { run: "run-8", startedAt: "2026-01-15T11:58:00Z", tasks: 12 };
  const own = { run: "run-9", startedAt: "2026-01-15T11:59:00Z", tasks: 3 };
  await using at = site({ activeRuns: [other, own] });
  at.emit({ type: "run.started", tasks: 3 });
  const html = await at.text("/");
  assertStringIncludes(html, "A run of 12 tasks is in progress since");
  assertEquals(html.match(/in progress/g)?.length, 2);
});

Deno.test("overview: the strip has each of the last fifty outcomes, equal ones with a common title", async () => {
  const outcome = (hour: number, status: TaskStatus, code: string | null = null) => ({
    ...{ status, code },
    at: `2026-01-14T0${hour}:00:00Z`,
  });
  const outcomes = outcomesText([
    ...[0, 1, 2, 3, 4].map((hour) => outcome(hour, "unchanged")),
    outcome(5, "updated"),
    outcome(6, "failed", "http.status"),
  ]);
  const results = [recentResult(outcome(6, "failed", "http.status"))];
  await using page = site({
    tasks: [pageTask("a", { record: record("a", { outcomes, results }) })],
  });
  const html = await page.text("/");
  assertStringIncludes(
    html,
    `aria-label="Last 7 results: 1 updated, 5 unchanged, 1 failed; newest failed"`,
  );
  const titles = [...html.matchAll(/<path[^>]*><title>([^<]*)<\/title>/g)].map(([, title]) =>
    title
  );
  assertEquals(titles, [
    "failed: http.status, 2026-01-14 06:00:00 UTC",
    "updated, 2026-01-14 05:00:00 UTC",
    "5 times unchanged, 2026-01-14 00:00:00 to 2026-01-14 04:00:00 UTC",
  ]);
  assertStringIncludes(html, "Results, the newest on the right:");
});

Deno.test("overview: nothing is called fine before it has run", async () => {
  const fresh = (id: string) => pageTask(id, { health: "new", record: null });
  const table: [tasks: PageTask[], title: string][] = [
    [[fresh("a")], "The task has not run yet"],
    [[fresh("a"), fresh("b")], "None of 2 tasks has run yet"],
    [[fresh("a"), pageTask("b")], "1 of 2 tasks has not run yet"],
    [[pageTask("a"), pageTask("b")], "All 2 tasks are fine"],
    [[pageTask("a", { health: "failing" }), fresh("b")], "1 of 2 tasks failed last time"],
    [[pageTask("a", { stale: true }), fresh("b")], "1 of 2 tasks needs attention"],
  ];
  for (const [tasks, title] of table) {
    await using at = site({ tasks, runs: [runRecord("r1", "2026-01-15T09:00:00Z")] });
    const html = await at.text("/");
    assertStringIncludes(html, `<h1>${title}</h1>`);
    // The last run is described by what it did: an exit code is not the health of all tasks.
    assertStringIncludes(html, ": 1 unchanged.");
  }
});

Deno.test("overview: the message of a problem and its first time are in the row", async () => {
  const failed = recentResult({
    ...{ status: "failed", code: "http.status", httpStatus: 404 },
    message: "fetching https://x.example/a: the server answered 404 <Not Found>",
  });
  const failing = record("a", {
    ...{ failures: 2, failingSince: "2026-01-13T12:00:00Z", changedAt: "2026-01-10T12:00:00Z" },
    results: [failed],
  });
  await using at = site({ tasks: [pageTask("a", { health: "failing", record: failing })] });
  const html = await at.text("/");
  assertStringIncludes(html, ">404 &lt;Not Found&gt;</span>");
  assertStringIncludes(html, `2 failures, the first <time datetime="2026-01-13T12:00:00Z"`);
  assertStringIncludes(html, `data-label="Changed"><time datetime="2026-01-10T12:00:00Z"`);
  // Without a failure, a task is stale because no run has checked it.
  const unchecked = record("a", { lastRunAt: "2026-01-11T12:00:00Z" });
  at.set([pageTask("a", { health: "stale", stale: true, record: unchecked })]);
  const problem = `<span class="problem">Last run <time datetime="2026-01-11T12:00:00Z"`;
  assertStringIncludes(await at.text("/"), problem);
});

Deno.test("task page: a running task has its bytes, rate and time left; attempts are listed", async () => {
  const result = recentResult({ run: "r1", status: "updated", attempts: 2 });
  const attempts = [
    { code: "http.status", httpStatus: 503, delayMs: 0 },
    { code: null, httpStatus: 200, delayMs: 2_000 },
  ];
  await using at = site({
    tasks: [pageTask("a", { record: record("a", { results: [result] }) })],
    runResults: { r1: [runResult("b"), runResult("a", { attempts })] },
  });
  at.emit({ type: "run.started", tasks: 1 });
  at.emit({ type: "task.started", task: "a", url: "https://x.example/a" });
  await at.host.advance(2_000);
  at.progress.running.set("a", taskProgress(4_000_000, 10_000_000));
  for (const path of ["/tasks/a", "/"]) {
    assertStringIncludes(await at.text(path), "4 MB of 10 MB, 2 MB/s, 3s left");
  }
  const html = await at.text("/tasks/a");
  at.progress.running.set("a", {
    ...taskProgress(0, null),
    phase: "retrying",
    retry: {
      ...{ attempt: 2, attempts: 3, code: "http.status", httpStatus: 503 },
      atMs: at.host.clock.monotonicMs() + 4_000,
    },
  });
  for (const path of ["/tasks/a", "/"]) {
    assertStringIncludes(await at.text(path), "retry 2/3 in 4s (503)");
  }
  assertStringIncludes(html, `<progress aria-label="a" max="10000000" value="4000000">`);
  assertStringIncludes(html, `<span class="faint">503, then 200 after 2s</span>`);
});

const HOSTILE = [
  `<script>alert(1)</script>`,
  `" onmouseover="alert(1)`,
  `' autofocus onfocus='alert(1)`,
  "a/b%41?c#d",
  "..",
  ".",
  "\u202egnp.exe",
  "&lt;b&gt;&#x41;",
  "名前 ü.csv",
  "\ud800",
];

Deno.test("page: hostile ids, keys, URLs and messages are escaped, and their links work", async () => {
  const tasks = HOSTILE.map((id) =>
    pageTask(id, {
      url: `javascript:alert(${JSON.stringify(id)})`,
      mirrors: [`data:text/html,${id}`],
      key: id,
      health: "failing",
      record: record(id, {
        failures: 1,
        published: validators({ key: id, etag: id, lastModified: id, source: id }),
        results: [recentResult({ status: "failed", code: id, message: id, run: id })],
      }),
    })
  );
  await using at = site({ tasks, runs: [runRecord(HOSTILE[0] ?? "", "2026-01-15T09:00:00Z")] });
  const overview = await at.text("/");
  const links = [...overview.matchAll(/<th role="rowheader"[^>]*><a href="([^"]*)">/g)];
  assertEquals(links.length, HOSTILE.length);
  const pages = [
    overview,
    await at.text("/runs"),
    await at.text("/?q=%3Cscript%3E&health=failing"),
  ];
  for (const [index, [, link]] of links.entries()) {
    const path = (link ?? "").replaceAll("&#39;", "'").replaceAll("&amp;", "&");
    const html = await (await at.ask(path)).text();
    // A lone surrogate cannot be encoded in a URL, so its task has no page.
    if (index < HOSTILE.length - 1) assertStringIncludes(html, "<h1>");
    const task = await at.ask(path.replace("/tasks", "/api/tasks"));
    if (index < HOSTILE.length - 1) assertEquals((await task.json()).id, HOSTILE[index]);
    else await task.body?.cancel();
    pages.push(html);
  }
  for (const html of pages) {
    assertEquals(/<script(?! src="\/live\.js)|<b>|\u202e/.test(html), false);
    assertEquals(/<[^>]* on[a-z]+=/.test(html.replace(/"[^"]*"/g, '""')), false);
    assertEquals(/href="(?!\/|#)/.test(html), false);
  }
  assertStringIncludes(pages[0] ?? "", "&lt;script&gt;alert(1)&lt;/script&gt;");
  assertStringIncludes(pages[0] ?? "", "\\u{202e}gnp.exe");
});

Deno.test("page: only http and https URLs without redacted parts become links", async () => {
  const urls = ["https://x.example/a?b=1&c=2", "http://***@x.example/a", "ftp://x.example/a"];
  const [url = "", ...mirrors] = urls;
  await using at = site({ tasks: [pageTask("a", { url, mirrors, record: null })] });
  const html = await at.text("/tasks/a");
  const links = [...html.matchAll(/<a href="([a-z]+:[^"]*)"/g)].map(([, url]) => url);
  assertEquals(links, ["https://x.example/a?b=1&amp;c=2"]);
  for (const mirror of mirrors) assertStringIncludes(html, mirror);
});

Deno.test("task page: shows results with meanings and hints, attempts, validators and digest", async () => {
  const results = [
    recentResult({
      ...{ status: "failed", code: "http.status", httpStatus: 404, attempts: 4, times: 2 },
      message: "fetching https://x.example/a: the server answered 404",
      durationMs: 2_300,
    }),
    recentResult({ status: "failed", code: "of.tomorrow", httpStatus: null }),
    recentResult({ status: "created", httpStatus: 200, bytes: 1_340_000 }),
  ];
  const task = pageTask("a", {
    health: "unhealthy",
    record: record("a", { failures: 2, retryAt: "2026-01-15T12:40:00Z", results }),
  });
  await using at = site({ tasks: [task] });
  const html = await at.text("/tasks/a");
  for (
    const words of [
      "2 failures in a row",
      "<h2>404</h2>",
      "Hint: check the URL.",
      "Next attempt at 2026-01-15 12:40:00 UTC.",
      `<span class="code">http.status</span> 404: the server responded with another status than 200`,
      `<span class="code">of.tomorrow</span>`,
      "2 times",
      `data-label="Attempts">4</td>`,
      "2.3s",
      "1.34 MB",
      "ab".repeat(32),
      "&quot;1&quot;",
      "Thu, 15 Jan 2026 11:00:00 GMT",
    ]
  ) assertStringIncludes(html, words);
  assertEquals(html.includes("Download"), false);
});

Deno.test("task page: shows the changes that hooks have not received", async () => {
  const failed = delivery("1", { failures: 2, message: "<b>", retryAt: "2026-01-15T12:40:00Z" });
  const deliveries = { a: [failed, delivery("2")] };
  await using at = site({ tasks: [pageTask("a"), pageTask("b")], deliveries });
  assertStringIncludes(
    await at.text("/tasks/a"),
    "2 changes not delivered: &lt;b&gt;. Next attempt at 2026-01-15 12:40:00 UTC.",
  );
  assertEquals((await at.text("/tasks/b")).includes("Hooks"), false);
});

Deno.test("page: a config without tasks, a state without runs, a task without results", async () => {
  await using at = site({ tasks: [] });
  assertStringIncludes(await at.text("/"), "The config has no tasks");
  assertStringIncludes(await at.text("/runs"), "No run has finished yet");
  at.set([pageTask("a", { record: null, health: "new" })]);
  assertStringIncludes(await at.text("/tasks/a"), "None yet: no run has included this task.");
  assertStringIncludes(await at.text("/?q=b"), "No task matches");
});

Deno.test("run page: shows the summary, and every result by status and name", async () => {
  const run = runRecord("r1", "2026-01-15T09:00:00Z");
  const counts = { ...run.summary.counts, failed: 1, updated: 150, unchanged: 2 };
  const summary = { ...run.summary, counts, exitCode: 3 };
  const attempts = [
    { code: "http.status", httpStatus: 503, delayMs: 0 },
    { code: "timeout.idle", httpStatus: 200, delayMs: 1_000 },
    { code: null, httpStatus: 200, delayMs: 4_000 },
  ];
  const results = [
    runResult("t0", { attempts, sizeBytes: 2_500, previousSizeBytes: 1_000 }),
    ...Array.from({ length: 149 }, (_, index) => runResult(`t${index + 1}`)),
    runResult("bad", { status: "failed", code: "net.dns", httpStatus: null, sizeBytes: null }),
  ];
  await using at = site({
    runs: [{ ...run, summary, trigger: "page", tasks: 153 }],
    runResults: { r1: results },
  });
  const tasksOf = async (path: string) =>
    [...(await at.text(path)).matchAll(/data-label="Task"><a href="\/tasks\/(\w+)"/g)]
      .map(([, task]) => task);
  const html = await at.text("/runs/r1");
  for (
    const words of [
      "permanent failures",
      "150 updated, 2 unchanged, 1 failed",
      "151 of 153 are listed; unchanged and skipped tasks are only counted.",
      `failed <span class="numbers">1</span>`,
      `<span class="code">net.dns</span>`,
      "<dd>this page</dd>",
      "<dd>153 tasks</dd>",
      "3 attempts: 503, then timeout.idle after 1s, then 200 after 4s",
      `2.5 kB<span class="faint">+1.5 kB</span>`,
    ]
  ) assertStringIncludes(html, words);
  const first = await tasksOf("/runs/r1");
  assertEquals([first.length, first[0], first[1]], [100, "bad", "t0"]);
  assertEquals((await tasksOf("/runs/r1?page=2")).length, 51);
  assertEquals(await tasksOf("/runs/r1?status=failed"), ["bad"]);
  assertEquals(await tasksOf("/runs/r1?q=T149"), ["t149"]);
});

Deno.test("overview: 10,000 tasks have fifty a page, unhealthy ones first", async () => {
  const tasks = Array.from({ length: 10_000 }, (_, index) => pageTask(`t${index}`));
  const bad = pageTask("bad", { health: "unhealthy" });
  await using at = site({ tasks: [...tasks, bad] });
  const rows = (html: string) =>
    [...html.matchAll(/<th role="rowheader"[^>]*><a href="\/tasks\/([^"]*)">/g)].map(([, id]) =>
      id
    );
  const first = await at.text("/");
  assertEquals(rows(first).slice(0, 3), ["bad", "t0", "t1"]);
  assertEquals(rows(first).length, 50);
  // The size of a page depends on its rows alone.
  await using few = site({ tasks: [...tasks.slice(0, 100), bad] });
  assertEquals(Math.abs(first.length - (await few.text("/")).length) < 200, true);
  assertEquals(rows(await at.text("/?dense=1")).length, 200);
  assertStringIncludes(first, "10,001 tasks, page 1 of 201");
  assertEquals(rows(await at.text("/?page=201")), ["t9999"]);
  assertEquals(rows(await at.text("/?page=999")), ["t9999"]);
  assertEquals(rows(await at.text("/?q=T999&page=x")).length, 11);
  assertEquals(rows(await at.text("/?health=unhealthy")), ["bad"]);
  assertStringIncludes(await at.text("/?q=t&page=2"), `href="/?q=t&amp;page=3"`);
});

Deno.test("page: isLoopback rejects requests for other host names", async () => {
  const table: [url: string, status: number][] = [
    ["http://localhost:8788/", 200],
    ["http://page.localhost/", 200],
    ["http://127.0.0.1/", 200],
    ["http://127.1.2.3:99/", 200],
    ["http://[::1]:8788/", 200],
    ["http://evil.example:8788/", 421],
    ["http://127.0.0.1.evil.example/", 421],
    ["http://localhost.evil.example/", 421],
    ["http://10.0.0.1/", 421],
  ];
  await using own = site();
  await using open = site({ isLoopback: false });
  for (const [url, status] of table) {
    const response = await own.ask(url);
    await response.body?.cancel();
    assertEquals(response.status, status, url);
    await (await open.ask(url)).text().then((html) => assertStringIncludes(html, "cronfetch"));
  }
});

Deno.test("page: an unreadable state is reported; the message of a bug is not shown", async () => {
  const error = new CronfetchError("state.unreadable", "reading file:s.json: it is <damaged>");
  await using at = site({ failure: error });
  const page = await at.ask("/");
  assertEquals(page.status, 503);
  assertStringIncludes(await page.text(), "it is &lt;damaged&gt;.");
  assert(page.headers.has("content-security-policy"));
  const api = await at.ask("/api/status");
  assertEquals([api.status, await api.json()], [503, { error: `${error.message}.` }]);
  const health = await at.ask("/healthz");
  await health.body?.cancel();
  assertEquals(health.status, 503);
  await using broken = site({ failure: new Error("hush-hush") });
  const bug = await broken.ask("/");
  assertEquals([bug.status, (await bug.text()).includes("hush-hush")], [500, false]);
});

Deno.test("notices: on every page and in /api/status", async () => {
  await using at = site({ configChangedAt: "2026-01-15T11:58:00Z" });
  assertEquals((await at.text("/")).includes("banner"), false);
  assertStringIncludes(await at.text("/"), "The config was changed");
  const notice = { tone: "warning", title: "A title", lines: ["one\u001b[2J", "<b>two"] } as const;
  at.notice(notice);
  for (const path of ["/", "/tasks/a.csv", "/runs"]) {
    const html = await at.text(path);
    assertStringIncludes(html, "<strong>A title</strong>");
    assertStringIncludes(html, "one\\u{1b}[2J</p>");
    assertStringIncludes(html, "&lt;b&gt;two</p>");
  }
  const status = JSON.parse(await at.text("/api/status"));
  assertEquals(status.notices, [notice]);
  assertEquals(status.configChangedAt, "2026-01-15T11:58:00Z");
});

Deno.test("api: responses have the documented fields", async () => {
  const task = pageTask("a", { paused: true, mirrors: ["https://m.example/a"] });
  const run = runRecord("r1", "2026-01-15T09:00:00Z");
  await using at = site({
    tasks: [task, pageTask("b", { health: "new", record: null })],
    runs: [run],
  });
  at.progress.running.set("a", taskProgress(1, null));
  at.progress.bytes = 7;
  at.emit({ type: "run.started", tasks: 2 });
  const row = {
    ...{ id: "a", url: "https://example.org/a", key: "a", schedule: "0 6 * * * (UTC)" },
    ...{ health: "healthy", stale: false, paused: true, running: true, due: false, failures: 0 },
    timezone: "UTC",
    nextDue: "2026-01-16T06:00:00Z",
    changedAt: "2026-01-14T12:00:00Z",
    problem: null,
    lastRunAt: "2026-01-15T12:00:00Z",
    lastSuccessAt: "2026-01-15T12:00:00Z",
    sizeBytes: 3,
  };
  const status = await (await at.ask("/api/status?health=paused")).json();
  const { version } = JSON.parse(await Deno.readTextFile("deno.json"));
  assertEquals(status, {
    version,
    time: "2026-01-15T12:00:00Z",
    notices: [],
    configChangedAt: null,
    paused: false,
    counts: { new: 1, healthy: 1, stale: 0, failing: 0, unhealthy: 0 },
    running: {
      ...{ run: "run-9", startedAt: "2026-01-15T12:00:00Z", tasks: 2, finished: 0, failed: 0 },
      bytes: 7,
    },
    lastRun: run,
    tasks: [row],
  });
  assertEquals(await (await at.ask("/api/runs?limit=1")).json(), { runs: [run] });
  const { key, source, etag, lastModified, sha256, sizeBytes } = validators();
  assertEquals(await (await at.ask("/api/tasks/a")).json(), {
    ...row,
    mirrors: ["https://m.example/a"],
    published: {
      ...{ key, source, etag, lastModified, sha256, sizeBytes },
      at: "2026-01-14T12:00:00Z",
    },
    notBefore: null,
    heldUntil: null,
    files: [{ key, kind: "current", sha256, sizeBytes, publishedAt: "2026-01-14T12:00:00Z" }],
    results: [recentResult()],
  });
});

Deno.test("files: serves published files of tasks, and nothing else in the store", async () => {
  const key = "sub/ä b.html";
  const task = pageTask("a", { record: record("a", { published: validators({ key }) }) });
  const files = { [key]: "<script>", "secret.txt": "no", gone: "x" };
  await using at = site({ tasks: [task, pageTask("b", { key: "secret.txt" })], files });
  const link = "/files/sub/%C3%A4%20b.html";
  assertStringIncludes(await at.text("/tasks/a"), `href="${link}?task=a" download`);
  const response = await at.ask(link);
  assertEquals([response.status, await response.text()], [200, "<script>"]);
  assertEquals(response.headers.get("content-type"), "application/octet-stream");
  assertEquals(
    response.headers.get("content-disposition"),
    "attachment; filename*=UTF-8''%C3%A4%20b.html",
  );
  assertEquals(response.headers.get("content-security-policy"), "default-src 'none'; sandbox");
  assertEquals(response.headers.get("content-length"), "8");
  const head = await at.ask("/files/sub/%C3%A4%20b.html", { method: "HEAD" });
  assertEquals([head.headers.get("content-length"), await head.text()], ["8", ""]);
  for (
    const path of ["/files/secret.txt", "/files/", "/files/sub/../secret.txt", "/files/%2e%2e/x"]
  ) {
    const refused = await at.ask(path);
    await refused.body?.cancel();
    assertEquals(refused.status, 404, path);
  }
});
