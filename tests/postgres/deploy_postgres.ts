// main.ts as Deno Deploy runs it, with its state in the attached Postgres.

import { assertEquals, assertStringIncludes } from "@std/assert";
import { deployApp, until } from "../helpers/deploy_instance.ts";
import { origin } from "../helpers/origin.ts";
import { sharedPostgres } from "../helpers/postgres.ts";

const { ignore, server } = sharedPostgres();

/** The variables that Deno Deploy sets for an attached database, by the name of the one that is read. */
const VARIABLES: Readonly<Record<string, (url: URL) => Readonly<Record<string, string>>>> = {
  "DATABASE_URL": (url) => ({ DATABASE_URL: url.href }),
  "PG*": (url) => ({
    PGHOST: url.hostname,
    PGPORT: url.port,
    PGUSER: url.username,
    PGDATABASE: url.pathname.slice(1),
  }),
};

for (const [name, variables] of Object.entries(VARIABLES)) {
  Deno.test({ name: `deploy: "postgres:" reads ${name}`, ignore }, async () => {
    const database = await server().makeDatabase();
    await using source = origin({ "/a.txt": "a\n" });
    await using app = await deployApp({
      config: { store: "memory:", state: "postgres:", tasks: [`${source.origin}/a.txt`] },
      env: variables(new URL(server().url(database))),
    });
    await using first = await app.start();
    await until(() => /^1 created; /m.test(first.log()), first.log);
    const { runs } = await (await first.ask("/api/runs")).json();
    assertEquals(runs.length, 1);
    assertEquals((await first.end("SIGINT")).code, 130);
    const known = "SELECT task, health FROM cronfetch.records";
    assertEquals(await server().sql(database, known), "a.txt|healthy\n");

    // Another instance shows the state of the first, and finds nothing due.
    await using second = await app.start();
    assertEquals(await (await second.ask("/api/runs")).json(), { runs });
    assertStringIncludes(await (await second.ask("/")).text(), "a.txt");
    assertEquals(source.hits(), 1);
  });
}
