// Lists: their documents are fetched first, and their items become tasks of the same run.

import { assertEquals, assertMatch } from "@std/assert";
import type { TaskResult } from "../../lib/core/result.ts";
import { main } from "../helpers/command_line.ts";
import { type Origin, origin, type Route } from "../helpers/origin.ts";
import { rowsOf, workspace } from "../cli/workspace.ts";

/** A text list with a number of files. */
function listOf(count: number, options: object = {}): Route {
  const names = Array.from({ length: count }, (_, index) => `./f${index}.csv\n`);
  return { body: names.join(""), etag: `"${count}"`, ...options };
}

/** A server with a list of files, and the files. */
function catalogue(count: number, list: Route = listOf(count)): Origin {
  const files = Array.from({ length: 30 }, (_, index) => [`/d/f${index}.csv`, `a,${index}\n`]);
  return origin({ "/d/list.txt": list, ...Object.fromEntries(files) });
}

/** The results in the events of a run. */
function resultsOf(events: string): TaskResult[] {
  return rowsOf(events).flatMap((event) =>
    event.type === "task.finished" ? [event.result as TaskResult] : []
  );
}

/** A config with a list. */
function config(origin: string, from: object = {}, task: object = {}): object {
  return { tasks: [{ id: "cat", from: { text: `${origin}/d/list.txt`, ...from }, ...task }] };
}

Deno.test("lists: the items become tasks of the same run, with records of their own", async () => {
  await using server = catalogue(3);
  await using at = await workspace(config(server.origin, {}, { to: "csv/{name}" }));
  const host = at.host();
  assertEquals(await main(["run"], host), 0);
  assertMatch(host.stderr.text, /^4 created; /m);
  assertEquals(await Deno.readTextFile(at.folder.file("downloads/csv/f2.csv")), "a,2\n");
  const records = await at.records();
  assertEquals([...records.keys()].sort(), ["cat", "cat/f0.csv", "cat/f1.csv", "cat/f2.csv"]);
  assertEquals(records.get("cat")?.results[0]?.status, "created");
  assertEquals(server.log.map(({ path }) => path).sort(), [
    "/d/f0.csv",
    "/d/f1.csv",
    "/d/f2.csv",
    "/d/list.txt",
  ]);
});

Deno.test("lists: an unchanged list costs one request, and its items are those of the state", async () => {
  await using server = catalogue(3);
  await using at = await workspace(config(server.origin, { schedule: "every 10m" }));
  assertEquals(await main(["run", "--due", "-q"], at.host({ now: "2026-01-15T12:00:00Z" })), 0);
  assertEquals(server.hits(), 4);
  const later = at.host({ now: "2026-01-15T12:10:00Z" });
  assertEquals(await main(["run", "--due", "--json"], later), 0);
  assertEquals(
    server.log.slice(4).map(({ path, headers }) => [path, headers.get("if-none-match")]),
    [
      ["/d/list.txt", '"3"'],
    ],
  );
  const finished = rowsOf(later.stdout.text).filter(({ type }) => type === "run.finished");
  assertMatch(JSON.stringify(finished), /"unchanged":1,/);
});

/** What a server may send in place of a list, and how the run ends. */
const FAULTS: readonly (readonly [name: string, route: Route, code: string, exitCode: number])[] = [
  ["a list that lost 90 % of its items", listOf(2), "list.shrunk", 3],
  [
    "an HTML page",
    {
      status: 200,
      headers: { "content-type": "text/html" },
      text: "<!doctype html><title>Sign in</title><h1>Sign in</h1>",
    },
    "list.invalid",
    3,
  ],
  ["500", 500, "http.status", 4],
  ["404", 404, "http.status", 3],
  ["an empty body", { status: 200, text: "" }, "body.too-small", 3],
  ["a list without items", { status: 200, text: "# none\n" }, "list.shrunk", 3],
];

