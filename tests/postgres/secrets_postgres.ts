// No secret is stored: a dump of the database after runs that use some.

import { assertEquals, assertStringIncludes } from "@std/assert";
import { main } from "../../lib/cli/main.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { testHost } from "../helpers/host.ts";
import { origin } from "../helpers/origin.ts";
import { sharedPostgres } from "../helpers/postgres.ts";
import { CLIENT, tokenServer } from "../helpers/token_server.ts";

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
    assertWithout(dump, SECRETS);
  },
);

const S3_SECRETS = {
  AWS_ACCESS_KEY_ID: "HIDDENACCESSKEYID",
  AWS_SECRET_ACCESS_KEY: "hidden-secret/access+key",
  AWS_SESSION_TOKEN: "hidden-session-token==",
} as const;

Deno.test(
  { name: "postgres: a dump after runs with OAuth2 and keys of S3 contains none of them", ignore },
  async () => {
    await using folder = await temporaryFolder();
    await using tokens = tokenServer({ tls: null });
    await using api = origin({ "/a.csv": tokens.file("a;b\n") });
    await using bucket = refusingBucket();
    const database = await server().makeDatabase();
    const { clientId } = CLIENT;
    const base = {
      state: server().url(database),
      auth: {
        [api.origin]: {
          oauth2: { tokenUrl: tokens.tokenUrl, clientId, clientSecret: "${env:CLIENT_SECRET}" },
        },
      },
      tasks: [`${api.origin}/a.csv`, `${api.origin}/missing.csv`],
    };
    const env = {
      ...S3_SECRETS,
      AWS_REGION: "us-east-1",
      AWS_ENDPOINT_URL_S3: bucket.origin,
      CLIENT_SECRET: CLIENT.clientSecret,
    };
    for (const store of ["./files", "s3://files/mirror"]) {
      await Deno.writeTextFile(folder.file("cronfetch.json"), JSON.stringify({ ...base, store }));
      const host = testHost({ cwd: folder.path, env });
      assertEquals(await main(["run"], host), 3, host.stderr.text);
      assertWithout(host.stderr.text, S3_SECRETS);
    }
    assertEquals(tokens.tokens.length > 0 && bucket.hits() > 0, true);
    const dump = await server().dump(database);
    for (const stored of ["a.csv", "missing.csv", "store.denied"]) {
      assertStringIncludes(dump, stored);
    }
    const issued = Object.fromEntries(tokens.tokens.map((token) => [token, token]));
    assertWithout(dump, { ...S3_SECRETS, ...issued, clientSecret: CLIENT.clientSecret });
  },
);

/** Asserts that a text has no secret, in any usual encoding. */
function assertWithout(text: string, secrets: Readonly<Record<string, string>>): void {
  for (const [name, secret] of Object.entries(secrets)) {
    const forms = [secret, btoa(secret), btoa(`user:${secret}`), encodeURIComponent(secret)];
    for (const form of forms) assertEquals(text.includes(form.replace(/=+$/, "")), false, name);
  }
}

/** A bucket that refuses every request, and repeats what was sent in its error, as S3 does. */
function refusingBucket() {
  let hits = 0;
  const served = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    hits++;
    const sent = [...request.headers].map(([name, value]) => `${name}:${value}`).join("&#10;");
    return new Response(
      `<Error><Code>AccessDenied</Code><Message>Access Denied: ${sent}</Message></Error>`,
      { status: 403, headers: { "content-type": "application/xml" } },
    );
  });
  return {
    origin: `http://127.0.0.1:${served.addr.port}`,
    hits: () => hits,
    [Symbol.asyncDispose]: () => served.shutdown(),
  };
}
