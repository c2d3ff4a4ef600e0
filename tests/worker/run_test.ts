import { assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { tasksOf } from "../../lib/config/config.ts";
import { loadValue } from "../../lib/config/load.ts";
import { CronfetchError } from "../../lib/core/errors.ts";
import type { RunEvent } from "../../lib/core/event.ts";
import type { TaskResult } from "../../lib/core/result.ts";
import { run } from "../../lib/run.ts";
import { makePlan } from "../../lib/schedule/plan.ts";
import { bufferedState } from "../../lib/state/buffered.ts";
import { emptyMemory, type Memory, memoryDriver } from "../../lib/state/memory.ts";
import type { State } from "../../lib/state/state.ts";
import { openFolder } from "../../lib/store/folder/folder.ts";
import { openMemory } from "../../lib/store/memory.ts";
import { runTasks } from "../../lib/worker/run.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { type TestHost, testHost } from "../helpers/host.ts";
import { openState } from "../helpers/open.ts";
import { origin } from "../helpers/origin.ts";
import { rawServer } from "../helpers/raw_server.ts";
import { record } from "../state/samples.ts";

const OTHER_RUN = "another-run";
const LEASE_MS = 60_000;
const NOW = Temporal.Instant.from("2026-01-15T12:00:00Z");

function stateOf(memory: Memory, host: TestHost): State {
  return bufferedState(memoryDriver(memory, host), host);
}

function statuses(results: readonly TaskResult[]) {
  return Object.fromEntries(results.map(({ task, status, code }) => [task, code ?? status]));
}

/** Tasks with these ids at a server's paths of the same names. */
function tasksAt(server: { readonly origin: string }, ...ids: readonly string[]) {
  return ids.map((id) => ({ id, url: `${server.origin}/${id}`, timeout: { response: "10m" } }));
}

Deno.test("run: aborted with any reason, its tasks are cancelled", async () => {
  const controller = new AbortController();
  const never = Promise.withResolvers<Response>();
  await using server = origin({
    "/a": () => {
      controller.abort();
      return never.promise;
    },
  });
  const { results, summary } = await run({
    state: "memory:",
    limits: { concurrency: 1 },
    tasks: tasksAt(server, "a", "b"),
  }, { host: testHost(), store: openMemory(), signal: controller.signal });
  never.resolve(new Response());
  assertEquals(statuses(results), { a: "cancelled", b: "cancelled" });
  assertEquals(results.map(({ message }) => typeof message), ["string", "string"]);
  assertEquals(summary.exitCode, 130);
});

Deno.test("run: results have the size of the file, and of the one that it replaced", async () => {
  await using server = origin({
    "/new": "12345",
    "/changing": { sequence: ["123", "1234567"] },
    "/confirmed": { body: "12", etag: '"1"' },
    "/gone": { sequence: ["1", 404] },
  });
  const config = { state: "memory:", tasks: tasksAt(server, "changing", "confirmed", "gone") };
  const host = testHost();
  await using state = await openState("memory:", host);
  const options = { host, store: openMemory(), state };
  const sizes = ({ results }: { readonly results: readonly TaskResult[] }) =>
    Object.fromEntries(
      results.map(({ task, status, sizeBytes, previousSizeBytes }) => [
        task,
        [status, sizeBytes, previousSizeBytes],
      ]),
    );
  assertEquals(sizes(await run(config, options)), {
    changing: ["created", 3, null],
    confirmed: ["created", 2, null],
    gone: ["created", 1, null],
  });
  const tasks = tasksAt(server, "changing", "confirmed", "gone", "new");
  assertEquals(sizes(await run({ ...config, tasks }, options)), {
    changing: ["updated", 7, 3],
    confirmed: ["unchanged", 2, null],
    gone: ["failed", null, null],
    new: ["created", 5, null],
  });
});

Deno.test("run: the total time of a task has all attempts and the waits in between", async () => {
  await using server = origin({ "/a": { sequence: [500, 500, "a"] } });
  const host = testHost({ random: [0.5] });
  const { results: [result] } = await run({
    state: "memory:",
    tasks: tasksAt(server, "a"),
  }, { host, store: openMemory() });
  const waitedMs = host.slept.reduce((sum, durationMs) => sum + durationMs, 0);
  assertEquals(result?.attempts.map(({ delayMs }) => delayMs), [0, ...host.slept]);
  const { totalMs = 0, responseMs = 0 } = result?.timings ?? {};
  assertEquals([totalMs >= waitedMs, responseMs < waitedMs, waitedMs > 0], [true, true, true]);
});

Deno.test("run: aborted while a published file is read, cancelled and no bug", async () => {
  await using server = origin({ "/a": "same" });
  const controller = new AbortController();
  await using folder = await temporaryFolder();
  const host = testHost();
  await using store = openFolder(folder.path, { sync: false, random: host.random });
  const options = { host, store };
  const config = { state: "memory:", tasks: tasksAt(server, "a") };
  await run(config, options);
  const digest = (_key: string, signal: AbortSignal) => {
    controller.abort();
    return Promise.reject(signal.reason);
  };
  const { results, summary } = await run(config, {
    ...options,
    store: { ...store, digest },
    signal: controller.signal,
  });
  assertEquals(statuses(results), { a: "cancelled" });
  assertEquals(summary.exitCode, 130);
});

Deno.test("run: interrupted, does not write records of tasks leased to another run", async () => {
  const host = testHost();
  const memory = emptyMemory();
  await using state = stateOf(memory, host);
  state.save(record("a"));
  await state.acquire(["a"], OTHER_RUN, LEASE_MS);
  const { results } = await run({
    tasks: [{ id: "a", url: "http://127.0.0.1/a" }, { id: "b", url: "http://127.0.0.1/b" }],
  }, { host, state, store: openMemory(), signal: AbortSignal.abort() });
  await state.flush();
  assertEquals(statuses(results), { a: "cancelled", b: "cancelled" });
  assertEquals((await state.allRecords()).get("a"), record("a"));
  assertEquals((await state.allRecords()).get("b")?.results[0]?.status, "cancelled");
});

Deno.test("run: leases expired, continues with the tasks not leased to another run", async () => {
  const host = testHost({ timers: "manual" });
  const memory = emptyMemory();
  await using state = stateOf(memory, host);
  await using server = origin({
    "/a": async () => {
      // As when a laptop sleeps: the lease expires, and another run leases a task.
      host.jump(LEASE_MS + 1);
      assertEquals(await stateOf(memory, host).acquire(["b"], OTHER_RUN, LEASE_MS), new Set(["b"]));
      await host.advance(LEASE_MS / 3);
      return new Response("a");
    },
    "/c": "c",
  });
  const { results } = await run({
    limits: { concurrency: 1, deadline: null },
    tasks: tasksAt(server, "a", "b", "c"),
  }, { host, state, store: openMemory() });
  assertEquals(statuses(results), { a: "created", b: "skipped", c: "created" });
  await state.flush();
  assertEquals([...memory.contents.records.keys()].toSorted(), ["a", "c"]);
  assertEquals([...memory.leases.keys()], [OTHER_RUN]);
});

Deno.test("run: unreadable state, no task is started and no lease is left", async () => {
  const host = testHost();
  const memory = emptyMemory();
  const driver = memoryDriver(memory, host);
  const broken = new CronfetchError("state.unreadable", "the state is corrupt");
  driver.records = () => Promise.reject(broken);
  const events: RunEvent[] = [];
  const error = await assertRejects(() =>
    run({ tasks: ["http://127.0.0.1/a"] }, {
      host,
      state: bufferedState(driver, host),
      store: openMemory(),
      onEvent: (event) => events.push(event),
    })
  );
  assertEquals(error, broken);
  assertEquals(events, []);
  assertEquals(memory.leases.size, 0);
});

Deno.test("run: unwritable state, all events are reported and then the error is thrown", async () => {
  await using folder = await temporaryFolder();
  const path = folder.file("state.json");
  await using server = origin({
    "/a": async () => {
      await Deno.writeTextFile(path, "not a state");
      return new Response("a");
    },
  });
  const events: RunEvent[] = [];
  const error = await assertRejects(() =>
    run({ state: `file:${path}`, tasks: tasksAt(server, "a") }, {
      host: testHost(),
      store: openMemory(),
      onEvent: (event) => events.push(event),
    })
  );
  assertInstanceOf(error, CronfetchError);
  assertEquals(error.code, "state.unreadable");
  const last = events.at(-1);
  assertEquals(last?.type === "run.finished" && last.summary.counts.created, 1);
  assertEquals(last?.type === "run.finished" && last.summary.exitCode, 3);
  assertEquals(await Deno.readTextFile(path), "not a state");
});

Deno.test("run: a server-chosen name never replaces the file of an unselected task", async () => {
  const headers = { "content-disposition": `attachment; filename="a.txt"` };
  await using server = origin({ "/b": () => new Response("b", { headers }) });
  const store = openMemory();
  const { results } = await run({
    state: "memory:",
    tasks: [
      { id: "a", url: `${server.origin}/a`, to: "a.txt" },
      { id: "b", url: `${server.origin}/b`, to: "{name}" },
    ],
  }, { host: testHost(), store, only: ["b"] });
  assertEquals(statuses(results), { b: "store.conflict" });
  assertEquals(await store.stat("a.txt"), null);
});

Deno.test("run: a parked host that is a secret is redacted", async () => {
  const host = testHost({ env: { SECRET_HOST: "secret.example" } });
  await using state = stateOf(emptyMemory(), host);
  state.park("secret.example", host.clock.now().add({ hours: 1 }));
  const { results } = await run({ tasks: [{ id: "a", url: "https://${env:SECRET_HOST}/a" }] }, {
    host,
    state,
    store: openMemory(),
  });
  assertEquals(statuses(results), { a: "deferred" });
  assertEquals(JSON.stringify(results).includes("secret.example"), false);
});

Deno.test("run: a hanging DNS lookup before fetch times out", async () => {
  const { connect: _, ...withoutSockets } = testHost();
  const host = { ...withoutSockets, resolve: () => new Promise<never>(() => {}) };
  const { results } = await run({
    state: "memory:",
    limits: { deadline: "10s" },
    tasks: [{
      id: "a",
      url: "https://hangs.example/a",
      timeout: { connect: "50ms" },
      retry: { attempts: 1 },
    }],
  }, { host, store: openMemory() });
  assertEquals(statuses(results), { a: "timeout.connect" });
});

Deno.test("run: Retry-After is observed on a 503, not after a truncated body", async () => {
  await using server = await rawServer(async (connection) => {
    const { path } = await connection.readRequest();
    const status = path === "/busy" ? "503 Service Unavailable" : "200 OK";
    const lines = [`HTTP/1.1 ${status}`, "Retry-After: 3600", "Content-Length: 100"];
    await connection.send(`${lines.join("\r\n")}\r\n\r\nshort`);
  });
  const { results } = await run({
    state: "memory:",
    defaults: { retry: { attempts: 2 } },
    tasks: tasksAt(server, "cut", "busy"),
  }, { host: testHost(), store: openMemory() });
  assertEquals(
    results.map(({ task, status, attempts }) => [task, status, attempts.length]).toSorted(),
    [["busy", "deferred", 1], ["cut", "failed", 2]],
  );
});

Deno.test("row 172: run: the limits of a host are those of its rule", async () => {
  const counter = () => {
    let active = 0;
    const seen = { most: 0 };
    const route = async () => {
      seen.most = Math.max(seen.most, ++active);
      // Long enough for other requests to arrive.
      await new Promise((done) => setTimeout(done, 20));
      active--;
      return new Response("a");
    };
    return { seen, routes: Object.fromEntries(["/a", "/b", "/c"].map((path) => [path, route])) };
  };
  const [limited, free] = [counter(), counter()];
  await using one = origin(limited.routes);
  await using other = origin(free.routes);
  const urls = ["a", "b", "c"].flatMap((
    name,
  ) => [`${one.origin}/${name}`, `${other.origin}/${name}`]);
  const { summary } = await run({
    state: "memory:",
    hosts: { [new URL(one.origin).host]: { perHost: 1 } },
    tasks: urls.map((url, index) => ({ url, to: `${index}` })),
  }, { host: testHost(), store: openMemory() });
  assertEquals([summary.counts.created, limited.seen.most, free.seen.most], [6, 1, 3]);
});

Deno.test("run: a failed sweep does not fail the run", async () => {
  await using server = origin({ "/a": "a" });
  const store = openMemory();
  let sweeps = 0;
  const sweep = () => {
    sweeps++;
    return Promise.reject(new CronfetchError("store.denied", "the folder cannot be listed"));
  };
  const { results, summary } = await run({ state: "memory:", tasks: tasksAt(server, "a") }, {
    host: testHost(),
    store: { ...store, sweep },
  });
  assertEquals([statuses(results), summary.exitCode, sweeps], [{ a: "created" }, 0, 1]);
});

Deno.test("row 140: runTasks: waits while a reporter is full, until the run ends", async () => {
  for (const isAborted of [false, true]) {
    await using server = origin({ "/a": "a" });
    const host = testHost();
    const stop = new AbortController();
    const room = Promise.withResolvers<void>();
    let waits = 0;
    const events: string[] = [];
    await using state = await openState("memory:", host);
    const input = { tasks: tasksAt(server, "a") };
    const config = await loadValue(input, { at: NOW }, host);
    const plan = makePlan({ tasks: tasksOf(config, NOW), asked: null, decide: null });
    const running = runTasks(config, plan, {
      host,
      storage: { state, openStore: () => Promise.resolve(openMemory()) },
      signal: stop.signal,
      progress: { bytes: 0, running: new Map() },
      trigger: "manual",
      interruptedExitCode: () => 130,
      openReporters: () => [{
        report: (event) =>
          void events.push(event.type === "task.finished" ? event.result.status : event.type),
        ready: () => waits++ === 0 ? room.promise : null,
        close: () => Promise.resolve(),
      }],
    });
    while (waits === 0) await new Promise((done) => setTimeout(done, 1));
    assertEquals([events, server.hits()], [["run.started"], 0]);
    if (isAborted) stop.abort(new CronfetchError("cancelled", "interrupted"));
    else room.resolve();
    await running;
    const outcome = isAborted ? ["cancelled"] : ["task.started", "created"];
    assertEquals(events.filter((type) => type !== "task.health"), [
      "run.started",
      ...outcome,
      "run.finished",
    ]);
    assertEquals(server.hits(), isAborted ? 0 : 1);
  }
});

for (
  const [what, damagedFrom, records] of [
    ["is unreadable: no task is started", 1, 0],
    ["becomes unreadable: ends with its error", 2, 500],
  ] as const
) {
  Deno.test(`run: a record of 10,001 that ${what}`, async () => {
    const host = testHost();
    await using held = stateOf(emptyMemory(), host);
    const tasks = Array.from({ length: 10_001 }, (_, index) => `https://files.test/${index}`);
    const damaged = new CronfetchError(
      "state.unreadable",
      "reading the state: an entry is damaged",
    );
    // Only the records of more than 10,000 tasks are read again during the run.
    let reads = 0;
    const state: State = {
      ...held,
      location: held.location,
      durable: true,
      batchSize: 500,
      records: (ids) => {
        const isDamaged = [...ids].includes("700") && ++reads >= damagedFrom;
        return isDamaged ? Promise.reject(damaged) : held.records(ids);
      },
      save: (record) => held.save(record),
      acquire: (...given) => held.acquire(...given),
      parked: () => held.parked(),
      release: (run) => held.release(run),
    };
    const store = openMemory();
    const signal = AbortSignal.abort();
    const ended = run({ tasks }, { host, state, store, signal });
    const error = await assertRejects(() => ended, CronfetchError, "damaged");
    assertEquals(error.code, "state.unreadable");
    assertEquals((await held.allRecords()).size, records);
    assertEquals(await held.acquire(["0"], "later", LEASE_MS), new Set(["0"]));
  });
}

Deno.test("runTasks: reports the start of tasks only to reporters that do not ignore it", async () => {
  for (const [ignores, starts] of [[["task.started"], 0], [[], 1], [undefined, 1]] as const) {
    await using server = origin({ "/a": "a" });
    const host = testHost();
    const config = { store: "memory:", state: "memory:", tasks: tasksAt(server, "a") };
    const loaded = await loadValue(config, { at: NOW }, host);
    const tasks = tasksOf(loaded, NOW);
    const types: string[] = [];
    await using state = stateOf(emptyMemory(), host);
    await runTasks(loaded, makePlan({ tasks, asked: null, decide: null }), {
      host,
      storage: { state, openStore: () => Promise.resolve(openMemory()) },
      openReporters: () => [{
        report: (event) => types.push(event.type),
        close: () => Promise.resolve(),
        ...(ignores && { ignores }),
      }],
      progress: { bytes: 0, running: new Map() },
      signal: new AbortController().signal,
      trigger: "manual",
      interruptedExitCode: () => 130,
    });
    assertEquals(types.filter((type) => type === "task.started").length, starts);
    assertEquals(types.filter((type) => type === "task.finished").length, 1);
  }
});
