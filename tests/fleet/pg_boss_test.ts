import { assertEquals, assertRejects } from "@std/assert";
import { Pool } from "pg";
import { openPgBoss } from "../../lib/fleet/pg_boss.ts";
import { openPostgres } from "../../lib/state/postgres/open.ts";
import { testHost } from "../helpers/host.ts";
import { postgresLocation, sharedPostgres } from "../helpers/postgres.ts";
import { dispatchConformance, type DispatchPlace } from "./conformance.ts";

const postgres = sharedPostgres();
const SCHEMA = "fleet";

/** A database, in which time passes by moving all times back. */
async function makePlace(): Promise<DispatchPlace & { readonly pool: Pool }> {
  const database = await postgres.server().makeDatabase();
  const pool = new Pool({ ...postgres.server().connection, database, max: 8 });
  // A restart ends idle connections.
  pool.on("error", () => {});
  const open = () =>
    openPgBoss({ pool, leaseMs: 10_000, schema: SCHEMA, onError: () => {}, supervises: false });
  return {
    pool,
    open,
    now: () => Temporal.Now.instant(),
    advance: async (durationMs) => {
      const past = `interval '${durationMs} milliseconds'`;
      await pool.query(
        `update ${SCHEMA}.job set heartbeat_on = heartbeat_on - ${past},
         started_on = started_on - ${past}, start_after = start_after - ${past}`,
      );
      await supervise(pool);
    },
    [Symbol.asyncDispose]: () => pool.end(),
  };
}

/** Does what a process with `supervises` does every second or two. */
async function supervise(pool: Pool): Promise<void> {
  const { PgBoss } = await import("pg-boss");
  const db = {
    executeSql: (text: string, values?: unknown[]) => pool.query(text, values),
  };
  const boss = new PgBoss({
    ...{ schema: SCHEMA, db, supervise: false, schedule: false, registerInstance: false },
  });
  await pool.query(`update ${SCHEMA}.queue set monitor_on = null, monitor_claim_on = null`);
  await boss.start();
  await boss.supervise("hosts");
  await boss.stop({ close: false, graceful: false });
}

dispatchConformance("pg-boss", makePlace, { ignore: postgres.ignore });

Deno.test({
  name: "openPgBoss: processes that open an empty database together make one schema",
  ignore: postgres.ignore,
  fn: async () => {
    await using place = await makePlace();
    await using owned = new AsyncDisposableStack();
    const opened = await Promise.all(Array.from({ length: 4 }, () => place.open()));
    for (const dispatch of opened) owned.use(dispatch);
    const counts = await Promise.all(opened.map((dispatch) => dispatch.announce(["a"])));
    assertEquals(counts.toSorted(), [0, 0, 0, 1]);
  },
});

Deno.test({
  name: "openPgBoss: workers that start together over the connections of their states",
  ignore: postgres.ignore,
  fn: async () => {
    const url = postgres.server().url(await postgres.server().makeDatabase());
    await using owned = new AsyncDisposableStack();
    await Promise.all(Array.from({ length: 4 }, async () => {
      const opened = await openPostgres(postgresLocation(url), testHost());
      if (opened === null) throw new Error("there are no tables");
      const { driver, fleet: pool } = opened;
      owned.use(driver);
      const options = { pool, leaseMs: 10_000, schema: SCHEMA, onError: () => {} };
      const dispatch = owned.use(await openPgBoss({ ...options, supervises: false }));
      await dispatch.announce(["a"]);
      await Promise.all(Array.from({ length: 4 }, () => pool.query("SELECT 1")));
    }));
  },
});

Deno.test({
  name: "openPgBoss: a worker suspended after its fetch gets no claim",
  ignore: postgres.ignore,
  fn: async () => {
    await using place = await makePlace();
    await using dispatch = await place.open();
    await dispatch.announce(["a"]);
    // The lease ends, and another worker claims the host, before the first one has its fence.
    const held = Promise.withResolvers<void>();
    const reached = Promise.withResolvers<void>();
    const pool = {
      query: async (text: string, values?: unknown[]) => {
        if (text.includes("nextval")) {
          reached.resolve();
          await held.promise;
        }
        return await place.pool.query(text, values);
      },
    };
    await using slow = await openPgBoss({
      ...{ pool, leaseMs: 10_000, schema: SCHEMA, onError: () => {}, supervises: false },
    });
    const suspended = slow.claim("slow", 1);
    await reached.promise;
    await place.advance(12_000);
    const [claim] = await dispatch.claim("w", 1);
    held.resolve();
    assertEquals(await suspended, []);
    assertEquals(claim && await dispatch.renew([claim]), [claim]);
  },
});

Deno.test({
  name: "openPgBoss: a call fails while Postgres is down, and later ones succeed",
  ignore: postgres.ignore,
  fn: async () => {
    for (const mode of ["fast", "immediate"] as const) {
      await using place = await makePlace();
      await using dispatch = await place.open();
      await dispatch.announce(["a", "b"]);
      const [claim] = await dispatch.claim("w", 1);
      await postgres.server().stop(mode);
      await assertRejects(() => dispatch.announce(["c"]));
      await assertRejects(() => dispatch.renew(claim ? [claim] : []));
      await postgres.server().start();
      assertEquals(claim && await dispatch.renew([claim]), [claim]);
      assertEquals(await dispatch.announce(["b", "c"]), 1);
      assertEquals((await dispatch.claim("w", 5)).length, 2);
    }
  },
});
