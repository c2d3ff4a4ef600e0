// Servers that stop, crash, or close connections, while a state is open.

import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { delay } from "@std/async";
import { Client } from "pg";
import { CronfetchError } from "../../lib/core/errors.ts";
import { openState } from "../helpers/open.ts";
import { testHost } from "../helpers/host.ts";
import { sharedPostgres } from "../helpers/postgres.ts";
import { realSleeps, TTL_MS } from "../state/fixture.ts";
import { ids, record } from "../state/samples.ts";

const { ignore, server } = sharedPostgres();

/** Waits for text that another part of this process writes. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await delay(10);
}

for (const mode of ["fast", "immediate", "kill"] as const) {
  Deno.test(
    { name: `postgres: a server that is stopped (${mode}) is waited for`, ignore },
    async () => {
      const url = server().url(await server().makeDatabase());
      const host = realSleeps(testHost({ timers: "manual" }));
      await using state = await openState(url, host);
      state.save(record("before"));
      await state.acquire(["a"], "run", TTL_MS);
      await state.flush();
      await server().stop(mode);
      state.save(record("after"));
      const flushed = state.flush();
      const read = state.allRecords();
      const renewed = state.renew("run", TTL_MS);
      await until(() => host.stderr.text.includes("unavailable"));
      await server().start();
      await flushed;
      assertEquals([...(await read).keys()].sort(), ["after", "before"]);
      assertEquals(await renewed, true);
      const lines = host.stderr.text.trimEnd().split("\n");
      assertEquals(lines.length, 2, host.stderr.text);
      assertMatch(
        lines[0] ?? "",
        /^warning: the state postgres:\/\/\S+ is unavailable: .+; it is tried again for up to 5 min/,
      );
      assertMatch(lines[1] ?? "", /^the state postgres:\/\/\S+ is available again, after \d+ s$/);
      await using other = await openState(url, testHost());
      assertEquals((await other.allRecords()).size, 2);
    },
  );
}

Deno.test({ name: "postgres: a restart between two uses is not noticed", ignore }, async () => {
  const url = server().url(await server().makeDatabase());
  const host = realSleeps(testHost({ timers: "manual" }));
  await using state = await openState(url, host);
  await state.allRecords();
  await server().stop("fast");
  await server().start();
  state.save(record("a"));
  await state.flush();
  assertEquals((await state.allRecords()).size, 1);
  assertEquals(host.stderr.text, "");
});

Deno.test(
  { name: "postgres: connections that the server closes are replaced", ignore },
  async () => {
    const database = await server().makeDatabase();
    const host = realSleeps(testHost({ timers: "manual" }));
    await using state = await openState(server().url(database), host);
    for (const task of ids(5)) {
      state.save(record(task));
      const [, terminated] = await Promise.all([
        state.flush(),
        server().sql("postgres", terminateAll(database)),
      ]);
      assertEquals(typeof terminated, "string");
    }
    assertEquals((await state.allRecords()).size, 5);
  },
);

/** SQL that closes every connection to a database. */
function terminateAll(database: string): string {
  return `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${database}'`;
}

Deno.test({
  name: "postgres: an outage of more than 5 minutes is reported, and loses nothing",
  ignore,
}, async () => {
  const url = server().url(await server().makeDatabase());
  // Sleeps end immediately, and advance the clock.
  const host = testHost({ timers: "manual" });
  await using state = await openState(url, host);
  await server().stop("immediate");
  state.save(record("a"));
  const error = await assertRejects(() => state.flush(), CronfetchError);
  assertEquals([error.code, error.retry], ["store.failed", "later"]);
  assertMatch(error.message, /^writing the state postgres:\S+: connection refused$/);
  const sleptMs = host.slept.reduce((sum, ms) => sum + ms);
  assertEquals(sleptMs >= 300_000 && sleptMs < 310_000, true, `${sleptMs}`);
  await server().start();
  await state.flush();
  assertEquals((await state.allRecords()).size, 1);
});

Deno.test({ name: "postgres: opening waits for 10 seconds only", ignore }, async () => {
  const host = testHost({ timers: "manual" });
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  const open = () => openState(`postgres://u:secret@127.0.0.1:${port}/d`, host);
  const error = await assertRejects(open, CronfetchError);
  assertEquals(error.code, "store.failed");
  assertEquals(
    error.message,
    `opening the state postgres://u@127.0.0.1:${port}/d: connection refused`,
  );
  const sleptMs = host.slept.reduce((sum, ms) => sum + ms);
  assertEquals(sleptMs >= 10_000 && sleptMs < 16_000, true, `${sleptMs}`);
});

Deno.test({ name: "postgres: a deadlock is repeated", ignore }, async () => {
  const database = await server().makeDatabase();
  // The client that waits first finds the deadlock, and is ended.
  await server().sql(database, `ALTER DATABASE ${database} SET deadlock_timeout = '3s'`);
  let sleeps = 0;
  const host = testHost({ timers: "manual" });
  const sleep = (durationMs: number, signal: AbortSignal) => {
    sleeps++;
    return delay(durationMs, { signal });
  };
  await using state = await openState(server().url(database), {
    ...host,
    timers: { ...host.timers, sleep },
  });
  for (const task of ["a", "b"]) state.save(record(task));
  await state.flush();
  const blocker = new Client({ ...server().connection, database });
  await blocker.connect();
  await blocker.query("SET deadlock_timeout = '60s'");
  const lock = (task: string) =>
    blocker.query("UPDATE cronfetch.records SET key = 'x' WHERE task = $1", [task]);
  await blocker.query("BEGIN");
  await lock("b");
  for (const task of ["a", "b"]) state.save(record(task, { failures: 7 }));
  const flushed = state.flush();
  for (let waiting = false; !waiting; await delay(10)) {
    const { rows } = await blocker.query(
      "SELECT FROM pg_stat_activity WHERE datname = $1 AND wait_event_type = 'Lock'",
      [database],
    );
    waiting = rows.length > 0;
  }
  await lock("a");
  await blocker.query("COMMIT");
  await flushed;
  await blocker.end();
  assertEquals(sleeps, 1);
  const failures = [...(await state.allRecords()).values()].map((one) => one.failures);
  assertEquals(failures, [7, 7]);
  assertEquals(host.stderr.text, "");
});
