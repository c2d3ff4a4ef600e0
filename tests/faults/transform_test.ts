/** Row 242: a program between the received file and the published one. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { realHost } from "../../lib/host.ts";
import type { TaskInput } from "../../lib/mod.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { testHost } from "../helpers/host.ts";
import { origin } from "../helpers/origin.ts";
import { storeTest } from "../helpers/place.ts";
import { type Runs, type RunsOptions, runsOver } from "./runs.ts";

/** Runs whose host starts real programs, which find `sh` and `tr`. */
async function runsWithPrograms(options: RunsOptions = {}): Promise<Runs> {
  const env = { PATH: Deno.env.get("PATH") ?? "", RATES_TOKEN: "s3cret-token" };
  const host = Object.assign(testHost({ env }), { execute: realHost().execute });
  return await runsOver({ ...options, host });
}

const shell = (script: string): string[] => ["sh", "-c", script];

const UPPER: Partial<TaskInput> = { to: "a.txt", transform: ["tr", "a-z", "A-Z"] };

async function brief(runs: Runs, task: TaskInput): Promise<unknown[]> {
  const { status, code, bytes, sizeBytes } = await runs.result({ retry: { attempts: 1 }, ...task });
  return code === undefined ? [status, bytes, sizeBytes] : [status, code];
}

for (const state of ["file", "kv", "memory"] as const) {
  storeTest(`row 242: the output is published, and compared (${state})`, async () => {
    await using server = origin({});
    await using runs = await runsWithPrograms({ state });
    const task = { url: `${server.origin}/a`, ...UPPER };
    server.route("/a", { body: "abc", etag: '"1"' });
    assertEquals(await brief(runs, task), ["created", 3, 3]);
    assertEquals(await runs.tree(), { "a.txt": "ABC" });
    assertEquals(await brief(runs, task), ["unchanged", 0, 3]);
    // Another received file with the same output.
    server.route("/a", { body: "aBc", etag: '"2"' });
    assertEquals(await brief(runs, task), ["unchanged", 3, 3]);
    assertEquals(await brief(runs, task), ["unchanged", 0, 3]);
    assertEquals(server.log.at(-1)?.headers.get("if-none-match"), '"2"');
    server.route("/a", { body: "abd", etag: '"3"' });
    assertEquals(await brief(runs, task), ["updated", 3, 3]);
    assertEquals(await runs.tree(), { "a.txt": "ABD" });
  });
}

storeTest(
  "row 242: a known file is not transformed again, and a new transform applies",
  async () => {
    await using server = origin({ "/a": "abc" });
    await using runs = await runsWithPrograms();
    const url = `${server.origin}/a`;
    assertEquals(await brief(runs, { url, to: "a.txt" }), ["created", 3, 3]);
    assertEquals(await brief(runs, { url, ...UPPER }), ["updated", 3, 3]);
    const failing = { ...UPPER, transform: shell("exit 1") };
    assertEquals(await brief(runs, { url, ...failing }), ["failed", "content.transform"]);
    assertEquals(await brief(runs, { url, ...UPPER }), ["unchanged", 3, 3]);
    assertEquals(await brief(runs, { url, to: "a.txt" }), ["updated", 3, 3]);
    assertEquals(await runs.tree(), { "a.txt": "abc" });
  },
);

storeTest("row 242: --force transforms the same file again", async () => {
  await using server = origin({ "/a": "abc" });
  await using runs = await runsWithPrograms();
  await using folder = await temporaryFolder();
  const count = `echo x >> ${folder.path}/count; cat`;
  const task: TaskInput = { url: `${server.origin}/a`, to: "a.txt", transform: shell(count) };
  const transformed = async () => (await Deno.readTextFile(`${folder.path}/count`)).length / 2;
  await runs.result(task);
  assertEquals((await runs.result(task)).status, "unchanged");
  assertEquals(await transformed(), 1);
  assertEquals((await runs.result(task, { force: true })).status, "unchanged");
  assertEquals(await transformed(), 2);
});

const FAILURES:
  readonly (readonly [name: string, transform: TaskInput["transform"], text: string])[] = [
    ["an exit code", shell("echo 'line 1: no rates' >&2; exit 3"), "exit code 3: line 1: no rates"],
    [
      "its last line",
      shell("yes warning | head -n 2000 >&2; echo no rates >&2; exit 3"),
      ": no rates",
    ],
    ["binary messages", shell("head -c 100000 /dev/zero >&2; exit 3"), "exit code 3: "],
    ["a program below a file", ["/dev/null/program"], "/dev/null/program cannot be run"],
    ["a folder for a program", ["/tmp"], "/tmp cannot be run"],
    ["a name with NUL", ["cat", "a\0b"], "cat cannot be run"],
    ["no output", shell("cat > /dev/null"), "wrote nothing"],
    ["a program that is missing", ["no-such-program"], "no-such-program does not exist"],
    [
      "a secret in its message",
      { command: shell('echo "token $TOKEN" >&2; exit 1'), env: { TOKEN: "${env:RATES_TOKEN}" } },
      "token ***",
    ],
    ["a program that does not end", { command: ["sleep", "100"], timeout: "100ms" }, "within 0.1s"],
  ];

