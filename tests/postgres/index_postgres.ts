// The sums and pages of records in Postgres, and the page over them.

import { assertEquals, assertStringIncludes } from "@std/assert";
import { loadValue } from "../../lib/config/load.ts";
import { createPage } from "../../lib/page/app.tsx";
import { MANY_RECORDS } from "../../lib/page/large.ts";
import { createPageSource, NO_ACTIVITY, type PageState } from "../../lib/page/source.ts";
import type { RecordIndex, RecordQuery } from "../../lib/state/record_index.ts";
import type { State } from "../../lib/state/state.ts";
import { SharedStorage } from "../../lib/worker/storage.ts";
import { testHost } from "../helpers/host.ts";
import { openState } from "../helpers/open.ts";
import { sharedPostgres } from "../helpers/postgres.ts";
import { record, validators } from "../state/samples.ts";

const { ignore, server } = sharedPostgres();

const DAY = Temporal.Instant.from("2026-01-15T00:00:00Z");
const ANY: RecordQuery = { health: null, text: "", changedSince: null, offset: 0, limit: 10 };

/** Records of each kind. */
async function filled(url: string): Promise<State> {
  const state = await openState(url, testHost());
  state.save(record("a"));
  state.save(record("b", { health: "failing" }));
  state.save(record("C\0", { health: "unhealthy", changedAt: "2026-01-15T11:00:00Z" }));
  state.save(record("d", { published: null, publishedAt: null, changedAt: null }));
  state.save(record("e", {
    published: validators({ key: "e.csv", sizeBytes: 7 }),
    changedAt: "2026-01-15T10:00:00Z",
  }));
  await state.flush();
  return state;
}

function indexOf({ index }: State): RecordIndex {
  if (index === undefined) throw new Error("the state has no index");
  return index;
}

Deno.test({ name: "index: sums over all records", ignore }, async () => {
  await using state = await filled(server().url(await server().makeDatabase()));
  assertEquals(await indexOf(state).sums(DAY), {
    healths: { healthy: 3, failing: 1, unhealthy: 1 },
    ...{ files: 4, sizeBytes: 16, changed: 2 },
  });
  state.save(record("a", { published: validators({ sizeBytes: 1000 }) }));
  state.save(record("b"));
  await state.flush();
  assertEquals(await indexOf(state).sums(DAY), {
    healths: { healthy: 4, failing: 0, unhealthy: 1 },
    ...{ files: 4, sizeBytes: 1013, changed: 2 },
  });
});

const QUERIES: readonly (readonly [query: Partial<RecordQuery>, ids: string[]])[] = [
  [{}, ["C\0", "b", "a", "d", "e"]],
  [{ limit: 3 }, ["C\0", "b", "a"]],
  [{ offset: 1, limit: 2 }, ["b", "a"]],
  [{ offset: 2, limit: 2 }, ["a", "d"]],
  [{ offset: 4 }, ["e"]],
  [{ offset: 5 }, []],
  [{ health: "failing" }, ["b"]],
  [{ health: "healthy", offset: 1 }, ["d", "e"]],
  [{ changedSince: DAY }, ["C\0", "e"]],
  [{ changedSince: DAY, oldestFirst: true }, ["e", "C\0"]],
  [{ changedSince: DAY, health: "healthy" }, ["e"]],
  [{ text: "c\0" }, ["C\0"]],
  [{ text: "%" }, []],
  [{ text: "B", health: "failing" }, ["b"]],
];

Deno.test({ name: "index: pages, problems first", ignore }, async () => {
  await using state = await filled(server().url(await server().makeDatabase()));
  const index = indexOf(state);
  for (const [query, ids] of QUERIES) {
    assertEquals(await index.page({ ...ANY, ...query }), ids, JSON.stringify(query));
  }
  assertEquals([await index.hasMoreThan(4), await index.hasMoreThan(5)], [true, false]);
  assertEquals([await index.isPublished("e.csv"), await index.isPublished("e")], [true, false]);
});

