/**
 * Measures a state in Postgres with many records, on a server of its own with default settings:
 *
 *     deno task bench:fleet [RECORDS]
 *
 * It prints the rows of a table in README.md. Filling a million records takes a minute or two.
 */

import { arrangeRecord } from "../lib/state/format.ts";
import { loadValue } from "../lib/config/load.ts";
import { createPage } from "../lib/page/app.tsx";
import { createPageSource, NO_ACTIVITY } from "../lib/page/source.ts";
import { bufferedState } from "../lib/state/buffered.ts";
import type { TaskRecord } from "../lib/state/state.ts";
import type { DueHint } from "../lib/state/postgres/fleet.ts";
import { openPostgres } from "../lib/state/postgres/open.ts";
import { realHost } from "../lib/host.ts";
import { postgresLocation, startPostgres } from "../tests/helpers/postgres.ts";
import { recentResult, record, validators } from "../tests/state/samples.ts";
import { median } from "./measure.ts";
import { disposeOnSignal } from "./signals.ts";

const RECORDS = Number(Deno.args[0] ?? 1_000_000);
const TASKS_PER_HOST = 200;
/** One task in so many is due. */
const DUE_EVERY = 10;
/** One task in so many fails. */
const FAILING_EVERY = 500;
const WRITTEN = 20_000;
const LEASED = 100_000;
const ROUNDS = 11;
const NOW = Temporal.Now.instant();

await using stack = new AsyncDisposableStack();
disposeOnSignal(stack);
const server = stack.use(await startPostgres(["fsync=on", "full_page_writes=on"]));
const database = await server.makeDatabase();
const opened = await openPostgres(postgresLocation(server.url(database)), realHost());
if (opened === null) throw new Error("there are no tables");
const state = stack.use(bufferedState(opened.driver, realHost()));

log(`filling ${RECORDS} records`);
await fill();
const { fleet } = opened;
const oneHost = hostOf(0);
await fleet.setDue(
  Array.from({ length: 500 }, (_, index): DueHint => ({
    task: nameOf(index),
    host: oneHost,
    dueAt: NOW.subtract({ seconds: index }),
  })),
);

print(`| ${RECORDS.toLocaleString("en")} records | least | median | |`);
print("| --- | --- | --- | --- |");
await measure("500 due tasks of a host", () => fleet.dueTasks(oneHost, 500));
await measure(`1,000 due hosts, 1 task in ${DUE_EVERY} due`, () => fleet.dueHosts(1_000));
await fleet.query("UPDATE cronfetch.due SET due_at = now() - random() * interval '1 hour'");
await fleet.query("ANALYZE cronfetch.due");
await measure("1,000 due hosts, all tasks due", () => fleet.dueHosts(1_000));
await measurePage();
await measureWrites("records of unchanged files written", {});
await measureWrites("records of new files written", { changedAt: NOW.toString() });
await measureLeases();

/** Leases tasks as a run does. */
async function measureLeases(): Promise<void> {
  const tasks = Array.from({ length: Math.min(LEASED, RECORDS) }, (_, index) => nameOf(index));
  await measure("leases of 100,000 tasks", async () => {
    const granted = await state.acquire(tasks, "run", 60_000);
    await state.release("run");
    return { length: granted.size };
  }, 3);
}

/** Requests pages as browsers do; the first one waits for the sums. */
async function measurePage(): Promise<void> {
  const host = realHost();
  const settings = { store: "memory:", tasks: ["https://example.org/list"] };
  const config = await loadValue(settings, { at: NOW }, host);
  const source = createPageSource({
    ...{ config: () => config, state: () => Promise.resolve(state), store: null },
    ...{ activity: NO_ACTIVITY, secrets: [] },
  }, host);
  const tokens = { control: null, view: null };
  const page = createPage(source, {
    clock: host.clock,
    timers: host.timers,
    tokens,
    isLoopback: true,
  });
  const bytesOf = async (path: string) => {
    const response = await page.fetch(new Request(`http://127.0.0.1${path}`));
    if (response.status !== 200) throw new Error(`${path}: ${await response.text()}`);
    return await response.bytes();
  };
  const startedMs = performance.now();
  await bytesOf("/");
  const firstMs = performance.now() - startedMs;
  print(`| the first page, with the sums | ${firstMs.toFixed(0)} ms | | |`);
  await measure("the page", () => bytesOf("/"));
  await measure("the page of the failing tasks", () => bytesOf("/?health=failing"));
  await measure("page 50, dense", () => bytesOf("/?dense=1&page=50"));
  await measure("the page of a text", () => bytesOf("/?q=12345"));
  await measure("/metrics", () => bytesOf("/metrics"));
  await page.close();
}

