// What only a process of its own can show: the real host, the environment, its end.

import { assertEquals, assertStringIncludes } from "@std/assert";
import { type TemporaryFolder, temporaryFolder, tree } from "../helpers/folder.ts";
import { origin } from "../helpers/origin.ts";
import { CONFIG, MAIN } from "../helpers/program.ts";

/** Runs cronfetch in a folder. */
async function cronfetch(
  folder: TemporaryFolder,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<{ readonly code: number; readonly said: string }> {
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--config", CONFIG, "-A", MAIN, ...args],
    cwd: folder.path,
    env: { NO_COLOR: "1", NO_PROXY: "", ...env },
    stdout: "piped",
    stderr: "piped",
  });
  const { code, stdout, stderr } = await command.output();
  return { code, said: new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr) };
}

Deno.test("run: requests use HTTP_PROXY, except for NO_PROXY", async () => {
  await using folder = await temporaryFolder();
  const asked: string[] = [];
  await using proxy = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    (request) => {
      asked.push(request.url);
      return new Response("by the proxy\n");
    },
  );
  const env = { HTTP_PROXY: `http://127.0.0.1:${proxy.addr.port}` };
  const args = ["run", "-q", "--state", "memory:", "--retries", "0"];
  const url = "http://files.example.invalid/a.txt";
  assertEquals((await cronfetch(folder, [...args, url], env)).code, 0);
  assertEquals(asked, [url]);
  assertEquals(await tree(folder.file("downloads")), { "a.txt": "by the proxy\n" });

  await using server = origin({ "/b.txt": "directly\n" });
  const past = { ...env, NO_PROXY: "127.0.0.1" };
  assertEquals((await cronfetch(folder, [...args, `${server.origin}/b.txt`], past)).code, 0);
  assertEquals(asked.length, 1);
  assertEquals(server.hits("/b.txt"), 1);
});

Deno.test("row 87: main: an unhandled rejection exits with an error", async () => {
  await using folder = await temporaryFolder();
  await Deno.writeTextFile(
    folder.file("cronfetch.ts"),
    `queueMicrotask(() => { Promise.reject(new Error("nobody handles this")); });
     export default { state: "memory:", tasks: [] };`,
  );
  const { code, said } = await cronfetch(folder, ["run"]);
  assertEquals(code, 1);
  assertStringIncludes(said, "nobody handles this");
});

Deno.test("row 88: run: a closed pipe damages no file", async () => {
  await using folder = await temporaryFolder();
  const names = Array.from({ length: 50 }, (_, index) => `${index}.txt`);
  await using server = origin(Object.fromEntries(names.map((name) => [`/${name}`, `${name}\n`])));
  await Deno.writeTextFile(
    folder.file("urls.txt"),
    names.map((name) => `${server.origin}/${name}\n`).join(""),
  );
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--quiet", "--config", CONFIG, "-A", MAIN],
      ...["run", "-c", "urls.txt", "--json", "-q", "--state", "memory:"],
    ],
    cwd: folder.path,
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const reader = child.stdout.getReader();
  await reader.read();
  await reader.cancel();
  assertEquals((await child.status).code, 0);
  assertEquals(
    await tree(folder.file("downloads")),
    Object.fromEntries(names.toSorted().map((name) => [name, `${name}\n`])),
  );
});

Deno.test("status, plan, verify, doctor: a reader that closes standard output ends them quietly", async () => {
  await using folder = await temporaryFolder();
  const tasks = Array.from({ length: 2_000 }, (_, index) => ({
    id: `${index} ${"long ".repeat(90)}`.trim(),
    url: `http://127.0.0.1:9/${index}`,
  }));
  await Deno.writeTextFile(folder.file("cronfetch.json"), JSON.stringify({ tasks }));
  for (const args of [["status", "--json"], ["plan"], ["verify", "--json"], ["doctor"]]) {
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "--config", CONFIG, "-A", MAIN, ...args],
      cwd: folder.path,
      env: { NO_COLOR: "1" },
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    await child.stdout.cancel();
    const errors = await new Response(child.stderr).text();
    assertEquals([(await child.status).code, errors], [0, ""], args.join(" "));
  }
});

Deno.test("rows 81 and 84: run: a real signal, and a second one", async () => {
  await using folder = await temporaryFolder();
  const asked = Promise.withResolvers<void>();
  const gone = Promise.withResolvers<Response>();
  await using server = origin({
    "/slow": () => {
      asked.resolve();
      return gone.promise;
    },
  });
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--quiet", "--config", CONFIG, "-A", MAIN],
      ...["run", `${server.origin}/slow`, "--json", "-q", "--state", "memory:"],
    ],
    cwd: folder.path,
    stdout: "piped",
    stderr: "null",
  }).spawn();
  await asked.promise;
  child.kill("SIGTERM");
  const { code, stdout } = await child.output();
  gone.resolve(new Response());
  assertEquals(code, 143);
  const lines = new TextDecoder().decode(stdout).trimEnd().split("\n").map((line) =>
    JSON.parse(line)
  );
  const [finished] = lines.filter(({ type }) => type === "task.finished");
  assertEquals([finished.result.status, finished.result.code], ["cancelled", "cancelled"]);
  assertEquals(lines.at(-1).summary.exitCode, 143);
  assertEquals(await tree(folder.path), {});
});

Deno.test("watch: as a process, runs what is due, reloads the config, ends on SIGTERM", async () => {
  await using folder = await temporaryFolder();
  await using server = origin({ "/a.txt": "a\n", "/b.txt": "b\n" });
  const names = (text: string) => Deno.writeTextFile(folder.file("names.ts"), text);
  await names(`export const names = ["a.txt"];`);
  await Deno.writeTextFile(
    folder.file("cronfetch.ts"),
    `import { names } from "./names.ts";
     export default {
       schedule: "every 1s",
       tasks: names.map((name) => "${server.origin}/" + name),
     };`,
  );
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--config", CONFIG, "-A", MAIN, "watch", "--json"],
    cwd: folder.path,
    env: { NO_COLOR: "1" },
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const times = async (path: string, count: number) => {
    while (server.hits(path) < count) await new Promise((done) => setTimeout(done, 20));
  };
  await times("/a.txt", 2);
  await names(`export const names = ["b.txt"`);
  await times("/a.txt", 4);
  await names(`export const names = ["b.txt"];`);
  await times("/b.txt", 2);
  child.kill("SIGTERM");
  const { code, stdout, stderr } = await child.output();
  assertEquals(code, 143);
  assertEquals(await tree(folder.file("downloads")), { "a.txt": "a\n", "b.txt": "b\n" });
  // Each line starts with its time.
  const lines = new TextDecoder().decode(stderr).split("\n")
    .map((line) => line.replace(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ /, ""));
  const countOf = (start: string) => lines.filter((line) => line.startsWith(start)).length;
  assertEquals(lines[0], "watching cronfetch.ts: 1 task, 1 due now");
  assertEquals([
    countOf("error: the changed config cannot be used"),
    countOf("error: cronfetch.ts: cannot be run"),
  ], [1, 1]);
  assertEquals(countOf("reloaded cronfetch.ts: 1 task"), 1);
  const events = new TextDecoder().decode(stdout).trimEnd().split("\n")
    .map((line) => JSON.parse(line));
  assertEquals(events.at(-1).type, "run.finished");
  const finished = events.filter(({ type }) => type === "task.finished");
  assertEquals([finished[0].result.status, finished[1].result.status], ["created", "unchanged"]);
});
