/** Row 121: servers that send an older file than the published one. */

import { assertEquals } from "@std/assert";
import type { TaskResult } from "../../lib/core/result.ts";
import type { TaskInput } from "../../lib/mod.ts";
import { sha256, shown } from "../helpers/folder.ts";
import { type Origin, origin } from "../helpers/origin.ts";
import type { OriginFile } from "../helpers/origin_file.ts";
import { storeTest } from "../helpers/place.ts";
import { FILE, scripted, text, whole } from "./broken_bodies.ts";
import { parts, type Runs, type RunsOptions, runsOver } from "./runs.ts";

const HOUR_MS = 60 * 60 * 1000;

/** A version of the file, by its date; all have one size. */
function version(lastModified: string, etag: string | null = `"${lastModified}"`): OriginFile {
  return { body: `the file of ${lastModified}\n`, lastModified, ...(etag !== null && { etag }) };
}

const NEWEST = version("Wed, 14 Jan 2026 12:00:00 GMT");
const OLDER = version("Sun, 14 Dec 2025 12:00:00 GMT");
const OLDEST = version("Fri, 14 Nov 2025 12:00:00 GMT");

/** Edge servers with different versions, and runs of the task, an hour apart. */
interface Scene extends AsyncDisposable {
  readonly runs: Runs;
  readonly server: Origin;
  readonly url: string;
  /** Runs once against an edge with this version: status, body bytes, warnings. */
  run(edge: OriginFile, task?: Partial<TaskInput>, force?: boolean): Promise<unknown[]>;
  /** The published bytes. */
  published(): Promise<string | undefined>;
}

async function scene(options: RunsOptions = {}): Promise<Scene> {
  const server = origin({});
  const runs = await runsOver(options);
  const url = `${server.origin}/a.txt`;
  return {
    runs,
    server,
    url,
    run: async (edge, task = {}, force = false) => {
      server.route("/a.txt", edge);
      return brief(await runs.result({ url, retry: { attempts: 1 }, ...task }, { force }));
    },
    published: async () => (await runs.tree())["a.txt"],
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await runs[Symbol.asyncDispose]();
    },
  };
}

function brief({ status, bytes, warnings }: TaskResult): unknown[] {
  return [status, bytes, ...warnings];
}

const SIZE = String(NEWEST.body).length;
const KEPT = ["unchanged", 0, "olderThanPublished"];

for (const state of ["file", "kv", "memory"] as const) {
  storeTest(
    `row 121: edge servers with different versions do not change the file, with a ${state} state`,
    async () => {
      await using stage = await scene({ state });
      assertEquals(await stage.run(NEWEST), ["created", SIZE]);
      const before = await stage.runs.store.mark("a.txt");
      for (let day = 0; day < 30; day++) {
        assertEquals(await stage.run(OLDER), KEPT);
        assertEquals(await stage.run(OLDER), KEPT);
        assertEquals(await stage.run(NEWEST), ["unchanged", 0]);
      }
      assertEquals(await stage.runs.store.mark("a.txt"), before);
    },
  );

  storeTest(`row 121: a rollback is published after a day, with a ${state} state`, async () => {
    await using stage = await scene({ state });
    assertEquals(await stage.run(NEWEST), ["created", SIZE]);
    for (let hour = 0; hour < 24; hour++) assertEquals(await stage.run(OLDER), KEPT, `${hour}`);
    assertEquals(await stage.published(), NEWEST.body);
    assertEquals(await stage.run(OLDER), ["updated", SIZE, "olderThanPublished"]);
    assertEquals(await stage.published(), OLDER.body);
    // From then on it is the published file.
    assertEquals(await stage.run(OLDER), ["unchanged", 0]);
    assertEquals(await stage.run(NEWEST), ["updated", SIZE]);
    assertEquals(await stage.run(OLDER), KEPT);
  });
}

storeTest("row 121: a daily task publishes a rollback in its third run", async () => {
  await using stage = await scene();
  assertEquals(await stage.run(NEWEST), ["created", SIZE]);
  for (const expected of [KEPT, KEPT, ["updated", SIZE, "olderThanPublished"]]) {
    stage.runs.host.jump(23 * HOUR_MS);
    assertEquals(await stage.run(OLDER), expected);
  }
});