/** Fills the tables by SQL, since that takes a tenth of the time. */
async function fill(): Promise<void> {
  const [healthy, failing] = [
    recordOf("TASK"),
    recordOf("TASK", { health: "failing", failures: 1 }),
  ]
    .map((record) => JSON.stringify(arrangeRecord(record)));
  await server.sql(
    database,
    `INSERT INTO cronfetch.records (task, health, key, size_bytes, changed_at, body)
    SELECT name, CASE WHEN i % ${FAILING_EVERY} = 0 THEN 'failing' ELSE 'healthy' END, name,
      3, timestamptz '2026-01-14T12:00:00Z',
      replace(CASE WHEN i % ${FAILING_EVERY} = 0 THEN $body$${failing}$body$
        ELSE $body$${healthy}$body$ END, 'TASK', name)::json
    FROM generate_series(0, ${RECORDS - 1}) AS i,
      LATERAL (SELECT 'list/' || lpad(i::text, 9, '0') || '.bin') AS n (name);
    INSERT INTO cronfetch.due (task, host, due_at)
    SELECT 'list/' || lpad(i::text, 9, '0') || '.bin',
      'host-' || i / ${TASKS_PER_HOST} || '.example',
      now() + CASE WHEN i % ${DUE_EVERY} = 0 THEN -1 ELSE 1 END * random() * interval '1 hour'
    FROM generate_series(0, ${RECORDS - 1}) AS i`,
  );
  // What autovacuum does soon after.
  await server.sql(database, "VACUUM ANALYZE");
}

async function measureWrites(what: string, change: Partial<TaskRecord>): Promise<void> {
  const rates: number[] = [];
  for (let round = 0; round < 3; round++) {
    const changed = Array.from({ length: WRITTEN }, () => {
      return recordOf(nameOf(Math.floor(Math.random() * RECORDS)), change);
    });
    const startedMs = performance.now();
    for (const record of changed) state.save(record);
    await state.flush();
    rates.push(changed.length / (performance.now() - startedMs) * 1000);
  }
  const [most, middle] = [Math.max(...rates), median(rates)].map(Math.round);
  print(`| ${what}, 500 a statement | ${most} /s | ${middle} /s | |`);
}

async function measure(
  name: string,
  work: () => Promise<{ readonly length: number }>,
  rounds = ROUNDS,
) {
  const times: number[] = [];
  let found = 0;
  for (let round = 0; round < rounds; round++) {
    const startedMs = performance.now();
    found = (await work()).length;
    times.push(performance.now() - startedMs);
  }
  const ms = (value: number) => `${value.toFixed(1)} ms`;
  print(`| ${name} | ${ms(Math.min(...times))} | ${ms(median(times))} | ${found} |`);
}

/** A record of about 1,000 bytes. */
function recordOf(task: string, change: Partial<TaskRecord> = {}): TaskRecord {
  const results = [recentResult(), recentResult({ status: "updated" })];
  return record(task, { results, published: validators({ key: task }), ...change });
}

function nameOf(index: number): string {
  return `list/${String(index).padStart(9, "0")}.bin`;
}

function hostOf(index: number): string {
  return `host-${index}.example`;
}

function print(line: string): void {
  // deno-lint-ignore no-console -- the output of the program
  console.log(line);
}

function log(line: string): void {
  // deno-lint-ignore no-console -- the output of the program
  console.error(line);
}
