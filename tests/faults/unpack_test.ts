/** Row 243: archives, whose members are published. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { gzipSync, zstdCompressSync } from "node:zlib";
import type { TaskInput } from "../../lib/mod.ts";
import { type Bytes, bytesOf, pax, tar, zip } from "../helpers/archives.ts";
import { origin } from "../helpers/origin.ts";
import { folderTest, storeTest } from "../helpers/place.ts";
import { type Runs, runsOver } from "./runs.ts";

const gzip = (bytes: Bytes): Bytes => new Uint8Array(gzipSync(bytes));
const zstd = (bytes: Bytes): Bytes => new Uint8Array(zstdCompressSync(bytes));

const FEED = [
  { name: "feed/stops.txt", body: "a\n" },
  { name: "feed/deep/routes.txt", body: "b\n" },
  { name: "feed/empty.txt", body: "" },
] as const;

/** Status or code of a run, and the counts of members. */
async function brief(runs: Runs, task: TaskInput): Promise<unknown[]> {
  const { status, code, members } = await runs.result({ retry: { attempts: 1 }, ...task });
  const counts = members && [members.created, members.updated, members.unchanged];
  return [code ?? status, ...(counts ?? [])];
}

/** The tree without the archive itself. */
async function membersOf(runs: Runs, archive: string): Promise<Record<string, string>> {
  const { [archive]: _, ...members } = await runs.tree();
  return members;
}

const FORMATS: readonly (readonly [name: string, bytes: Bytes, folder: string])[] = [
  ["a.zip", zip(FEED), "a"],
  ["a.tar", tar(FEED), "a"],
  ["a.tar.gz", gzip(tar(FEED)), "a"],
  ["a.tgz", gzip(tar(FEED)), "a"],
  ["a.tar.zst", zstd(tar(FEED)), "a"],
  ["a.docx", zip(FEED), "a"],
  ["a", zip(FEED), "a.unpacked"],
  ["x/a.zip", zip(FEED), "x/a"],
];

for (const [name, bytes, folder] of FORMATS) {
  storeTest(`row 243: ${name} is unpacked by its content`, async () => {
    await using server = origin({ "/a": bytes });
    await using runs = await runsOver();
    const task = { url: `${server.origin}/a`, to: name, unpack: true } as const;
    assertEquals(await brief(runs, task), ["created", 3, 0, 0]);
    assertEquals(await membersOf(runs, name), {
      [`${folder}/feed/deep/routes.txt`]: "b\n",
      [`${folder}/feed/empty.txt`]: "",
      [`${folder}/feed/stops.txt`]: "a\n",
    });
  });
}

for (const [name, pack] of [["rates.csv.gz", gzip], ["rates.csv.zst", zstd]] as const) {
  storeTest(`row 243: ${name} is one file`, async () => {
    await using server = origin({ "/a": pack(bytesOf("a,b\n")) });
    await using runs = await runsOver();
    const task = { url: `${server.origin}/a`, to: `d/${name}`, unpack: true } as const;
    assertEquals(await brief(runs, task), ["created", 1, 0, 0]);
    assertEquals(await membersOf(runs, `d/${name}`), { "d/rates.csv": "a,b\n" });
    assertEquals(await brief(runs, { ...task, unpack: { to: "e" } }), ["updated", 1, 0, 0]);
    assertEquals(Object.keys(await membersOf(runs, `d/${name}`)), ["d/rates.csv", "e/rates.csv"]);
  });
}

