/**
 * The dispatch over a Postgres database: the hosts are jobs of pg-boss. The only module that imports
 * pg-boss.
 *
 * Its queue has the policy `exclusive`: a unique index permits one job per host that is waiting or
 * active. `work()` is not used, since it fetches again only when its whole batch is done.
 */

import { type Claim, type Dispatch, MIN_LEASE_MS } from "./dispatch.ts";

/** Runs statements, each on any connection of a pool. */
export interface SqlPool {
  /**
   * Runs one statement.
   *
   * @throws {CronfetchError} `store.failed` if the database is unavailable.
   */
  query(text: string, values?: unknown[]): Promise<{ readonly rows: unknown[] }>;
}

/** Options of {@linkcode openPgBoss}. */
export interface PgBossOptions {
  /** Open for longer than the dispatch, which does not close it. */
  readonly pool: SqlPool;
  /** Duration of a lease in milliseconds, at least {@linkcode MIN_LEASE_MS}; whole seconds count. */
  readonly leaseMs: number;
  /** Schema of the tables of pg-boss. The claims are in the schema of the same name with `_claims`. */
  readonly schema: string;
  /** Claims only hosts that match this glob: `*` is any text, `?` any character. Default: all. */
  readonly hosts?: string;
  /** Whether this process looks for ended leases. Default: true; one process of a fleet must. */
  readonly supervises?: boolean;
  /** Receives the errors of the supervision, which continues. */
  readonly onError: (error: Error) => void;
}

const QUEUE = "hosts";

/** A job must end in this time, however often its lease is renewed. The longest that is possible. */
const EXPIRE_SECONDS = 24 * 60 * 60 - 1;

/** Finished jobs are removed after this time. */
const KEEP_SECONDS = 60 * 60;

/** A lease ends as often as its worker dies; the largest value of the column. */
const RETRY_LIMIT = 2 ** 31 - 1;

/**
 * Opens the dispatch of a database, and makes its tables if they are missing. The processes that open
 * it at the same time wait for each other.
 *
 * @throws {CronfetchError} `store.failed` if the database is unavailable.
 * @throws {RangeError} The lease is too short.
 */
