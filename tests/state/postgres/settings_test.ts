import { assertEquals, assertRejects } from "@std/assert";
import { CronfetchError } from "../../../lib/core/errors.ts";
import { postgresAccess, postgresSettings } from "../../../lib/state/postgres/settings.ts";
import { testHost } from "../../helpers/host.ts";
import { postgresLocation } from "../../helpers/postgres.ts";
import { AUTHORITY, AUTHORITY_FILE } from "../../helpers/transport.ts";

type Env = Readonly<Record<string, string>>;

async function settingsOf(place: string, env: Env = {}) {
  const { ssl, ...settings } = await postgresSettings(postgresLocation(place), testHost({ env }));
  return { ...settings, ssl: ssl && { ...ssl, checkServerIdentity: ssl.checkServerIdentity?.() } };
}

const VERIFIED = { rejectUnauthorized: true, checkServerIdentity: undefined } as const;
const DEFAULTS = {
  ...{ host: "localhost", port: 5432, user: "postgres", password: "", database: "postgres" },
  ...{ schema: "cronfetch", ssl: false },
} as const;

Deno.test("postgresSettings: the location, then the environment, then defaults", async () => {
  const env = {
    ...{ PGHOST: "e.example", PGPORT: "6000", PGUSER: "eve", PGPASSWORD: "pw", PGDATABASE: "ed" },
  };
  const table: [place: string, env: Env, expected: object][] = [
    ["postgres:", {}, { location: "postgres://postgres@localhost" }],
    ["postgres://u:p@127.0.0.1:1/d", env, {
      ...{ host: "127.0.0.1", port: 1, user: "u", password: "p", database: "d" },
      location: "postgres://u@127.0.0.1:1/d",
    }],
    ["postgres://127.0.0.1", env, {
      ...{ host: "127.0.0.1", port: 6000, user: "eve", password: "pw", database: "ed" },
      location: "postgres://eve@127.0.0.1:6000/ed",
    }],
    ["postgres:", { ...env, DATABASE_URL: "postgres://v:q@localhost/x?schema=public" }, {
      ...{ port: 6000, user: "v", password: "q", database: "x" },
      location: "postgres://v@localhost:6000/x",
    }],
    ["postgres:?schema=b", { DATABASE_URL: "postgresql://v@localhost/x" }, {
      ...{ user: "v", database: "x", schema: "b", location: "postgres://v@localhost/x?schema=b" },
    }],
    ["postgres://localhost/y", { DATABASE_URL: "postgres://v@h/x" }, {
      ...{ database: "y", location: "postgres://postgres@localhost/y" },
    }],
    ["postgres:///d?host=/run/postgresql", { PGUSER: "", PGSSLMODE: "verify-full" }, {
      ...{ host: "/run/postgresql", database: "d" },
      location: "postgres://postgres@/d?host=/run/postgresql",
    }],
  ];
  for (const [place, env, expected] of table) {
    assertEquals(await settingsOf(place, env), { ...DEFAULTS, ...expected } as object, place);
  }
});

Deno.test("postgresSettings: TLS is verified, except on this machine or if it is disabled", async () => {
  const table: [place: string, env: Env, ssl: object | false][] = [
    ["postgres://db.example", {}, VERIFIED],
    ["postgres://db.example?sslmode=require", {}, VERIFIED],
    ["postgres://db.example?sslmode=verify-ca", {}, VERIFIED],
    ["postgres://db.example?sslmode=disable", {}, false],
    ["postgres://db.example", { PGSSLMODE: "disable" }, false],
    ["postgres://db.example?sslmode=verify-full", { PGSSLMODE: "disable" }, VERIFIED],
    ["postgres://192.168.0.1", {}, VERIFIED],
    ["postgres://localhost.example", {}, VERIFIED],
    ["postgres://127.9.9.9", {}, false],
    ["postgres://[::1]", {}, false],
    ["postgres://localhost?sslmode=require", {}, VERIFIED],
    ["postgres://db.example?sslrootcert=system", {}, VERIFIED],
    [`postgres://db.example?sslrootcert=${AUTHORITY_FILE}`, {}, { ...VERIFIED, ca: AUTHORITY }],
    ["postgres://db.example", { PGSSLROOTCERT: AUTHORITY_FILE }, { ...VERIFIED, ca: AUTHORITY }],
  ];
  for (const [place, env, ssl] of table) {
    assertEquals((await settingsOf(place, env)).ssl, ssl, place);
  }
  const host = testHost();
  const { ssl } = await postgresSettings(postgresLocation("postgres://h?sslmode=verify-ca"), host);
  assertEquals(ssl && typeof ssl.checkServerIdentity, "function");
});

Deno.test("postgresSettings: a wrong variable or file is named, without its value", async () => {
  const table: [place: string, env: Env, message: RegExp][] = [
    [
      "postgres:",
      { DATABASE_URL: "mysql://u:secret@h/d" },
      /^reading DATABASE_URL: it must be "post/,
    ],
    ["postgres:", { PGPORT: "secret" }, /^reading PGPORT: it must be a port from 1 to 65535$/],
    ["postgres://h", { PGSSLMODE: "prefer" }, /^reading PGSSLMODE: it must have "verify-full"/],
    [
      "postgres://h?sslrootcert=/none.pem",
      {},
      /^reading the sslrootcert \/none.pem: the file is mi/,
    ],
    ["postgres://h?sslrootcert=/etc/passwd", {}, /: it holds no certificate in PEM$/],
  ];
  for (const [place, env, message] of table) {
    const error = await assertRejects(() => settingsOf(place, env), CronfetchError);
    assertEquals(error.code, "config.invalid");
    assertEquals(message.test(error.message), true, error.message);
    assertEquals(error.message.includes("secret"), false);
  }
});

Deno.test("postgresAccess: the server and the certificates that doctor grants", () => {
  const table: [place: string, env: Env, servers: string[], files: string[]][] = [
    ["postgres://db.example", {}, ["db.example:5432"], []],
    ["postgres:", { PGHOST: "e.example", PGPORT: "1" }, ["e.example:1"], []],
    ["postgres:", { DATABASE_URL: "postgres://f.example:2/d" }, ["f.example:2"], []],
    ["postgres://[::1]?sslrootcert=ca.pem", {}, ["[::1]:5432"], ["/ca.pem"]],
    ["postgres:///d?host=/run/postgresql", {}, [], []],
  ];
  for (const [place, env, servers, files] of table) {
    const access = postgresAccess(postgresLocation(place), testHost({ env }));
    assertEquals([access.servers, access.files], [servers, files], place);
    assertEquals(access.variables.includes("PGPASSWORD"), true);
  }
});
