/** The manifest of a store: what it lists, and when it is written. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import type { TaskInput } from "../../lib/mod.ts";
import { zip } from "../helpers/archives.ts";
import { sha256 } from "../helpers/folder.ts";
import { origin } from "../helpers/origin.ts";
import { folderTest, storeTest } from "../helpers/place.ts";
import { loadInput, problemLinesOf } from "../config/loading.ts";
import { type Runs, runsOver } from "./runs.ts";

const SUMS = "SHA256SUMS";
const JSON_FILE = "cronfetch.manifest.json";
const config = { manifest: true } as const;

async function listed(runs: Runs): Promise<unknown[]> {
  const bytes = await runs.store.read(JSON_FILE) ?? new Uint8Array();
  return JSON.parse(new TextDecoder().decode(bytes)).files;
}

const digestOf = (text: string) => sha256(new TextEncoder().encode(text));

for (const state of ["file", "kv", "memory"] as const) {
  storeTest(
    `manifest: lists the files of all tasks, and changes with them (${state})`,
    async () => {
      await using server = origin({
        "/b": "b\n",
        "/old": { redirect: "/c?token=1" },
        "/c?token=1": "c\n",
      });
      server.route("/a", { body: zip([{ name: "x.txt", body: "x\n" }]), etag: '"1"' });
      await using runs = await runsOver({ state, config });
      const tasks: TaskInput[] = [
        { url: `${server.origin}/b`, to: "z/b.txt", keep: 1 },
        { url: `${server.origin}/a`, to: "a.zip", unpack: true },
        { url: `${server.origin}/old`, to: "c.txt" },
      ];
      await runs.run(tasks);
      const { [SUMS]: _, [JSON_FILE]: json, ...files } = await runs.tree();
      const sums = async () =>
        new TextDecoder().decode(await runs.store.read(SUMS) ?? new Uint8Array());
      assertEquals(
        await sums(),
        (await Promise.all(["a.zip", "a/x.txt", "c.txt", "z/b.txt"].map(async (key) => {
          return `${await sha256(await runs.store.read(key) ?? new Uint8Array())}  ${key}\n`;
        }))).join(""),
      );
      assertEquals(Object.keys(files).length, 4);
      const archive = await sha256(await runs.store.read("a.zip") ?? new Uint8Array());
      const shown = (await listed(runs)).map((file): unknown => ({
        ...file as object,
        publishedAt: "",
      }));
      const none = { etag: null, lastModified: null, publishedAt: "" };
      const fromA = { ...none, task: "a.zip", url: `${server.origin}/a`, etag: '"1"' };
      const [zipFile, ...others] = shown;
      assertEquals(zipFile, {
        ...fromA,
        key: "a.zip",
        sha256: archive,
        sizeBytes: (await runs.store.read("a.zip"))?.length,
      });
      assertEquals(others, [
        {
          ...fromA,
          key: "a/x.txt",
          sha256: await digestOf("x\n"),
          sizeBytes: 2,
          archive: { key: "a.zip", sha256: archive },
        },
        {
          ...none,
          key: "c.txt",
          sha256: await digestOf("c\n"),
          sizeBytes: 2,
          task: "c.txt",
          url: `${server.origin}/old`,
          finalUrl: `${server.origin}/c`,
        },
        {
          ...none,
          key: "z/b.txt",
          sha256: await digestOf("b\n"),
          sizeBytes: 2,
          task: "z/b.txt",
          url: `${server.origin}/b`,
        },
      ]);
      // Nothing has changed: neither file is written.
      const marks = await Promise.all([SUMS, JSON_FILE].map((key) => runs.store.mark(key)));
      await runs.run(tasks);
      assertEquals(await Promise.all([SUMS, JSON_FILE].map((key) => runs.store.mark(key))), marks);
      // A run of one task keeps the files of the others.
      server.route("/b", "B\n");
      await runs.run(tasks, { only: ["z/b.txt"] });
      const after = await runs.tree();
      assertEquals((await sums()).split("\n").length, 5);
      assertStringIncludes(await sums(), `${await digestOf("B\n")}  z/b.txt\n`);
      assertEquals(after[JSON_FILE] === json, false);
    },
  );
}

storeTest("manifest: one that is missing or edited is written again", async () => {
  await using server = origin({ "/a": { body: "a", etag: '"1"' } });
  await using runs = await runsOver({ config });
  const task = { url: `${server.origin}/a`, to: "a.txt" };
  await runs.result(task);
  const before = await runs.tree();
  await runs.store.remove(SUMS);
  await runs.store.write(JSON_FILE, "{}");
  assertEquals((await runs.result(task)).status, "unchanged");
  assertEquals(await runs.tree(), before);
});

storeTest("manifest: a failed task keeps its published file in the list", async () => {
  await using server = origin({ "/a": "a" });
  await using runs = await runsOver({ config });
  const task: TaskInput = { url: `${server.origin}/a`, to: "a.txt", retry: { attempts: 1 } };
  await runs.result(task);
  const before = await runs.tree();
  server.route("/a", 404);
  assertEquals((await runs.result(task)).status, "failed");
  assertEquals(await runs.tree(), before);
});

storeTest("manifest: an archive that is not published has its members in the list", async () => {
  await using server = origin({ "/a": zip([{ name: "x.txt", body: "x" }]) });
  await using runs = await runsOver({ config });
  await runs.result({ url: `${server.origin}/a`, to: "a.zip", unpack: { archive: false } });
  assertEquals((await runs.tree())[SUMS], `${await digestOf("x")}  a/x.txt\n`);
});

storeTest("manifest: no server and no archive writes its files", async () => {
  await using server = origin({ "/a": zip([{ name: "sha256sums", body: "x" }]) });
  await using runs = await runsOver({ config });
  const task: TaskInput = { url: `${server.origin}/a`, to: "a.zip", unpack: { to: "./" } };
  assertEquals((await runs.result(task)).code, "store.conflict");
  const named = { url: `${server.origin}/SHA256SUMS`, to: "{name}" };
  server.route("/SHA256SUMS", "evil");
  assertEquals((await runs.result(named)).code, "store.conflict");
  assertEquals((await runs.tree())[SUMS], "");
});

Deno.test("manifest: its files are reserved only with the option", async () => {
  for (const to of ["SHA256SUMS", "sha256sums", "cronfetch.manifest.json"]) {
    const tasks = [{ url: "https://example.org/a", to }];
    assertEquals((await loadInput({ tasks })).manifest, false);
    const lines = await problemLinesOf(loadInput({ tasks, manifest: true }));
    assertEquals(lines.map((line) => line.includes('it is a file of "manifest"')), [true], to);
  }
});

const hasProgram = await new Deno.Command("sha256sum", { args: ["--version"], stdout: "null" })
  .output().then(() => true, () => false);

folderTest("manifest: sha256sum -c accepts it (with sha256sum)", async () => {
  await using server = origin({ "/a": zip([{ name: "ü b.txt", body: "x" }]) });
  await using runs = await runsOver({ config });
  await runs.result({ url: `${server.origin}/a`, to: "d/a.zip", unpack: true });
  const cwd = runs.store.location;
  const check = async () =>
    (await new Deno.Command("sha256sum", {
      args: ["-c", SUMS],
      cwd,
      stdout: "null",
      stderr: "null",
    })
      .output()).code;
  assertEquals(await check(), 0);
  await runs.store.write("d/a/ü b.txt", "y");
  assertEquals(await check(), 1);
}, { ignore: !hasProgram });
