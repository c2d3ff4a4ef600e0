import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { renderReport } from "../../lib/page/report.tsx";
import type { PageTask } from "../../lib/page/source.ts";
import { recentResult, record, runRecord, runResult, validators } from "../state/samples.ts";
import { pageTask } from "./site.ts";

const NOW = Temporal.Instant.from("2026-01-15T12:00:00Z");

function sourceOf(tasks: readonly PageTask[]): Parameters<typeof renderReport>[0] {
  const failed = runResult(tasks[0]?.id ?? "", { status: "failed", code: "http.status" });
  const source: Parameters<typeof renderReport>[0] = {
    tasks: () => Promise.resolve(tasks),
    versions: () => Promise.resolve(new Map()),
    runs: () => Promise.resolve([runRecord("<run>", "2026-01-15T09:00:00Z")]),
    runResults: () => Promise.resolve([failed]),
    days: () => Promise.resolve([]),
  };
  return source;
}

const HOSTILE = `</style><script>alert(1)</script>`;

function hostile(): PageTask {
  const failed = { status: "failed", code: "http.status", httpStatus: 404 } as const;
  return pageTask(HOSTILE, {
    key: HOSTILE,
    health: "failing",
    record: record(HOSTILE, {
      failures: 1,
      published: validators({ key: HOSTILE }),
      results: [recentResult({ ...failed, message: `fetching u: ${HOSTILE}` })],
    }),
  });
}

Deno.test("report: one document without scripts, forms and links to a server", async () => {
  const html = await renderReport(sourceOf([hostile(), pageTask("a.csv")]), NOW);
  assertMatch(html, /^<!doctype html><html lang="en">[^]*<\/html>\n$/);
  assertEquals(/<script|<form|<button|<input|<link rel="stylesheet"| on[a-z]+=/.test(html), false);
  // Each link leads to a section, to an address of a task, or is the icon.
  for (const [, href = ""] of html.matchAll(/ href="([^"]*)"/g)) {
    assertMatch(href, /^(?:#|https:\/\/example\.org\/|data:image\/svg\+xml,)/);
    if (href.startsWith("#")) assertStringIncludes(html, `id="${href.slice(1)}"`);
  }
  const ids = [...html.matchAll(/ id="([^"]*)"/g)].map(([, id]) => id);
  assertEquals(ids, [...new Set(ids)]);
  assertEquals(ids, ["tasks", "task-0", "task-1", "runs", "run-0"]);
});

Deno.test("report: its policy admits its own style only", async () => {
  const html = await renderReport(sourceOf([pageTask("a.csv")]), NOW);
  const [, style = ""] = /<style>([^]*?)<\/style>/.exec(html) ?? [];
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(style));
  assertStringIncludes(
    html,
    `content="default-src &#39;none&#39;; style-src &#39;sha256-${
      new Uint8Array(digest).toBase64()
    }&#39;; img-src data:; base-uri &#39;none&#39;; form-action &#39;none&#39;"`,
  );
});

Deno.test("report: the same state and time make the same bytes, with exact times", async () => {
  const source = sourceOf([hostile(), pageTask("a.csv", { timezone: "Europe/Berlin" })]);
  const html = await renderReport(source, NOW);
  assertEquals(await renderReport(source, NOW), html);
  assertEquals(/ ago<|>in \d+ [a-z]+</.test(html), false);
  assertStringIncludes(html, `title="2026-01-14 13:00:00 Europe/Berlin">2026-01-14 13:00</time>`);
});

Deno.test("report: of many tasks all are in the table, the worst ones have sections", async () => {
  const tasks = Array.from({ length: 600 }, (_, index) => pageTask(`t${index}`));
  const bad = pageTask("bad", { health: "unhealthy" });
  const html = await renderReport(sourceOf([...tasks, bad]), NOW);
  assertEquals(html.match(/role="rowheader"/g)?.length, 601);
  assertEquals(html.match(/<article class="sheet" id="task-/g)?.length, 500);
  assertStringIncludes(html, `<a href="#task-0">bad</a>`);
  assertStringIncludes(html, `<a >t599</a>`);
});
