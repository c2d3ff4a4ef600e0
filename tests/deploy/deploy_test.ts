import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import type { Platform } from "../../lib/core/host.ts";
import { deploy } from "../../lib/deploy/deploy.ts";
import { type Workspace, workspace } from "../cli/workspace.ts";
import { ExitCalled, type TestHost, type TestHostOptions } from "../helpers/host.ts";
import { openState } from "../helpers/open.ts";
import { origin } from "../helpers/origin.ts";

/** A platform whose calls the test makes. */
interface FakePlatform extends Platform {
  /** Every registered cron. */
  readonly crons: { readonly name: string; readonly schedule: string }[];
  /** Calls the only cron. */
  tick(): Promise<void>;
  /** Requests a path. */
  ask(path: string, init?: RequestInit): Promise<Response>;
}

function fakePlatform(refusal?: Error): FakePlatform {
  const crons: FakePlatform["crons"] = [];
  let call: (() => Promise<void>) | null = null;
  let answer: ((request: Request) => Promise<Response>) | null = null;
  return {
    crons,
    cron: (name, schedule, handler) => {
      if (refusal) throw refusal;
      assert(answer === null, "the cron comes too late to be found");
      crons.push({ name, schedule });
      call = handler;
    },
    serve: (handler, listening) => {
      answer = handler;
      listening("http://mirror.test/");
    },
    tick: async () => {
      assert(call, "no cron was registered");
      await call();
    },
    ask: async (path, init) => {
      assert(answer, "nothing is served");
      return await answer(new Request(`https://mirror.test${path}`, init));
    },
  };
}

/** An instance in a folder with a config. */
interface Instance extends AsyncDisposable {
  readonly at: Workspace;
  readonly host: TestHost;
  readonly platform: FakePlatform;
  /** The exit code, once the process has ended. */
  readonly ended: Promise<number>;
}

const PRODUCTION = { DENO_DEPLOYMENT_ID: "d1", DENO_TIMELINE: "production" };

async function instance(
  config: object,
  { env = {}, refusal, ...options }: TestHostOptions & { readonly refusal?: Error } = {},
): Promise<Instance> {
  const at = await workspace({ store: "memory:", ...config });
  const { promise, resolve } = Promise.withResolvers<number>();
  let hasEnded = false;
  const host: TestHost = {
    ...at.host({ env: { ...PRODUCTION, ...env }, ...options }),
    exit: (code) => {
      if (hasEnded) throw new ExitCalled(code);
      hasEnded = true;
      resolve(code);
      // Throwing would be an unhandled rejection: the last step of the instance calls it.
      return undefined as never;
    },
  };
  const platform = fakePlatform(refusal);
  await deploy(host, platform);
  return {
    at,
    host,
    platform,
    ended: promise,
    [Symbol.asyncDispose]: async () => {
      // Ends the page's timers and closes the state.
      if (!hasEnded && host.raise("SIGTERM") > 0) await promise;
      await at[Symbol.asyncDispose]();
    },
  };
}

Deno.test("deploy: one cron, registered before anything is served, runs what is due", async () => {
  await using server = origin({ "/a.txt": "a", "/b.txt": "b" });
  await using at = await instance({
    schedule: "0 6 * * 1-5",
    tasks: [`${server.origin}/a.txt`, { url: `${server.origin}/b.txt`, schedule: "manual" }],
  });
  const { platform, host } = at;
  assertEquals(platform.crons, [
    { name: "cronfetch", schedule: "*/15 * * * *" },
  ]);
  assertStringIncludes(host.stderr.text, '2 tasks; the cron "*/15 * * * *" (UTC)');
  assertStringIncludes(host.stderr.text, "http://mirror.test/");
  assertEquals(server.hits(), 0);
  await platform.tick();
  assertEquals(server.log.map(({ path }) => path), ["/a.txt"]);
  await platform.tick();
  assertEquals(server.hits(), 1, "it is due no more");
  host.jump(24 * 60 * 60_000);
  await platform.tick();
  assertEquals(server.hits(), 2);
});