for (const [name, transform, text] of FAILURES) {
  storeTest(`row 242: ${name} is content.transform, and the published file stays`, async () => {
    await using server = origin({ "/a": "abc" });
    await using runs = await runsWithPrograms();
    const task = { url: `${server.origin}/a`, to: "a.txt", retry: { attempts: 1 } };
    assertEquals(await brief(runs, { ...task, ...UPPER }), ["created", 3, 3]);
    server.route("/a", "abcd");
    const result = await runs.result({ ...task, transform });
    assertEquals([result.status, result.code], ["failed", "content.transform"]);
    assertStringIncludes(result.message ?? "", text);
    assertEquals(await runs.tree(), { "a.txt": "ABC" });
  });
}

storeTest("row 242: expectations of the input, and of the output", async () => {
  await using server = origin({ "/a": "a,b\n1,2\n" });
  await using runs = await runsWithPrograms();
  const url = `${server.origin}/a`;
  const base: TaskInput = { url, to: "a.csv", expect: { matches: "^a,b" } };
  const output = (expect: object): TaskInput => ({
    ...base,
    transform: { command: ["tr", "a-z", "A-Z"], expect },
  });
  assertEquals(await brief(runs, output({ matches: "^a,b" })), ["failed", "expect.matches"]);
  assertEquals(await brief(runs, output({ maxSize: 7 })), ["failed", "body.too-large"]);
  assertEquals(await brief(runs, output({ minSize: 9 })), ["failed", "body.too-small"]);
  assertEquals(await runs.tree(), {});
  assertEquals(await brief(runs, output({ matches: "^A,B" })), ["created", 8, 8]);
  server.route("/a", "c,d\n");
  assertEquals(await brief(runs, output({ matches: "^A,B" })), ["failed", "expect.matches"]);
});

storeTest("row 242: a program gets facts, and no other variable", async () => {
  await using server = origin({ "/a": { body: "abc", type: "text/plain" } });
  await using runs = await runsWithPrograms();
  const script = 'cat > /dev/null; env | grep -v "^\\(PATH\\|PWD\\|SHLVL\\|_\\|OLDPWD\\)=" | sort';
  await runs.result({
    id: "facts",
    url: `${server.origin}/a?key=s3cret-token`,
    to: "a.txt",
    headers: { authorization: "Bearer ${env:RATES_TOKEN}" },
    transform: { command: shell(script), env: { MINE: "x" } },
  });
  assertEquals((await runs.tree())["a.txt"]?.split("\n"), [
    "CRONFETCH_CONTENT_TYPE=text/plain",
    "CRONFETCH_KEY=a.txt",
    "CRONFETCH_SHA256=ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    "CRONFETCH_SIZE=3",
    "CRONFETCH_TASK=facts",
    `CRONFETCH_URL=${server.origin}/a?key=***`,
    "MINE=x",
    "",
  ]);
});

storeTest("row 242: a long or odd media type is cut for the program", async () => {
  const type = `text/plain; x=${"x".repeat(200_000)}`;
  await using server = origin({ "/a": { body: "abc", headers: { "content-type": type } } });
  await using runs = await runsWithPrograms();
  const script = "cat > /dev/null; printenv CRONFETCH_CONTENT_TYPE";
  const task = { url: `${server.origin}/a`, to: "a.txt", transform: shell(script) };
  assertEquals(await brief(runs, task), ["created", 3, 1_001]);
});

storeTest("row 242: a run that ends does not wait for what the program has started", async () => {
  await using server = origin({ "/a": "abc" });
  await using runs = await runsWithPrograms();
  const controller = new AbortController();
  const script = "echo started; sleep 3; true";
  const task: TaskInput = {
    url: `${server.origin}/a`,
    to: "a.txt",
    transform: { command: shell(script), timeout: "1h" },
  };
  const running = runs.result(task, { signal: controller.signal });
  const cancel = realHost().timers.after(300, () => controller.abort());
  const late = Promise.withResolvers<null>();
  const cancelLate = realHost().timers.after(2_000, () => late.resolve(null));
  const result = await Promise.race([running, late.promise]);
  cancel();
  cancelLate();
  assertEquals([result?.status, result?.code], ["cancelled", "cancelled"]);
  assertEquals(await runs.tree(), {});
});

storeTest("row 242: a large file streams through a program that reads little of it", async () => {
  const body = new Uint8Array(20_000_000).fill(97);
  await using server = origin({ "/a": body });
  await using runs = await runsWithPrograms();
  const url = `${server.origin}/a`;
  assertEquals(await brief(runs, { url, ...UPPER }), ["created", body.length, body.length]);
  const head = { ...UPPER, transform: ["head", "-c", "5"] };
  assertEquals(await brief(runs, { url, ...head }), ["updated", body.length, 5]);
});

storeTest("row 242: refused output is not kept; with quarantine the received file is", async () => {
  await using server = origin({ "/a": "abc" });
  await using runs = await runsWithPrograms();
  const task: TaskInput = { url: `${server.origin}/a`, to: "a.txt", transform: shell("exit 1") };
  await runs.result({ ...task, retry: { attempts: 1 }, quarantine: true });
  assertEquals(Object.values(await runs.tree()), ["abc"]);
});
