// What a state in Postgres does besides the conformance suite.

import { assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { CronfetchError } from "../../lib/core/errors.ts";
import { migratePostgres } from "../../lib/state/postgres/admin.ts";
import { openPostgres } from "../../lib/state/postgres/open.ts";
import { bufferedState } from "../../lib/state/buffered.ts";
import { openState } from "../helpers/open.ts";
import { type TestHost, testHost } from "../helpers/host.ts";
import { postgresLocation, sharedPostgres } from "../helpers/postgres.ts";
import { MAIN } from "../helpers/program.ts";
import { AUTHORITY_FILE, identity, type IdentityName } from "../helpers/transport.ts";
import { TTL_MS } from "../state/fixture.ts";
import { ids, member, record } from "../state/samples.ts";

const { ignore, server } = sharedPostgres();

function postgresTest(name: string, body: (database: string, url: string) => Promise<void>): void {
  Deno.test({ name: `postgres: ${name}`, ignore }, async () => {
    const database = await server().makeDatabase();
    await body(database, server().url(database));
  });
}

async function errorOf(url: string, host: TestHost = testHost()): Promise<CronfetchError> {
  return await assertRejects(
    async () => await (await openState(url, host))[Symbol.asyncDispose](),
    CronfetchError,
  );
}

postgresTest(
  "leases end by the clock of the database, not by those of the machines",
  async (_, url) => {
    await using late = await openState(url, testHost({ now: "2001-01-01T00:00:00Z" }));
    await using early = await openState(url, testHost({ now: "2099-01-01T00:00:00Z" }));
    assertEquals(await late.acquire(["a"], "2001-01-01T00:00:00Z-a", TTL_MS), new Set(["a"]));
    assertEquals(await early.acquire(["a"], "2099-01-01T00:00:00Z-b", TTL_MS), new Set());
    assertEquals((await early.activeRuns()).length, 1);
    assertEquals(await late.renew("2001-01-01T00:00:00Z-a", TTL_MS), true);
  },
);

postgresTest(
  "row 144: a state closed without a release frees its tasks immediately",
  async (_, url) => {
    await using state = await openState(url, testHost());
    {
      await using lost = await openState(url, testHost());
      await lost.acquire(["a"], "lost", TTL_MS);
      assertEquals(await state.acquire(["a"], "run", TTL_MS), new Set());
    }
    assertEquals(await state.acquire(["a"], "run", TTL_MS), new Set(["a"]));
  },
);

postgresTest(
  "processes that open a new state at the same time make its tables once",
  async (_, url) => {
    await using stack = new AsyncDisposableStack();
    const opened = await Promise.all(ids(5).map(() => openState(url, testHost())));
    opened.forEach((state) => stack.use(state));
    for (const [index, state] of opened.entries()) state.save(record(`${index}`));
    await Promise.all(opened.map((state) => state.flush()));
    assertEquals((await opened[0]?.allRecords())?.size, 5);
  },
);

postgresTest(
  "a role without rights to create uses the tables that their owner made",
  async (database, url) => {
    const role = `user_${database}`;
    await server().sql(database, `CREATE ROLE ${role} LOGIN`);
    const restricted = url.replace("cronfetch@", `${role}@`);
    const denied = await errorOf(restricted);
    assertEquals([denied.code, denied.retry], ["state.unreadable", "never"]);
    assertMatch(denied.message, /^migrating the state \S+: permission denied for database /);
    assertStringIncludes(denied.hint ?? "", "cronfetch state migrate");

    const result = await migratePostgres(postgresLocation(url), testHost());
    assertEquals([result.before, result.after], [0, 1]);
    assertEquals((await migratePostgres(postgresLocation(url), testHost())).before, 1);
    assertEquals((await errorOf(restricted)).code, "state.unreadable");
    await server().sql(
      database,
      `GRANT USAGE ON SCHEMA cronfetch TO ${role};
    GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA cronfetch TO ${role}`,
    );
    await using state = await openState(restricted, testHost());
    state.save(record("a"));
    state.saveMember("a", member("a.csv"));
    assertEquals(await state.acquire(["a"], "run", TTL_MS), new Set(["a"]));
    await state.release("run");
    assertEquals((await state.allRecords()).size, 1);
  },
);

postgresTest("newer tables and formats are rejected, and not changed", async (database, url) => {
  await (await openState(url, testHost()))[Symbol.asyncDispose]();
  await server().sql(database, "UPDATE cronfetch.version SET tables = 99");
  const tables = await errorOf(url);
  assertEquals([tables.code, tables.hint], ["state.unreadable", "update cronfetch"]);
  assertStringIncludes(tables.message, "a newer cronfetch wrote it, in version 99 of its tables");
  await server().sql(database, "UPDATE cronfetch.version SET tables = 1, format = 99");
  const format = await errorOf(url);
  assertEquals(format.code, "state.unreadable");
  assertStringIncludes(format.message, "a newer cronfetch wrote it, in format 99");
  assertEquals(await server().sql(database, "SELECT * FROM cronfetch.version"), "99|1\n");
});

postgresTest("damaged rows and missing tables are reported", async (database, url) => {
  await using state = await openState(url, testHost());
  state.save(record("a"));
  await state.flush();
  await server().sql(database, `UPDATE cronfetch.records SET body = '{"failures":-1}'`);
  const damaged = await assertRejects(() => state.records(["a"]), CronfetchError);
  assertEquals(damaged.code, "state.unreadable");
  assertStringIncludes(damaged.message, `the record of "a" is damaged`);
  await server().sql(database, "DROP TABLE cronfetch.records");
  const missing = await assertRejects(() => state.records(["a"]), CronfetchError);
  assertEquals(missing.code, "state.unreadable");
});

postgresTest("a database with another encoding than UTF-8 is rejected", async (database, url) => {
  await server().sql(
    "postgres",
    `CREATE DATABASE latin_${database} ENCODING LATIN1 LOCALE 'C' TEMPLATE template0`,
  );
  const error = await errorOf(url.replace(database, `latin_${database}`));
  assertEquals(error.code, "config.invalid");
  assertStringIncludes(error.message, "the encoding of the database is LATIN1");
});

postgresTest("a missing database", async (_, url) => {
  const missing = await errorOf(`${url}_none`);
  assertEquals([missing.code, missing.hint], ["state.unreadable", "create it with createdb"]);
});

const TLS: readonly (readonly [host: string, options: string, problem: string | null])[] = [
  ["localhost", `sslmode=verify-full&sslrootcert=${AUTHORITY_FILE}`, null],
  ["localhost", `sslmode=require&sslrootcert=${AUTHORITY_FILE}`, null],
  ["localhost", `sslmode=verify-ca&sslrootcert=${AUTHORITY_FILE}`, null],
  ["localhost", "sslmode=verify-full", "its certificate is not trusted"],
  ["localhost", "sslmode=require", "its certificate is not trusted"],
  ["localhost", "sslmode=disable", null],
];

for (const [name, options, problem] of TLS) {
  const shown = options.replace(AUTHORITY_FILE, "…");
  postgresTest(
    `TLS with ${name} and ${shown}: ${problem ?? "connected"}`,
    async (database, url) => {
      const place = `${url.replace("127.0.0.1", name)}?${options}`;
      if (problem !== null) {
        const error = await errorOf(place);
        assertEquals([error.code, error.retry], ["state.unreadable", "never"]);
        assertStringIncludes(error.message, problem);
        assertStringIncludes(error.hint ?? "", "sslrootcert");
        return;
      }
      const opened = await openPostgres(postgresLocation(place), testHost());
      await using state = bufferedState(opened?.driver ?? fail(), testHost());
      assertEquals((await state.allRecords()).size, 0);
      const { rows: [row] = [] } = await opened?.fleet.query(
        "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()",
      ) ?? {};
      assertEquals(row, { ssl: options !== "sslmode=disable" }, database);
    },
  );
}

const OTHER_CERTIFICATES:
  readonly (readonly [IdentityName, mode: string, problem: string | null])[] = [
    ["elsewhere", "verify-full", "its certificate is for another host name"],
    ["elsewhere", "require", "its certificate is for another host name"],
    ["elsewhere", "verify-ca", null],
    ["expired", "verify-full", "its certificate is not trusted"],
    ["expired", "verify-ca", "its certificate is not trusted"],
    ["self_signed", "verify-ca", "its certificate is not trusted"],
  ];

postgresTest("TLS with other certificates", async (_, url) => {
  const install = async (name: IdentityName) => {
    const { cert, key } = identity(name);
    await server().stop("fast");
    await Deno.writeTextFile(`${server().socketFolder}/server.crt`, cert);
    await Deno.writeTextFile(`${server().socketFolder}/server.key`, key);
    await server().start();
  };
  await using restored = new AsyncDisposableStack();
  restored.defer(() => install("good"));
  for (const [name, mode, problem] of OTHER_CERTIFICATES) {
    await install(name);
    const place = `${url}?sslmode=${mode}&sslrootcert=${AUTHORITY_FILE}`;
    if (problem === null) await (await openState(place, testHost()))[Symbol.asyncDispose]();
    else assertStringIncludes((await errorOf(place)).message, problem, `${name} ${mode}`);
  }
});

function fail(): never {
  throw new Error("the state has no tables");
}

postgresTest("a socket, in a process that may open one", async (database) => {
  const { socketFolder, connection: { port, user } } = server();
  const env = { PGHOST: socketFolder, PGPORT: `${port}`, PGUSER: user, PGDATABASE: database };
  const migrate = async (net: string) => {
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        ...["run", "--quiet", "--no-prompt", "--allow-env", "--allow-read", "--allow-write", net],
        ...[MAIN, "state", "migrate", "postgres:"],
      ],
      env,
    }).output();
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    return { code, text: text(stdout) + text(stderr) };
  };
  const denied = await migrate("--allow-net=127.0.0.1");
  assertEquals(denied.code, 3, denied.text);
  assertStringIncludes(denied.text, "hint: run again with --allow-net\n");
  assertEquals(await migrate("--allow-net"), {
    code: 0,
    text:
      `postgres://${user}@:${port}/${database}?host=${socketFolder}: created the tables, version 1\n`,
  });
});