Deno.test("deploy: before the first call the page shows what is due, and runs it on request", async () => {
  await using server = origin({ "/a.txt": "a", "/b.txt": "b" });
  await using at = await instance({
    schedule: "0 6 * * *",
    tasks: [
      { id: "the-task", url: `${server.origin}/a.txt` },
      { id: "by-hand", url: `${server.origin}/b.txt`, schedule: "manual" },
    ],
  }, { env: { CRONFETCH_TOKEN: "open sesame" }, sleep: "manual" });
  assertEquals((await at.platform.ask("/healthz")).status, 200);
  const before = await (await at.platform.ask("/")).text();
  assertStringIncludes(before, "None of 2 tasks has run yet");
  assertStringIncludes(before, "No run has finished yet.");
  assertStringIncludes(before, 'Due tasks run <time datetime="2026-01-15T12:15:00Z"');
  assertStringIncludes(before, "Daily at 06:00 (UTC)");
  assertStringIncludes(before, "Log in</a> to run and pause tasks.");
  const act = (body: Record<string, string>) =>
    at.platform.ask("/actions", { method: "POST", body: new URLSearchParams(body) });
  const token = "open sesame";
  assertEquals((await act({ do: "run", task: "by-hand" })).status, 403);
  assertEquals((await act({ do: "pause", token })).status, 400);
  assertEquals(server.hits(), 0);
  // The run is over before the response, as the platform may stop an instance without requests.
  assertEquals((await act({ do: "run", task: "by-hand", token })).status, 303);
  assertEquals(server.log.map(({ path }) => path), ["/a.txt", "/b.txt"]);
  const page = await (await at.platform.ask("/")).text();
  assertStringIncludes(page, "All 2 tasks are fine");
  const { runs } = await (await at.platform.ask("/api/runs")).json();
  assertEquals(runs.length, 1);
});

Deno.test("deploy: a run requested during a tick follows it", async () => {
  const gate = Promise.withResolvers<void>();
  await using server = origin({ "/a.txt": { after: gate.promise, then: "a" }, "/b.txt": "b" });
  await using at = await instance({
    tasks: [
      { id: "due", url: `${server.origin}/a.txt` },
      { id: "by-hand", url: `${server.origin}/b.txt`, schedule: "manual" },
    ],
  }, { env: { CRONFETCH_TOKEN: "open sesame" } });
  const tick = at.platform.tick();
  while (server.hits() === 0) await new Promise((done) => setTimeout(done, 1));
  const body = new URLSearchParams({ do: "run", task: "by-hand", token: "open sesame" });
  const asked = at.platform.ask("/actions", { method: "POST", body });
  gate.resolve();
  assertEquals((await asked).status, 303);
  await tick;
  assertEquals(server.log.map(({ path }) => path), ["/a.txt", "/b.txt"]);
});

Deno.test("row 132: deploy: a failed daily task is tried again by the next call", async () => {
  let status = 503;
  await using server = origin({ "/a.txt": () => new Response("a", { status }) });
  await using at = await instance({
    schedule: "0 6 * * *",
    tasks: [{ url: `${server.origin}/a.txt`, retry: { attempts: 1 } }],
  });
  const { platform, host } = at;
  assertEquals(platform.crons.map(({ schedule }) => schedule), ["*/15 * * * *"]);
  await platform.tick();
  assertEquals(server.hits(), 1);
  await platform.tick();
  assertEquals(server.hits(), 1, "its next attempt is in a minute");
  status = 200;
  host.jump(15 * 60_000);
  await platform.tick();
  assertEquals(server.hits(), 2);
  host.jump(15 * 60_000);
  await platform.tick();
  assertEquals(server.hits(), 2, "it succeeded");
});