Deno.test("lists: a broken list leaves the last good one in force", async (t) => {
  for (const [name, route, code, exitCode] of FAULTS) {
    await t.step(name, async () => {
      await using server = catalogue(20);
      const task = { retry: { attempts: 1 }, schedule: "every 1h" };
      await using at = await workspace(config(server.origin, {}, task));
      assertEquals(await main(["run", "--due", "-q"], at.host({ now: "2026-01-15T12:00:00Z" })), 0);
      server.route("/d/list.txt", route);
      const hits = server.hits();
      const host = at.host({ now: "2026-01-15T13:00:00Z" });
      assertEquals(await main(["run", "--due", "-q"], host), exitCode);
      assertEquals((await at.records()).get("cat")?.results[0]?.code, code);
      // The items of the last good list are fetched all the same.
      const fetched = server.log.slice(hits).filter(({ path }) => path !== "/d/list.txt");
      assertEquals(fetched.length, 20);
      const status = at.host({ now: "2026-01-15T13:00:01Z" });
      assertEquals(await main(["plan", "--json"], status), 0);
      assertEquals(rowsOf(status.stdout.text).length, 21);
    });
  }
});

Deno.test("lists: --force accepts a list that has lost too many items", async () => {
  await using server = catalogue(20);
  await using at = await workspace(config(server.origin));
  assertEquals(await main(["run", "-q"], at.host()), 0);
  server.route("/d/list.txt", listOf(2));
  assertEquals(await main(["run", "cat", "-q"], at.host()), 3);
  assertEquals(await main(["run", "cat", "--force", "-q"], at.host()), 0);
  const host = at.host();
  assertEquals(await main(["run", "--json"], host), 0);
  assertEquals(rowsOf(host.stdout.text).filter(({ type }) => type === "task.finished").length, 3);
});

Deno.test("lists: an item that disappears is reported once, its file stays, and it may return", async () => {
  await using server = catalogue(3);
  await using at = await workspace(config(server.origin));
  assertEquals(await main(["run", "-q"], at.host()), 0);
  server.route("/d/list.txt", listOf(2));
  const host = at.host();
  assertEquals(await main(["run", "--json"], host), 0);
  const gone = (rows: string) => rowsOf(rows).filter(({ type }) => type === "task.gone");
  assertEquals(gone(host.stdout.text).map(({ task, list }) => [task, list]), [[
    "cat/f2.csv",
    "cat",
  ]]);
  assertEquals(await Deno.readTextFile(at.folder.file("downloads/f2.csv")), "a,2\n");
  const again = at.host();
  assertEquals(await main(["run", "--json"], again), 0);
  assertEquals(gone(again.stdout.text), []);
  assertEquals(await main(["verify"], at.host()), 0);
  server.route("/d/list.txt", listOf(3));
  const hits = server.hits("/d/f2.csv");
  assertEquals(await main(["run", "-q"], at.host()), 0);
  assertEquals(server.hits("/d/f2.csv"), hits + 1);
  assertEquals((await at.records()).get("cat/f2.csv")?.results.map(({ status }) => status), [
    "unchanged",
    "created",
  ]);
});

Deno.test("lists: the id of a list selects its items, and that of an item only this", async () => {
  await using server = catalogue(3);
  const { tasks } = config(server.origin) as { tasks: object[] };
  await using at = await workspace({ tasks: [...tasks, `${server.origin}/d/f9.csv`] });
  assertEquals(await main(["run", "cat", "-q"], at.host()), 0);
  assertEquals(server.log.map(({ path }) => path).sort()[3], "/d/list.txt");
  const hits = server.hits();
  assertEquals(await main(["run", "cat/f1.csv", "-q"], at.host()), 0);
  assertEquals(server.log.slice(hits).map(({ path }) => path), ["/d/f1.csv"]);
  const unknown = at.host();
  assertEquals(await main(["run", "cat/f8.csv", "-q"], unknown), 2);
  assertMatch(unknown.stderr.text, /there is no task "cat\/f8.csv"/);
});

