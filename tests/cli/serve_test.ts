import { assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { main } from "../helpers/command_line.ts";
import { tree } from "../helpers/folder.ts";
import { ExitCalled } from "../helpers/host.ts";
import { origin } from "../helpers/origin.ts";
import { record, validators } from "../state/samples.ts";
import { serve, serveInProcess, TOKEN } from "./serving.ts";
import { rowsOf, workspace } from "./workspace.ts";

/** Tasks of one file each. */
function tasks(origin: string, ...ids: readonly string[]): object[] {
  return ids.map((id) => ({ id, url: `${origin}/${id}`, schedule: "every 1m" }));
}

Deno.test("serve: as a process, runs what is due and what is requested, and shows it", async () => {
  await using server = origin({ "/a": "a", "/b": "b" });
  await using at = await workspace({ tasks: tasks(server.origin, "a", "b") });
  for (const [signal, code] of [["SIGTERM", 143], ["SIGINT", 130]] as const) {
    const before = server.hits("/a");
    await using served = await serveInProcess(at.folder.path, {
      args: ["--port", "0", "--json"],
      env: { CRONFETCH_TOKEN: TOKEN },
    });
    const hasRun = async () => (await served.json("/api/runs")).runs.length > 0;
    while (!await hasRun()) await pause();
    assertStringIncludes(await served.text("/"), "All 2 tasks are fine");
    assertEquals(await served.act({ do: "run", task: "a", token: "wrong" }), 403);
    assertEquals(await served.act({ do: "run", task: "a" }), 303);
    while (server.hits("/a") === before) await pause();
    // Two tasks are new to the first process; none is due in the second one.
    const after = async () => (await served.json("/api/runs")).runs.length === 2 * before + 2;
    while (before === 0 && !await after()) await pause();
    const { code: given, stdout } = await served.end(signal);
    assertEquals(given, code);
    const types = rowsOf(stdout).map(({ type }) => type);
    assertEquals([types[0], types.at(-1)], ["run.started", "run.finished"]);
  }
  assertEquals(await tree(at.folder.file("downloads")), { a: "a", b: "b" });
  assertEquals([server.hits("/a"), server.hits("/b")], [3, 1]);
});

/** Waits for real input and output. */
async function pause(): Promise<void> {
  await new Promise((done) => setTimeout(done, 20));
}

Deno.test("serve: without a token, actions are disabled", async () => {
  await using at = await workspace({ tasks: [] });
  const host = at.host({ sleep: "manual" });
  const exitCode = main(["serve", "--port", "0"], host);
  while (!host.stderr.text.includes("watching")) await host.advance(0);
  const url = /http:\S+/.exec(host.stderr.text)?.[0] ?? "";
  const response = await fetch(`${url}actions`, {
    method: "POST",
    body: new URLSearchParams({ do: "run", token: "" }),
  });
  await response.body?.cancel();
  assertEquals(response.status, 404);
  host.raise("SIGTERM");
  await host.advance(0);
  assertEquals(await exitCode, 143);
});

Deno.test("serve: a paused task runs only on request", async () => {
  await using server = origin({ "/a": "a", "/b": "b" });
  await using at = await workspace({ tasks: tasks(server.origin, "a", "b") });
  await using served = await serve(at);
  const hits = () => [server.hits("/a"), server.hits("/b")];
  const idle = async () => (await served.json("/api/status")).running === null;
  const come = async (a: number, b: number, sliceMs = 0) => {
    await served.until(() => hits().join() === [a, b].join(), sliceMs);
    await served.until(idle);
  };
  await come(1, 1);
  assertEquals(await served.act({ do: "pause", task: "a" }), 303);
  const { tasks: rows, paused } = await served.json("/api/status");
  assertEquals([paused, ...rows.map((row: { paused: boolean }) => row.paused)], [
    false,
    true,
    false,
  ]);
  assertStringIncludes(await served.text("/tasks/a"), "</svg>paused</span>");
  await come(1, 2, 60_000);
  await come(1, 3, 60_000);
  assertEquals(await served.act({ do: "run", task: "a" }), 303);
  await come(2, 3);
  assertEquals(await served.act({ do: "pause" }), 303);
  assertStringIncludes(await served.text("/"), "All tasks are paused.");
  for (let minutes = 0; minutes < 5; minutes++) await served.host.advance(60_000);
  assertEquals(hits(), [2, 3]);
  assertEquals(await served.act({ do: "run" }), 303);
  await come(3, 4);
  await served.host.advance(60_000);
  assertEquals(await served.act({ do: "resume" }), 303);
  await come(4, 5);
});

Deno.test("serve: an invalid edit is shown without secrets, a valid one is applied", async () => {
  await using server = origin({ "/a": "a", "/b": "b" });
  await using at = await workspace({ tasks: tasks(server.origin, "a") });
  await using served = await serve(at);
  const write = (config: object) =>
    Deno.writeTextFile(at.folder.file("cronfetch.json"), JSON.stringify(config));
  const status = () => served.json("/api/status");
  await served.until(async () => (await status()).lastRun !== null);
  await write({ [TOKEN]: 1, tasks: [] });
  await served.until(async () => (await status()).notices.length > 0, 1_000);
  const html = await served.text("/");
  assertStringIncludes(html, "The changed config cannot be used");
  assertMatch(html, /cronfetch\.json:1:2: \*\*\* is not an option/);
  assertEquals(html.includes(TOKEN), false);
  assertEquals((await status()).tasks.map(({ id }: { id: string }) => id), ["a"]);

  // The other state has only its own run.
  await write({ state: "file:two.json", tasks: tasks(server.origin, "b") });
  await served.until(() => server.hits("/b") === 1, 1_000);
  // The last run may still be that of the first state.
  await served.until(async () => (await status()).tasks[0]?.health !== "new");
  await served.until(async () => (await served.json("/api/runs")).runs.length > 0);
  const { notices, configChangedAt, tasks: rows } = await status();
  assertEquals(notices, []);
  assertMatch(configChangedAt, /^2026-01-15T12:/);
  assertEquals(rows.map(({ id, health }: Record<string, string>) => [id, health]), [
    ["b", "healthy"],
  ]);
  assertEquals((await served.json("/api/runs")).runs.length, 1);
});

Deno.test("row 84: serve: responds until the last run has ended", async () => {
  const asked = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<Response>();
  await using server = origin({
    "/a": () => {
      asked.resolve();
      return answer.promise;
    },
  });
  await using at = await workspace({ tasks: tasks(server.origin, "a") });
  await using served = await serve(at, ["--grace", "5s"]);
  await asked.promise;
  await served.until(async () => (await served.text("/")).includes("0 of 1 task"));
  served.host.raise("SIGTERM");
  assertStringIncludes(await served.text("/"), "cronfetch is stopping");
  assertStringIncludes(await served.text("/"), "The current run may take 5s at most");
  for (const what of ["run", "pause", "resume"]) assertEquals(await served.act({ do: what }), 503);
  await served.host.advance(250);
  await assertRejects(
    () => Promise.try(() => served.host.raise("SIGTERM")),
    ExitCalled,
    "exit 143",
  );
  answer.resolve(new Response("a"));
  assertEquals(await served.ended(), 143);
  assertEquals(await tree(at.folder.file("downloads")), { a: "a" });
  await assertRejects(() => served.text("/"), TypeError);
});

Deno.test("serve: an unavailable address ends it before a task runs", async () => {
  await using server = origin({ "/a": "a" });
  await using at = await workspace({ tasks: tasks(server.origin, "a") });
  const port = new URL(server.origin).port;
  const table: [args: string[], said: string][] = [
    [["--port", port], `serving the page on 127.0.0.1:${port}: the port is in use`],
    [["--port", "x"], '--port: must be a whole number from 0 to 65535, not "x"'],
    [["--grace", "soon"], "--grace: must be a duration"],
    [["--view", "--json"], 'options "--view" and "--json" exclude each other'],
    [["b"], 'there is no task "b"'],
  ];
  for (const [args, said] of table) {
    const host = at.host();
    assertEquals(await main(["serve", ...args], host), 2, said);
    assertStringIncludes(host.stderr.text, said);
  }
  assertEquals(server.hits(), 0);
  assertEquals(Object.keys(await tree(at.folder.path)), ["cronfetch.json"]);
});

Deno.test("serve: a state that cannot be opened at the start ends it", async () => {
  await using at = await workspace({ tasks: [] });
  const host = at.host();
  const args = ["serve", "--port", "0", "--state", `file:${at.folder.path}`];
  assertEquals(await main(args, host), 2);
});

Deno.test("serve TASK: only selected tasks run and are shown; files can be downloaded", async () => {
  for (const store of ["downloads", "memory:"]) {
    await using server = origin({ "/a": "of a", "/b": "b" });
    const page = { downloads: true };
    await using at = await workspace({ store, page, tasks: tasks(server.origin, "a", "b") });
    await using served = await serve(at, ["a"]);
    await served.until(async () => {
      const { lastRun, running } = await served.json("/api/status");
      return lastRun !== null && running === null;
    });
    assertEquals([server.hits("/a"), server.hits("/b")], [1, 0]);
    const { tasks: rows } = await served.json("/api/status");
    assertEquals(rows.map(({ id }: { id: string }) => id), ["a"]);
    assertEquals(await served.text("/files/a"), "of a");
    assertStringIncludes(await served.text("/files/b"), "There is no such file");
    // Neither page nor run leaves other files.
    const left = () => Array.fromAsync(Deno.readDir(at.folder.file(store)), ({ name }) => name);
    if (store === "downloads") await served.until(async () => (await left()).join() === "a");
    // Requesting all tasks runs only the selected ones.
    assertEquals(await served.act({ do: "run" }), 303);
    await served.until(() => server.hits("/a") === 2);
    assertEquals(server.hits("/b"), 0);
  }
});

Deno.test("serve: the flags of doctor suffice, with the two of its note", async () => {
  await using server = origin({ "/a": "a" });
  await using at = await workspace({ tasks: tasks(server.origin, "a") });
  const host = at.host();
  assertEquals(await main(["doctor", "--json"], host), 0);
  const { flags, message } = rowsOf(host.stdout.text).at(-1) as Record<string, string[] & string>;
  const note = "serve also needs 127.0.0.1:8788 in --allow-net and CRONFETCH_TOKEN in --allow-env";
  assertStringIncludes(message ?? "", note);
  const port = freePort();
  const permissions = (flags ?? []).map((flag) => {
    if (flag.startsWith("--allow-net=")) return `${flag},127.0.0.1:${port}`;
    return flag.startsWith("--allow-env=") ? `${flag},CRONFETCH_TOKEN` : flag;
  });
  await using served = await serveInProcess(at.folder.path, {
    args: ["--port", `${port}`],
    permissions,
    env: { CRONFETCH_TOKEN: TOKEN },
  });
  while ((await served.json("/api/runs")).runs.length === 0) await pause();
  assertStringIncludes(await served.text("/metrics"), "cronfetch_tasks");
  assertEquals(await served.act({ do: "run" }), 303);
  while (server.hits("/a") < 2) await pause();
  assertEquals((await served.end("SIGTERM")).code, 143);
});

/** A free port. */
function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

Deno.test("row 141: serve: page and runs survive more connections than file handles", async () => {
  await using server = origin({ "/a": "a" });
  await using at = await workspace({ tasks: tasks(server.origin, "a") });
  await using served = await serveInProcess(at.folder.path, {
    args: ["--port", "0"],
    env: { CRONFETCH_TOKEN: TOKEN },
    handles: 128,
  });
  // The first run has its own handles.
  const runs = async () => (await served.json("/api/runs")).runs.length;
  while (await runs() === 0) await pause();
  const { hostname, port } = new URL(served.url);
  const half = new TextEncoder().encode("GET / HTTP/1.1\r\nHost: h\r\n");
  const idle: Deno.TcpConn[] = [];
  for (let count = 0; count < 300; count++) {
    const connection = await Deno.connect({ hostname, port: Number(port) });
    // Writing to a connection that the server has dropped may fail.
    if (count % 2 === 0) await connection.write(half).catch(() => {});
    idle.push(connection);
  }
  assertStringIncludes(await served.text("/"), "<html");
  for (const connection of idle) connection.close();
  // There are handles for an action and a run, as soon as the server has read the ends of the idle
  // connections: until then, the run may fail.
  const before = server.hits("/a");
  while (server.hits("/a") === before) {
    assertEquals(await served.act({ do: "run", task: "a" }), 303);
    await pause();
  }
  assertEquals((await served.end("SIGTERM")).code, 143);
});

Deno.test("row 141: serve --view: a stalled download is aborted after 3 s", async () => {
  await using at = await workspace({
    store: "files",
    page: { downloads: true },
    tasks: [
      { id: "big", url: "https://x.example/big" },
    ],
  });
  await Deno.mkdir(at.folder.file("files"));
  await Deno.writeFile(at.folder.file("files/big"), new Uint8Array(32 * 2 ** 20));
  await at.save([record("big", { published: validators({ key: "big" }) })]);
  const host = at.host({ sleep: "manual", timers: "manual" });
  let code: number | null = null;
  const ended = main(["serve", "--view", "--port", "0"], host).finally(() => code = 0);
  while (!host.stderr.text.includes("\n")) await host.advance(0);
  const { hostname, port } = new URL(/http:\S+/.exec(host.stderr.text)?.[0] ?? "");
  using client = await Deno.connect({ hostname, port: Number(port) });
  await client.write(
    new TextEncoder().encode("GET /files/big HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"),
  );
  await client.read(new Uint8Array(100));
  host.raise("SIGTERM");
  await host.advance(2_999);
  assertEquals(code, null);
  await host.advance(1);
  assertEquals(await ended, 143);
});

Deno.test("serve -q: no output without an error", async () => {
  await using at = await workspace({ tasks: [] });
  const host = at.host({ sleep: "manual" });
  const exitCode = main(["serve", "-q", "--port", "0"], host);
  while (host.raise("SIGTERM") === 0) await host.advance(0);
  await host.advance(0);
  assertEquals([await exitCode, host.stderr.text, host.stdout.text], [143, "", ""]);
});

Deno.test("serve: warns about a token that can be guessed, and does not show it", async () => {
  await using at = await workspace({ tasks: [] });
  const env = { CRONFETCH_TOKEN: "hunter2", CRONFETCH_VIEW_TOKEN: TOKEN };
  const host = at.host({ sleep: "manual", env });
  const exitCode = main(["serve", "--port", "0"], host);
  while (host.raise("SIGTERM") === 0) await host.advance(0);
  await host.advance(0);
  assertEquals(await exitCode, 143);
  const warnings = host.stderr.text.match(/warning: .*/g);
  assertEquals(warnings, [
    "warning: CRONFETCH_TOKEN has 7 characters and can be guessed; use 32 random ones",
  ]);
});