for (const state of ["file", "kv", "memory"] as const) {
  storeTest(`row 243: only members that changed are written; others stay (${state})`, async () => {
    await using server = origin({});
    await using runs = await runsOver({ state });
    const task: TaskInput = { url: `${server.origin}/a`, to: "a.zip", keep: 2, unpack: true };
    server.route("/a", { body: zip(FEED), etag: '"1"' });
    assertEquals(await brief(runs, task), ["created", 3, 0, 0]);
    assertEquals(await brief(runs, task), ["unchanged"]);
    assertEquals(server.log.at(-1)?.headers.get("if-none-match"), '"1"');
    const mark = await runs.store.mark("a/feed/stops.txt");
    const next = [FEED[0], { ...FEED[1], body: "B\n" }, { name: "feed/new.txt", body: "n\n" }];
    server.route("/a", { body: zip(next), etag: '"2"' });
    assertEquals(await brief(runs, task), ["updated", 1, 1, 1]);
    assertEquals(await runs.store.mark("a/feed/stops.txt"), mark);
    const { "a.zip": _, ...files } = await runs.tree();
    // The member that the archive lacks stays, and the older archive is a version.
    assertEquals(Object.keys(files).sort().map((key) => key.replace(/\d{8}T\d+Z/, "TIME")), [
      "a.TIME.zip",
      "a/feed/deep/routes.txt",
      "a/feed/empty.txt",
      "a/feed/new.txt",
      "a/feed/stops.txt",
    ]);
    assertEquals(files["a/feed/deep/routes.txt"], "B\n");
    await runs.store.remove("a/feed/empty.txt");
    assertEquals(await brief(runs, task), ["unchanged"]);
  });
}

storeTest("row 243: a member that is missing or edited is restored", async () => {
  await using server = origin({});
  await using runs = await runsOver();
  server.route("/a", { body: zip(FEED), etag: '"1"' });
  const task: TaskInput = { url: `${server.origin}/a`, to: "a.zip", unpack: true };
  await brief(runs, task);
  await runs.store.remove("a/feed/stops.txt");
  await runs.store.write("a/feed/deep/routes.txt", "X\n");
  assertEquals(await brief(runs, task), ["updated", 1, 1, 1]);
  assertEquals(await membersOf(runs, "a.zip"), {
    "a/feed/deep/routes.txt": "b\n",
    "a/feed/empty.txt": "",
    "a/feed/stops.txt": "a\n",
  });
  assertEquals(await brief(runs, task), ["unchanged"]);
  await runs.store.touch("a/feed/stops.txt");
  assertEquals(await brief(runs, task), ["unchanged"]);
});

storeTest("row 243: include, strip and to; other options unpack again", async () => {
  await using server = origin({});
  await using runs = await runsOver();
  server.route("/a", { body: zip(FEED), etag: '"1"' });
  const task = { url: `${server.origin}/a`, to: "a.zip" };
  const unpack = { include: ["feed/*.txt"], strip: 1, to: "rates/" };
  assertEquals(await brief(runs, { ...task, unpack }), ["created", 2, 0, 0]);
  assertEquals(await membersOf(runs, "a.zip"), { "rates/empty.txt": "", "rates/stops.txt": "a\n" });
  const more = { include: ["**/stops.txt", "feed/deep/?outes.*"], strip: 1, to: "./" };
  assertEquals(await brief(runs, { ...task, unpack: more }), ["updated", 2, 0, 0]);
  assertEquals(Object.keys(await membersOf(runs, "a.zip")), [
    "deep/routes.txt",
    "rates/empty.txt",
    "rates/stops.txt",
    "stops.txt",
  ]);
  assertEquals(await brief(runs, { ...task, unpack: { include: ["*.txt"] } }), ["content.unpack"]);
});

storeTest("row 243: without the archive, its record and its members are kept", async () => {
  await using server = origin({});
  await using runs = await runsOver();
  server.route("/a", { body: gzip(tar(FEED)), etag: '"1"' });
  const task: TaskInput = { url: `${server.origin}/a`, to: "a.pack", unpack: { archive: false } };
  assertEquals(await brief(runs, task), ["created", 3, 0, 0]);
  assertEquals(Object.keys(await runs.tree()).length, 3);
  assertEquals(await brief(runs, task), ["unchanged"]);
  assertEquals(server.log.at(-1)?.headers.get("if-none-match"), '"1"');
  await runs.store.remove("a/feed/stops.txt");
  assertEquals(await brief(runs, task), ["updated", 1, 0, 2]);
  // Other bytes with the same members.
  server.route("/a", { body: zip(FEED), etag: '"2"' });
  assertEquals(await brief(runs, task), ["unchanged", 0, 0, 3]);
  assertEquals(await brief(runs, task), ["unchanged"]);
  assertEquals(await brief(runs, { ...task, unpack: true }), ["created", 0, 0, 3]);
  assertEquals(Object.keys(await runs.tree()).length, 4);
});

