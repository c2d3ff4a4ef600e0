import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { main } from "../helpers/command_line.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import type { TestHost } from "../helpers/host.ts";
import { recentResult, record, runRecord, validators } from "../state/samples.ts";
import { type Workspace, workspace } from "./workspace.ts";

/** A served page. */
interface Served extends AsyncDisposable {
  readonly host: TestHost;
  /** Its URL, with a slash at the end. */
  readonly url: string;
  /** The text at a path. */
  text(path: string): Promise<string>;
  /** Sends a signal. Returns the exit code. */
  stop(signal?: "SIGINT" | "SIGTERM"): Promise<number>;
}

/** Starts `serve` at a free port. */
async function serve(
  at: Workspace,
  { args = [], env = {} }: {
    readonly args?: readonly string[];
    readonly env?: Record<string, string>;
  } = {},
): Promise<Served> {
  const host = at.host({ env });
  const exitCode = main(["serve", "--view", "--port", "0", ...args], host);
  while (!host.stderr.text.includes("\n")) {
    await Promise.race([exitCode, new Promise((done) => setTimeout(done, 5))]);
  }
  const url = /http:\S+/.exec(host.stderr.text)?.[0] ?? "";
  let stopped = false;
  const stop: Served["stop"] = async (signal = "SIGTERM") => {
    if (!stopped) host.raise(signal);
    stopped = true;
    return await exitCode;
  };
  return {
    host,
    url,
    text: async (path) => await (await fetch(new URL(path, url))).text(),
    stop,
    [Symbol.asyncDispose]: async () => void await stop(),
  };
}

const TASK = { id: "t", url: "https://user:pass@x.example/t?token=abcdef&a=1" };

Deno.test("serve --view: the page on this machine only, until a signal arrives", async () => {
  for (const [signal, code] of [["SIGINT", 130], ["SIGTERM", 143]] as const) {
    await using at = await workspace({ tasks: [TASK] });
    await using served = await serve(at);
    assertMatch(
      served.host.stderr.text,
      /^2026-01-15T12:00:00Z The status page is at http:\/\/127\.0\.0\.1:\d+\/\n$/,
    );
    assertStringIncludes(await served.text("/"), "The task has not run yet");
    const events = await fetch(new URL("events", served.url));
    assertEquals(await served.stop(signal), code);
    await events.body?.cancel().catch(() => {});
    assertEquals(served.host.stdout.text, "");
  }
});

Deno.test("serve --view: shows the state as soon as it exists, and does not create it", async () => {
  for (const state of ["file:state/state.json", "kv:state/state.db"]) {
    await using at = await workspace({ state, tasks: [TASK] });
    await using served = await serve(at);
    assertEquals(JSON.parse(await served.text("/api/status")).counts.new, 1);
    assertEquals(JSON.parse(await served.text("/api/runs")), { runs: [] });
    await Deno.lstat(at.folder.file("state")).then(() => {
      throw new Error("the folder of the state was made");
    }, () => {});
    if (state.startsWith("kv:")) continue;
    const run = runRecord("r1", "2026-01-15T09:00:00Z");
    await at.save([record("t", { failures: 3, health: "unhealthy" })], [run]);
    assertEquals(JSON.parse(await served.text("/api/runs")), { runs: [run] });
    await served.host.advance(1_000);
    const { counts } = JSON.parse(await served.text("/api/status"));
    assertEquals([counts.new, counts.unhealthy], [0, 1]);
  }
});

