import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { main } from "../../lib/cli/main.ts";
import type { RunEvent } from "../../lib/core/event.ts";
import type { OpenThread } from "../../lib/core/host.ts";
import type { RunLimits } from "../../lib/core/task.ts";
import type { FromThread, ToThread } from "../../lib/fleet/messages.ts";
import { serveSlices } from "../../lib/fleet/thread.ts";
import { shareOf } from "../../lib/fleet/threads.ts";
import { tree } from "../helpers/folder.ts";
import { testHost, type TestHostOptions } from "../helpers/host.ts";
import { type Origin, origin, type Route } from "../helpers/origin.ts";
import { rowsOf, type Workspace, workspace } from "../cli/workspace.ts";

/** Threads that are none: their programs run in this one, and messages are copied. */
function fakeThreads(options: TestHostOptions) {
  const opened: { readonly sent: ToThread[]; readonly received: FromThread[] }[] = [];
  const openThread: OpenThread = (receive) => {
    const log = { sent: [] as ToThread[], received: [] as FromThread[] };
    opened.push(log);
    let isOpen = true;
    const deliver = serveSlices((messages) => {
      log.received.push(...messages);
      const copied = structuredClone(messages);
      setTimeout(() => isOpen && receive(copied), 0);
    }, testHost(options));
    return Promise.resolve({
      send: (message) => {
        const copied = structuredClone(message) as ToThread;
        log.sent.push(copied);
        setTimeout(() => deliver(copied), 0);
      },
      close: () => isOpen = false,
    });
  };
  return { opened, openThread };
}

/** Some hosts with files of equal names; a host is a port here. */
async function withOrigins(
  count: number,
  files: number,
  body: (
    servers: readonly Origin[],
    tasks: readonly { id: string; url: string }[],
  ) => Promise<void>,
  route: (host: number, file: number) => Route = (host, file) => `${host}/${file}\n`,
): Promise<void> {
  await using owned = new AsyncDisposableStack();
  const servers = Array.from({ length: count }, (_, host) =>
    owned.use(origin(Object.fromEntries(
      Array.from({ length: files }, (_, file) => [`/${host}-${file}`, route(host, file)]),
    ))));
  const tasks = servers.flatMap((server, host) =>
    Array.from({ length: files }, (_, file) => ({
      id: `${host}-${file}`,
      url: `${server.origin}/${host}-${file}`,
    }))
  );
  await body(servers, tasks);
}

async function run(space: Workspace, threads: ReturnType<typeof fakeThreads>, ...args: string[]) {
  const host = space.host();
  const code = await main(["run", "--json", "-q", ...args], {
    ...host,
    openThread: threads.openThread,
  });
  return { code, events: rowsOf(host.stdout.text) as unknown as RunEvent[], host };
}

const resultsOf = (events: readonly RunEvent[]) =>
  events.flatMap((event) => event.type === "task.finished" ? [event.result] : []);

Deno.test("run --workers: every task once, the same files, records and second run as in one thread", async () => {
  await withOrigins(4, 60, async (servers, tasks) => {
    await using space = await workspace({ tasks });
    const threads = fakeThreads({ cwd: space.folder.path });
    const first = await run(space, threads, "--workers", "3");
    assertEquals(first.code, 0);
    assertEquals(threads.opened.length, 3);
    const ids = tasks.map(({ id }) => id).sort();
    assertEquals(resultsOf(first.events).map(({ task }) => task).sort(), ids);
    const started = first.events.filter(({ type }) => type === "task.started");
    assertEquals(started.length, ids.length);
    assertEquals([first.events[0]?.type, first.events.at(-1)?.type], [
      "run.started",
      "run.finished",
    ]);
    assertEquals(
      await tree(space.folder.file("downloads")),
      Object.fromEntries(
        ids.map((id) => [id, `${id.replace("-", "/")}\n`]),
      ),
    );
    assertEquals([...(await space.records()).keys()].sort(), ids);
    assertEquals(servers.map((server) => server.hits()), [60, 60, 60, 60]);

    const second = await run(space, fakeThreads({ cwd: space.folder.path }), "--workers", "2");
    const statuses = new Set(resultsOf(second.events).map(({ status }) => status));
    assertEquals([second.code, statuses], [0, new Set(["unchanged"])]);
  });
});

