import { assertEquals, assertStringIncludes } from "@std/assert";
import { createPage } from "../../lib/page/app.tsx";
import { createComparer, versionsOfTask } from "../../lib/page/files.ts";
import { createPageSource, NO_ACTIVITY, type PageVersion } from "../../lib/page/source.ts";
import { loadValue } from "../../lib/config/load.ts";
import { testHost } from "../helpers/host.ts";
import { openState } from "../helpers/open.ts";
import { member, record, validators } from "../state/samples.ts";
import { pageTask, type Site, site } from "./site.ts";

const VERSIONS: readonly PageVersion[] = [
  version("a.csv", "current", 15),
  version("a.20260114T060000000Z.csv", "version", 14),
  version("a-2026-01-13.csv", "earlier", 13),
  version("a.csv.refused", "refused", 16),
];

function version(key: string, kind: PageVersion["kind"], day: number): PageVersion {
  const publishedAt = `2026-01-${day}T06:00:00Z`;
  return { key, kind, sha256: `${day}`.repeat(32), sizeBytes: day, publishedAt };
}

const FILES = {
  "a.csv": "a,b\n1,2\n",
  "a.20260114T060000000Z.csv": "a,b\n1,1\n",
  "a-2026-01-13.csv": "\u0000",
  "a.csv.refused": "<script>alert(1)</script>\n",
  "other.csv": "no",
};

function withVersions(files: Readonly<Record<string, string>> | null = FILES): Site {
  const task = pageTask("a.csv", { record: record("a.csv", { published: validators() }) });
  return site({ tasks: [task, pageTask("other.csv")], versions: { "a.csv": VERSIONS }, files });
}

Deno.test("versions: the task's page lists size, digest, download and comparison of each", async () => {
  await using at = withVersions();
  const html = await at.text("/tasks/a.csv");
  for (
    const words of [
      "4 files, 58 B",
      "published",
      "kept version",
      "earlier file",
      "quarantined",
      `title="${"14".repeat(32)}">141414141414<`,
      `href="/files/a.20260114T060000000Z.csv?task=a.csv" download`,
      `href="/diff?task=a.csv&amp;old=a.20260114T060000000Z.csv&amp;new=a.csv"`,
      `href="/diff?task=a.csv&amp;old=a.csv&amp;new=a.csv.refused"`,
      `<span class="faint">+1 B</span>`,
    ]
  ) assertStringIncludes(html, words);
  await using closed = withVersions(null);
  const without = await closed.text("/tasks/a.csv");
  assertStringIncludes(without, "downloads are disabled");
  assertEquals(/\/files\/|\/diff|<pre/.test(without), false);
});

Deno.test("files: with a task every file of its family is served, and no other", async () => {
  await using at = withVersions();
  const table: [path: string, body: string | null][] = [
    ["/files/a.20260114T060000000Z.csv?task=a.csv", "a,b\n1,1\n"],
    ["/files/a.csv.refused?task=a.csv", "<script>alert(1)</script>\n"],
    ["/files/a.csv", "a,b\n1,2\n"],
    ["/files/a.csv.refused", null],
    ["/files/a.csv.refused?task=other.csv", null],
    ["/files/a.csv.refused?task=none", null],
    ["/files/other.csv?task=a.csv", null],
  ];
  for (const [path, body] of table) {
    const response = await at.ask(path);
    const text = await response.text();
    assertEquals(response.status, body === null ? 404 : 200, path);
    if (body === null) continue;
    assertEquals(text, body);
    // Quarantined HTML must never be rendered on this origin.
    const { headers } = response;
    assertEquals(headers.get("content-type"), "application/octet-stream");
    assertEquals((headers.get("content-disposition") ?? "").startsWith("attachment; "), true);
    assertEquals(headers.get("x-content-type-options"), "nosniff");
    assertEquals(headers.get("content-security-policy"), "default-src 'none'; sandbox");
  }
});

