/** Rows 126 to 130: rate-limiting hosts, and the scope of a pause. */

import { assert, assertEquals, assertLess } from "@std/assert";
import { EXIT, type TaskResult } from "../../lib/core/result.ts";
import type { RunReport, TaskInput } from "../../lib/mod.ts";
import { type TestHost, testHost } from "../helpers/host.ts";
import { type Origin, origin, type Route } from "../helpers/origin.ts";
import { storeTest } from "../helpers/place.ts";
import { rawServer } from "../helpers/raw_server.ts";
import { type Runs, runsOver } from "./runs.ts";

/** A host whose time only {@linkcode advancing} moves. */
const manualHost = (): TestHost => testHost({ sleep: "manual", timers: "manual", random: 7 });

const STEP_MS = 200;

/** Moves the time of a host in small steps, until a run has ended. */
async function advancing(host: TestHost, running: Promise<RunReport>): Promise<RunReport> {
  let isOver = false;
  const ending = running.finally(() => isOver = true);
  ending.catch(() => {});
  while (!isOver) {
    // Requests of the current step must be answered before the next one.
    await new Promise((done) => setTimeout(done, 2));
    await host.advance(STEP_MS);
  }
  return await ending;
}

const names = (count: number): string[] =>
  Array.from({ length: count }, (_, index) => `/${String(index).padStart(2, "0")}.txt`);

/** A server that admits one request per interval. */
interface Limited {
  readonly everyMs: number;
  readonly status: number;
  readonly retryAfter?: string;
}

/** Starts such a server; each file contains its path. */
function limited(host: TestHost, count: number, { everyMs, status, retryAfter }: Limited): Origin {
  let admittedMs = -Infinity;
  const route = (path: string): Route => () => {
    const nowMs = host.clock.monotonicMs();
    if (nowMs - admittedMs >= everyMs) {
      admittedMs = nowMs;
      return new Response(path);
    }
    const headers = retryAfter === undefined ? {} : { "retry-after": retryAfter };
    return new Response(null, { status, headers });
  };
  return origin(Object.fromEntries(names(count).map((path) => [path, route(path)])));
}

const statuses = ({ results }: RunReport): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const { status } of results) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
};

const LIMITS: readonly (readonly [name: string, count: number, limited: Limited])[] = [
  ["429 with Retry-After: 1, one request in 300 ms", 12, {
    everyMs: 300,
    status: 429,
    retryAfter: "1",
  }],
  ["429 with Retry-After: 0.5, one request in 300 ms", 12, {
    everyMs: 300,
    status: 429,
    retryAfter: "0.5",
  }],
  ["429 with a pause that is too short, one request in 2 s", 12, {
    everyMs: 2000,
    status: 429,
    retryAfter: "1",
  }],
  ["429 with Retry-After: 0, one request in 300 ms", 12, {
    everyMs: 300,
    status: 429,
    retryAfter: "0",
  }],
  ["429 without Retry-After, one request a second", 12, { everyMs: 1000, status: 429 }],
  ["503 without Retry-After, five requests a second", 30, { everyMs: 200, status: 503 }],
  ["503 without Retry-After, one request a second", 12, { everyMs: 1000, status: 503 }],
  ["503 with Retry-After: 1, five requests a second", 12, {
    everyMs: 200,
    status: 503,
    retryAfter: "1",
  }],
  ["403 with Retry-After: 3, as a secondary limit", 12, {
    everyMs: 500,
    status: 403,
    retryAfter: "3",
  }],
];

for (const [name, count, options] of LIMITS) {
  storeTest(`row 126: all files of a rate-limiting host are fetched: ${name}`, async () => {
    const host = manualHost();
    await using server = limited(host, count, options);
    await using runs = await runsOver({ host });
    const tasks = names(count).map((path) => `${server.origin}${path}`);
    const report = await advancing(host, runs.run(tasks.map((url) => ({ url }))));
    assertEquals(statuses(report), { created: count });
    assertEquals(report.summary.exitCode, EXIT.good);
    // Rejected requests stay within the order of the files.
    assertLess(server.log.length, 3 * count + 12);
  });
}

