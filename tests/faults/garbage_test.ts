/** Rows 116, 117, 118 and 119: error pages instead of files, and files under wrong headers. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { BINARY_FILES, FILE_NAMES, GARBAGE, latin1 } from "../content/corpus.ts";
import { shown } from "../helpers/folder.ts";
import { testHost } from "../helpers/host.ts";
import { origin } from "../helpers/origin.ts";
import type { Route } from "../helpers/origin.ts";
import { hostAt, place, storeTest } from "../helpers/place.ts";
import { run } from "../helpers/library.ts";
import { replying, response, row } from "./scenario.ts";

const DIV = '<div class="alert">Session expired</div>';

/** A complete response of this body; its type only if there is one. */
function answer(body: string, contentType: string | null): string {
  const type = contentType === null ? [] : [`Content-Type: ${contentType}`];
  return response([...type, `Content-Length: ${body.length}`, "Connection: close"], body);
}

const REFUSED: readonly (readonly [
  row: number,
  key: string,
  body: string,
  contentType: string | null,
  found: string,
])[] = [
  [116, "file.zip", DIV, "text/html", "found HTML"],
  [116, "file.xlsx", "Not found", "application/octet-stream", "found text"],
  [116, "file.pdf", '{"error":"x"}', "application/pdf", "found a JSON error object"],
  [116, "file.parquet", "\x1f\x8b\x08\0\0", null, "found gzip"],
  [117, "file.csv", DIV, "text/csv", "found HTML"],
  [117, "file.json", '{"message":"API rate limit exceeded"}', null, "found a JSON error object"],
  [117, "file.xml", "<Error><Code>SlowDown</Code></Error>", null, "document (SlowDown)"],
  [117, "file.geojson", "version https://git-lfs.github.com/spec/v1\n", null, "Git LFS pointer"],
  [118, "file.csv", "a,b\n1,2\n", "text/html; charset=utf-8", "the Content-Type is text/html"],
  [118, "file.txt", "Session expired", "TEXT/HTML", "the Content-Type is text/html"],
];

for (const [number, key, body, contentType, found] of REFUSED) {
  row(`row ${number}: ${key}, ${found}, is refused and the old file kept`, {
    stage: replying(answer(body, contentType), {
      path: `/${key}`,
      check: ({ result }, server) => {
        assertEquals(server.requests.length, 1);
        assertStringIncludes(result.message ?? "", found);
      },
    }),
    key,
    expected: { status: "failed", attempts: ["expect.type"] },
  });
}

const XLSX = "PK\x03\x04\x14\0\0\0\0\0\0\0\x21\x50";

for (const contentType of ["text/html", "text/plain", "application/vnd.ms-excel", null]) {
  row(`row 119: a ZIP under the header ${contentType} is published, as expected or by its name`, {
    stage: replying(answer(XLSX, contentType), { path: "/file.xlsx" }),
    key: "file.xlsx",
    complete: latin1(XLSX),
    task: contentType === "text/html" ? {} : { expect: { type: "application/zip" } },
    expected: { status: "published", attempts: [null] },
  });
}

row("sniff: false publishes content that contradicts its name", {
  stage: replying(answer(DIV, "text/html"), { path: "/file.zip" }),
  key: "file.zip",
  complete: DIV,
  task: { expect: { sniff: false } },
  expected: { status: "published", attempts: [null] },
});

storeTest("rows 116 and 117: garbage replaces none of 40 files", async () => {
  await using store = await place();
  // Every fifth body, so that each kind is served under several names.
  const served = FILE_NAMES.map((key, index) => [key, GARBAGE[index * 5] ?? DIV] as const);
  await using server = origin(
    Object.fromEntries(served.map(([key, body]): [string, Route] => [`/${key}`, body])),
  );
  for (const key of FILE_NAMES) await store.write(key, `the good ${key}`);
  const before = await store.tree();
  const { results } = await run({
    store: store.location,
    state: "memory:",
    tasks: FILE_NAMES.map((key) => `${server.origin}/${key}`),
  }, { host: hostAt(store, testHost()) });
  assertEquals(
    results.filter(({ code }) => code !== "expect.type").map(({ key }) => key),
    [],
  );
  assertEquals(results.length, FILE_NAMES.length);
  assertEquals(await store.tree(), before);
});

storeTest("row 119: genuine files under text/html are published", async () => {
  await using store = await place();
  await using server = origin(
    Object.fromEntries(
      BINARY_FILES.map(([key, content]): [string, Route] => [
        `/${key}`,
        () => new Response(latin1(content), { headers: { "content-type": "text/html" } }),
      ]),
    ),
  );
  const { results } = await run({
    store: store.location,
    state: "memory:",
    tasks: BINARY_FILES.map(([key]) => `${server.origin}/${key}`),
  }, { host: hostAt(store, testHost()) });
  assertEquals(
    results.filter(({ status }) => status !== "created").map(({ key, message }) => [key, message]),
    [],
  );
  const files = await store.tree();
  for (const [key, content] of BINARY_FILES) {
    assertEquals(files[key], await shown(latin1(content)), key);
  }
});