export async function openPgBoss(options: PgBossOptions): Promise<Dispatch> {
  const { pool, leaseMs, schema, hosts, supervises = true, onError } = options;
  if (!(leaseMs >= MIN_LEASE_MS)) throw new RangeError(`a lease of ${leaseMs} ms is too short`);
  const leaseSeconds = Math.floor(leaseMs / 1_000);
  // A dead worker is found this long after the end of its lease, at most.
  const supervisionSeconds = Math.max(1, Math.floor(leaseSeconds / 6));
  const { PgBoss } = await import("pg-boss");
  const boss = new PgBoss({
    schema,
    db: { executeSql: (text, values) => pool.query(text, values) },
    supervise: supervises,
    superviseIntervalSeconds: supervisionSeconds,
    monitorIntervalSeconds: supervisionSeconds,
    schedule: false,
    // Its registry of processes would read the names and the memory of the machine.
    registerInstance: false,
    openTelemetry: { enabled: false },
  });
  // Without a listener, an error of a timer would end the process.
  boss.on("error", onError);
  await using opened = new AsyncDisposableStack();
  opened.defer(() => boss.stop({ close: false, graceful: false }));
  const claims = `${schema}_claims`;
  await createSchemas(pool, schema, claims);
  await boss.start();
  await boss.createQueue(QUEUE, {
    policy: "exclusive",
    heartbeatSeconds: leaseSeconds,
    expireInSeconds: EXPIRE_SECONDS,
    deleteAfterSeconds: KEEP_SECONDS,
    retryLimit: RETRY_LIMIT,
    retryDelay: 0,
  });

  const insert = async (hosts: readonly string[], startAfter?: Date): Promise<number> => {
    if (hosts.length === 0) return 0;
    const jobs = hosts.map((host) => ({
      ...{ singletonKey: host, data: { host } },
      ...(startAfter && { startAfter }),
    }));
    return (await boss.insert(QUEUE, jobs, { returnId: true }))?.length ?? 0;
  };

  const finish = async (claim: Claim): Promise<boolean> => {
    const { host, fence } = claim;
    const text =
      `delete from ${claims}.claims where host = $1 and fence = $2 returning job, attempt`;
    const { rows: [row] } = await pool.query(text, [host, fence]);
    if (row === undefined) return false;
    const { job, attempt } = row as ClaimRow;
    const { settled } = await boss.complete(QUEUE, { id: job, retryCount: attempt }) as Settled;
    return settled.length > 0;
  };

  const owned = opened.move();
  return {
    leaseMs: leaseSeconds * 1_000,
    // Sorted, so that two planners that insert the same hosts do not deadlock.
    announce: (hosts) => insert([...new Set(hosts)].sort()),
    claim: async (worker, limit) => {
      // The supervision of pg-boss was seen to miss the jobs of a suspended process.
      if (supervises) await pool.query(expireStatement(schema));
      const jobs = hosts === undefined
        ? await boss.fetch(QUEUE, { batchSize: limit })
        : await fetchMatching(pool, schema, hosts, limit);
      if (jobs.length === 0) return [];
      const columns = [jobs.map(({ id }) => id), jobs.map(({ retryCount }) => retryCount)];
      const { rows } = await pool.query(claimStatement(schema, claims), [...columns, worker]);
      return (rows as ClaimRow[]).map(claimOf);
    },
    renew: async (held) => {
      if (held.length === 0) return [];
      const { rows } = await pool.query(
        `select host, fence, job, attempt from ${claims}.claims
         join unnest($1::text[], $2::bigint[]) as held (host, fence) using (host, fence)`,
        [held.map(({ host }) => host), held.map(({ fence }) => fence)],
      );
      const found = rows as ClaimRow[];
      if (found.length === 0) return [];
      const attempts = found.map(({ job, attempt }) => ({ id: job, retryCount: attempt }));
      const { settled } = await boss.touch(QUEUE, attempts) as Settled;
      const valid = new Set(settled);
      const fences = new Set(found.filter(({ job }) => valid.has(job)).map(({ fence }) => +fence));
      return held.filter(({ fence }) => fences.has(fence));
    },
    finish,
    park: async (claim, until) => {
      if (!await finish(claim)) return false;
      await insert([claim.host], new Date(until.epochMilliseconds));
      return true;
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** A row of the table of claims. `pg` reads a bigint as a text. */
interface ClaimRow {
  readonly host: string;
  readonly fence: string;
  readonly job: string;
  readonly attempt: number;
}

/** What pg-boss reports about jobs that it has changed. */
interface Settled {
  readonly settled: readonly string[];
}

function claimOf({ host, fence }: ClaimRow): Claim {
  return { host, fence: Number(fence) };
}

/**
 * Records who has fetched jobs, and gives each claim its fence. A fetched job is locked and its attempt
 * compared, since a worker that was suspended after `fetch` would otherwise get a higher fence than
 * the worker that has fetched the job again since.
 */
function claimStatement(schema: string, claims: string): string {
  return `
    with fetched as (
      select job.id, job.retry_count, job.data->>'host' as host
      from ${schema}.job
      join unnest($1::uuid[], $2::integer[]) as wanted (id, retry_count) using (id, retry_count)
      where job.name = '${QUEUE}' and job.state = 'active'
      order by job.id
      for update of job
    )
    insert into ${claims}.claims as claims (host, fence, job, attempt, worker)
    select host, nextval('${claims}.fences'), id, retry_count, $3 from fetched order by host
    on conflict (host) do update
      set fence = excluded.fence, job = excluded.job, attempt = excluded.attempt,
          worker = excluded.worker, claimed_at = now()
    returning host, fence, job, attempt`;
}

/** Makes the hosts wait again whose leases have ended. The next fetch counts as another attempt. */
function expireStatement(schema: string): string {
  return `
    update ${schema}.job set state = 'retry', start_after = ${schema}.job_now(), heartbeat_on = null
    where id in (
      select id from ${schema}.job
      where name = '${QUEUE}' and state = 'active'
        and heartbeat_on < ${schema}.job_now() - heartbeat_seconds * interval '1 second'
      order by id for update skip locked
    )`;
}

/** A job as `fetch` returns it. */
interface FetchedJob {
  readonly id: string;
  readonly retryCount: number;
}

/** Does what `fetch` of pg-boss does, for the hosts that match: that has no such condition. */
async function fetchMatching(
  pool: SqlPool,
  schema: string,
  glob: string,
  limit: number,
): Promise<FetchedJob[]> {
  const pattern = glob.replaceAll(/[\\%_]/g, "\\$&").replaceAll("*", "%").replaceAll("?", "_");
  const { rows } = await pool.query(
    `with next as (
      select id from ${schema}.job
      where name = '${QUEUE}' and state < 'active' and not blocked
        and start_after <= ${schema}.job_now() and singleton_key like $1
      order by priority desc, created_on limit $2
      for update skip locked
    )
    update ${schema}.job set state = 'active', started_on = ${schema}.job_now(),
      heartbeat_on = ${schema}.job_now(),
      retry_count = case when started_on is not null then retry_count + 1 else retry_count end
    from next where job.name = '${QUEUE}' and job.id = next.id
    returning job.id, job.retry_count as "retryCount"`,
    [pattern, limit],
  );
  return rows as FetchedJob[];
}

/**
 * Makes the schemas, and the table of claims. An advisory lock serializes processes that start
 * together: two that create the schema of pg-boss at the same time would fail.
 */
async function createSchemas(pool: SqlPool, schema: string, claims: string): Promise<void> {
  await pool.query(`
    do $$ begin
      perform pg_advisory_xact_lock(hashtext('${claims}'));
      if to_regnamespace('${schema}') is null then
        create schema ${schema};
      end if;
      if to_regclass('${claims}.claims') is null then
        create schema if not exists ${claims};
        create sequence ${claims}.fences;
        create table ${claims}.claims (
          host text primary key,
          fence bigint not null,
          job uuid not null,
          attempt integer not null,
          worker text not null,
          claimed_at timestamptz not null default now()
        ) with (fillfactor = 70);
      end if;
    end $$`);
}