Deno.test("deploy: overlapping calls are one tick", async () => {
  const gate = Promise.withResolvers<void>();
  await using server = origin({ "/a.txt": { after: gate.promise, then: "a" } });
  await using at = await instance({ tasks: [`${server.origin}/a.txt`] });
  const first = at.platform.tick();
  const second = at.platform.tick();
  while (server.hits() === 0) await new Promise((done) => setTimeout(done, 1));
  const third = at.platform.tick();
  gate.resolve();
  await Promise.all([first, second, third]);
  assertEquals(server.hits(), 1);
  const { runs } = await (await at.platform.ask("/api/runs")).json();
  assertEquals(runs.length, 1);
});

Deno.test("deploy: a timeline that is not listed publishes nothing, and logs it", async () => {
  for (const env of [{ DENO_TIMELINE: "preview/1a2b" }, { DENO_TIMELINE: "" }]) {
    await using server = origin({ "/a.txt": "a" });
    await using at = await instance({ tasks: [`${server.origin}/a.txt`] }, { env });
    assertEquals(at.platform.crons.length, 1);
    await at.platform.tick();
    assertEquals(server.hits(), 0);
    assertStringIncludes(at.host.stderr.text, "CRONFETCH_TIMELINES");
    assertEquals((await (await at.platform.ask("/api/status")).json()).paused, true);
  }
  await using server = origin({ "/a.txt": "a" });
  const env = { DENO_TIMELINE: "preview/1a2b", CRONFETCH_TIMELINES: "*" };
  await using at = await instance({ tasks: [`${server.origin}/a.txt`] }, { env });
  await at.platform.tick();
  assertEquals(server.hits(), 1);
});

Deno.test("deploy: without a schedule no cron is registered", async () => {
  await using at = await instance({ schedule: "manual", tasks: ["https://files.test/a"] });
  assertEquals(at.platform.crons, []);
  assertStringIncludes(at.host.stderr.text, "no cron is registered");
  assertEquals((await at.platform.ask("/")).status, 200);
});

Deno.test("deploy: an invalid config is reported in the log and on the page, which stays up", async (t) => {
  const cases: readonly (readonly [name: string, config: object, said: string])[] = [
    ["a date that there is not", {
      tasks: [{ url: "https://files.test/a", schedule: "0 0 30 2 *" }],
    }, "month 2 has no day 30"],
    ["a wrong key", { taskz: [] }, "taskz is not an option"],
    ["a folder", { store: "./downloads", tasks: ["https://files.test/a"] }, "s3://bucket/prefix"],
    ["a secret that is missing", { tasks: ["https://files.test/${env:NONE}"] }, "NONE"],
  ];
  for (const [name, config, said] of cases) {
    await t.step(name, async () => {
      await using at = await instance(config);
      const { platform, host } = at;
      assertEquals(platform.crons, []);
      assertStringIncludes(host.stderr.text, "The config cannot be used, so nothing is fetched");
      assertStringIncludes(host.stderr.text, said);
      const page = await platform.ask("/");
      assertEquals(page.status, 503);
      assertStringIncludes(await page.text(), said);
      assertEquals((await platform.ask("/healthz")).status, 503);
    });
  }
  await t.step("with a token for reading, the reason is in the log alone", async () => {
    await using at = await instance({ taskz: [] }, { env: { CRONFETCH_VIEW_TOKEN: "sesame" } });
    assertStringIncludes(at.host.stderr.text, "taskz is not an option");
    const page = await (await at.platform.ask("/")).text();
    assertStringIncludes(page, "The log of the app has the reason.");
    assert(!page.includes("taskz"));
    assert(!(await (await at.platform.ask("/api/status")).text()).includes("taskz"));
  });
  await t.step("a schedule that the platform rejects", async () => {
    const refusal = new TypeError("Invalid cron schedule");
    await using at = await instance({ tasks: ["https://files.test/a"] }, { refusal });
    assertStringIncludes(at.host.stderr.text, "The schedule cannot be registered");
    const page = await at.platform.ask("/");
    assertEquals(page.status, 503);
    assertStringIncludes(await page.text(), "Invalid cron schedule");
  });
});

