/** Row 122: servers with wrong validators, and how to ignore them. */

import { assertEquals } from "@std/assert";
import { main } from "../helpers/command_line.ts";
import type { TaskInput } from "../../lib/mod.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { testHost } from "../helpers/host.ts";
import { storeTest } from "../helpers/place.ts";
import { rawServer } from "../helpers/raw_server.ts";
import { runsOver } from "./runs.ts";
import { response } from "./scenario.ts";

const OLD = "the old bytes of the file\n";
const NEW = "the new bytes of the file\n";
const DATE = "Thu, 01 Jan 2026 00:00:00 GMT";

/** A server with constant validators. */
interface ConstantServer extends AsyncDisposable {
  readonly origin: string;
  /** The current content. */
  body: string;
  /** The condition of each request, in order. */
  readonly conditions: readonly (string | null)[];
}

async function constantServer(lines: readonly string[]): Promise<ConstantServer> {
  const conditions: (string | null)[] = [];
  const server = await rawServer(async (connection) => {
    const { headers } = await connection.readRequest();
    const condition = headers.get("if-none-match") ?? headers.get("if-modified-since") ?? null;
    conditions.push(condition);
    const { body } = constant;
    await connection.send(
      condition === null
        ? response([...lines, `Content-Length: ${body.length}`, "Connection: close"], body)
        : response(["HTTP/1.1 304 Not Modified", ...lines, "Connection: close"]),
    );
  });
  const constant: ConstantServer = {
    origin: server.origin,
    body: OLD,
    conditions,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
  return constant;
}

const VALIDATORS: readonly (readonly [name: string, lines: string[], condition: string])[] = [
  ["ETag", ['ETag: "1"'], '"1"'],
  ["weak ETag", ['ETag: W/"1"'], 'W/"1"'],
  ["ETag without quotes", ["ETag: 1"], "1"],
  ["Last-Modified", [`Last-Modified: ${DATE}`], DATE],
];
for (const [name, lines, condition] of VALIDATORS) {
  storeTest(`row 122: a forced run updates a file under a constant ${name}`, async () => {
    await using server = await constantServer(lines);
    await using runs = await runsOver();
    const task = { url: `${server.origin}/a.txt` };
    assertEquals((await runs.result(task)).status, "created");
    server.body = NEW;
    assertEquals((await runs.result(task)).status, "unchanged");
    assertEquals((await runs.result(task, { force: true })).status, "updated");
    const before = await runs.store.mark("a.txt");
    assertEquals((await runs.result(task, { force: true })).status, "unchanged");
    assertEquals((await runs.result(task)).status, "unchanged");
    assertEquals(server.conditions, [null, condition, null, null, condition]);
    assertEquals(await runs.tree(), { "a.txt": NEW });
    assertEquals(await runs.store.mark("a.txt"), before);
  });

  storeTest(`row 122: "conditional": false updates a file under a constant ${name}`, async () => {
    await using server = await constantServer(lines);
    await using runs = await runsOver({ config: { defaults: { conditional: false } } });
    const task = { url: `${server.origin}/a.txt` };
    assertEquals((await runs.result(task)).status, "created");
    assertEquals((await runs.result(task)).status, "unchanged");
    server.body = NEW;
    assertEquals((await runs.result(task)).status, "updated");
    assertEquals((await runs.result({ ...task, conditional: true })).status, "unchanged");
    assertEquals(server.conditions, [null, null, null, condition]);
    assertEquals(await runs.tree(), { "a.txt": NEW });
  });
}

const REFUSED: readonly (readonly [name: string, task: Partial<TaskInput>, code: string])[] = [
  ["the size", { expect: { minSize: 1_000 } }, "body.too-small"],
  ["the digest", { expect: { sha256: "00".repeat(32) } }, "expect.digest"],
  ["the pattern", { expect: { matches: "^never" } }, "expect.matches"],
  ["the ratio of sizes", { expect: { minRatio: 0.9 } }, "expect.shrunk"],
];
for (const [name, more, code] of REFUSED) {
  storeTest(`row 122: a forced run still checks ${name}`, async () => {
    await using server = await constantServer(['ETag: "1"']);
    await using runs = await runsOver();
    const task = { url: `${server.origin}/a.txt` };
    assertEquals((await runs.result(task)).status, "created");
    server.body = "short\n";
    const forced = await runs.result({ ...task, ...more }, { force: true });
    assertEquals([forced.status, forced.code], ["failed", code]);
    assertEquals(await runs.tree(), { "a.txt": OLD });
  });
}

storeTest("row 122: a forced run does not replace the file of another task", async () => {
  await using server = await constantServer(['Content-Disposition: attachment; filename="a.txt"']);
  await using runs = await runsOver();
  const tasks = [
    { id: "owner", url: `${server.origin}/a.txt` },
    { id: "thief", url: `${server.origin}/b`, to: "{name}" },
  ];
  await runs.run(tasks, { only: ["owner"] });
  server.body = NEW;
  const { results } = await runs.run(tasks, { only: ["thief"], force: true });
  assertEquals(results.map(({ status, code }) => [status, code]), [["failed", "store.conflict"]]);
  assertEquals(await runs.tree(), { "a.txt": OLD });
});

Deno.test("row 122: run --force applies to the tasks of that run only", async () => {
  await using server = await constantServer(['ETag: "1"']);
  await using folder = await temporaryFolder();
  await Deno.writeTextFile(
    folder.file("cronfetch.json"),
    JSON.stringify({
      state: "file:state.json",
      tasks: ["a", "b"].map((id) => ({ id, url: `${server.origin}/${id}.txt` })),
    }),
  );
  const cli = (...args: string[]): Promise<number> => main(args, testHost({ cwd: folder.path }));
  const files = async (): Promise<string[]> => [
    await Deno.readTextFile(folder.file("downloads/a.txt")),
    await Deno.readTextFile(folder.file("downloads/b.txt")),
  ];
  assertEquals(await cli("run", "-q"), 0);
  server.body = NEW;
  assertEquals([await cli("run", "-q"), await files()], [0, [OLD, OLD]]);
  assertEquals([await cli("run", "-q", "a", "--force"), await files()], [0, [NEW, OLD]]);
  // Forcing does not make a task due.
  assertEquals([await cli("run", "-q", "--due", "--force"), await files()], [0, [NEW, OLD]]);
  assertEquals([await cli("run", "-q", "--force", "--dry-run"), await files()], [0, [NEW, OLD]]);
  assertEquals([await cli("run", "-q", "--force"), await files()], [0, [NEW, NEW]]);
  assertEquals(await cli("run", "-q"), 0);
  const asked = server.conditions.map((condition) => condition !== null);
  assertEquals(asked, [false, false, true, true, false, false, false, true, true]);
});

Deno.test("row 122: --force is a flag of run only", async () => {
  await using folder = await temporaryFolder();
  for (const command of ["watch", "serve", "plan", "status", "verify", "doctor"]) {
    const host = testHost({ cwd: folder.path });
    assertEquals(await main([command, "--force"], host), 2, command);
  }
});