Deno.test("run --workers: a host is in one thread at a time, in slices of 200", async () => {
  await withOrigins(2, 250, async (_servers, tasks) => {
    await using space = await workspace({ tasks });
    const threads = fakeThreads({ cwd: space.folder.path });
    assertEquals((await run(space, threads, "--workers", "2")).code, 0);
    const slices = threads.opened.flatMap(({ sent }) =>
      sent.flatMap((message) => message.kind === "slice" && message.slice ? [message.slice] : [])
    );
    assertEquals(slices.map(({ items }) => items.length).sort((a, b) => a - b), [50, 50, 200, 200]);
    for (const { items } of slices) {
      assertEquals(new Set(items.map(({ task }) => new URL(task.url).host)).size, 1);
    }
    assertEquals(
      new Set(slices.flatMap(({ items }) => items.map(({ task }) => task.id))).size,
      500,
    );
  });
});

Deno.test("run --workers: the limit of a host holds, and the shares of concurrency add up", async () => {
  const active = new Map<number, number>();
  const most = new Map<number, number>();
  let total = 0;
  let mostTotal = 0;
  const route = (host: number) => async () => {
    const now = (active.get(host) ?? 0) + 1;
    active.set(host, now);
    most.set(host, Math.max(most.get(host) ?? 0, now));
    mostTotal = Math.max(mostTotal, ++total);
    await new Promise((done) => setTimeout(done, 2));
    active.set(host, (active.get(host) ?? 0) - 1);
    total--;
    return new Response("x");
  };
  await withOrigins(5, 30, async (_servers, tasks) => {
    await using space = await workspace({ limits: { concurrency: 5, perHost: 2 }, tasks });
    const threads = fakeThreads({ cwd: space.folder.path });
    assertEquals((await run(space, threads, "--workers", "2")).code, 0);
    assertEquals(threads.opened.length, 2);
    assertEquals([...most.values()].sort(), [2, 2, 2, 2, 2]);
    assert(mostTotal <= 5, `${mostTotal}`);
  }, route);
});

Deno.test("run --workers: files named by servers, families and hooks use the state of the run", async () => {
  const named = (host: number, file: number): Route => () =>
    new Response(`${host}/${file}`, {
      headers: { "content-disposition": `attachment; filename="n-${host}-${file}.txt"` },
    });
  await withOrigins(3, 30, async (_servers, plain) => {
    const tasks = plain.map((task) => ({
      ...{ ...task, to: `{name}`, keep: 1 },
      onChange: [{ command: ["true"] }],
    }));
    await using space = await workspace({ tasks });
    const threads = fakeThreads({ cwd: space.folder.path });
    const first = await run(space, threads, "--workers", "2");
    assertEquals(resultsOf(first.events).find(({ status }) => status !== "created"), undefined);
    assertEquals(first.code, 0);
    const calls = threads.opened.flatMap(({ received }) =>
      received.flatMap((message) => message.kind === "call" ? [message.request.method] : [])
    );
    assertEquals(calls.filter((method) => method === "claimChange").length, 90);
    assert(calls.includes("members"));
    assertEquals(first.events.filter(({ type }) => type === "hook.finished").length > 0, true);
    const second = await run(space, fakeThreads({ cwd: space.folder.path }), "--workers", "2");
    const statuses = new Set(resultsOf(second.events).map(({ status }) => status));
    assertEquals([second.code, statuses], [0, new Set(["unchanged"])]);
  }, named);
});