for (const status of [429, 503]) {
  storeTest(
    `row 126: random ${status} responses cost little speed`,
    async () => {
      const host = manualHost();
      // A Lehmer generator, so that every run receives the same responses.
      let random = 7;
      const route = (path: string): Route => () => {
        random = random * 48_271 % 0x7fff_ffff;
        return random % 10 < 3 ? new Response(null, { status }) : new Response(path);
      };
      await using server = origin(Object.fromEntries(names(60).map((path) => [path, route(path)])));
      await using runs = await runsOver({ host });
      const tasks = names(60).map((path) => ({ url: `${server.origin}${path}` }));
      const report = await advancing(host, runs.run(tasks));
      assertEquals(statuses(report), { created: 60 });
      // Two seconds a file, in the time of the test.
      assertLess(host.clock.monotonicMs(), 120_000);
    },
  );
}

storeTest("row 126: after a pause, a host gets 1, 2, 4, 6 requests at a time", async () => {
  const host = manualHost();
  const open = new Set<() => void>();
  let isPaused = true;
  const route = (): Response | Promise<Response> => {
    if (isPaused) return new Response(null, { status: 429, headers: { "retry-after": "5" } });
    return new Promise((resolve) => open.add(() => resolve(new Response("whole"))));
  };
  await using server = origin(Object.fromEntries(names(20).map((path) => [path, route])));
  await using runs = await runsOver({ host });
  const running = runs.run(names(20).map((path) => ({ url: server.origin + path })));
  let isOver = false;
  running.finally(() => isOver = true);
  const atOnce: number[] = [];
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < 30; turn++) await host.advance(0);
  };
  while (server.hits() < 6) await settle();
  isPaused = false;
  await host.advance(4_999);
  await settle();
  assertEquals(server.hits(), 6);
  await host.advance(1);
  while (!isOver) {
    await settle();
    if (open.size === 0) continue;
    atOnce.push(open.size);
    const answers = [...open];
    open.clear();
    for (const answer of answers) answer();
  }
  assertEquals(statuses(await running), { created: 20 });
  assertEquals(atOnce.slice(0, 4), [1, 2, 4, 6]);
});

const byTask = (results: readonly TaskResult[]): Record<string, string> =>
  Object.fromEntries(results.map(({ task, status, code }) => [task, code ?? status]));

const tasksOf = (server: Origin, count: number): TaskInput[] =>
  Array.from({ length: count }, (_, index) => ({
    id: `${index + 1}`,
    url: `${server.origin}/${index + 1}`,
  }));

const busy = (status: number, retryAfter: string): Route => ({
  status,
  headers: { "retry-after": retryAfter },
});

async function played(runs: Runs, server: Origin, count: number): Promise<RunReport> {
  return await runs.run(tasksOf(server, count));
}

for (
  const [status, retryAfter] of [
    [503, "86400"],
    [503, "301"],
    [403, "86400"],
    [500, "600"],
    [520, "86400"],
    [404, "3600"],
    [202, "3600"],
  ] as const
) {
  storeTest(
    `row 130: a ${status} with Retry-After: ${retryAfter} defers its task only`,
    async () => {
      await using server = origin({ "/1": busy(status, retryAfter), "/2": "2", "/3": "3" });
      await using runs = await runsOver({ config: { limits: { perHost: 1 } } });
      const first = await played(runs, server, 3);
      assertEquals(byTask(first.results), { "1": "http.status", "2": "created", "3": "created" });
      assertEquals(first.results.find(({ task }) => task === "1")?.status, "deferred");
      assertEquals(first.summary.exitCode, EXIT.temporary);
      server.route("/1", "1");
      assertEquals(byTask((await played(runs, server, 3)).results), {
        "1": "created",
        "2": "unchanged",
        "3": "unchanged",
      });
    },
  );
}

