/**
 * The state in Postgres at a million tasks: records written per second, due hosts and tasks, leases.
 *
 * Usage: deno run -A bench/postgres_state.ts [TASKS [HOSTS]]
 */

import { openPostgres } from "../lib/state/postgres/open.ts";
import { emptyContents } from "../lib/state/driver.ts";
import { postgresLocation, startPostgres } from "../tests/helpers/postgres.ts";
import { realHost } from "../lib/host.ts";
import { record } from "../tests/state/samples.ts";

const [tasks = 1_000_000, hosts = 10_000] = Deno.args.map(Number);
const WRITTEN = 20_000;
const ROUNDS = 7;

await using server = await startPostgres();
const database = await server.makeDatabase();
const { driver, fleet } = await openPostgres(postgresLocation(server.url(database)), realHost()) ??
  {};
if (!driver || !fleet) throw new Error("the state has no tables");
await using _driver = driver;

function print(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}

/** Measures the median duration of several rounds, in milliseconds. */
async function measure(
  name: string,
  work: () => Promise<unknown>,
  rounds = ROUNDS,
): Promise<number> {
  const durations: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const startMs = performance.now();
    await work();
    durations.push(performance.now() - startMs);
  }
  const median = durations.sort((a, b) => a - b)[rounds >> 1] ?? NaN;
  print(`${name.padEnd(44)} ${median.toFixed(1).padStart(9)} ms`);
  return median;
}

const body = JSON.stringify(record("x"));
await server.sql(
  database,
  `INSERT INTO cronfetch.records (task, health, key, body)
  SELECT 'task-' || n, 'healthy', 'a.csv', '${body}'::json FROM generate_series(1, ${tasks}) n;
  INSERT INTO cronfetch.due (task, host, due_at)
  SELECT 'task-' || n, 'host-' || n % ${hosts} || '.example',
    now() + (n % 100 - 5) * interval '1 minute' FROM generate_series(1, ${tasks}) n`,
);
for (const table of ["records", "due"]) {
  await server.sql(database, `VACUUM ANALYZE cronfetch.${table}`);
}

print(`${tasks} tasks of ${hosts} hosts, 6 % due`);
const [first] = await fleet.dueHosts(1);
await measure("due hosts (1,000)", () => fleet.dueHosts(1_000));
await measure("due tasks of a host (200)", () => fleet.dueTasks(first?.host ?? "", 200));
const ids = Array.from({ length: WRITTEN }, (_, index) => `task-${(index * 49) % tasks + 1}`);
const batches = Array.from(
  { length: WRITTEN / 500 },
  (_, index) => ids.slice(index * 500, index * 500 + 500),
);
const writtenMs = await measure(`${WRITTEN} records, 500 a transaction`, async () => {
  for (const batch of batches) {
    const records = new Map(batch.map((task) => [task, record(task, { failures: 1 })]));
    await driver.write({ ...emptyContents(), records }, 1e9);
  }
}, 3);
print(`${Math.round(WRITTEN / writtenMs * 1000)} records a second`);
await measure("500 hints", () =>
  fleet.setDue(
    ids.slice(0, 500).map((task, index) => {
      const dueAt = Temporal.Now.instant().add({ seconds: Math.ceil(Math.random() * 9_999) });
      return { task, host: `host-${index}.example`, dueAt };
    }),
  ));
await measure("records of 500 tasks", () => driver.records(new Set(ids.slice(0, 500))));
const many = new Set(Array.from({ length: 100_000 }, (_, index) => `task-${index}`));
await measure("records of 100,000 tasks", () => driver.records(many), 1);
await measure("leases of 100,000 tasks", () => driver.acquire(many, "run", 60_000), 1);
await measure("renewal of 100,000 leases", () => driver.renew("run", 60_000));