Deno.test("deploy: a state that cannot be opened is logged, and tried again by the next call", async () => {
  await using server = origin({ "/a.txt": "a" });
  await using at = await instance({
    state: "file:state/state.json",
    tasks: [`${server.origin}/a.txt`],
  });
  const file = at.at.folder.file("state");
  await Deno.writeTextFile(file, "in the way");
  await at.platform.tick();
  assertStringIncludes(at.host.stderr.text, "the next call tries again");
  assertEquals((await at.platform.ask("/healthz")).status, 503);
  assertEquals(server.hits(), 0);
  await Deno.remove(file);
  await at.platform.tick();
  assertEquals(server.hits(), 1);
  assertEquals((await at.platform.ask("/healthz")).status, 200);
});

Deno.test("deploy: a bug in a tick is logged, and the next call succeeds", async () => {
  await using server = origin({ "/a.txt": "a" });
  let broken = false;
  await using at = await instance({ tasks: [`${server.origin}/a.txt`] });
  const now = at.host.clock.now;
  (at.host.clock as { now: () => Temporal.Instant }).now = () => {
    if (broken) throw new Error("the clock has stopped");
    return now();
  };
  broken = true;
  await at.platform.tick();
  broken = false;
  assertStringIncludes(at.host.stderr.text, "the clock has stopped");
  await at.platform.tick();
  assertEquals(server.hits(), 1);
});

Deno.test("deploy: a signal cancels the run, saves the state, and exits", async () => {
  const half = Promise.withResolvers<void>();
  await using server = origin({
    "/a.txt": () => {
      const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
        pull: () => half.promise,
        start: (controller) => controller.enqueue(new Uint8Array(1000)),
      });
      return new Response(body, { headers: { "content-length": "2000" } });
    },
    "/b.txt": "b",
  });
  await using at = await instance({
    state: "file:state/state.json",
    tasks: [{ id: "a", url: `${server.origin}/a.txt` }, { id: "b", url: `${server.origin}/b.txt` }],
  });
  const tick = at.platform.tick();
  while (!at.host.stderr.text.includes("created")) await new Promise((done) => setTimeout(done, 1));
  assertEquals(at.host.raise("SIGINT"), 1);
  await tick;
  assertEquals(await at.ended, 130);
  half.resolve();
  const open = () => openState(`file:${at.at.folder.file("state/state.json")}`, at.host);
  await using state = await open();
  const records = await state.records(["a", "b"]);
  assertEquals(records.get("a")?.results[0]?.status, "cancelled");
  assertEquals(records.get("b")?.results[0]?.status, "created");
  // A stopping instance starts nothing.
  const said = at.host.stderr.text;
  await at.platform.tick();
  assertEquals(at.host.stderr.text, said);
  await at.host.advance(250);
  await assertRejects(() => Promise.try(() => at.host.raise("SIGINT")), ExitCalled, "exit 130");
});

Deno.test("deploy: ticks send alerts, each once", async () => {
  await using server = origin({ "/a": "a" });
  await using at = await instance({
    alerts: [{ command: ["notify"] }],
    alertAfter: 1,
    tasks: [{ url: `${server.origin}/a`, schedule: "every 1h" }],
  });
  const { host, platform } = at;
  const lines = () =>
    host.executed.splice(0).map(({ input }) => JSON.parse(input).text.split("\n").at(-1));
  const path = at.at.folder.file("state/state.json");
  await Deno.mkdir(at.at.folder.file("state"));
  await Deno.writeTextFile(path, "no state");
  await platform.tick();
  assertMatch(lines().join(), /^run failed: .*state\.json/);
  await platform.tick();
  assertEquals(lines(), []);
  await Deno.remove(path);
  await platform.tick();
  assertEquals(lines(), ["running again"]);
  server.route("/a", 404);
  const found: string[][] = [];
  for (let hour = 0; hour < 5; hour++) {
    host.jump(60 * 60_000);
    await platform.tick();
    found.push(lines());
  }
  assertEquals(found.map((some) => some.length), [0, 1, 0, 0, 0]);
});
