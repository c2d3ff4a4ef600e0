import { assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { CronfetchError } from "../../lib/core/errors.ts";
import { loadValue } from "../../lib/config/load.ts";
import { tasksOf } from "../../lib/config/config.ts";
import type { Reporter, RunEvent } from "../../lib/core/event.ts";
import type { TaskResult } from "../../lib/core/result.ts";
import { run } from "../../lib/run.ts";
import { makePlan } from "../../lib/schedule/due.ts";
import { bufferedState } from "../../lib/state/buffered.ts";
import { emptyMemory, type Memory, memoryDriver } from "../../lib/state/memory.ts";
import { openState } from "../helpers/open.ts";
import type { State } from "../../lib/state/state.ts";
import { openFolder } from "../../lib/store/folder/folder.ts";
import { openMemory } from "../../lib/store/memory.ts";
import { carryOut } from "../../lib/worker/run.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { type TestHost, testHost } from "../helpers/host.ts";
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

Deno.test("whatever a program aborts a run with, its tasks are cancelled", async () => {
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

Deno.test("a run aborted while a published file is read is cancelled, and no bug", async () => {
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

Deno.test("an interrupted run leaves the records of another run's tasks alone", async () => {
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

Deno.test("a run that lost its leases goes on with the tasks nobody took since", async () => {
  const host = testHost({ timers: "manual" });
  const memory = emptyMemory();
  await using state = stateOf(memory, host);
  await using server = origin({
    "/a": async () => {
      // As when a laptop sleeps: the lease ends, and another run takes what it wants.
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

Deno.test("a state that cannot be read: nothing is begun, and no lease stays", async () => {
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

Deno.test("a state that cannot be written: the run is told to its end, then the error", async () => {
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

Deno.test("a server's name never takes the file of a task that is not asked for", async () => {
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

Deno.test("a parked host that is a secret is not named", async () => {
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

Deno.test("a name whose look-up hangs is timed out", async () => {
  const host = { ...testHost(), resolve: () => new Promise<never>(() => {}) };
  const { results } = await run({
    state: "memory:",
    limits: { deadline: "10s" },
    tasks: [{
      id: "a",
      url: "https://hangs.example/a",
      timeout: { response: "50ms" },
      retry: { attempts: 1 },
    }],
  }, { host, store: openMemory() });
  assertEquals(statuses(results), { a: "timeout.response" });
});

Deno.test("Retry-After counts where the server was busy, not where a body broke off", async () => {
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

Deno.test("an event that everybody passes over is not made, and one that somebody hears is", async () => {
  await using server = origin({ "/a": "text" });
  const heardWith = async (...others: Pick<Reporter, "passesOver">[]) => {
    const heard: string[] = [];
    const host = testHost();
    await using state = await openState("memory:", host);
    await using store = openMemory();
    const close = () => Promise.resolve();
    const report = (event: RunEvent) => void heard.push(event.type);
    const tasks = tasksOf(
      loadValue({ tasks: tasksAt(server, "a") }, { at: NOW }, host),
      NOW,
    );
    await carryOut(makePlan({ tasks, asked: null, due: null, at: NOW }), {
      ...{ host, state, store, alertAfter: 3, secrets: [], signal: new AbortController().signal },
      limits: {
        concurrency: 1,
        perHost: 1,
        spacingMs: 0,
        rateBytesPerSecond: null,
        deadlineMs: null,
      },
      configFiles: [],
      progress: { bytes: 0, running: new Map() },
      interruptedExitCode: () => 130,
      reporters: [
        { passesOver: ["task.started"], report, close },
        ...others.map((other) => ({ ...other, report: () => {}, close })),
      ],
    });
    return heard;
  };
  const all = ["run.started", "task.started", "task.finished", "run.finished"];
  assertEquals(await heardWith(), all.filter((type) => type !== "task.started"));
  assertEquals(
    await heardWith({ passesOver: ["task.started", "task.retrying"] }),
    all.toSpliced(1, 1),
  );
  assertEquals(await heardWith({}), all);
});

Deno.test("a sweep that fails does not fail the run", async () => {
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

Deno.test("row 140: no task starts while a reporter has no room, and the end of the run ends the wait", async () => {
  for (const isAborted of [false, true]) {
    await using server = origin({ "/a": "a" });
    const host = testHost();
    const stop = new AbortController();
    const room = Promise.withResolvers<void>();
    let waits = 0;
    const events: string[] = [];
    await using state = await openState("memory:", host);
    await using store = openMemory();
    const tasks = tasksOf(
      loadValue({ tasks: tasksAt(server, "a") }, { at: NOW }, host),
      NOW,
    );
    const running = carryOut(makePlan({ tasks, asked: null, due: null, at: NOW }), {
      ...{ host, state, store, alertAfter: 3, secrets: [], configFiles: [], signal: stop.signal },
      limits: {
        concurrency: 1,
        perHost: 1,
        spacingMs: 0,
        rateBytesPerSecond: null,
        deadlineMs: null,
      },
      progress: { bytes: 0, running: new Map() },
      interruptedExitCode: () => 130,
      reporters: [{
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
