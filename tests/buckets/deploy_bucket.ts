// main.ts as Deno Deploy runs it, with a bucket.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { deployApp, until } from "../helpers/deploy_instance.ts";
import { sha256 } from "../helpers/folder.ts";
import { origin, type Route } from "../helpers/origin.ts";
import { getObject, keys, objects } from "../helpers/s3_objects.ts";
import { s3Test } from "../helpers/s3_server.ts";

const CRON = 'the cron "*/15 * * * *" (UTC) checks which are due';

s3Test("versitygw", "deploy: one cron fires, fetches, publishes; the page is served", async (
  server,
  bucket,
) => {
  await using source = origin({ "/a.txt": "a\n", "/b.txt": "b\n" });
  await using app = await deployApp({
    config: {
      store: `s3://${bucket}/mirror`,
      tasks: [`${source.origin}/a.txt`, `${source.origin}/b.txt`],
    },
    env: server.env,
  });
  await using instance = await app.start();
  assertEquals(instance.log().split(CRON).length, 2, instance.log());
  await until(() => /^2 created; /m.test(instance.log()), instance.log);
  assertEquals(await objects(server, bucket), { "mirror/a.txt": "a\n", "mirror/b.txt": "b\n" });

  const page = await instance.ask("/");
  assertEquals(page.status, 200);
  assertStringIncludes(await page.text(), "a.txt");
  assertEquals(await (await instance.ask("/healthz")).text(), "ok\n");
  const { runs } = await (await instance.ask("/api/runs")).json();
  assertEquals(runs.length, 1, "the cron has come more often than the tasks are due");
  assertEquals((await instance.end("SIGINT")).code, 130);

  // The second instance uses the state of the first.
  await using second = await app.start();
  const known = await (await second.ask("/api/runs")).json();
  assertEquals(known, { runs });
  assertEquals(source.hits(), 2);
});

const MIB = 2 ** 20;
const LARGE = new Uint8Array(12 * MIB).map((_, index) => index * 7 + (index >> 13));
const REACHED = 7 * MIB;

/** Sends 7 of 12 MiB and then stalls; later requests are answered completely. */
function stalling(reached: () => void): Route {
  const whole: Route = { body: LARGE, etag: '"1"', ranges: true };
  const stalled: Route = () => {
    let sent = 0;
    const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
      async pull(controller) {
        if (sent === REACHED) {
          reached();
          return await new Promise(() => {});
        }
        controller.enqueue(LARGE.slice(sent, sent += MIB));
      },
    }, { highWaterMark: 0 });
    const headers = {
      "content-length": `${LARGE.length}`,
      "etag": '"1"',
      "accept-ranges": "bytes",
    };
    return new Response(body, { headers });
  };
  return { sequence: [stalled, whole] };
}

s3Test(
  "versitygw",
  "deploy: an instance stopped during a run leaves a partial file, which the next one resumes",
  async (
    server,
    bucket,
  ) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    await using source = origin({ "/large.bin": stalling(resolve), "/small.txt": "small\n" });
    await using app = await deployApp({
      config: {
        store: `s3://${bucket}`,
        tasks: [`${source.origin}/large.bin`, `${source.origin}/small.txt`],
      },
      env: server.env,
    });
    await using first = await app.start();
    await promise;
    await until(async () => (await keys(server, bucket)).includes("small.txt"), first.log);
    assertEquals((await first.end("SIGINT")).code, 130, first.log());
    assertMatch(first.log(), /1 cancelled; /);

    await using second = await app.start();
    await until(() => /^1 created; /m.test(second.log()), second.log);
    assertEquals(await sha256(await getObject(server, bucket, "large.bin")), await sha256(LARGE));
    const asked = source.log.filter(({ path }) => path === "/large.bin")
      .map(({ headers }) => headers.get("range"));
    assertEquals(asked.length, 2);
    assertEquals(asked[0], null);
    const [, from = "0"] = /^bytes=(\d+)-$/.exec(asked[1] ?? "") ?? [];
    assert(Number(from) > 0 && Number(from) <= REACHED, `asked for ${asked[1]}`);
    assertEquals(source.hits("/small.txt"), 1);
  },
);

s3Test(
  "versitygw",
  "deploy: an instance killed during a run leaves a state with which the next one continues",
  async (
    server,
    bucket,
  ) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    await using source = origin({ "/large.bin": stalling(resolve), "/small.txt": "small\n" });
    await using app = await deployApp({
      config: {
        store: `s3://${bucket}`,
        tasks: [`${source.origin}/large.bin`, `${source.origin}/small.txt`],
      },
      env: server.env,
    });
    // A database of its own frees the leases of the killed run at once; with the platform's, the
    // next instance would wait for a minute.
    const state = app.folder.file("state");
    const env = { CRONFETCH_STATE: `kv:${state}/state.db` };
    await using first = await app.start(env, state);
    assertStringIncludes(first.log(), "is lost with this instance");
    await promise;
    await until(async () => (await keys(server, bucket)).includes("small.txt"), first.log);
    assertEquals((await first.end("SIGKILL")).signal, "SIGKILL");

    await using second = await app.start(env, state);
    await until(async () => (await keys(server, bucket)).includes("large.bin"), second.log);
    assertEquals(await sha256(await getObject(server, bucket, "large.bin")), await sha256(LARGE));
  },
);

s3Test(
  "versitygw",
  "deploy: an unusable config is reported, and the instance keeps running",
  async (
    server,
    bucket,
  ) => {
    await using source = origin({ "/a.txt": "a\n" });
    const task = `${source.origin}/a.txt`;
    const store = `s3://${bucket}`;
    const cases: readonly (readonly [config: object, message: string])[] = [
      [{ store, schedule: "0 0 30 2 *", tasks: [task] }, "month 2 has no day 30"],
      [{ store: "./downloads", tasks: [task] }, "s3://bucket/prefix"],
    ];
    for (const [config, message] of cases) {
      await using app = await deployApp({ config, env: server.env });
      await using instance = await app.start();
      assertStringIncludes(instance.log(), message);
      const page = await instance.ask("/");
      assertEquals(page.status, 503);
      assertStringIncludes(await page.text(), message);
      const health = await instance.ask("/healthz");
      assertEquals([health.status, await health.text()], [503, "The config cannot be used\n"]);
      assertEquals((await instance.end("SIGTERM")).signal, "SIGTERM");
    }
    assertEquals(source.hits(), 0);
  },
);

s3Test("versitygw", "deploy: a preview publishes nothing unless configured to", async (
  server,
  bucket,
) => {
  await using source = origin({ "/a.txt": "a\n" });
  await using app = await deployApp({
    config: { store: `s3://${bucket}`, tasks: [`${source.origin}/a.txt`] },
    env: { ...server.env, DENO_TIMELINE: "preview/1a2b" },
  });
  await using preview = await app.start();
  assertStringIncludes(
    preview.log(),
    "This is the timeline preview/1a2b, where nothing is fetched",
  );
  // A preview that may publish runs at the same cron.
  await using allowed = await app.start({ CRONFETCH_TIMELINES: "production,preview/1a2b" });
  await until(async () => (await keys(server, bucket)).length > 0, allowed.log);
  assertEquals(source.hits(), 1);
  assert(!preview.log().includes("created"), preview.log());
});
