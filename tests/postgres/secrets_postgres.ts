// No secret is stored: a dump of the database after runs that use some.

import { assertEquals, assertStringIncludes } from "@std/assert";
import { main } from "../../lib/cli/main.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { testHost } from "../helpers/host.ts";
import { origin } from "../helpers/origin.ts";
import { sharedPostgres } from "../helpers/postgres.ts";

const { ignore, server } = sharedPostgres();

const SECRETS = {
  DB_PASSWORD: "hidden-database-password",
  TOKEN: "hidden-query-token",
  BASIC: "hidden-basic-password",
  BEARER: "hidden-bearer-token",
  HOOK: "hidden-hook-token",
} as const;

Deno.test(
  { name: "postgres: a dump after runs with secrets contains none of them", ignore },
  async () => {
    await using folder = await temporaryFolder();
    await using files = origin({ "/a.csv": "a;b\n", "/b.csv": "c;d\n" });
    const { hostname, port } = new URL(files.origin);
    const database = await server().makeDatabase();
    const config = {
      state: server().url(database).replace("cronfetch@", "cronfetch:${env:DB_PASSWORD}@"),
      tasks: [
        `${files.origin}/a.csv?token=${"${env:TOKEN}"}`,
        `http://user:${"${env:BASIC}"}@${hostname}:${port}/b.csv`,
        {
          id: "missing",
          url: `${files.origin}/missing.csv?token=${"${env:TOKEN}"}`,
          headers: { authorization: "Bearer ${env:BEARER}" },
        },
        {
          id: "hooked",
          url: `${files.origin}/a.csv?key=${"${env:TOKEN}"}`,
          to: "hooked.csv",
          onChange: [{ webhook: `${files.origin}/hook?token=${"${env:HOOK}"}` }],
        },
      ],
    };
    await Deno.writeTextFile(folder.file("cronfetch.json"), JSON.stringify(config));
    for (let run = 0; run < 2; run++) {
      const host = testHost({ cwd: folder.path, env: SECRETS });
      assertEquals(await main(["run"], host), 3, host.stderr.text);
    }
    const dump = await server().dump(database);
    // The dump has what the runs have stored.
    for (const stored of ["missing.csv", "hooked.csv", "404", "outbox"]) {
      assertStringIncludes(dump, stored);
    }
    for (const [name, secret] of Object.entries(SECRETS)) {
      for (
        const text of [secret, btoa(secret), btoa(`user:${secret}`), encodeURIComponent(secret)]
      ) {
        assertEquals(dump.includes(text.replace(/=+$/, "")), false, name);
      }
    }
  },
);
