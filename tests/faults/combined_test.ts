/** Several faults in one run. */

import { assertEquals } from "@std/assert";
import { EXIT } from "../../lib/core/result.ts";
import { run } from "../helpers/library.ts";
import { shown } from "../helpers/folder.ts";
import { testHost } from "../helpers/host.ts";
import { origin } from "../helpers/origin.ts";
import { hostAt, place, storeTest } from "../helpers/place.ts";
import { rawServer } from "../helpers/raw_server.ts";
import { assertOracle } from "./oracle.ts";
import { response } from "./scenario.ts";

storeTest("a run with good, missing, truncated, stalled, refused and flaky files", async () => {
  const content = (name: string): string => `content of ${name}\n`.repeat(1_000);
  const good = ["good1.txt", "good2.txt", "good3.txt", "good4.txt", "good5.txt"];
  await using store = await place();
  await using server = origin({
    ...Object.fromEntries(good.map((name) => [`/${name}`, content(name)])),
    "/flaky.txt": { sequence: [503, 503, content("flaky.txt")] },
  });
  await using broken = await rawServer(async (connection) => {
    const { path } = await connection.readRequest();
    await connection.send(response(["Content-Length: 100000"], content("half").slice(0, 5_000)));
    if (path === "/stalled.txt") await connection.hold();
  });
  const refusing = origin({});
  await refusing[Symbol.asyncDispose]();

  const tasks = [
    ...good.map((name) => ({ id: name, url: `${server.origin}/${name}` })),
    { id: "missing.txt", url: `${server.origin}/missing.txt` },
    { id: "cut.txt", url: `${broken.origin}/cut.txt` },
    { id: "stalled.txt", url: `${broken.origin}/stalled.txt`, timeout: { idle: "60ms" } },
    { id: "refused.txt", url: `${refusing.origin}/refused.txt` },
    { id: "flaky.txt", url: `${server.origin}/flaky.txt` },
  ];
  const before = { "missing.txt": "an older file\n", "cut.txt": "another older file\n" };
  for (const [name, text] of Object.entries(before)) {
    await store.write(name, text);
  }
  const complete: Record<string, string> = {};
  for (const name of [...good, "flaky.txt"]) complete[name] = await shown(content(name));

  const { results, summary } = await run(
    { store: store.location, state: "memory:", defaults: { retry: { attempts: 3 } }, tasks },
    { host: hostAt(store, testHost()) },
  );

  await assertOracle({
    store,
    before,
    complete,
    tasks: tasks.map(({ id }) => id),
    results,
  });
  const said = results.map(({ task, status, code, attempts }) => [
    task,
    status,
    code ?? null,
    attempts.length,
  ]);
  assertEquals(said.toSorted(([a], [b]) => String(a) < String(b) ? -1 : 1), [
    ["cut.txt", "failed", "body.truncated", 3],
    ["flaky.txt", "created", null, 3],
    ...good.map((name) => [name, "created", null, 1]),
    ["missing.txt", "failed", "http.status", 1],
    ["refused.txt", "failed", "net.refused", 3],
    ["stalled.txt", "failed", "timeout.idle", 3],
  ]);
  assertEquals(summary.counts, {
    created: 6,
    updated: 0,
    unchanged: 0,
    pending: 0,
    skipped: 0,
    deferred: 0,
    failed: 4,
    cancelled: 0,
  });
  assertEquals(summary.exitCode, EXIT.failed);
  assertEquals([server.hits("/flaky.txt"), server.hits("/missing.txt")], [3, 1]);
  for (const name of good) assertEquals(server.hits(`/${name}`), 1);
});
