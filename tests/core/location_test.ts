import { assertEquals } from "@std/assert";
import {
  locationText,
  parseStateLocation,
  parseStoreLocation,
  type PostgresLocation,
  stateFile,
  type StateLocation,
  type StoreLocation,
} from "../../lib/core/location.ts";

const bucket = { kind: "s3", bucket: "b.c", prefix: "", endpoint: null, region: null } as const;

const STORES: readonly (readonly [text: string, location: StoreLocation, normal?: string])[] = [
  ["files", { kind: "folder", path: "/here/files" }, "/here/files"],
  ["../files", { kind: "folder", path: "/files" }, "/files"],
  ["/abs", { kind: "folder", path: "/abs" }],
  ["memory:", { kind: "memory" }],
  ["s3://b.c", bucket],
  ["s3://b.c/a/b/", { ...bucket, prefix: "a/b" }, "s3://b.c/a/b"],
  ["s3://b.c/a%2Fb", { ...bucket, prefix: "a%2Fb" }],
  ["s3://b.c?region=r", { ...bucket, region: "r" }],
  [
    "s3://b.c/a?endpoint=http://h:1&region=r",
    { ...bucket, prefix: "a", endpoint: "http://h:1", region: "r" },
  ],
];

Deno.test("parseStoreLocation and locationText: a location and its text", () => {
  for (const [text, location, normal = text] of STORES) {
    assertEquals(parseStoreLocation(text, "/here").value, location, text);
    assertEquals(locationText(location), normal);
  }
});

const postgres: PostgresLocation = {
  kind: "postgres",
  ...{ host: null, port: null, user: null, password: null, database: null },
  ...{ schema: "cronfetch", sslmode: null, sslrootcert: null },
};

const STATES: readonly (readonly [text: string, location: StateLocation, normal?: string])[] = [
  ["kv:", { kind: "kv", path: null }],
  ["kv:a.db", { kind: "kv", path: "/here/a.db" }, "kv:/here/a.db"],
  ["file:./a.json", { kind: "file", path: "/here/a.json" }, "file:/here/a.json"],
  ["memory:", { kind: "memory" }],
  ["postgres:", postgres],
  ["postgresql://", postgres, "postgres:"],
  ["postgres:?schema=team_a", { ...postgres, schema: "team_a" }],
  ["postgres://db.example/state", { ...postgres, host: "db.example", database: "state" }],
  [
    "postgres://a%40b:p%40%2Fw@db.example:5433/a%20b?sslmode=verify-ca&sslrootcert=ca.pem",
    {
      ...{ ...postgres, host: "db.example", port: 5433, user: "a@b", password: "p@/w" },
      ...{ database: "a b", sslmode: "verify-ca", sslrootcert: "/here/ca.pem" },
    },
    "postgres://a%40b@db.example:5433/a%20b?sslmode=verify-ca&sslrootcert=/here/ca.pem",
  ],
  ["postgres://[::1]:1/d", { ...postgres, host: "::1", port: 1, database: "d" }],
  [
    "postgres:///d?host=/run/postgresql&sslrootcert=system&connect_timeout=5",
    { ...postgres, host: "/run/postgresql", database: "d", sslrootcert: "system" },
    "postgres:///d?host=/run/postgresql&sslrootcert=system",
  ],
];

Deno.test("parseStateLocation and locationText: a location and its text", () => {
  for (const [text, location, normal = text] of STATES) {
    assertEquals(parseStateLocation(text, "/here").value, location, text);
    assertEquals(locationText(location), normal);
  }
});

Deno.test("parseStoreLocation: a problem contains nothing of the text", () => {
  for (
    const text of [
      "memory:secret",
      "ftp://user:secret@example.org/",
      "https://example.org/?token=secret",
      "s3://key:secret@bucket",
      "s3://bucket?AWS_SECRET_ACCESS_KEY=secret",
      "s3://bucket?endpoint=http://u:secret@h",
      "secret\0",
    ]
  ) {
    const { problem } = parseStoreLocation(text, "/");
    assertEquals(problem?.includes("secret"), false, text);
  }
});

Deno.test("parseStateLocation: a URL is rejected, and not part of the problem", () => {
  const kinds = 'must be "kv:" or "file:" with a path, "postgres://…", or "memory:"';
  const form = 'must be "postgres://user@host:port/database"; special characters of a password ' +
    "are percent-encoded, or it is in PGPASSWORD";
  const oneHost = "must have one host";
  const names = 'must have a name of a-z, 0-9 and "_" as "schema"';
  for (
    const [text, problem] of [
      ["redis://user:secret@host/1", kinds],
      ["kv:https://user:secret@host/db", kinds],
      ["memory:x", kinds],
      ["file:", kinds],
      ["postgres:secret", form],
      ["postgres:/secret", form],
      ["postgres://user:se/cret@host/db", form],
      ["postgres://user:%ff@host/db", form],
      ["postgres://host/db#secret", form],
      ["postgres://a,b/db", oneHost],
      ["postgres://host/db?host=/run/postgresql", oneHost],
      ["postgres:///db?host=secret", 'must have the folder of a socket as "host"'],
      ["postgres://host/db?schema=Secret", names],
      ["postgres://host/db?schema=pg_secret", names],
      ["postgres://host/db?schema=a%22secret", names],
      [
        "postgres://host/db?sslmode=prefer",
        'must have "verify-full", "verify-ca", "require" or "disable" as "sslmode"; all but ' +
        '"disable" verify the certificate',
      ],
      [
        "postgres://host/db?password=secret",
        'may only have "host", "schema", "sslmode" and "sslrootcert" behind "?"',
      ],
    ] as const
  ) {
    assertEquals(parseStateLocation(text, "/"), { problem, guess: null }, text);
  }
});

Deno.test("parseStateLocation: a path without a scheme is guessed", () => {
  assertEquals(parseStateLocation("state.json", "/").guess, "file:state.json");
  assertEquals(parseStateLocation("state.db", "/").guess, "kv:state.db");
});

Deno.test("stateFile: the path of the file of a state, or null", () => {
  assertEquals(stateFile({ kind: "file", path: "/a/state.json" }), "/a/state.json");
  assertEquals(stateFile({ kind: "kv", path: "/a/state.db" }), "/a/state.db");
  assertEquals(stateFile({ kind: "kv", path: null }), null);
  assertEquals(stateFile(postgres), null);
  assertEquals(stateFile({ kind: "memory" }), null);
});
