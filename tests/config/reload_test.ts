import { assertEquals, assertRejects } from "@std/assert";
import {
  configFiles,
  type ConfigSource,
  loadConfig,
  openConfigSource,
} from "../../lib/config/load.ts";
import type { Config } from "../../lib/config/config.ts";
import { ConfigError } from "../../lib/config/problem.ts";
import { type TemporaryFolder, temporaryFolder } from "../helpers/folder.ts";
import { testHost } from "../helpers/host.ts";

const { signal } = new AbortController();

/** A source of the files in a folder; without names, of the config found there. */
async function sourceOf(
  folder: TemporaryFolder,
  files: readonly string[] = [],
): Promise<ConfigSource<Config>> {
  const host = testHost({ cwd: folder.path });
  const request = { files, urls: [], overrides: {}, at: host.clock.now() };
  return await openConfigSource({
    load: (reload, beforeRead) => loadConfig({ ...request, reload, beforeRead }, host),
    files: () => configFiles(request, host),
    timers: host.timers,
  });
}

const list = (...names: readonly string[]) =>
  JSON.stringify({ tasks: names.map((name) => `https://files.test/${name}`) });
const idsOf = (config: Config | null) => config?.tasks.map(({ task }) => task.id);

/** The next result of the source: IDs, null without a change, or the code of the first problem. */
async function next(source: ConfigSource<Config>) {
  try {
    return idsOf(await source.changed(signal)) ?? null;
  } catch (error) {
    if (error instanceof ConfigError) return error.code;
    throw error;
  }
}

Deno.test("changed: every edit is reported once, also an invalid one and its correction", async () => {
  await using folder = await temporaryFolder();
  const path = folder.file("cronfetch.json");
  await Deno.writeTextFile(path, list("a"));
  const source = await sourceOf(folder);
  assertEquals(idsOf(source.first), ["a"]);
  assertEquals(await next(source), null);
  await Deno.writeTextFile(path, list("b", "c"));
  assertEquals([await next(source), await next(source)], [["b", "c"], null]);
  await Deno.writeTextFile(path, "{");
  assertEquals([await next(source), await next(source)], ["config.syntax", null]);
  await Deno.writeTextFile(path, list("b"));
  assertEquals([await next(source), await next(source)], [["b"], null]);
});

Deno.test("changed: detects a replaced file with the same size and modification time", async () => {
  await using folder = await temporaryFolder();
  const path = folder.file("cronfetch.json");
  await Deno.writeTextFile(path, list("a"));
  const { mtime } = await Deno.stat(path);
  const source = await sourceOf(folder);
  await Deno.writeTextFile(folder.file("new"), list("b"));
  await Deno.utime(folder.file("new"), mtime ?? 0, mtime ?? 0);
  await Deno.rename(folder.file("new"), path);
  assertEquals([await next(source), await next(source)], [["b"], null]);
});

Deno.test("changed: waits for a file that is still being written", async () => {
  await using folder = await temporaryFolder();
  const path = folder.file("cronfetch.json");
  await Deno.writeTextFile(path, list("a"));
  const host = testHost({ cwd: folder.path });
  const pieces = ['{ "tasks": [', '"https://files.test/b"', "] }"];
  const write = () => {
    const piece = pieces.shift();
    if (piece !== undefined) Deno.writeTextFileSync(path, piece, { append: true });
  };
  let loads = 0;
  const source = await openConfigSource({
    load: () => Promise.resolve(++loads),
    files: () => Promise.resolve([path]),
    timers: { ...host.timers, sleep: () => Promise.try(write) },
  });
  await Deno.writeTextFile(path, "");
  assertEquals(await source.changed(signal), 2);
  assertEquals([pieces, await Deno.readTextFile(path)], [
    [],
    '{ "tasks": ["https://files.test/b"] }',
  ]);
});

Deno.test("changed: detects an edit of each of several files", async () => {
  await using folder = await temporaryFolder();
  await Deno.writeTextFile(folder.file("one.json"), list("a"));
  await Deno.writeTextFile(folder.file("two.txt"), "https://files.test/b\n");
  const source = await sourceOf(folder, ["one.json", "two.txt"]);
  assertEquals(idsOf(source.first), ["a", "b"]);
  // A different size, because the modification time may be equal within a few milliseconds.
  await Deno.writeTextFile(folder.file("two.txt"), "https://files.test/other/c\n");
  assertEquals([await next(source), await next(source)], [["a", "c"], null]);
});