postgresTest(
  "DATABASE_URL, and several states in schemas of one database",
  async (database, url) => {
    const host = testHost({ env: { DATABASE_URL: `${url}?sslmode=disable&pgbouncer=true` } });
    for (const place of ["postgres:", "postgres:?schema=team_b"]) {
      await using state = await openState(place, host);
      assertEquals((await state.allRecords()).size, 0);
      state.save(record("a"));
    }
    const tables = "SELECT count(*) FROM pg_tables WHERE tablename = 'records'";
    assertEquals(await server().sql(database, tables), "2\n");
  },
);

postgresTest(
  "a fleet: due hosts and tasks, the longest due first; parked hosts are left out",
  async (_, url) => {
    const now = Temporal.Instant.from("2026-01-15T12:00:00Z");
    const at = (seconds: number) => now.add({ seconds });
    const opened = await openPostgres(postgresLocation(url), testHost(), {
      now: () => now.epochMilliseconds,
    });
    const { driver, fleet } = opened ?? fail();
    await using state = bufferedState(driver, testHost());
    await fleet.setDue([
      { task: "a1", host: "a.example", dueAt: at(-10) },
      { task: "a2", host: "a.example", dueAt: at(-30) },
      { task: "a3", host: "a.example", dueAt: at(1) },
      { task: "b1", host: "b.example:8080", dueAt: at(-20) },
      { task: "c1", host: "c.example", dueAt: at(-99) },
      { task: "d1", host: "d.example", dueAt: null },
    ]);
    state.park("c.example", at(60));
    await state.flush();
    const [a, b] = [
      { host: "a.example", dueAt: at(-30), tasks: 2 },
      { host: "b.example:8080", dueAt: at(-20), tasks: 1 },
    ];
    assertEquals(await fleet.dueHosts(10), [a, b]);
    assertEquals(await fleet.dueHosts(1), [a]);
    assertEquals(await fleet.dueTasks("a.example", 10), ["a2", "a1"]);
    assertEquals(await fleet.dueTasks("a.example", 1), ["a2"]);
    await fleet.setDue([{ task: "a2", host: "a.example", dueAt: at(3600) }]);
    await fleet.removeDue(["b1", "unknown"]);
    assertEquals(await fleet.dueHosts(10), [{ ...a, dueAt: at(-10), tasks: 1 }]);
  },
);

