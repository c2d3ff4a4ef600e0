import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { runRecord, taskResult } from "../state/samples.ts";
import { pageTask, type Site, site } from "./site.ts";
import { taskProgress } from "../report/fakes.ts";

const CHANGED = "event: changed\ndata: \n\n";

/** Opens the event stream of a page. */
async function listen(at: Site): Promise<{
  readonly next: () => Promise<string | null>;
  readonly leave: () => Promise<void>;
}> {
  const response = await at.ask("/events");
  assertEquals(response.status, 200);
  assertEquals(response.headers.get("content-type"), "text/event-stream");
  assertEquals(response.headers.get("cache-control"), "no-store");
  const reader = (response.body ?? new ReadableStream()).getReader();
  const decoder = new TextDecoder();
  return {
    next: async () => {
      const { value, done } = await reader.read();
      return done ? null : decoder.decode(value);
    },
    leave: () => reader.cancel(),
  };
}

Deno.test("events: a run sends `progress` and `changed`", async () => {
  await using at = site();
  const { next, leave } = await listen(at);
  assertEquals(await next(), "retry: 3000\n\n");
  at.progress.running.set("<b>", taskProgress(1_000, 4_000));
  at.emit({ type: "run.started", tasks: 2 });
  const started = await next() ?? "";
  assertMatch(started, /^event: progress\ndata: <section class="running"/);
  assertStringIncludes(started, "0 of 2 tasks");
  assertStringIncludes(started, "&lt;b&gt;");
  assertEquals(await next(), CHANGED);
  at.emit({ type: "task.finished", result: taskResult("failed") });
  at.progress.bytes = 5_000_000;
  await at.host.advance(1_000);
  const later = await next() ?? "";
  assertStringIncludes(later, "1 of 2 tasks");
  assertStringIncludes(later, "1 failed");
  assertStringIncludes(later, "5 MB received");
  await at.host.advance(1_000);
  assertMatch(
    [await next(), await next()].toSorted().join(),
    /^event: changed\ndata: \n\n,event: p/,
  );
  at.emit({ type: "run.finished", summary: runRecord("r", "2026-01-15T12:00:00Z").summary });
  assertEquals(await next(), "event: progress\ndata: \n\n");
  await leave();
});

Deno.test("events: the first `changed` is immediate, later ones are combined into one after 2 s", async () => {
  await using at = site();
  const { next, leave } = await listen(at);
  await next();
  for (let count = 0; count < 1_000; count++) {
    at.emit({ type: "task.finished", result: taskResult("updated") });
  }
  // The clock has not advanced yet.
  assertEquals(await next(), CHANGED);
  await at.host.advance(2_000);
  assertEquals(await next(), CHANGED);
  await at.host.advance(18_000);
  assertEquals(await next(), ": heartbeat\n\n");
  at.emit({ type: "task.finished", result: taskResult("updated") });
  assertEquals(await next(), CHANGED);
  await at.host.advance(20_000);
  assertEquals(await next(), ": heartbeat\n\n");
  await leave();
});

Deno.test("events: a run of another process sends `changed`", async () => {
  const first = runRecord("r1", "2026-01-15T09:00:00Z");
  await using at = site({ runs: [first] });
  const { next, leave } = await listen(at);
  await next();
  await at.host.advance(5_000);
  at.set([pageTask("a")], [runRecord("r2", "2026-01-15T10:00:00Z"), first]);
  await at.host.advance(5_000);
  assertEquals(await next(), CHANGED);
  // The refresh after the first event may still have got the old snapshot.
  await at.host.advance(2_000);
  assertEquals(await next(), CHANGED);
  await leave();
});

Deno.test("events: a notice sends `changed`", async () => {
  await using at = site();
  const { next, leave } = await listen(at);
  await next();
  at.notice({ tone: "plain", title: "A title", lines: [] });
  assertEquals(await next(), CHANGED);
  await leave();
});

Deno.test("events: close ends streams, subscriptions and timers", async () => {
  await using at = site();
  const streams = [await listen(at), await listen(at)];
  at.emit({ type: "run.started", tasks: 1 });
  assertEquals(at.listeners(), 2);
  await at.page.close();
  assertEquals(at.listeners(), 0);
  for (const { next } of streams) {
    let last = await next();
    while (last !== null) last = await next();
  }
  await at.host.advance(60_000);
  assertEquals((await at.ask("/events")).status, 503);
});

Deno.test("events: a stream with 64 unread events is closed", async () => {
  await using at = site();
  const { next } = await listen(at);
  for (let count = 0; count < 100; count++) {
    at.emit({ type: "run.started", tasks: count });
  }
  let read = 0;
  while (await next() !== null) read++;
  assertEquals(read < 100, true);
});

Deno.test("events: a client that misses two heartbeats is disconnected", async () => {
  await using at = site();
  const open = async () => (await at.ask("/events")).status;
  const reading = await listen(at);
  assertEquals(await reading.next(), "retry: 3000\n\n");
  for (let count = 1; count < 200; count++) await open();
  assertEquals(await open(), 503);
  for (let count = 0; count < 3; count++) {
    await at.host.advance(20_000);
    assertEquals(await reading.next(), ": heartbeat\n\n");
  }
  assertEquals(await open(), 200);
  await at.host.advance(20_000);
  assertEquals(await reading.next(), ": heartbeat\n\n");
  await reading.leave();
});

Deno.test("events: a real server shuts down with an open stream", async () => {
  await using at = site({ host: { timers: "real" } });
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    at.page.fetch,
  );
  const response = await fetch(`http://127.0.0.1:${server.addr.port}/events`);
  const reader = (response.body ?? new ReadableStream()).getReader();
  assertEquals(new TextDecoder().decode((await reader.read()).value), "retry: 3000\n\n");
  await at.page.close();
  await server.shutdown();
  assertEquals((await reader.read()).done, true);
});

Deno.test("events: HEAD opens no stream", async () => {
  await using at = site();
  const response = await at.ask("/events", { method: "HEAD" });
  assertEquals([response.status, response.body], [200, null]);
});
