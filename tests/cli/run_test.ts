import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { main } from "../helpers/command_line.ts";
import { splitOutput } from "../../lib/cli/prepare.ts";
import type { RunEvent } from "../../lib/core/event.ts";
import { EXIT } from "../../lib/core/result.ts";
import { type TemporaryFolder, temporaryFolder, tree } from "../helpers/folder.ts";
import { testHost, type TestHostOptions } from "../helpers/host.ts";
import { openState } from "../helpers/open.ts";
import { origin, type Route } from "../helpers/origin.ts";

/** Creates a folder with a config, and a host whose current folder it is. */
async function setUp(config: unknown, options: TestHostOptions = {}) {
  const folder = await temporaryFolder();
  await Deno.writeTextFile(folder.file("cronfetch.json"), JSON.stringify(config));
  const host = testHost({ cwd: folder.path, ...options });
  return { folder, host, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() };
}

function events(text: string): RunEvent[] {
  return text.trimEnd().split("\n").map((line) => JSON.parse(line));
}

async function published(folder: TemporaryFolder) {
  return await tree(folder.file("downloads"));
}

Deno.test("run: files of the config, one line each, exit 0", async () => {
  await using server = origin({ "/a.txt": "first\n", "/b.txt": "second\n" });
  await using at = await setUp({
    state: "memory:",
    tasks: [`${server.origin}/a.txt`, { url: `${server.origin}/b.txt`, to: "deep/er/b.txt" }],
  });
  assertEquals(await main(["run"], at.host), 0);
  assertEquals(await published(at.folder), { "a.txt": "first\n", "deep/er/b.txt": "second\n" });
  assertEquals(at.host.stdout.text, "");
  assertMatch(at.host.stderr.text, /created.*a\.txt/);
});

Deno.test("run: exit code of each result", async () => {
  const table: [name: string, routes: Record<string, Route>, task: object, exitCode: number][] = [
    ["success", { "/f": "x" }, {}, 0],
    ["permanent failure", { "/f": 404 }, {}, 3],
    ["temporary failure", { "/f": 500 }, { retry: { attempts: 2 } }, 4],
    [
      "deferred",
      { "/f": { status: 503, headers: { "retry-after": "3600" } } },
      {},
      4,
    ],
    ["permanent and temporary failure", { "/f": 404, "/g": 500 }, { mirrors: [] }, 3],
  ];
  for (const [name, routes, task, exitCode] of table) {
    await using server = origin(routes);
    const tasks = Object.keys(routes).map((path) => ({
      id: path,
      url: server.origin + path,
      ...task,
    }));
    await using at = await setUp({ state: "memory:", tasks });
    assertEquals(await main(["run", "-q"], at.host), exitCode, name);
  }
});

Deno.test("run --json: one event per line on stdout, text on stderr", async () => {
  await using server = origin({ "/a.txt": "first\n", "/b.txt": { sequence: [503, "second\n"] } });
  await using at = await setUp({
    state: "memory:",
    tasks: [`${server.origin}/a.txt`, `${server.origin}/b.txt`],
  });
  assertEquals(await main(["run", "--json"], at.host), 0);
  const said = events(at.host.stdout.text);
  const types = said.map((event) => event.type);
  assertEquals(types[0], "run.started");
  assertEquals(types.at(-1), "run.finished");
  assertEquals(types.filter((type) => type === "task.started").length, 2);
  assertEquals(types.filter((type) => type === "task.retrying").length, 1);
  const finished = said.filter((event) => event.type === "task.finished");
  assertEquals(finished.map((event) => event.result.status), ["created", "created"]);
  assertEquals(new Set(said.map((event) => event.run)).size, 1);
  for (const event of said) assertMatch(event.time, /^2026-01-15T12:\d\d:\d\d(\.\d+)?Z$/);
  // Each line is one write.
  assertEquals(at.host.stdout.writes.length, said.length);
});

Deno.test("row 88: run: a closed stdout damages no file", async () => {
  await using server = origin({ "/a.txt": "first\n", "/b.txt": "second\n" });
  await using at = await setUp({
    state: "memory:",
    tasks: [`${server.origin}/a.txt`, `${server.origin}/b.txt`],
  });
  at.host.stdout.closeAfter(2);
  assertEquals(await main(["run", "--json"], at.host), 0);
  assertEquals(await published(at.folder), { "a.txt": "first\n", "b.txt": "second\n" });
  assertEquals(events(at.host.stdout.text).length, 2);
});

