/** SIGKILL at any moment of a run with onChange: every published file has reached the hook. */

import { assert, assertEquals, assertGreater } from "@std/assert";
import { delay } from "@std/async";
import { sha256, temporaryFolder } from "../helpers/folder.ts";
import { testHost } from "../helpers/host.ts";
import { openState } from "../helpers/open.ts";
import { place, storeTest } from "../helpers/place.ts";
import { seeded } from "./changing_origin.ts";
import { startRun, writeConfig } from "./program.ts";

const KILLS = 60;

/** Tasks of a run; each publishes a new version in every run. */
const TASKS = 12;

/** Kills between two runs that end by themselves, in which each task publishes a version. */
const KILLS_IN_A_ROW = 10;

/** What the kills of a test hit: they must not all hit the same. */
interface Hits {
  /** Kills that left claims of files that were not published. */
  unpublished: number;
  /** Kills that left claims of published files. */
  published: number;
  /** Kills that left changes that the hook had not received. */
  undelivered: number;
}

for (const [index, location] of ["kv:state.db", "file:state.json"].entries()) {
  storeTest(
    `SIGKILL at ${KILLS} moments (seed ${
      8300 + index
    }) of runs with onChange in ${location}: every published file reached the hook, in order`,
    async () => {
      const hits = await killOverAndOver(location, 8300 + index);
      for (const count of Object.values(hits)) assertGreater(count, 0, JSON.stringify(hits));
    },
  );
}

async function killOverAndOver(location: string, seed: number): Promise<Hits> {
  const random = seeded(seed);
  await using folder = await temporaryFolder();
  await using store = await place();
  const state = location.replace(":", `:${folder.path}/`);
  const hits: Hits = { unpublished: 0, published: 0, undelivered: 0 };
  let version = 0;
  let requests = 0;
  /** From the first request of a whole run to its end: the kills are spread over this time. */
  let wholeMs = 0;
  let onRequest = (_: number) => {};
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    (request) => {
      onRequest(++requests);
      return new Response(`${new URL(request.url).pathname} ${version}\n`);
    },
  );
  const keys = Array.from({ length: TASKS }, (_, task) => `${task}`);
  const config = await writeConfig(folder.path, {
    ...{ store: store.location, state },
    limits: { perHost: 3 },
    onChange: [{ command: ["sh", "-c", 'echo "$CRONFETCH_TASK $CRONFETCH_SHA256" >> received'] }],
    tasks: keys.map((key) => `http://127.0.0.1:${server.addr.port}/${key}`),
  });
  /** The digests that were seen in the store, by task in order. */
  const published = new Map<string, string[]>(keys.map((key) => [key, []]));

  /** Notes what is published now. Returns the digests by task. */
  const look = async (): Promise<Map<string, string>> => {
    const digests = new Map<string, string>();
    for (const key of keys) {
      const bytes = await store.read(key);
      if (bytes === null) continue;
      const digest = await sha256(bytes);
      digests.set(key, digest);
      const seen = published.get(key);
      if (seen?.at(-1) !== digest) seen?.push(digest);
    }
    return digests;
  };

  const runOnce = async (isKilled: boolean) => {
    version++;
    const target = requests + 1 + Math.floor(random() * TASKS);
    const moment = random() * wholeMs;
    const { promise, resolve } = Promise.withResolvers<void>();
    onRequest = (count) => count === target && resolve();
    await using program = startRun(config, { env: store.env });
    if (isKilled) {
      await Promise.race([promise.then(() => delay(moment)), program.ended]);
      program.kill();
    }
    return await program.ended;
  };

  const runWhole = async () => {
    const first = Promise.withResolvers<number>();
    const ended = runOnce(false);
    onRequest = () => first.resolve(performance.now());
    const { code, stderr } = await ended;
    assertEquals([code, stderr], [0, ""]);
    wholeMs = performance.now() - await first.promise;
    await look();
  };

  const readOutboxes = async () => {
    await using opened = await openState(state, testHost());
    return await opened.deliveries(null);
  };

  await runWhole();
  for (let kills = 0; kills < KILLS;) {
    const { signal } = await runOnce(true);
    const digests = await look();
    if (signal !== "SIGKILL") continue;
    const outboxes = await readOutboxes();
    const left = [...outboxes].flatMap(([task, outbox]) =>
      outbox.map(({ publishedAt, files: [file] }) => {
        if (publishedAt !== null) return "undelivered";
        return digests.get(task) === file?.sha256 ? "published" : "unpublished";
      })
    );
    for (const kind of new Set(left)) hits[kind]++;
    if (++kills % KILLS_IN_A_ROW === 0) await runWhole();
  }
  await runWhole();

  const received = new Map<string, string[]>();
  for (const line of (await Deno.readTextFile(folder.file("received"))).split("\n")) {
    const [task = "", digest = ""] = line.split(" ");
    const before = received.getOrInsertComputed(task, () => []);
    if (!before.includes(digest)) before.push(digest);
  }
  for (const [key, digests] of published) {
    const all = received.get(key) ?? [];
    assertEquals(digests.filter((digest) => !all.includes(digest)), [], `lost changes of ${key}`);
    assertEquals(all.filter((digest) => digests.includes(digest)), digests, `order of ${key}`);
    assert(digests.length > 1, `${key} was published once only`);
  }
  assertEquals(await readOutboxes(), new Map());
  return hits;
}