storeTest("row 121: two alternating older versions are never published", async () => {
  await using stage = await scene();
  assertEquals(await stage.run(NEWEST), ["created", SIZE]);
  for (let day = 0; day < 10; day++) {
    stage.runs.host.jump(23 * HOUR_MS);
    assertEquals(await stage.run(day % 2 === 0 ? OLDER : OLDEST), KEPT);
  }
});

storeTest(
  "row 121: the current version in between resets the count, a failure does not",
  async () => {
    await using stage = await scene();
    assertEquals(await stage.run(NEWEST), ["created", SIZE]);
    const days = (): void => stage.runs.host.jump(23 * HOUR_MS);
    for (const _ of [1, 2]) {
      days();
      assertEquals(await stage.run(OLDER), KEPT);
    }
    days();
    assertEquals(await stage.run(NEWEST), ["unchanged", 0]);
    for (const _ of [1, 2]) {
      days();
      assertEquals(await stage.run(OLDER), KEPT, "the count starts again");
    }
    stage.server.route("/a.txt", 404);
    const failed = await stage.runs.result({ url: stage.url, retry: { attempts: 1 } });
    assertEquals(failed.status, "failed");
    days();
    const expected = ["updated", SIZE, "olderThanPublished"];
    assertEquals(await stage.run(OLDER), expected, "a failure does not end the count");
  },
);

storeTest("row 121: without ETags, the dates decide", async () => {
  await using stage = await scene();
  const exact = ({ body, lastModified = "" }: OriginFile) => (request: Request): Response =>
    request.headers.get("if-modified-since") === lastModified
      ? new Response(null, { status: 304 })
      : new Response(body, { headers: { "last-modified": lastModified } });
  const run = async (edge: OriginFile): Promise<unknown[]> => {
    stage.server.route("/a.txt", exact(edge));
    return brief(await stage.runs.result({ url: stage.url }));
  };
  assertEquals(await run(NEWEST), ["created", SIZE]);
  assertEquals(await run(OLDER), KEPT);
  assertEquals(await run(NEWEST), ["unchanged", 0]);
  assertEquals(await run(OLDER), KEPT);
  assertEquals(await stage.published(), NEWEST.body);
});

const UNCOMPARED: Record<string, OriginFile> = {
  "no Last-Modified": { body: OLDER.body },
  "a Last-Modified that is no date": { ...OLDER, lastModified: "2025-12-14" },
  "the epoch": { ...OLDER, lastModified: "Thu, 01 Jan 1970 00:00:00 GMT" },
  "the same date": { ...OLDER, lastModified: NEWEST.lastModified ?? "" },
};
for (const [name, edge] of Object.entries(UNCOMPARED)) {
  storeTest(`row 121: ${name} is not older`, async () => {
    await using stage = await scene();
    assertEquals(await stage.run(NEWEST), ["created", SIZE]);
    assertEquals(await stage.run(edge), ["updated", SIZE]);
    assertEquals(await stage.published(), OLDER.body);
  });
}

storeTest("row 121: a published date in the future does not delay an update", async () => {
  await using stage = await scene();
  const future = {
    ...version("Fri, 01 Jan 2100 00:00:00 GMT"),
    headers: { date: "Fri, 01 Jan 2100 00:00:01 GMT" },
  };
  assertEquals((await stage.run(future))[0], "created");
  assertEquals(await stage.run(NEWEST), ["updated", SIZE]);
});

storeTest(
  'row 121: --force and "conditional": false publish an older version immediately',
  async () => {
    await using stage = await scene();
    assertEquals(await stage.run(NEWEST), ["created", SIZE]);
    assertEquals(await stage.run(OLDER), KEPT);
    assertEquals(await stage.run(OLDER, {}, true), ["updated", SIZE]);
    assertEquals(await stage.run(NEWEST), ["updated", SIZE]);
    assertEquals(await stage.run(OLDEST, { conditional: false }), ["updated", SIZE]);
    assertEquals(await stage.published(), OLDEST.body);
  },
);

