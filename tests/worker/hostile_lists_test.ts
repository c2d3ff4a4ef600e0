// Lists of a server that is wrong or hostile: names of other files, private addresses, repeated items.

import { assertEquals, assertMatch } from "@std/assert";
import { main } from "../helpers/command_line.ts";
import { namedConnect } from "../helpers/named_connect.ts";
import { origin } from "../helpers/origin.ts";
import { rowsOf, workspace } from "../cli/workspace.ts";

/** The names of the finished tasks with their codes, or their status. */
function outcomesOf(rows: string): Record<string, unknown> {
  const results = rowsOf(rows).flatMap(({ type, result }) =>
    type === "task.finished" ? [result as Record<string, unknown>] : []
  );
  return Object.fromEntries(results.map(({ task, code, status }) => [task, code ?? status]));
}

Deno.test("hostile lists: an item replaces no file that it has not published", async () => {
  await using server = origin({
    "/list.txt": "./README.md\n./new.csv\n",
    "/README.md": "# theirs\n",
    "/new.csv": "a\n",
  });
  const from = { text: `${server.origin}/list.txt` };
  await using at = await workspace({ store: ".", tasks: [{ id: "l", from }] });
  await Deno.writeTextFile(at.folder.file("README.md"), "# mine\n");
  const host = at.host();
  assertEquals(await main(["run", "--json"], host), 3);
  const outcomes = { l: "created", "l/README.md": "store.conflict", "l/new.csv": "created" };
  assertEquals(outcomesOf(host.stdout.text), outcomes);
  assertEquals(await Deno.readTextFile(at.folder.file("README.md")), "# mine\n");
  // Its own file is updated, and fetched again after it was lost.
  server.route("/new.csv", "b\n");
  const again = at.host();
  assertEquals(await main(["run", "l/new.csv", "--json"], again), 0);
  assertEquals(outcomesOf(again.stdout.text), { "l/new.csv": "updated" });
  await Deno.writeTextFile(at.folder.file("new.csv"), "damaged\n");
  assertEquals(await main(["verify", "--fix"], at.host()), 3);
  assertEquals(await main(["run", "l/new.csv"], at.host()), 0);
  assertEquals(await Deno.readTextFile(at.folder.file("new.csv")), "b\n");
});

/** Names in a list, and the codes or statuses of their tasks. */
const NAMES: readonly (readonly [name: string, task: string, outcome: string])[] = [
  ["../../cronfetch.jsonc", "l/.._.._cronfetch.jsonc", "created"],
  ["cronfetch.jsonc", "l/cronfetch.jsonc", "store.conflict"],
  ["CRONFETCH.TS", "l/CRONFETCH.TS", "store.conflict"],
  ["\x1b[31mred", "l/_[31mred", "created"],
  [".git/hooks/post-merge", "l/.git_hooks_post-merge", "created"],
  [".git", "l/_.git", "created"],
  [".cronfetch-run", "l/_.cronfetch-run", "created"],
  ["state/state.json", "l/state_state.json", "created"],
  ["other.csv.refused", "l/other.csv.refused", "store.conflict"],
  ["other.20260115T060000123Z.csv", "l/other.20260115T060000123Z.csv", "store.conflict"],
  ["CON", "l/CON_", "created"],
  ["n".repeat(2_000), `l/${"n".repeat(200)}`, "created"],
];

Deno.test("hostile lists: no name leads out of the store, to a config, or to another task's file", async () => {
  const items = NAMES.map(([name], index) => ({ url: `/d/${index}`, name }));
  const files = items.map(({ url }, index) => [url, `${index}\n`] as const);
  await using server = origin({
    "/list.json": JSON.stringify([...items, { url: "/d/0", name: "other.csv", id: "another" }]),
    "/other.csv": "other\n",
    ...Object.fromEntries(files),
  });
  const from = { json: `${server.origin}/list.json`, name: "$.name" };
  await using at = await workspace({
    store: ".",
    tasks: [{ id: "other", url: `${server.origin}/other.csv` }, { id: "l", from }],
  });
  const config = await Deno.readTextFile(at.folder.file("cronfetch.json"));
  const host = at.host();
  assertEquals(await main(["run", "--json"], host), 3);
  const outcomes = outcomesOf(host.stdout.text);
  for (const [name, task, outcome] of NAMES) {
    const [id] = Object.keys(outcomes).filter((id) => id.startsWith(task));
    assertEquals([name.slice(0, 40), id && outcomes[id]], [name.slice(0, 40), outcome]);
  }
  assertEquals(Object.keys(outcomes).length, NAMES.length + 2);
  assertEquals(await Deno.readTextFile(at.folder.file("cronfetch.json")), config);
  assertEquals(await Deno.readTextFile(at.folder.file("other.csv")), "other\n");
});