postgresTest(
  "a fleet: changes under a claim that was lost are dropped, others are written",
  async (database, url) => {
    await server().sql(
      database,
      "CREATE TABLE claims (host text PRIMARY KEY, fence bigint); " +
        "INSERT INTO claims VALUES ('a.example', 5), ('b.example', 7)",
    );
    const opened = await openPostgres(postgresLocation(url), testHost());
    const { driver, fleet } = opened ?? fail();
    await using state = bufferedState(driver, testHost({ timers: "manual" }));
    using lost = fleet.guard("claims", { host: "a.example", fence: 5 }, ["a1", "a2"]);
    using kept = fleet.guard("claims", { host: "b.example", fence: 7 }, ["b1"]);
    state.save(record("a1"));
    await state.flush();
    assertEquals([lost.isLost(), kept.isLost()], [false, false]);
    await server().sql(database, "UPDATE claims SET fence = 6 WHERE host = 'a.example'");
    state.save(record("a1", { failures: 9 }));
    state.save(record("a2"));
    state.saveMember("a2", member("a2.csv"));
    state.save(record("b1"));
    state.save(record("free"));
    await state.flush();
    assertEquals([lost.isLost(), kept.isLost()], [true, false]);
    await using other = await openState(url, testHost());
    const records = await other.allRecords();
    assertEquals([...records.keys()].sort(), ["a1", "b1", "free"]);
    assertEquals(records.get("a1")?.failures, 0);
    assertEquals((await other.members(["a2"])).size, 0);
  },
);