Deno.test("serve --view: no secret on any page, the token of the page included", async () => {
  const env = { SECRET: "hush-hush", CRONFETCH_TOKEN: "top-secret-token" };
  await using at = await workspace({
    tasks: [{
      ...TASK,
      headers: { "x-token": "${env:SECRET}" },
      mirrors: ["https://x.example/${env:SECRET}"],
    }],
  });
  const message = "sent hush-hush and top-secret-token";
  const published = validators({ source: "https://x.example/hush-hush", etag: '"hush-hush"' });
  const result = recentResult({ status: "failed", code: "net.dns", message, run: "r1" });
  const run = runRecord("r1", "2026-01-15T09:00:00Z");
  await at.save([record("t", { published, failures: 1, results: [result] })], [run]);
  await using served = await serve(at, { env });
  const paths = ["/", "/tasks/t", "/runs/r1", "/api/status", "/api/tasks/t", "/metrics"];
  for (const path of paths) {
    const text = await served.text(path);
    assertEquals(/hush-hush|top-secret|abcdef|user:pass/.test(text), false, path);
  }
  assertStringIncludes(await served.text("/tasks/t"), "Sent *** and ***");
});

Deno.test("serve --view: files can be downloaded if the config allows, links are not followed", async () => {
  for (const downloads of [false, true]) {
    await using at = await workspace({
      page: { downloads },
      tasks: ["a.csv", "link.csv", "gone.csv"].map((id) => ({
        id,
        url: `https://x.example/${id}`,
      })),
    });
    await using elsewhere = await temporaryFolder();
    await Deno.writeTextFile(elsewhere.file("secret"), "secret");
    const folder = at.folder.file("downloads");
    await Deno.mkdir(folder);
    await Deno.writeTextFile(join(folder, "a.csv"), "a,b\n");
    const link = [elsewhere.file("secret"), join(folder, "link.csv")];
    assertEquals((await new Deno.Command("ln", { args: ["-s", ...link] }).output()).success, true);
    await at.save(
      ["a.csv", "link.csv", "gone.csv"].map((key) =>
        record(key, { published: validators({ key }) })
      ),
    );
    await using served = await serve(at);
    const status = async (path: string) => {
      const response = await fetch(new URL(path, served.url));
      await response.body?.cancel();
      return response.status;
    };
    assertEquals(await status("/files/a.csv"), downloads ? 200 : 404);
    assertEquals(await status("/files/link.csv"), 404);
    assertEquals(await status("/files/gone.csv"), 404);
    if (downloads) assertEquals(await served.text("/files/a.csv"), "a,b\n");
    assertEquals((await served.text("/tasks/a.csv")).includes("/files/a.csv"), downloads);
  }
});

Deno.test("serve --view: no actions", async () => {
  await using at = await workspace({ tasks: [TASK] });
  await using served = await serve(at, { env: { CRONFETCH_TOKEN: "top-secret-token" } });
  const response = await fetch(new URL("actions", served.url), {
    method: "POST",
    body: new URLSearchParams({ do: "run", token: "top-secret-token" }),
  });
  await response.body?.cancel();
  assertEquals(response.status, 404);
});

Deno.test("serve --view: an invalid or unavailable address", async () => {
  await using at = await workspace({ tasks: [TASK] });
  await using served = await serve(at);
  const { port } = new URL(served.url);
  const table: [args: string[], said: RegExp][] = [
    [["--port", "x"], /--port: must be a whole number from 0 to 65535, not "x"/],
    [["--port", "65536"], /--port: .*, not "65536"\nhint: for example: --port 8788/],
    [
      ["--port", port],
      /serving the page on 127\.0\.0\.1:\d+: the port is in use\nhint: --port \d+ selects another/,
    ],
  ];
  for (const [args, said] of table) {
    const host = at.host();
    assertEquals(await main(["serve", "--view", ...args], host), 2);
    assertMatch(host.stderr.text, said);
  }
});

Deno.test("serve --view: another host name", async () => {
  await using at = await workspace({ tasks: [TASK] });
  await using served = await serve(at, { args: ["--hostname", "localhost"] });
  assertMatch(served.url, /^http:\/\//);
  const { port } = new URL(served.url);
  assertStringIncludes(await (await fetch(`http://localhost:${port}/`)).text(), "cronfetch");
});