Deno.test("changed: a deleted file is reported once; a new config is loaded", async () => {
  await using folder = await temporaryFolder();
  await Deno.writeTextFile(folder.file("cronfetch.json"), list("a"));
  const source = await sourceOf(folder, []);
  await Deno.remove(folder.file("cronfetch.json"));
  await Deno.mkdir(folder.file(".git"));
  await assertRejects(() => source.changed(signal), Error, "There is no cronfetch.jsonc");
  assertEquals(await next(source), null);
  await Deno.writeTextFile(folder.file("cronfetch.json"), list("b"));
  assertEquals(await next(source), ["b"]);
  await Deno.rename(folder.file("cronfetch.json"), folder.file("cronfetch.jsonc"));
  assertEquals([await next(source), await next(source)], [["b"], null]);
  await Deno.writeTextFile(folder.file("cronfetch.jsonc"), list("c"));
  assertEquals(await next(source), ["c"]);
});

Deno.test("row 173: changed: detects a changed, a missing and a new certificate of hosts", async () => {
  await using folder = await temporaryFolder();
  const certificate = (name: string) =>
    Deno.copyFile(new URL(`../fixtures/tls/${name}`, import.meta.url), folder.file("ca.pem"));
  const write = (hosts: object, name: string) =>
    Deno.writeTextFile(
      folder.file("cronfetch.json"),
      JSON.stringify({ hosts, tasks: [`https://files.test/${name}`] }),
    );
  const caOf = (config: Config | null) => config?.hosts[0]?.settings.caCerts?.[0];
  await certificate("authority.crt");
  await write({ "*.test": { caFile: "ca.pem" } }, "a");
  const source = await sourceOf(folder);
  const first = caOf(source.first);
  assertEquals(await next(source), null);
  await certificate("good.crt");
  const second = caOf(await source.changed(signal));
  assertEquals([first === undefined, first === second, await next(source)], [false, false, null]);
  await Deno.remove(folder.file("ca.pem"));
  assertEquals([await next(source), await next(source)], ["config.invalid", null]);
  await certificate("authority.crt");
  assertEquals(caOf(await source.changed(signal)), first);
  // A file that the config no longer names is not polled.
  await write({}, "bb");
  assertEquals(await next(source), ["bb"]);
  await certificate("good.crt");
  assertEquals(await next(source), null);
});

Deno.test("changed: detects an edit of an imported module, and runs the modules again", async () => {
  await using folder = await temporaryFolder();
  const names = (name: string) => Deno.writeTextFile(folder.file("names.ts"), name);
  await names(`export const names = ["a"];`);
  await Deno.mkdir(folder.file("deep"));
  await Deno.writeTextFile(
    folder.file("deep/urls.ts"),
    [
      `import { names } from "../names.ts";`,
      `export const urls = names.map((name) => "https://files.test/" + name);`,
    ].join("\n"),
  );
  await Deno.writeTextFile(
    folder.file("cronfetch.ts"),
    [
      `import { urls } from "./deep/urls.ts";`,
      `export default { tasks: urls };`,
    ].join("\n"),
  );
  const source = await sourceOf(folder);
  assertEquals(idsOf(source.first), ["a"]);
  await names(`export const names = ["b", "c"];`);
  assertEquals([await next(source), await next(source)], [["b", "c"], null]);
  await names(`export const names = []; throw new Error("module failed");`);
  await assertRejects(() => source.changed(signal), ConfigError, "cannot be run: module failed");
  await names(`export const names = [() => {}];`);
  assertEquals(await next(source), "config.invalid");
  await names(`export const names = ["d"];`);
  assertEquals(await next(source), ["d"]);
});

Deno.test("changed: every reload terminates its worker, also if the module throws", async () => {
  await using folder = await temporaryFolder();
  const path = folder.file("cronfetch.ts");
  const config = (text: string) => Deno.writeTextFile(path, text);
  const RealWorker = globalThis.Worker;
  const calls: string[] = [];
  globalThis.Worker = class extends RealWorker {
    constructor(...given: ConstructorParameters<typeof RealWorker>) {
      super(...given);
      calls.push("started");
    }
    override terminate(): void {
      calls.push("ended");
      super.terminate();
    }
  };
  try {
    await config(`export default { tasks: [] };`);
    const source = await sourceOf(folder);
    assertEquals(calls, []);
    await config(`export default { tasks: ["https://files.test/a"] };`);
    assertEquals(await next(source), ["a"]);
    assertEquals(calls, ["started", "ended"]);
    await config(`throw new Error("module failed");`);
    await assertRejects(() => source.changed(signal), ConfigError, "module failed");
    assertEquals(calls, ["started", "ended", "started", "ended"]);
  } finally {
    globalThis.Worker = RealWorker;
  }
});

Deno.test("changed: an aborted signal ends the wait for a written file", async () => {
  await using folder = await temporaryFolder();
  await Deno.writeTextFile(folder.file("cronfetch.json"), list("a"));
  const source = await sourceOf(folder);
  await Deno.writeTextFile(folder.file("cronfetch.json"), list("b"));
  const stop = AbortSignal.abort(new Error("aborted"));
  await assertRejects(() => source.changed(stop), Error, "aborted");
});