storeTest("row 243: files of others are not replaced, and nothing is published", async () => {
  await using server = origin({ "/a": zip(FEED), "/b": "b" });
  await using runs = await runsOver();
  const task: TaskInput = { url: `${server.origin}/a`, to: "a.zip", unpack: true };
  await runs.store.write("a/feed/stops.txt", "a\n");
  const foreign = await runs.result(task);
  assertEquals(foreign.code, "store.conflict");
  assertStringIncludes(foreign.message ?? "", '"a/feed/stops.txt"');
  assertEquals(await runs.tree(), { "a/feed/stops.txt": "a\n" });
  await runs.store.remove("a/feed/stops.txt");
  const other = { url: `${server.origin}/b`, to: "a/feed/deep/routes.txt" };
  const { results } = await runs.run([task, other]);
  assertEquals(results.map(({ key, status }) => [key, status]).sort(), [
    ["a.zip", "failed"],
    ["a/feed/deep/routes.txt", "created"],
  ]);
  assertEquals(await runs.tree(), { "a/feed/deep/routes.txt": "b" });
});

storeTest("row 243: two archives with members of the same names", async () => {
  await using server = origin({ "/a": zip(FEED), "/b": zip(FEED) });
  await using runs = await runsOver();
  const unpack = { to: "all" };
  const { results } = await runs.run(["a", "b"].map((name) => {
    return { url: `${server.origin}/${name}`, to: `${name}.zip`, unpack };
  }));
  assertEquals(results.map(({ status, code }) => code ?? status).sort(), [
    "created",
    "store.conflict",
  ]);
});

storeTest("row 243: names keep their letters, and lose what some system refuses", async () => {
  const names = ["ünï.txt", "a:b?.txt", "con", "x\\y.txt", "./z/./q.txt", ".hidden", "dot. "];
  const members = names.map((name) => ({ name, body: name }));
  await using server = origin({ "/a": zip(members), "/b": tar(members) });
  await using runs = await runsOver();
  for (const path of ["a", "b"]) {
    const task = { url: `${server.origin}/${path}`, to: `${path}.bin`, unpack: { to: path } };
    assertEquals((await runs.result(task)).status, "created");
    assertEquals(
      Object.keys(await runs.tree()).filter((key) => key.startsWith(`${path}/`)).sort(),
      [
        "a_b_.txt",
        "con_",
        "dot",
        "hidden",
        "x/y.txt",
        "z/q.txt",
        "ünï.txt",
      ].map((name) => `${path}/${name}`),
    );
  }
});

storeTest("row 243: long names of tar, by all formats", async () => {
  const long = `${"d/".repeat(60)}${"n".repeat(150)}.txt`;
  const archive = tar([
    pax({ path: `pax/${long}` }),
    { name: "cut", body: "1" },
    { name: "././@LongLink", type: "L", body: `gnu/${long}\0`, magic: "ustar  \0" },
    { name: "cut", body: "2", magic: "ustar  \0" },
    { name: "name.txt", prefix: "prefix/of/ustar", body: "3" },
    { name: "old.txt", type: "\0", magic: "\0\0\0\0\0\0\0\0", body: "4" },
    pax({ comment: "of all" }, "g"),
    { name: "folder/", type: "5" },
    { name: "last.txt", body: "5" },
  ]);
  await using server = origin({ "/a": archive });
  await using runs = await runsOver();
  const task: TaskInput = { url: `${server.origin}/a`, to: "a.tar", unpack: true };
  assertEquals(await brief(runs, task), ["created", 5, 0, 0]);
  assertEquals(Object.keys(await membersOf(runs, "a.tar")).sort(), [
    `a/gnu/${long}`,
    "a/last.txt",
    "a/old.txt",
    `a/pax/${long}`,
    "a/prefix/of/ustar/name.txt",
  ]);
});

