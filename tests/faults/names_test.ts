/** Rows 20, 21 and 46: files that are named by their servers. */

import { assertEquals, assertMatch } from "@std/assert";
import { origin } from "../helpers/origin.ts";
import type { OriginFile } from "../helpers/origin_file.ts";
import { storeTest } from "../helpers/place.ts";
import { rawServer } from "../helpers/raw_server.ts";
import { row, WHOLE, wholeResponse } from "./scenario.ts";
import { runsOver } from "./runs.ts";

/** A name in a header, and the key of the file. */
type Naming = readonly [what: string, disposition: string, key: string];

const NAMINGS: readonly Naming[] = [
  ["row 20: a name in Latin-1", 'filename="\xe4rger.csv"', "in/ärger.csv"],
  ["row 20: a name in UTF-8, unasked", 'filename="\xc3\xa4rger.csv"', "in/ärger.csv"],
  ["row 21: ../", 'filename="../../../escaped.csv"', "in/escaped.csv"],
  ["row 21: an absolute path", 'filename="/etc/passwd"', "in/passwd"],
  ["row 21: %2f", "filename*=UTF-8''..%2f..%2fescaped.csv", "in/escaped.csv"],
  ["row 21: backslashes", 'filename="..\\\\..\\\\escaped.csv"', "in/escaped.csv"],
  ["row 21: a device", 'filename="CON"', "in/CON_"],
  ["row 21: a hidden file", 'filename=".profile"', "in/profile"],
  ["row 21: a draft's name", 'filename=".cronfetch-a.part"', "in/cronfetch-a.part"],
  ["row 21: dots alone", 'filename=".."', "in/file.bin"],
  ["row 21: no name at all", "size=5", "in/file.bin"],
  [
    "row 21: 300 bytes",
    `filename="${"a".repeat(300)}.csv"`,
    `in/${"a".repeat(196)}.csv`,
  ],
];

for (const [what, disposition, key] of NAMINGS) {
  storeTest(`${what} names a file in its folder only`, async () => {
    await using server = await rawServer(async (connection) => {
      await connection.readRequest();
      await connection.send(wholeResponse(`Content-Disposition: attachment; ${disposition}`));
    });
    await using runs = await runsOver();
    const task = { url: `${server.origin}/file.bin`, to: "in/{name}" };
    const created = await runs.result(task);
    assertEquals([created.status, created.key], ["created", key], created.message);
    const again = await runs.result(task);
    assertEquals([again.status, again.key], ["unchanged", key]);
    assertEquals(await runs.tree(), { [key]: WHOLE });
  });
}

storeTest("row 21: a NUL in a name is replaced", async () => {
  await using server = await rawServer(async (connection) => {
    await connection.readRequest();
    await connection.send(
      wholeResponse("Content-Disposition: attachment; filename*=UTF-8''a%00b.csv"),
    );
  });
  await using runs = await runsOver();
  const { status, key } = await runs.result({ url: `${server.origin}/file.bin`, to: "in/{name}" });
  assertEquals(status, "created");
  assertMatch(key, /^in\/[^/\0]+$/);
  assertEquals(await runs.tree(), { [key]: WHOLE });
});

function named(name: string, body = WHOLE): OriginFile {
  return {
    body,
    etag: '"1"',
    headers: { "content-disposition": `attachment; filename="${name}"` },
  };
}

storeTest(
  "a file named by its server sends its validators, and may be renamed",
  async () => {
    await using server = origin({ "/file.bin": named("one.csv") });
    await using runs = await runsOver();
    const task = { url: `${server.origin}/file.bin`, to: "in/{name}" };
    const seen = async (): Promise<unknown[]> => {
      const { status, key, bytes } = await runs.result(task);
      return [status, key, bytes];
    };
    assertEquals(await seen(), ["created", "in/one.csv", WHOLE.length]);
    assertEquals(await seen(), ["unchanged", "in/one.csv", 0]);
    server.route("/file.bin", { ...named("two.csv"), etag: '"2"' });
    assertEquals(await seen(), ["created", "in/two.csv", WHOLE.length]);
    assertEquals(await seen(), ["unchanged", "in/two.csv", 0]);
    assertEquals(await runs.tree(), { "in/one.csv": WHOLE, "in/two.csv": WHOLE });
  },
);