Deno.test("rows 81 and 84: run: the first signal cancels, the second one exits", async (t) => {
  for (const [signal, exitCode] of [["SIGINT", 130], ["SIGTERM", 143]] as const) {
    await t.step(`row 81: ${signal}`, async () => {
      const asked = Promise.withResolvers<void>();
      const never = Promise.withResolvers<void>();
      await using server = origin({
        "/slow": (request) => {
          asked.resolve();
          request.signal.addEventListener("abort", () => never.resolve());
          return never.promise.then(() => new Response());
        },
      });
      await using at = await setUp({
        state: "memory:",
        limits: { concurrency: 1 },
        tasks: [1, 2, 3].map((n) => ({ id: `t${n}`, url: `${server.origin}/slow`, to: `f${n}` })),
      });
      const running = main(["run", "--json"], at.host);
      await asked.promise;
      assertEquals(at.host.raise(signal), 1);
      assertEquals(await running, exitCode);
      const results = events(at.host.stdout.text).flatMap((event) =>
        event.type === "task.finished" ? [event.result] : []
      );
      assertEquals(results.map(({ task, status, code }) => [task, status, code]), [
        ["t1", "cancelled", "cancelled"],
        ["t2", "cancelled", "cancelled"],
        ["t3", "cancelled", "cancelled"],
      ]);
      assertStringIncludes(results[0]?.message ?? "", `interrupted by ${signal}`);
      assertEquals(await published(at.folder), {});
      assertEquals(server.hits("/slow"), 1);
      // The listeners are removed: the system handles later signals.
      assertEquals(at.host.raise(signal), 0);
    });
  }
});

Deno.test("row 84: run: the second signal exits immediately", async () => {
  const asked = Promise.withResolvers<void>();
  const never = Promise.withResolvers<void>();
  await using server = origin({
    "/slow": () => {
      asked.resolve();
      return never.promise.then(() => new Response());
    },
  });
  await using at = await setUp({ state: "memory:", tasks: [`${server.origin}/slow`] });
  const exits: number[] = [];
  const host = {
    ...at.host,
    exit: (code: number) => {
      exits.push(code);
      return undefined as never;
    },
  };
  const running = main(["run", "-q"], host);
  await asked.promise;
  at.host.raise("SIGTERM");
  assertEquals(exits, []);
  at.host.raise("SIGINT");
  assertEquals(exits, [130]);
  assertEquals(await running, 143);
  never.resolve();
});

Deno.test("run: the deadline exits with 10, and every task has a result", async () => {
  const never = Promise.withResolvers<void>();
  await using server = origin({
    "/slow": (request) => {
      request.signal.addEventListener("abort", () => never.resolve());
      return never.promise.then(() => new Response());
    },
  });
  await using at = await setUp({
    state: "memory:",
    limits: { concurrency: 1 },
    tasks: [1, 2].map((n) => ({ id: `t${n}`, url: `${server.origin}/slow`, to: `f${n}` })),
  });
  assertEquals(await main(["run", "--json", "--deadline", "200ms"], at.host), 10);
  const results = events(at.host.stdout.text).flatMap((event) =>
    event.type === "task.finished" ? [event.result] : []
  );
  assertEquals(results.map(({ status, code }) => [status, code]), [
    ["cancelled", "timeout.deadline"],
    ["cancelled", "timeout.deadline"],
  ]);
});