for (const statuses of [[503, 503], [503, 403], [520, 503], [429]] as const) {
  storeTest(`row 130: ${statuses.join(" and ")} in a row park the host`, async () => {
    const routes = statuses.map((status, index) => [`/${index + 1}`, busy(status, "86400")]);
    await using server = origin({ "/3": "3", ...Object.fromEntries(routes) });
    await using runs = await runsOver({ config: { limits: { perHost: 1 } } });
    const { results } = await played(runs, server, 3);
    assertEquals(results.map(({ status }) => status), Array(3).fill("deferred"));
    assertEquals(server.hits(), statuses.length);
    const { results: later } = await played(runs, server, 3);
    assertEquals(later.map(({ status }) => status), Array(3).fill("deferred"));
    const { host } = new URL(server.origin);
    for (const { message } of later) assertEquals(message, `${host} is rate-limiting`);
    assertEquals(server.hits(), statuses.length);
  });
}

storeTest("row 130: two tasks with a success in between do not park the host", async () => {
  await using server = origin({
    "/1": busy(503, "86400"),
    "/2": "2",
    "/3": busy(503, "86400"),
    "/4": "4",
  });
  await using runs = await runsOver({ config: { limits: { perHost: 1 } } });
  const { results } = await played(runs, server, 4);
  assertEquals(results.map(({ status }) => status), ["deferred", "created", "deferred", "created"]);
});

storeTest("row 126: a pause from an earlier run is waited for if it fits the budget", async () => {
  await using server = origin({ "/1": busy(429, "3660"), "/2": "2", "/3": "3" });
  await using runs = await runsOver({ config: { limits: { perHost: 1 } } });
  assertEquals((await played(runs, server, 3)).summary.counts.deferred, 3);
  server.route("/1", "1");
  // An hour later, one minute of the pause remains.
  assertEquals((await played(runs, server, 3)).summary.counts.created, 3);
  assertEquals(runs.host.slept, [60_000]);
});

storeTest("row 126: a pause beyond the deadline of the run is not waited for", async () => {
  await using server = origin({ "/1": busy(429, "60"), "/2": "2" });
  await using runs = await runsOver({ config: { limits: { perHost: 1, deadline: "59s" } } });
  const { results, summary } = await played(runs, server, 2);
  assertEquals(results.map(({ status }) => status), ["deferred", "deferred"]);
  assertEquals([summary.exitCode, server.hits(), runs.host.slept], [EXIT.temporary, 1, []]);
});

storeTest(
  "row 126: a host that always requests a pause is deferred at the end of the budget",
  async () => {
    await using server = origin({ "/1": busy(429, "20"), "/2": busy(429, "20"), "/3": "3" });
    await using runs = await runsOver({ config: { limits: { perHost: 1 } } });
    const { results } = await played(runs, server, 3);
    assertEquals(results.map(({ status }) => status), ["deferred", "deferred", "deferred"]);
    assertEquals(server.hits("/3"), 0);
    assertEquals(server.hits("/2"), 0);
    assert(runs.host.slept.reduce((sum, ms) => sum + ms, 0) <= 120_000);
  },
);

storeTest("row 126: an outage takes four attempts of the host, not of each task", async () => {
  await using server = origin(Object.fromEntries(names(40).map((path) => [path, 503])));
  await using runs = await runsOver();
  const report = await runs.run(names(40).map((path) => ({ url: server.origin + path })));
  assertEquals(statuses(report), { failed: 40 });
  assertEquals(report.summary.exitCode, EXIT.temporary);
  // The first tasks retry; the others send one request each.
  assertLess(server.hits(), 60);
});

for (const retryAfter of ["0", "Thu, 01 Jan 1970 00:00:00 GMT"]) {
  for (const status of [429, 503, 500]) {
    storeTest(
      `row 127: a ${status} with Retry-After: ${retryAfter} is an ordinary failure`,
      async () => {
        await using server = origin({ "/1": busy(status, retryAfter) });
        await using runs = await runsOver({ host: testHost({ random: [0.5] }) });
        const [result] = (await played(runs, server, 1)).results;
        assertEquals([result?.status, result?.notBefore], ["failed", undefined]);
        assertEquals(server.hits(), 4);
        const delays = status === 500 ? [500, 1000, 2000] : [750, 1500, 3000];
        assertEquals(runs.host.slept, delays);
        const health = runs.events.findLast((event) => event.type === "task.health");
        assertEquals(health?.type === "task.health" && health.health, "failing");
      },
    );
  }
}