Deno.test("hostile lists: items of a public list are not requested from a private network", async () => {
  await using server = origin({ "/a.csv": "a\n", "/secret.csv": "s\n" });
  const { port } = new URL(server.origin);
  const urls = ["127.0.0.1", "localhost", "10.0.0.1", "[::1]", "169.254.169.254"]
    .map((name) => `http://${name}:${port}/secret.csv`);
  server.route("/list.txt", { status: 200, text: ["./a.csv", ...urls].join("\n") });
  const from = { text: "http://list.example/list.txt", allowOrigins: ["*"] };
  await using at = await workspace({ tasks: [{ id: "l", from }] });
  const sockets = namedConnect(server.origin, { "list.example": ["93.184.215.14"] });
  const host = at.host({ connect: sockets.connect });
  assertEquals(await main(["run", "--json"], host), 0);
  assertEquals(outcomesOf(host.stdout.text), { l: "created", "l/a.csv": "created" });
  assertEquals(server.hits("/secret.csv"), 0);
});

Deno.test("hostile lists: an item that no option selects does not disappear", async () => {
  await using server = origin({ "/a.csv": "a\n", "/b.csv": "b\n", "/c.csv": "c\n" });
  const list = (text: string) => server.route("/list.txt", { status: 200, text });
  const from = { text: `${server.origin}/list.txt`, include: ["*.csv"], newest: 2 };
  await using at = await workspace({ tasks: [{ id: "l", from }] });
  list("./a.csv\n./b.csv\n./c.csv\n./readme.txt\n");
  assertEquals(await main(["run", "-q"], at.host()), 0);
  // The text is not included, the oldest file was never fetched, and the newest was.
  list("./b.csv\n./d.csv\n");
  server.route("/d.csv", "d\n");
  const host = at.host();
  assertEquals(await main(["run", "--json"], host), 0);
  const gone = rowsOf(host.stdout.text).filter(({ type }) => type === "task.gone");
  assertEquals(gone.map(({ task }) => task), ["l/c.csv"]);
});

Deno.test("hostile lists: an item that is listed twice changes nothing", async () => {
  const page = (next: string | null) => JSON.stringify({ files: [{ url: "/a.csv" }], next });
  await using server = origin({ "/p1": page("/p2"), "/p2": page(null), "/a.csv": "a\n" });
  const from = { json: `${server.origin}/p1`, items: "$.files[*]", next: "$.next" };
  await using at = await workspace({ tasks: [{ id: "l", from }] });
  assertEquals(await main(["run", "-q"], at.host()), 0);
  const host = at.host();
  assertEquals(await main(["run", "--json"], host), 0);
  assertEquals(outcomesOf(host.stdout.text), { l: "unchanged", "l/a.csv": "unchanged" });
});

Deno.test("hostile lists: an unchanged document that is read by another rule has its bytes", async () => {
  const route = { body: '<a href="a.csv">a</a><a href="b.txt">b</a>', etag: '"1"' };
  await using server = origin({ "/": route, "/a.csv": "a\n", "/b.txt": "b\n" });
  const config = (links: string) => ({
    state: "file:state/state.json",
    tasks: [{ id: "l", from: { page: `${server.origin}/`, links } }],
  });
  await using at = await workspace(config("csv$"));
  assertEquals(await main(["run", "-q"], at.host()), 0);
  await Deno.writeTextFile(at.folder.file("cronfetch.json"), JSON.stringify(config("txt$")));
  const host = at.host();
  assertEquals(await main(["run", "--json"], host), 0);
  assertEquals(outcomesOf(host.stdout.text), { l: "updated", "l/b.txt": "created" });
});

/** What a list may promise of an item whose file is another one. */
const PROMISES = [["size", 2, 12], [
  "sha256",
  "87428fc522803d31065e7bce3cf03fe475096631e5e07bbd7a0fde60c4cf25c7",
  "f".repeat(64),
]] as const;

for (const [field, right, wrong] of PROMISES) {
  Deno.test(`hostile lists: an item whose ${field} is wrong fails, and waits for its backoff`, async () => {
    await using server = origin({ "/a.csv": { body: "a\n", etag: '"1"' } });
    const list = (value: string | number) =>
      server.route("/l.json", JSON.stringify([{ url: "/a.csv", [field]: value }]));
    list(right);
    const from = { json: `${server.origin}/l.json`, [field]: `$.${field}` };
    await using at = await workspace({ tasks: [{ id: "l", schedule: "every 1h", from }] });
    const runAt = (now: string) => main(["run", "--due", "-q"], at.host({ now }));
    assertEquals(await runAt("2026-01-15T12:00:00Z"), 0);
    list(wrong);
    // A 304 would have left the old file, and the item due at once.
    assertEquals(await runAt("2026-01-15T13:00:00Z"), 3);
    assertEquals(await runAt("2026-01-15T13:00:10Z"), 0);
    assertEquals(server.hits("/a.csv"), 2);
    assertEquals(await Deno.readTextFile(at.folder.file("downloads/a.csv")), "a\n");
  });
}

Deno.test("hostile lists: 304 without a state is a failure, and the next run recovers", async () => {
  await using server = origin({ "/list.txt": 304, "/a.csv": "a\n" });
  const from = { text: `${server.origin}/list.txt` };
  await using at = await workspace({ tasks: [{ id: "l", from, retry: { attempts: 1 } }] });
  const host = at.host();
  assertMatch(String(await main(["run", "--json"], host)), /^[34]$/);
  server.route("/list.txt", { status: 200, text: "./a.csv\n" });
  assertEquals(await main(["run", "-q"], at.host()), 0);
});
