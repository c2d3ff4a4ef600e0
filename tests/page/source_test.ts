import { assertEquals, assertRejects } from "@std/assert";
import {
  createPageSource,
  NO_ACTIVITY,
  type PageBackend,
  type PageSource,
} from "../../lib/page/source.ts";
import { loadValue } from "../../lib/config/load.ts";
import type { RunEvent, RunOccurrence } from "../../lib/core/event.ts";
import { openState, openStore } from "../helpers/open.ts";
import type { State } from "../../lib/state/state.ts";
import { type TestHost, testHost } from "../helpers/host.ts";
import { record, runRecord } from "../state/samples.ts";

/** A source over a state in memory that counts its reads. */
interface Subject extends AsyncDisposable {
  readonly host: TestHost;
  readonly source: PageSource;
  readonly state: State;
  readonly reads: () => number;
  emit(occurrence: RunOccurrence): void;
}

async function subject(
  change: Partial<PageBackend> = {},
  { tookMs = 0, failing = false } = {},
): Promise<Subject> {
  const host = testHost({ timers: "manual" });
  const state = await openState("memory:", host);
  const config = await loadValue(
    { store: "memory:", tasks: ["https://x.example/a", "https://x.example/b"] },
    { at: host.clock.now() },
    host,
  );
  const listeners = new Set<(event: RunEvent) => void>();
  let reads = 0;
  const source = createPageSource({
    config: () => config,
    state: async () => {
      reads++;
      if (failing) throw new Error("no state");
      if (tookMs > 0) await host.advance(tookMs);
      return state;
    },
    store: null,
    secrets: [],
    ...change,
    activity: {
      ...NO_ACTIVITY,
      subscribe: (listener) => {
        listeners.add(listener);
        return () => void listeners.delete(listener);
      },
      ...change.activity,
    },
  }, host);
  return {
    host,
    source,
    state,
    reads: () => reads,
    emit: (occurrence) => {
      const event = { time: "2026-01-15T12:00:00Z", run: "r", ...occurrence } as RunEvent;
      for (const listener of listeners) listener(event);
    },
    [Symbol.asyncDispose]: () => state[Symbol.asyncDispose](),
  };
}

Deno.test("tasks: one read per second for all clients, and a fresh one after an event", async () => {
  await using at = await subject();
  await Promise.all([at.source.tasks(), at.source.tasks(), at.source.task("a")]);
  assertEquals(at.reads(), 1);
  at.state.save(record("a", { health: "unhealthy" }));
  assertEquals((await at.source.task("a"))?.health, "new");
  at.emit({ type: "run.started", tasks: 1 });
  assertEquals((await at.source.task("a"))?.health, "unhealthy");
  await at.host.advance(1_000);
  await at.source.tasks();
  assertEquals(at.reads(), 3);
});

Deno.test("tasks: a slow read is reused for nine times its duration, except after the end of a run", async () => {
  await using at = await subject({}, { tookMs: 400 });
  await at.source.tasks();
  at.emit({ type: "run.started", tasks: 1 });
  await at.host.advance(3_000);
  await at.source.tasks();
  assertEquals(at.reads(), 1);
  await at.host.advance(600);
  await at.source.tasks();
  assertEquals(at.reads(), 2);
  at.emit({ type: "run.finished", summary: runRecord("r", "2026-01-15T12:00:00Z").summary });
  await at.source.tasks();
  assertEquals(at.reads(), 3);
});

Deno.test("tasks: a failed read is not cached", async () => {
  await using at = await subject({}, { failing: true });
  await assertRejects(() => at.source.tasks(), Error, "no state");
  await assertRejects(() => at.source.tasks(), Error, "no state");
  assertEquals(at.reads(), 2);
});

Deno.test("files: available if the config allows downloads", async () => {
  const host = testHost();
  await using store = await openStore("memory:", { sync: false }, host);
  await using draft = await store.draft("a");
  await draft.write(new TextEncoder().encode("a,b\n"));
  await draft.seal();
  await draft.publish();
  const configOf = async (downloads: boolean) => {
    const input = { store: "memory:", page: { downloads }, tasks: [] };
    const config = await loadValue(input, { at: host.clock.now() }, host);
    return () => config;
  };
  await using closed = await subject({ store, config: await configOf(false) });
  assertEquals(closed.source.files, null);
  await using open = await subject({ store, config: await configOf(true) });
  const file = await open.source.files?.open("a");
  assertEquals(file?.sizeBytes, 4);
  assertEquals(await new Response(file?.body ?? null).text(), "a,b\n");
  assertEquals(await open.source.files?.open("b"), null);
});

Deno.test("actions: pausing and resuming is visible immediately", async () => {
  const paused = new Set<string | null>();
  const activity = {
    ...NO_ACTIVITY,
    paused: () => paused.has(null),
    isPaused: (task: string) => paused.has(task),
    actions: {
      runNow: () => Promise.resolve(),
      testAlerts: () => Promise.resolve([]),
      pausing: {
        pause: (task: string | null) => Promise.resolve(void paused.add(task)),
        resume: (task: string | null) => Promise.resolve(void paused.delete(task)),
      },
    },
  };
  await using at = await subject({ activity });
  const shown = async () => (await at.source.tasks()).map((task) => task.paused);
  assertEquals(await shown(), [false, false]);
  await at.source.actions?.pausing?.pause("b");
  assertEquals(await shown(), [false, true]);
  await at.source.actions?.pausing?.pause(null);
  assertEquals([await shown(), at.source.paused()], [[true, true], true]);
  await at.source.actions?.pausing?.resume(null);
  assertEquals(await shown(), [false, true]);
});