storeTest(
  "rows 61 and 121: a file that was edited or removed is replaced by any version",
  async () => {
    await using stage = await scene();
    assertEquals(await stage.run(NEWEST), ["created", SIZE]);
    await stage.runs.store.write("a.txt", "edited\n");
    assertEquals(await stage.run(OLDER), ["updated", SIZE]);
    assertEquals(await stage.run(NEWEST), ["updated", SIZE]);
    await stage.runs.store.remove("a.txt");
    assertEquals(await stage.run(OLDER), ["created", SIZE]);
  },
);

storeTest("row 121: a file of another URL is not compared", async () => {
  await using stage = await scene();
  assertEquals(await stage.run(NEWEST), ["created", SIZE]);
  stage.server.route("/b.txt", OLDER);
  const moved = { id: "a.txt", url: `${stage.server.origin}/b.txt`, to: "a.txt" };
  assertEquals(brief(await stage.runs.result(moved)), ["updated", SIZE]);
});

storeTest("row 121: an expected digest overrides the age", async () => {
  await using stage = await scene();
  const digest = async ({ body }: OriginFile): Promise<Partial<TaskInput>> => {
    return { expect: { sha256: await sha256(new TextEncoder().encode(String(body))) } };
  };
  assertEquals(await stage.run(NEWEST, await digest(NEWEST)), ["created", SIZE]);
  assertEquals(await stage.run(OLDER, await digest(NEWEST)), KEPT);
  assertEquals(await stage.run(OLDER, await digest(OLDER)), ["updated", SIZE]);
  assertEquals(await stage.published(), OLDER.body);
});

storeTest("row 121: an older file under an older name is not published", async () => {
  await using stage = await scene();
  const named = (edge: OriginFile, name: string): OriginFile => ({
    ...edge,
    headers: { "content-disposition": `attachment; filename="${name}"` },
  });
  const task = { id: "a", to: "{name}" };
  assertEquals(await stage.run(named(NEWEST, "2026-01.txt"), task), ["created", SIZE]);
  assertEquals(await stage.run(named(OLDER, "2025-12.txt"), task), KEPT);
  assertEquals(await stage.runs.tree(), { "2026-01.txt": String(NEWEST.body) });
});

storeTest("row 121: an older version after a refused condition is not published", async () => {
  await using stage = await scene();
  const refusing = ({ body, lastModified = "" }: OriginFile) => (request: Request): Response =>
    request.headers.has("if-modified-since")
      ? new Response(null, { status: 412 })
      : new Response(body, { headers: { "last-modified": lastModified } });
  stage.server.route("/a.txt", refusing(NEWEST));
  assertEquals(brief(await stage.runs.result({ url: stage.url })), ["created", SIZE]);
  stage.server.route("/a.txt", refusing(OLDER));
  assertEquals(brief(await stage.runs.result({ url: stage.url })), KEPT);
  assertEquals(stage.server.hits(), 3);
});

storeTest("row 121: an older version in response to a range drops the partial file", async () => {
  const published = text("published file", 200_000);
  const newer = text("newer file", 2_000_000);
  const [now, before, longAgo] = [NEWEST, OLDER, OLDEST].map(({ lastModified }) => lastModified);
  await using server = await scripted([
    whole(published, ['ETag: "2"', `Last-Modified: ${before}`, "Connection: close"]),
    // fetch loses up to 512 KiB before a break.
    whole(newer, ['ETag: "3"', `Last-Modified: ${now}`], 1_500_000),
    whole(FILE, ['ETag: "1"', `Last-Modified: ${longAgo}`, "Connection: close"]),
  ]);
  await using runs = await runsOver();
  const task = { url: server.url, retry: { attempts: 1 } };
  assertEquals((await runs.result(task)).status, "created");
  assertEquals((await runs.result(task)).code, "body.truncated");
  assertEquals(parts(await runs.tree()), 1);
  assertEquals(brief(await runs.result(task)), KEPT);
  const [, , range] = server.asked;
  assertEquals(range?.[1], '"3"');
  assertEquals(/^bytes=[1-9]\d*-$/.test(range?.[0] ?? ""), true, `${range?.[0]}`);
  assertEquals(await runs.tree(), { "file.bin": await shown(published) });
});