for (const [what, second] of [["one name", "same.csv"], ["names alike", "SAME.csv"]] as const) {
  storeTest(
    `row 21: of two tasks given ${what} by their servers, the first keeps its file`,
    async () => {
      await using server = origin({
        "/a": named("same.csv", "the first\n"),
        "/b": named(second, "the second\n"),
        "/c": "the third\n",
      });
      await using runs = await runsOver({ config: { limits: { concurrency: 1 } } });
      const { results } = await runs.run([
        { id: "a", url: `${server.origin}/a`, to: "in/{name}" },
        { id: "b", url: `${server.origin}/b`, to: "in/{name}" },
        { id: "c", url: `${server.origin}/c` },
      ]);
      assertEquals(results.map(({ task, status, code }) => [task, status, code ?? null]), [
        ["a", "created", null],
        ["b", "failed", "store.conflict"],
        ["c", "created", null],
      ]);
      assertEquals(await runs.tree(), { "in/same.csv": "the first\n", "c": "the third\n" });
    },
  );
}

storeTest("row 21: a name belongs to its task while the file is unchanged", async () => {
  await using server = origin({ "/a": named("same.csv", "the first\n"), "/b": 404 });
  await using runs = await runsOver({ config: { limits: { concurrency: 1 } } });
  const tasks = [
    { id: "a", url: `${server.origin}/a`, to: "in/{name}" },
    { id: "b", url: `${server.origin}/b`, to: "in/{name}" },
  ];
  await runs.run(tasks);
  server.route("/b", named("same.csv", "the second\n"));
  const { results } = await runs.run(tasks);
  assertEquals(results.map(({ status, code }) => [status, code ?? null]), [
    ["unchanged", null],
    ["failed", "store.conflict"],
  ]);
  assertEquals(await runs.tree(), { "in/same.csv": "the first\n" });
});

storeTest("row 21: a server cannot use the name of another task's file", async () => {
  await using server = origin({ "/a": named("mine.csv"), "/b": "the config's own\n" });
  await using runs = await runsOver({ config: { limits: { concurrency: 1 } } });
  const { results } = await runs.run([
    { id: "a", url: `${server.origin}/a`, to: "in/{name}" },
    { id: "b", url: `${server.origin}/b`, to: "in/mine.csv" },
  ]);
  assertEquals(results.map(({ status, code }) => [status, code ?? null]), [
    ["failed", "store.conflict"],
    ["created", null],
  ]);
  assertEquals(await runs.tree(), { "in/mine.csv": "the config's own\n" });
});

storeTest(
  "row 46: the last URL of a redirect chain names the file only with {name}",
  async () => {
    await using server = origin({
      "/file.bin": { redirect: "/v2/last.csv" },
      "/v2/last.csv": WHOLE,
    });
    await using runs = await runsOver();
    const url = `${server.origin}/file.bin`;
    assertEquals((await runs.result({ url, to: "in/{name}" })).key, "in/last.csv");
    assertEquals((await runs.result({ url, to: "in/" })).key, "in/file.bin");
    assertEquals((await runs.result({ url })).key, "file.bin");
  },
);

row("row 46: a redirect to a dangerous name has no effect without {name}", {
  stage: (stack) => {
    const server = stack.use(origin({
      "/file.bin": { redirect: "/..%2f..%2fevil.sh" },
      "/..%2f..%2fevil.sh": named("evil.sh"),
    }));
    return Promise.resolve({ url: `${server.origin}/file.bin` });
  },
  expected: { status: "published", attempts: [null], httpStatus: 200 },
});