Deno.test("run: a usage error sends no request and exits 2", async () => {
  await using server = origin({ "/a.txt": "first\n" });
  await using at = await setUp({ state: "memory:", tasks: [`${server.origin}/a.txt`] });
  const table: [args: string[], said: RegExp][] = [
    [["run", "--no-such"], /unknown option "--no-such"/],
    [["rum"], /unknown command "rum"[^]*did you mean "cronfetch run"\?/],
    [["https://example.org/a.csv"], /"https:[^]*\nhint: [^]*cronfetch run /],
    [["run", "a.tx"], /no task "a\.tx"[^]*did you mean "a\.txt"\?/],
    [["run", "--only", "b"], /no task "b"/],
    [["run", "--timeout", "soon"], /--timeout/],
    [["run", "--max-concurrency", "0"], /--max-concurrency/],
    [["run", "-c", "missing.json"], /missing\.json/],
    [["run", "-q", "-v"], /exclude each other/],
    [["run", "file:///etc/passwd"], /http/],
    [["completions", "tcsh"], /bash, zsh, fish/],
  ];
  for (const [args, said] of table) {
    const host = testHost({ cwd: at.folder.path });
    assertEquals(await main(args, host), 2, args.join(" "));
    assertMatch(host.stderr.text, said);
    assertEquals(host.stdout.text, "");
  }
  assertEquals(server.hits(), 0);
});

Deno.test("run TASK and --only: only these tasks", async () => {
  await using server = origin({ "/a": "a", "/b": "b", "/c": "c" });
  await using at = await setUp({
    state: "memory:",
    tasks: ["a", "b", "c"].map((name) => `${server.origin}/${name}`),
  });
  assertEquals(await main(["run", "a", "--only", "c"], at.host), 0);
  assertEquals(await published(at.folder), { "a": "a", "c": "c" });
});

Deno.test("run URL: without any config, into -o", async () => {
  await using server = origin({ "/a.txt": "first\n", "/b.txt": "second\n" });
  await using folder = await temporaryFolder();
  const host = testHost({ cwd: folder.path });
  const urls = [`${server.origin}/a.txt`, `${server.origin}/b.txt`];
  assertEquals(await main(["run", ...urls, "-o", "there", "--state", "memory:"], host), 0);
  assertEquals(await tree(folder.path), { "there/a.txt": "first\n", "there/b.txt": "second\n" });
});

Deno.test("run URL -o: with one URL, a path with an extension names the file", async () => {
  await using server = origin({ "/a.txt": "first\n", "/b.txt": "second\n" });
  const url = `${server.origin}/a.txt`;
  const outputs: readonly (readonly [output: string, file: string])[] = [
    ["out.csv", "out.csv"],
    ["./new/deep/out.csv", "new/deep/out.csv"],
    ["{x}.csv", "{x}.csv"],
    ["folder.d", "folder.d/a.txt"],
    ["out.csv/", "out.csv/a.txt"],
    ["out", "out/a.txt"],
    ["v1.2", "v1.2/a.txt"],
  ];
  for (const [output, file] of outputs) {
    await using folder = await temporaryFolder();
    await Deno.mkdir(folder.file("folder.d"));
    const host = testHost({ cwd: folder.path });
    assertEquals(await main(["run", url, "-o", output], host), 0, host.stderr.text);
    assertEquals(await tree(folder.path), { [file]: "first\n" });
    // The file is replaced by the next run, and an absolute path is the same one.
    assertEquals(await main(["run", url, "-o", folder.file(output)], host), 0);
    assertEquals(await tree(folder.path), { [file]: "first\n" });
  }
});

Deno.test("run URL -o: a name for one file and several URLs are a usage error", async () => {
  await using server = origin({ "/a.txt": "first\n", "/b.txt": "second\n" });
  await using folder = await temporaryFolder();
  const host = testHost({ cwd: folder.path });
  const urls = [`${server.origin}/a.txt`, `${server.origin}/b.txt`];
  assertEquals(await main(["run", ...urls, "-o", "out.csv"], host), 2);
  assertMatch(
    host.stderr.text,
    /--output "out.csv" names one file, and there are 2 URLs; write "out.csv\/" for/,
  );
  assertEquals(server.hits(), 0);
  assertEquals(await main(["run", ...urls, "-o", "out.csv/"], host), 0);
  assertEquals(Object.keys(await tree(folder.path)), ["out.csv/a.txt", "out.csv/b.txt"]);
});

Deno.test("run URL -o: an unsafe name is a mistake of --output", async () => {
  await using folder = await temporaryFolder();
  const host = testHost({ cwd: folder.path });
  assertEquals(await main(["run", "http://127.0.0.1/a", "-o", "con.txt"], host), 2);
  assertMatch(
    host.stderr.text,
    /--output: contains "con.txt", which is not a safe name on every system/,
  );
});

Deno.test("splitOutput: a folder, and a name with an extension", () => {
  const table: readonly (readonly [output: string, parts: [store: string, name: string] | null])[] =
    [
      ["out.csv", [".", "out.csv"]],
      ["a/b.c/out.tar.gz", ["a/b.c/", "out.tar.gz"]],
      ["/out.7z", ["/", "out.7z"]],
      ["../x.Parquet", ["../", "x.Parquet"]],
      ["out", null],
      ["out.csv/", null],
      [".", null],
      ["..", null],
      [".hidden", null],
      ["v1.2", null],
      ["2026.01.15", null],
      ["x.", null],
      ["x.a-b", null],
      ["", null],
      ["s3://bucket/out.csv", null],
      ["memory:x.csv", null],
    ];
  for (const [output, parts] of table) {
    const split = splitOutput(output);
    assertEquals(split && [split.store, split.name], parts, output);
  }
});

Deno.test("run -c -: a list of URLs on standard input", async () => {
  await using server = origin({ "/a.txt": "first\n" });
  await using folder = await temporaryFolder();
  const stdin = `# what we keep\n\n${server.origin}/a.txt\n`;
  const host = testHost({ cwd: folder.path, stdin });
  assertEquals(await main(["run", "-c", "-", "--state", "memory:"], host), 0);
  assertEquals(await published(folder), { "a.txt": "first\n" });
});

Deno.test("row 94: run: a config without tasks is reported, and no error", async () => {
  await using at = await setUp({ state: "memory:", tasks: [] });
  assertEquals(await main(["run"], at.host), 0);
  assertMatch(at.host.stderr.text, /nothing to do/i);
});

Deno.test("rows 90 and 92: run: secrets are sent, and never shown", async () => {
  const secret = "s3cr/t+value&more";
  const seen: (string | null)[] = [];
  await using server = origin({
    "/a": (request) => {
      seen.push(request.headers.get("x-token"), request.headers.get("authorization"));
      return new Response(null, { status: 302, headers: { location: "/b?token=from-the-server" } });
    },
    "/b": 403,
  });
  const { host: address } = new URL(server.origin);
  await using at = await setUp({
    state: "memory:",
    tasks: [{
      id: "a",
      url: "http://me:${env:PASSWORD}@" + address + "/a?key=${env:PASSWORD}",
      headers: { "x-token": "Bearer ${env:PASSWORD}" },
    }],
  }, { env: { PASSWORD: secret } });
  const forms = [
    secret,
    encodeURIComponent(secret),
    btoa(`me:${secret}`),
    btoa(secret),
    "from-the-server",
  ];
  for (const args of [["run", "--json", "-v"], ["plan"], ["plan", "--json"], ["run", "-n"]]) {
    const host = testHost({ cwd: at.folder.path, env: { PASSWORD: secret } });
    await main(args, host);
    for (const form of forms) {
      assertEquals((host.stdout.text + host.stderr.text).includes(form), false, `${args}: ${form}`);
    }
  }
  assertEquals(seen, [`Bearer ${secret}`, `Basic ${btoa(`me:${secret}`)}`]);
});

Deno.test("row 92: run: a missing secret is an error before any request", async () => {
  await using server = origin({ "/a": "a" });
  await using at = await setUp({
    state: "memory:",
    tasks: [{ url: `${server.origin}/a`, headers: { authorization: "Bearer ${env:NO_TOKEN}" } }],
  });
  assertEquals(await main(["run"], at.host), 2);
  assertMatch(at.host.stderr.text, /NO_TOKEN/);
  assertEquals(server.hits(), 0);
});

Deno.test("run URL: writes only the files, unless a state is given", async () => {
  await using server = origin({ "/a.txt": "first\n" });
  const table: [args: string[], env: Record<string, string>, remembered: boolean][] = [
    [[], {}, false],
    [["--state", "file:state.json"], {}, true],
    [[], { CRONFETCH_STATE: "file:state.json" }, true],
  ];
  for (const [args, env, remembered] of table) {
    await using folder = await temporaryFolder();
    const host = testHost({ cwd: folder.path, env });
    assertEquals(await main(["run", `${server.origin}/a.txt`, "-o", ".", ...args], host), 0);
    const { "a.txt": file, ...others } = await tree(folder.path);
    assertEquals([file, Object.hasOwn(others, "state.json")], ["first\n", remembered]);
    if (!remembered) assertEquals(others, {});
  }
});

Deno.test("run: an unwritable state is reported once, and no bug", async () => {
  await using folder = await temporaryFolder();
  const state = folder.file("state.json");
  await using server = origin({
    "/a.txt": async () => {
      await Deno.writeTextFile(state, "not a state");
      return new Response("first\n");
    },
  });
  const host = testHost({ cwd: folder.path });
  const args = ["run", "--json", `${server.origin}/a.txt`, "--state", "file:state.json"];
  assertEquals(await main(args, host), 3);
  assertEquals(host.stderr.text.split("reading the state").length - 1, 1);
  assertEquals(host.stderr.text.includes("bug"), false);
  const last = events(host.stdout.text).at(-1);
  assertEquals(last?.type === "run.finished" && last.summary.exitCode, 3);
});

Deno.test("run: an unusable store is recorded, and the next run replaces no history", async () => {
  const tasks = ["http://127.0.0.1/a"];
  await using at = await setUp({ store: "taken", state: "file:state.json", tasks });
  await Deno.writeTextFile(at.folder.file("taken"), "a file");
  const { host } = at;
  for (let times = 0; times < 2; times++) {
    assertEquals(await main(["run"], host), EXIT.usage);
    host.jump(60_000);
  }
  await using state = await openState(`file:${at.folder.file("state.json")}`, host);
  const records = await state.runs(9);
  assertEquals(
    records.map(({ errorCode, failedRuns, tasks, summary }) => [
      ...[errorCode, failedRuns, tasks, summary.exitCode],
    ]),
    [["config.invalid", 2, 1, EXIT.usage]],
  );
  const path = at.folder.file("taken");
  assertEquals(records[0]?.error?.endsWith(`${path} is a file, not a folder`), true);
});