storeTest(
  "row 131: a body that is truncated after 15 minutes is resumed by default",
  async () => {
    const host = testHost({ sleep: "instant", timers: "manual" });
    const body = new Uint8Array(90_000).map((_, index) => index % 251);
    const asked: string[] = [];
    await using server = await rawServer(async (connection) => {
      const { headers } = await connection.readRequest();
      const range = headers.get("range") ?? "";
      asked.push(range);
      const start = range === "" ? 0 : 45_000;
      const lines = [
        start === 0 ? "HTTP/1.1 200 OK" : "HTTP/1.1 206 Partial Content",
        `Content-Length: ${body.length - start}`,
        'ETag: "1"',
        ...(start === 0 ? [] : [`Content-Range: bytes ${start}-${body.length - 1}/${body.length}`]),
      ];
      await connection.send([...lines, "", ""].join("\r\n"));
      // 45 pieces, 20 seconds apart; then the connection ends.
      for (let at = start; at < start + 45_000; at += 1000) {
        await connection.send(body.subarray(at, at + 1000));
        await new Promise((done) => setTimeout(done, 2));
        await host.advance(20_000);
      }
    });
    await using runs = await runsOver({ host, config: { limits: { deadline: null } } });
    const { results } = await runs.run([{ id: "a", url: `${server.origin}/a` }]);
    assertEquals(results.map(({ status, message }) => [status, message]), [["created", undefined]]);
    assertEquals(asked, ["", "bytes=45000-"]);
  },
);

for (const retryAfter of ["12.5", "12.50"]) {
  storeTest(`row 128: Retry-After: ${retryAfter} pauses for 12.5 s`, async () => {
    await using server = origin({ "/1": { sequence: [busy(503, retryAfter), "1"] } });
    await using runs = await runsOver();
    const { results } = await played(runs, server, 1);
    assertEquals(results.map(({ status }) => status), ["created"]);
    assertEquals(runs.host.slept, [12_500]);
  });
}

for (const retryAfter of ["soon", "-1", "1e9", "2026-01-16", "P1D", "1;2"]) {
  storeTest(`row 128: Retry-After: ${retryAfter} is ignored`, async () => {
    await using server = origin({ "/1": { sequence: [busy(503, retryAfter), "1"] } });
    await using runs = await runsOver({ host: testHost({ random: [0.5] }) });
    const { results } = await played(runs, server, 1);
    assertEquals(results.map(({ status }) => status), ["created"]);
    assertEquals(runs.host.slept, [750]);
  });
}

for (const status of [202, 400, 401, 403, 404, 418, 423, 500, 501, 502, 504, 505, 520, 527, 530]) {
  storeTest(`row 129: a ${status} with Retry-After: 3 is a pause`, async () => {
    await using server = origin({ "/1": { sequence: [busy(status, "3"), "1"] } });
    await using runs = await runsOver();
    const { results } = await played(runs, server, 1);
    assertEquals(results.map(({ status }) => status), ["created"]);
    assertEquals(runs.host.slept, [3000]);
  });
}

for (const status of [202, 507, 520, 521, 522, 523, 524, 525, 526, 527, 530]) {
  storeTest(`row 129: a ${status} is temporary`, async () => {
    await using server = origin({ "/1": { sequence: [status, "1"] } });
    await using runs = await runsOver();
    const { results } = await played(runs, server, 1);
    assertEquals(results.map(({ status }) => status), ["created"]);
  });
}

for (const status of [204, 400, 403, 404, 410, 501, 505]) {
  storeTest(`row 129: a ${status} without Retry-After is permanent`, async () => {
    await using server = origin({ "/1": { sequence: [status, "1"] } });
    await using runs = await runsOver();
    const { results, summary } = await played(runs, server, 1);
    assertEquals(results.map(({ status }) => status), ["failed"]);
    assertEquals([summary.exitCode, server.hits()], [EXIT.failed, 1]);
  });
}