Deno.test("diff: compares the published file with the version before, or any two", async () => {
  await using at = withVersions();
  const newest = await at.text("/diff?task=a.csv");
  assertStringIncludes(
    newest,
    `<td role="cell" class="mark">−</td><td role="cell" class="line">1,1</td>`,
  );
  assertStringIncludes(
    newest,
    `<td role="cell" class="mark">+</td><td role="cell" class="line">1,2</td>`,
  );
  const refused = await at.text("/diff?task=a.csv&old=a.csv&new=a.csv.refused");
  assertStringIncludes(refused, "&lt;script&gt;alert(1)&lt;/script&gt;");
  const binary = await at.text("/diff?task=a.csv&old=a-2026-01-13.csv&new=a.csv");
  assertStringIncludes(binary, "The files are binary: 1 B and 8 B, different from byte 0.");
  for (
    const query of ["task=x", "", "task=a.csv&new=other.csv", "task=a.csv&new=a.csv&old=a.csv"]
  ) {
    const response = await at.ask(`/diff?${query}`);
    await response.body?.cancel();
    assertEquals(response.status, 404, query);
  }
  await using gone = withVersions({ "a.csv": "a" });
  assertStringIncludes(await gone.text("/diff?task=a.csv"), "no longer in the store");
  await using closed = withVersions(null);
  assertStringIncludes(await closed.text("/diff?task=a.csv"), "Downloads are disabled");
  await using large = withVersions({ ...FILES, "a.csv": "a\n".repeat(500_001) });
  assertStringIncludes(await large.text("/diff?task=a.csv"), "too large to compare");
});

Deno.test("createComparer: one pair at a time, and a tenth of the time", async () => {
  let nowMs = 0;
  const pauses: number[] = [];
  const closing = new AbortController();
  const open = (key: string) => {
    const blob = new Blob([`${key}\n`]);
    return Promise.resolve({ sizeBytes: blob.size, body: blob.stream() });
  };
  const compare = createComparer({ files: { open } }, {
    // Each comparison takes 50 ms, as does each other look at the clock.
    clock: { monotonicMs: () => nowMs += 50 },
    timers: {
      sleep: (ms) => {
        pauses.push(ms);
        nowMs += ms;
        return Promise.resolve();
      },
    },
    closing: closing.signal,
  });
  const [one, other] = [version("a", "current", 15), version("b", "version", 14)];
  const kinds = await Promise.all(
    Array.from({ length: 7 }, async () => (await compare(other, one)).kind),
  );
  assertEquals(kinds, [...Array(5).fill("text"), ...Array(2).fill("unavailable")]);
  // Nine times its duration, of which the look at the clock is 50 ms.
  assertEquals(pauses, Array(4).fill(400));
  assertEquals((await compare(other, one)).kind, "text");
});

Deno.test("preview: the first lines of the published file, escaped", async () => {
  await using at = withVersions({ "a.csv": "<b>\u202e\n2\n" });
  assertStringIncludes(await at.text("/tasks/a.csv"), "&lt;b&gt;\\u{202e}\n2</pre>");
});

Deno.test("source: versions are the family in the state, newest first, without mere claims", async () => {
  const host = testHost({ timers: "manual" });
  await using state = await openState("memory:", host);
  const url = "https://x.example/a";
  const config = await loadValue(
    { store: "memory:", tasks: [url, "https://x.example/b?key=s3cretvalue"] },
    { at: host.clock.now() },
    host,
  );
  state.save(record("a", { published: validators({ key: "a" }) }));
  state.saveMember("a", member("a", { sizeBytes: 1 }));
  state.saveMember("a", member("a.old", { kind: "version", publishedAt: "2026-01-01T00:00:00Z" }));
  state.saveMember("a", member("a.bad", { kind: "refused", publishedAt: "2026-01-02T00:00:00Z" }));
  state.saveMember("a", member("a-2", { publishedAt: "2026-01-03T00:00:00Z" }));
  state.saveMember("a", member("a-claimed", { publishedAt: null }));
  state.saveMember("a", member("a-hush", { publishedAt: "2026-01-03T00:00:00Z" }));
  const source = createPageSource({
    config: () => config,
    state: () => Promise.resolve(state),
    store: null,
    secrets: ["hush"],
    activity: NO_ACTIVITY,
  }, host);
  const task = await source.task("a");
  const versions = task === null ? [] : await versionsOfTask(task, source);
  assertEquals(versions.map(({ key, kind, sizeBytes }) => `${kind} ${key} ${sizeBytes}`), [
    "current a 3",
    "earlier a-2 3",
    "refused a.bad 3",
    "version a.old 3",
  ]);
});