Deno.test("lists: credentials are sent to the origin of the list alone", async () => {
  await using other = origin({ "/x.csv": "x\n" });
  await using server = catalogue(1, { status: 200, text: `./f0.csv\n${other.origin}/x.csv\n` });
  const headers = { authorization: "Bearer t0ken-of-the-task", "accept-language": "de" };
  const from = { headers: { "x-api-key": "k3y-of-the-list" }, allowOrigins: ["*"] };
  await using at = await workspace(config(server.origin, from, { headers }));
  assertEquals(await main(["run", "-q"], at.host()), 0);
  const sent = ({ log }: Origin) =>
    log.map(({ path, headers }) => [
      path,
      ...["authorization", "x-api-key", "accept-language"].map((name) => headers.get(name)),
    ]);
  assertEquals(sent(server), [
    ["/d/list.txt", "Bearer t0ken-of-the-task", "k3y-of-the-list", "de"],
    ["/d/f0.csv", "Bearer t0ken-of-the-task", null, "de"],
  ]);
  assertEquals(sent(other), [["/x.csv", null, null, "de"]]);
});

Deno.test("lists: items of another origin are left out unless it is allowed", async () => {
  await using other = origin({ "/x.csv": "x\n" });
  await using server = catalogue(1, { status: 200, text: `./f0.csv\n${other.origin}/x.csv\n` });
  await using at = await workspace(config(server.origin));
  assertEquals(await main(["run", "-q"], at.host()), 0);
  assertEquals([server.hits(), other.hits()], [2, 0]);
});

Deno.test("lists: of two items with the same file, the second is refused and overwrites nothing", async () => {
  await using server = origin({
    "/list.txt": "./a/x.csv\n./b/x.csv\n",
    "/a/x.csv": "a\n",
    "/b/x.csv": "b\n",
  });
  const from = { text: `${server.origin}/list.txt` };
  await using at = await workspace({ tasks: [{ id: "l", from }] });
  assertEquals(await main(["run", "-q"], at.host()), 0);
  assertEquals(await Deno.readTextFile(at.folder.file("downloads/x.csv")), "a\n");
  assertEquals(server.hits("/b/x.csv"), 0);
});

Deno.test("lists: pages are followed; a loop or another host leaves the last list in force", async () => {
  const page = (names: readonly string[], next: string | null) =>
    JSON.stringify({ files: names.map((name) => ({ url: `/d/${name}` })), next });
  await using server = catalogue(0);
  server.route("/p1", page(["f0.csv"], "/p2"));
  server.route("/p2", page(["f1.csv"], null));
  const from = { json: `${server.origin}/p1`, items: "$.files[*]", next: "$.next" };
  await using at = await workspace({ tasks: [{ id: "l", from }] });
  assertEquals(await main(["run", "-q"], at.host()), 0);
  assertEquals(server.hits(), 4);
  for (const next of ["/p1", "http://other.invalid/p3"]) {
    server.route("/p2", page(["f2.csv"], next));
    const hits = server.hits("/d/f1.csv");
    assertEquals(await main(["run", "-q"], at.host()), 3);
    assertEquals((await at.records()).get("l")?.results[0]?.code, "list.invalid");
    assertEquals([server.hits("/d/f1.csv") - hits, server.hits("/d/f2.csv")], [1, 0]);
  }
});