storeTest(
  "row 243: an archive behind a program, with its comment, and with one member",
  async () => {
    const archive = zip([{ name: "a.txt", body: "a" }], {
      before: "MZ".repeat(500),
      comment: "hello",
    });
    await using server = origin({ "/a": archive });
    await using runs = await runsOver();
    const task: TaskInput = { url: `${server.origin}/a`, to: "a.zip", unpack: true };
    assertEquals(await brief(runs, task), ["created", 1, 0, 0]);
    assertEquals(await membersOf(runs, "a.zip"), { "a/a.txt": "a" });
  },
);

storeTest("row 243: an archive larger than its kept end is read forward", async () => {
  const noise = new Uint8Array(20_000_000);
  for (let at = 0; at < noise.length; at += 65_536) {
    crypto.getRandomValues(noise.subarray(at, at + 65_536));
  }
  const archive = zip([
    { name: "first.txt", body: "1" },
    { name: "noise.bin", body: noise, method: 0 },
    { name: "last.txt", body: "2" },
  ]);
  await using server = origin({ "/a": archive });
  await using runs = await runsOver();
  const task: TaskInput = {
    url: `${server.origin}/a`,
    to: "a.zip",
    unpack: { include: ["*.txt"] },
  };
  assertEquals(await brief(runs, task), ["created", 2, 0, 0]);
  assertEquals(await membersOf(runs, "a.zip"), { "a/first.txt": "1", "a/last.txt": "2" });
  assertEquals(await brief(runs, { ...task, unpack: true }), ["updated", 1, 0, 2]);
  assertEquals(await runs.store.sizeBytes("a/noise.bin"), noise.length);
});

storeTest("row 243: bounds of size, by the options", async () => {
  await using server = origin({ "/a": zip(FEED) });
  await using runs = await runsOver();
  const task: TaskInput = { url: `${server.origin}/a`, to: "a.zip" };
  assertEquals(await brief(runs, { ...task, unpack: { maxSize: 3 } }), ["content.unpack"]);
  assertEquals(await brief(runs, { ...task, unpack: { maxSize: 4 } }), ["created", 3, 0, 0]);
});

folderTest(
  "row 243: a run that fails between two members leaves the archive, and the next one ends it",
  async () => {
    await using server = origin({});
    await using runs = await runsOver();
    const task: TaskInput = { url: `${server.origin}/a`, to: "a.zip", unpack: true };
    server.route("/a", { body: zip([{ name: "1.txt", body: "1" }]), etag: '"1"' });
    await brief(runs, task);
    const archive = await runs.store.mark("a.zip");
    const next = zip(["1", "2", "3"].map((name) => ({ name: `${name}.txt`, body: `new ${name}` })));
    server.route("/a", { body: next, etag: '"2"' });
    // A folder in place of the second member.
    await runs.store.write("a/2.txt/x", "x");
    const [code] = await brief(runs, task);
    assertStringIncludes(`${code}`, "store.");
    assertEquals(await runs.store.mark("a.zip"), archive);
    assertEquals(await membersOf(runs, "a.zip"), { "a/1.txt": "new 1", "a/2.txt/x": "x" });
    await runs.store.remove("a/2.txt/x");
    await runs.store.remove("a/2.txt");
    assertEquals(await brief(runs, task), ["updated", 2, 0, 1]);
    assertEquals(await membersOf(runs, "a.zip"), {
      "a/1.txt": "new 1",
      "a/2.txt": "new 2",
      "a/3.txt": "new 3",
    });
  },
);