Deno.test("source: an archive that is not kept is no file, its members are, and are not versions", async () => {
  const host = testHost({ timers: "manual" });
  await using state = await openState("memory:", host);
  const entry = { url: "https://x.example/a.zip", unpack: { archive: false } };
  const config = await loadValue(
    { store: "memory:", tasks: [entry] },
    { at: host.clock.now() },
    host,
  );
  const unpacked = { options: "r", isPublished: false };
  const published = validators({ key: "a.zip", unpacked });
  state.save(record("a.zip", { published }));
  state.saveMember("a.zip", member("a/new.csv", { kind: "member" }));
  state.saveMember(
    "a.zip",
    member("a/old.csv", { kind: "dropped", publishedAt: "2026-01-01T00:00:00Z" }),
  );
  const source = createPageSource({
    config: () => config,
    state: () => Promise.resolve(state),
    store: null,
    secrets: [],
    activity: NO_ACTIVITY,
  }, host);
  const task = await source.task("a.zip");
  const versions = task === null ? [] : await versionsOfTask(task, source);
  assertEquals(versions.map(({ key, kind }) => `${kind} ${key}`), [
    "member a/new.csv",
    "dropped a/old.csv",
  ]);
  await using at = site({ tasks: [pageTask("a.zip")], versions: { "a.zip": versions }, files: {} });
  const html = await at.text("/tasks/a.zip");
  assertStringIncludes(html, "former member");
  assertStringIncludes(html, "a/new.csv");
  assertEquals(html.includes("/diff"), false);
});

Deno.test("source: a name with a secret, chosen by a server, is neither shown nor linked", async () => {
  const host = testHost({ timers: "manual" });
  await using state = await openState("memory:", host);
  const input = { store: "memory:", page: { downloads: true }, tasks: ["https://x.example/a"] };
  const config = await loadValue(input, { at: host.clock.now() }, host);
  const opened: string[] = [];
  state.save(record("a", { published: validators({ key: "a/hush-hush.csv" }) }));
  state.saveMember("a", member("a/hush-hush.csv"));
  state.saveMember("a", member("a/old.csv", { publishedAt: "2026-01-01T00:00:00Z" }));
  const source = createPageSource({
    config: () => config,
    state: () => Promise.resolve(state),
    store: {
      stat: (key) => {
        opened.push(key);
        return Promise.resolve(null);
      },
      read: () => Promise.resolve(null),
    },
    secrets: ["hush-hush"],
    activity: NO_ACTIVITY,
  }, host);
  const page = createPage(source, {
    ...{ clock: host.clock, timers: host.timers, isLoopback: false },
    tokens: { control: null, view: null },
  });
  const ask = async (path: string) =>
    await (await page.fetch(new Request(`http://page.test${path}`))).text();
  for (const path of ["/", "/tasks/a", "/api/status", "/api/tasks/a"]) {
    assertEquals((await ask(path)).includes("hush-hush"), false, path);
  }
  const html = await ask("/tasks/a");
  assertStringIncludes(html, "***.csv");
  assertEquals(/href="\/(?:files|diff)[^"]*\*\*\*/.test(html), false);
  assertStringIncludes(html, `href="/files/a/old.csv?task=a"`);
  for (const query of ["", "?task=a"]) await ask(`/files/a/hush-hush.csv${query}`);
  assertEquals(opened.includes("a/hush-hush.csv"), false);
  await page.close();
});