Deno.test("lists: items that are left out are a warning of the list, and listed by status", async () => {
  const lines = ["./f0.csv", "./f1.csv", "./sub/f1.csv", "https://other.example/x.csv", "./f2.csv"];
  const etag = '"1"';
  await using server = catalogue(0, { body: `${lines.join("\n")}\n`, etag });
  await using at = await workspace(config(server.origin, { limit: 3 }));
  const message = "3 of 5 items left out: " +
    "1 of another origin (from.allowOrigins lacks https://other.example), " +
    '1 of the oldest (from.limit is 3), "f1.csv" (another item has the file f1.csv)';
  // The second response is 304.
  for (const status of ["created", "unchanged"]) {
    const host = at.host();
    assertEquals(await main(["run", "--json"], host), 0);
    const list = resultsOf(host.stdout.text).find(({ task }) => task === "cat");
    assertEquals([list?.status, list?.warnings], [status, ["itemsLeftOut"]]);
    assertEquals(list?.message, message);
  }
  const overview = at.host();
  assertEquals(await main(["status"], overview), 0);
  assertMatch(overview.stdout.text, /2 items, 3 left out/);
  const details = at.host();
  assertEquals(await main(["status", "cat"], details), 0);
  assertMatch(details.stdout.text, /left out +1 of another origin: from.allowOrigins lacks/);
  assertMatch(details.stdout.text, /"f1.csv": another item has the file f1.csv/);
  const json = at.host();
  assertEquals(await main(["status", "cat", "--json"], json), 0);
  const [row] = rowsOf(json.stdout.text);
  assertEquals(row?.items, { count: 2, gone: 0, leftOut: 3 });
  assertMatch(JSON.stringify(row?.leftOut), /f1\.csv.*"why":"another item has/);
});

Deno.test("lists: a list of which no item is selected names the option to check", async (t) => {
  const html = { "content-type": "text/html" };
  const table: readonly (readonly [from: object, advice: RegExp])[] = [
    [{ page: "/index.html", links: "zip$" }, /check links of from/],
    [{ page: "/index.html", include: ["*.zip"] }, /check include of from: .* such as "a.csv"/],
    [{ page: "/foreign.html" }, /"allowOrigins": \["https:\/\/other.example"\]/],
    [{ json: "/list.json" }, /check items of from/],
  ];
  for (const [from, advice] of table) {
    await t.step(JSON.stringify(from), async () => {
      await using server = origin({
        "/index.html": { status: 200, headers: html, text: `<p><a href="a.csv">a</a>` },
        "/foreign.html": {
          ...{ status: 200, headers: html },
          text: `<p><a href="https://other.example/a.csv">a</a>`,
        },
        "/list.json": "[]\n",
      });
      const absolute = Object.entries(from).map(([name, value]) => {
        return [name, name === "page" || name === "json" ? server.origin + value : value];
      });
      await using at = await workspace({
        tasks: [{ id: "l", from: Object.fromEntries(absolute) }],
      });
      const host = at.host();
      assertEquals(await main(["run", "--json"], host), 3);
      const [list] = resultsOf(host.stdout.text);
      assertEquals(list?.code, "list.shrunk");
      assertMatch(list?.message ?? "", advice);
    });
  }
});

Deno.test("lists: the size in a feed is not expected, that in a catalogue is", async () => {
  const feed = `<rss version="2.0"><channel><title>t</title><item><title>a</title>` +
    `<enclosure url="/d/f1.csv" length="999" type="text/csv"/></item></channel></rss>`;
  await using server = catalogue(0);
  server.route("/feed", {
    ...{ status: 200, headers: { "content-type": "application/rss+xml" }, text: feed },
  });
  server.route("/json", JSON.stringify([{ url: "/d/f2.csv", size: 999 }]));
  const tasks = [
    { id: "feed", from: { feed: `${server.origin}/feed` } },
    { id: "json", from: { json: `${server.origin}/json`, size: "$.size" } },
  ];
  await using at = await workspace({ tasks });
  assertEquals(await main(["run", "-q"], at.host()), 3);
  const records = await at.records();
  assertEquals(records.get("feed/f1.csv")?.results[0]?.status, "created");
  assertEquals(records.get("json/f2.csv")?.results[0]?.code, "body.too-small");
});

Deno.test("lists: the pages of a list keep the spacing of their host", async () => {
  await using server = catalogue(0);
  for (const number of [1, 2, 3]) {
    const next = number < 3 ? `/p${number + 1}` : null;
    server.route(`/p${number}`, JSON.stringify({ files: [{ url: `/d/f${number}.csv` }], next }));
  }
  const from = { json: `${server.origin}/p1`, items: "$.files[*]", next: "$.next" };
  const limits = { spacing: "200ms" };
  await using at = await workspace({ limits, tasks: [{ id: "l", from }] });
  const host = at.host();
  assertEquals(await main(["run", "-q"], host), 0);
  assertEquals(server.log.map(({ path }) => path).slice(0, 3), ["/p1", "/p2", "/p3"]);
  // Before each further page, and before the items.
  assertEquals(host.slept.filter((ms) => ms > 0 && ms <= 200).length, 2);
});
