import { assertEquals } from "@std/assert";
import {
  locationText,
  parseStateLocation,
  parseStoreLocation,
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

const STATES: readonly (readonly [text: string, location: StateLocation, normal?: string])[] = [
  ["kv:", { kind: "kv", path: null }],
  ["kv:a.db", { kind: "kv", path: "/here/a.db" }, "kv:/here/a.db"],
  ["file:./a.json", { kind: "file", path: "/here/a.json" }, "file:/here/a.json"],
  ["memory:", { kind: "memory" }],
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
  const kinds = 'must be "kv:" or "file:" with a path';
  const postgres = `${kinds}; this version has no state in Postgres`;
  for (
    const [text, problem] of [
      ["postgres://user:secret@host/db", postgres],
      ["postgresql://host/db", postgres],
      ["redis://user:secret@host/1", `${kinds}, or "memory:"`],
      ["kv:https://user:secret@host/db", `${kinds}, or "memory:"`],
      ["memory:x", `${kinds}, or "memory:"`],
      ["file:", `${kinds}, or "memory:"`],
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
  assertEquals(stateFile({ kind: "memory" }), null);
});