Deno.test({ name: "index: the workers of a fleet, and what waits for them", ignore }, async () => {
  const database = await server().makeDatabase();
  await using state = await openState(server().url(database), testHost());
  assertEquals(await indexOf(state).fleet(), null);
  // As the workers make it.
  await server().sql(
    database,
    `CREATE SCHEMA cronfetch_fleet_claims;
    CREATE TABLE cronfetch_fleet_claims.workers (
      id text PRIMARY KEY, name text NOT NULL,
      started_at timestamptz NOT NULL, seen_at timestamptz NOT NULL,
      slices int NOT NULL, tasks bigint NOT NULL, tasks_per_second float8 NOT NULL,
      is_draining boolean NOT NULL DEFAULT false
    );
    INSERT INTO cronfetch_fleet_claims.workers VALUES
      ('1', 'one', '2026-01-15 11:00Z', '2026-01-15 12:00Z', 2, 100, 1.5)`,
  );
  const one = {
    ...{ name: "one", startedAt: "2026-01-15T11:00:00Z", seenAt: "2026-01-15T12:00:00Z" },
    ...{ slices: 2, tasksPerSecond: 1.5, isDraining: false },
  };
  const nothing = { workers: [one], dueTasks: 0, oldest: null, largest: null };
  assertEquals(await indexOf(state).fleet(), nothing);
  await server().sql(
    database,
    `INSERT INTO cronfetch.due VALUES
      ('a', 'a.example', '2026-01-15 10:00Z'), ('b1', 'b.example', '2026-01-15 11:00Z'),
      ('b2', 'b.example', '2026-01-15 12:00Z'), ('c', 'c.example', 'infinity')`,
  );
  assertEquals(await indexOf(state).fleet(), {
    ...{ workers: [one], dueTasks: 3, largest: { host: "b.example", tasks: 2 } },
    oldest: { host: "a.example", dueAt: "2026-01-15T10:00:00Z" },
  });
});

Deno.test({ name: "page: of many records, those of one page are read", ignore }, async () => {
  const database = await server().makeDatabase();
  const host = testHost({ timers: "manual" });
  await using state = await filled(server().url(database));
  await server().sql(
    database,
    `INSERT INTO cronfetch.records (task, health, key, size_bytes, body)
    SELECT 'many/' || lpad(i::text, 6, '0'), health, key, 1, body
    FROM cronfetch.records, generate_series(1, ${MANY_RECORDS}) AS i WHERE task = 'a'`,
  );
  const settings = { store: "memory:", tasks: ["https://x.example/a", "https://x.example/new"] };
  const config = await loadValue(settings, { at: host.clock.now() }, host);
  const read: number[] = [];
  // As serve reads it.
  await using shared = new SharedStorage(config, () =>
    Promise.resolve({
      state,
      openStore: () => Promise.reject(new Error("no store is opened")),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    }));
  const counting: PageState = {
    ...{ index: shared.state.index, runs: (limit) => state.runs(limit) },
    ...{ runResults: (run) => state.runResults(run), days: (limit) => state.days(limit) },
    ...{ members: (ids) => state.members(ids), deliveries: (ids) => state.deliveries(ids) },
    ...{ items: (ids) => state.items(ids), activeRuns: () => state.activeRuns() },
    records: (ids) => {
      const wanted = [...ids];
      read.push(wanted.length);
      return state.records(wanted);
    },
  };
  const source = createPageSource({
    ...{ config: () => config, state: () => Promise.resolve(counting), store: null },
    ...{ activity: NO_ACTIVITY, secrets: [] },
  }, host);
  await using stack = new AsyncDisposableStack();
  const tokens = { control: null, view: null };
  const page = createPage(source, { ...host, tokens, isLoopback: true });
  stack.defer(() => page.close());
  const text = async (path: string) => {
    const response = await page.fetch(new Request(`http://127.0.0.1${path}`));
    assertEquals(response.status, 200, path);
    return await response.text();
  };
  const first = await text("/");
  assertStringIncludes(first, "<h1>1 of 20,005 tasks needs attention</h1>");
  assertStringIncludes(first, "20,005 tasks, page 1 of 200");
  assertStringIncludes(first, "Not in the config");
  const order = async (sort: string) =>
    [...(await text(`/?sort=${sort}&health=healthy`)).matchAll(/href="\/tasks\/([^"]*)"/g)]
      .map(([, id = ""]) => id);
  assertEquals((await order("-changed"))[0], "e");
  assertEquals((await order("changed")).includes("e"), true);
  assertStringIncludes(await text("/?health=failing"), "1 task that are failing");
  assertStringIncludes(await text("/?q=000777"), "many/000777");
  assertStringIncludes(await text("/tasks/many/000777"), "many/000777");
  const { tasks, counts } = JSON.parse(await text("/api/status"));
  assertEquals([tasks.length, counts.healthy, counts.unhealthy], [200, 20_003, 1]);
  const metrics = await text("/metrics");
  assertStringIncludes(metrics, 'cronfetch_tasks{health="healthy"} 20003\n');
  assertEquals(metrics.includes("cronfetch_task_stale{"), false);
  assertEquals(Math.max(...read), 200);
});