Deno.test("run --workers: an interrupted run settles every task", async () => {
  const never: Route = { after: new Promise(() => {}), then: "late" };
  await withOrigins(3, 100, async (servers, tasks) => {
    await using space = await workspace({ limits: { concurrency: 4 }, tasks });
    const threads = fakeThreads({ cwd: space.folder.path });
    const host = space.host();
    const done = main(["run", "--json", "-q", "--workers", "2"], {
      ...host,
      openThread: threads.openThread,
    });
    while (servers.every((server) => server.hits() === 0)) {
      await new Promise((done) => setTimeout(done, 5));
    }
    host.raise("SIGINT");
    assertEquals(await done, 130);
    const results = resultsOf(rowsOf(host.stdout.text) as unknown as RunEvent[]);
    assertEquals(new Set(results.map(({ task }) => task)).size, 300);
    assertEquals(results.length, 300);
    assertEquals(new Set(results.map(({ status }) => status)), new Set(["cancelled"]));
  }, () => never);
});

Deno.test("run --workers: a parked host is known to the thread of its next slice", async () => {
  const limited = { status: 429, headers: { "retry-after": "86400" } };
  await withOrigins(2, 250, async (servers, tasks) => {
    await using space = await workspace({ tasks });
    const threads = fakeThreads({ cwd: space.folder.path });
    const { code, events } = await run(space, threads, "--workers", "2");
    assertEquals(code, 4);
    assertEquals(resultsOf(events).every(({ status }) => status === "deferred"), true);
    // Nothing is requested once the first responses have parked the hosts.
    for (const server of servers) assert(server.hits() <= 12, `${server.hits()}`);
  }, () => limited);
});

Deno.test("run --workers: an error of a thread ends the run with it", async () => {
  await withOrigins(2, 60, async (_servers, tasks) => {
    await using space = await workspace({ tasks });
    const host = space.host();
    const openThread: OpenThread = (_receive, fail) => {
      setTimeout(() => fail(new Error("out of memory")), 5);
      return Promise.resolve({ send: () => {}, close: () => {} });
    };
    assertEquals(await main(["run", "-q", "--workers", "2"], { ...host, openThread }), 1);
    assertStringIncludes(host.stderr.text, "out of memory");
  });
});

Deno.test("run --workers: a small run, or one host, uses no thread", async () => {
  for (const [hosts, files] of [[3, 10], [1, 100]] as const) {
    await withOrigins(hosts, files, async (_servers, tasks) => {
      await using space = await workspace({ tasks });
      const threads = fakeThreads({ cwd: space.folder.path });
      assertEquals((await run(space, threads, "--workers", "4")).code, 0);
      assertEquals(threads.opened.length, 0);
    });
  }
});

Deno.test("--workers: mistakes", async () => {
  await using space = await workspace({ store: "memory:", tasks: ["https://example.org/a"] });
  for (const value of ["0", "65", "1.5", "-1", "many", ""]) {
    for (const command of ["run", "watch", "serve"]) {
      const host = space.host();
      assertEquals(await main([command, `--workers=${value}`], host), 2, `${command} ${value}`);
      assertMatch(host.stderr.text, /--workers: must be a number from 1 to 64, not "/);
    }
  }
  const host = space.host();
  const { openThread } = fakeThreads({});
  assertEquals(await main(["run", "--workers", "2"], { ...host, openThread }), 2);
  assertStringIncludes(host.stderr.text, "use a folder or a bucket");
});

Deno.test("shareOf: the shares add up to the limits", () => {
  const limits: RunLimits = {
    ...{ concurrency: 11, perHost: 6, spacingMs: 0, deadlineMs: null },
    rateBytesPerSecond: 900,
  };
  const shares = [0, 1, 2].map((index) => shareOf(limits, index, 3));
  assertEquals(shares.map(({ concurrency }) => concurrency), [4, 4, 3]);
  assertEquals(shares.map(({ rateBytesPerSecond }) => rateBytesPerSecond), [300, 300, 300]);
  assertEquals(shareOf({ ...limits, rateBytesPerSecond: null }, 0, 3).rateBytesPerSecond, null);
});
