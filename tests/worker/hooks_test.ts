/** Changes reach the hooks of their tasks at least once, in order, and never harm a run. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { z } from "zod";
import type { ConfigInput } from "../../lib/config/input.ts";
import type { RunEvent } from "../../lib/core/event.ts";
import { changeJsonSchema } from "../../lib/report/change_schema.ts";
import type { ChangeDocument } from "../../lib/report/hooks.ts";
import type { Delivery } from "../../lib/state/state.ts";
import { main } from "../helpers/command_line.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { testHost, type TestHostOptions } from "../helpers/host.ts";
import { openState } from "../helpers/open.ts";
import { type Origin, origin } from "../helpers/origin.ts";
import { delivery } from "../state/samples.ts";
import { run } from "../helpers/library.ts";

/** SHA-256 of `a` and of `b`. */
const A = "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb";
const B = "3e23e8160039594a33894f6564e1b1348bbd7a0088d42c4acb73eeaed59c009d";

/** A folder with a config, in which commands run at different times. */
async function place(config: ConfigInput, state = "kv:state.db") {
  const folder = await temporaryFolder();
  const write = (changed: ConfigInput) =>
    Deno.writeTextFile(folder.file("cronfetch.json"), JSON.stringify({ state, ...changed }));
  await write(config);
  /** Runs a command at a time of 2026-01-15, or at an instant. */
  const at = async (time: string, command = "run", options: TestHostOptions = {}) => {
    const now = time.includes("T") ? time : `2026-01-15T${time}Z`;
    const host = testHost({ now, cwd: folder.path, ...options });
    const exitCode = await main(command.split(" "), host);
    const executed = host.executed.map((one) => ({
      ...one,
      document: JSON.parse(one.input) as ChangeDocument,
    }));
    return {
      ...{ exitCode, executed, stdout: host.stdout.text },
      warnings: host.stderr.text.split("\n").filter((line) => /^(?:warning|hint):/.test(line)),
      changes: executed.map(({ command: [program], document: { status, files, attempt } }) =>
        `${program} ${status} ${files[0]?.sha256.slice(0, 2)} #${attempt}`
      ),
    };
  };
  const withState = async <Result>(
    use: (state: Awaited<ReturnType<typeof openState>>) => Result,
  ) => {
    const path = state.replace(":", `:${folder.path}/`);
    await using opened = await openState(path, testHost({ now: "2026-01-15T06:00:00Z" }));
    return await use(opened);
  };
  const pending = () => withState(async (opened) => (await opened.deliveries(null)).get("a") ?? []);
  return {
    ...{ folder, write, at, pending, withState },
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

/** Asserts that a document conforms to the schema, without further fields. */
function assertValid(document: unknown): void {
  const closed = JSON.stringify(changeJsonSchema())
    .replaceAll('"type":"object"', '"type":"object","additionalProperties":false');
  const schema = z.fromJSONSchema(JSON.parse(closed));
  const { success, error } = schema.safeParse(document);
  assert(success, `${JSON.stringify(document)}: ${error?.message}`);
}

function config(server: Origin, onChange: ConfigInput["onChange"]): ConfigInput {
  return { onChange, tasks: [{ url: `${server.origin}/a?key=hunter2`, schedule: "every 1d" }] };
}

for (const state of ["file:state.json", "kv:state.db"]) {
  Deno.test(`onChange: invoked after created and updated, with the facts (${state})`, async () => {
    await using server = origin({ "/a": "a" });
    await using here = await place(config(server, [{ command: ["load", "x"] }]), state);
    const env = { PATH: "/bin", TOKEN: "s3cret" };
    const first = await here.at("06:00:00", "run", { env });
    const path = here.folder.file("downloads/a");
    const [call] = first.executed;
    assertValid(call?.document);
    const id = call?.document.id ?? "";
    assertMatch(id, /^2026-01-15T06:00:00\.000Z-[0-9a-f]{12}$/);
    assertEquals(call?.document, {
      type: "task.changed",
      id,
      task: "a",
      status: "created",
      run: call?.document.run ?? "",
      url: `${server.origin}/a?key=***`,
      publishedAt: "2026-01-15T06:00:00Z",
      attempt: 1,
      files: [{ key: "a", path, sha256: A, sizeBytes: 1, previous: null }],
    });
    assertEquals([call?.command, call?.cwd], [["load", "x"], here.folder.path]);
    assertEquals(call?.env, {
      PATH: "/bin",
      CRONFETCH_ID: id,
      CRONFETCH_TASK: "a",
      CRONFETCH_STATUS: "created",
      CRONFETCH_URL: `${server.origin}/a?key=***`,
      CRONFETCH_KEY: "a",
      CRONFETCH_PATH: path,
      CRONFETCH_SHA256: A,
      CRONFETCH_SIZE: "1",
      CRONFETCH_PREVIOUS_SHA256: "",
    });
    assertEquals((await here.at("07:00:00")).executed, []);
    server.route("/a", "b");
    const { exitCode, executed: [second], warnings } = await here.at("08:00:00");
    assertEquals([exitCode, warnings], [0, []]);
    assertValid(second?.document);
    assertEquals(second?.document.status, "updated");
    assertEquals(second?.document.files, [{
      ...{ key: "a", path, sha256: B, sizeBytes: 1 },
      previous: { key: "a", sha256: A, sizeBytes: 1 },
    }]);
    assertEquals(await here.pending(), []);
  });

  Deno.test(`onChange: a failure is a warning, and retried in order by later runs (${state})`, async () => {
    await using server = origin({ "/a": "a" });
    await using here = await place(config(server, [{ command: ["load"] }]), state);
    const fails = { exitCode: 3 };
    const first = await here.at("06:00:00", "run", fails);
    assertEquals([first.exitCode, first.changes], [0, ["load created ca #1"]]);
    assertEquals(first.warnings, [
      'warning: Delivering a change of "a" to the command load failed: exit code 3; ' +
      "next attempt after 2026-01-15 06:01 UTC",
      "hint: run the command by hand with JSON",
    ]);
    // Nothing is due, and the backoff has not passed.
    assertEquals((await here.at("06:00:59", "run --due")).changes, []);
    // A new change is tried at once, but not before the older one.
    server.route("/a", "b");
    assertEquals((await here.at("06:00:59", "run", fails)).changes, ["load created ca #2"]);
    assertEquals((await here.at("06:02:58", "run --due")).changes, []);
    const third = await here.at("06:02:59", "run --due", { exitCode: (n) => n - 1 });
    assertEquals(third.changes, ["load created ca #3", "load updated 3e #1"]);
    assertEquals((await here.at("06:03:59", "run --due")).changes, ["load updated 3e #2"]);
    assertEquals(await here.pending(), []);
  });
}

Deno.test("onChange: a hook that fails blocks no other hook, and none gets a change twice", async () => {
  await using server = origin({ "/a": "a" });
  await using here = await place(config(server, [{ command: ["bad"] }, { command: ["good"] }]));
  const options = { exitCode: (n: number) => n === 1 ? 1 : 0 };
  assertEquals((await here.at("06:00:00", "run", options)).changes.toSorted(), [
    "bad created ca #1",
    "good created ca #1",
  ]);
  server.route("/a", "b");
  assertEquals((await here.at("06:00:30", "run", options)).changes, [
    "bad created ca #2",
    "good updated 3e #1",
  ]);
  assertEquals((await here.at("12:00:00", "run --due")).changes, [
    "bad created ca #3",
    "bad updated 3e #1",
  ]);
});

Deno.test("onChange: of the task instead of defaults, and of defaults instead of the config", async () => {
  await using server = origin({ "/a": "a", "/b": "b", "/c": "c" });
  const b = { url: `${server.origin}/b`, onChange: [{ command: ["own"] }] };
  const c = { url: `${server.origin}/c`, onChange: [] };
  const input: ConfigInput = {
    onChange: [{ command: ["top"] }],
    tasks: [`${server.origin}/a`, b, c],
  };
  await using here = await place(input);
  assertEquals((await here.at("06:00:00")).changes.toSorted(), [
    "own created 3e #1",
    "top created ca #1",
  ]);
  await using there = await place({ ...input, defaults: { onChange: [{ command: ["all"] }] } });
  assertEquals((await there.at("06:00:00")).changes.toSorted(), [
    "all created ca #1",
    "own created 3e #1",
  ]);
});

Deno.test("onChange: a secret reaches a command only if its env names it, and no message", async () => {
  await using server = origin({ "/a": "a" });
  const env = { TOKEN: "s3cret-token" };
  await using here = await place(config(server, [
    { command: ["load"], env: { TOKEN: "${env:TOKEN}", CRONFETCH_KEY: "mine" } },
    { command: ["other", "s3cret-token"] },
  ]));
  const { executed, warnings } = await here.at("06:00:00", "run", { env, exitCode: 1 });
  assertEquals(executed.map(({ env }) => [env?.TOKEN, env?.CRONFETCH_KEY]), [
    ["s3cret-token", "mine"],
    [undefined, "a"],
  ]);
  assertEquals(warnings.join("\n").includes("s3cret-token"), false);
});

Deno.test("onChange: a webhook gets the same idempotency key again", async () => {
  const requests: [string | null, string | null, ChangeDocument][] = [];
  let status = 503;
  await using server = origin({ "/a": "a" });
  await using hooks = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (request) => {
      const { headers } = request;
      requests.push([
        headers.get("idempotency-key"),
        headers.get("x-token"),
        await request.json(),
      ]);
      return new Response(status === 204 ? null : "not now", { status });
    },
  );
  const webhook = `http://127.0.0.1:${hooks.addr.port}/hook`;
  const hook = { webhook, headers: { "x-token": "t" } };
  await using here = await place(config(server, [hook]));
  const first = await here.at("06:00:00");
  assertEquals(first.exitCode, 0);
  assertStringIncludes(first.warnings[0] ?? "", "the server answered 503: not now; next attempt");
  status = 204;
  await here.at("06:10:00", "run --due");
  await here.at("06:20:00", "run --due");
  const [id] = requests[0] ?? [];
  assertEquals(
    requests.map(([key, token, { id, attempt }]) => [key, token, id, attempt]),
    [[id, "t", id, 1], [id, "t", id, 2]],
  );
});

Deno.test("onChange: a change expires after 7 days of failures, reported once", async () => {
  await using server = origin({ "/a": "a" });
  await using here = await place(config(server, [{ command: ["load"] }]));
  const fails = { exitCode: 1 };
  await here.at("06:00:00", "run --no-hooks");
  assertEquals(await here.pending(), []);
  server.route("/a", "b");
  await here.at("06:00:00", "run", fails);
  const shown: string[] = [];
  for (const day of [20, 21, 22, 23, 24]) {
    const { changes, warnings } = await here.at(`2026-01-${day}T06:00:01Z`, "run --due", fails);
    shown.push(`${changes.length} ${warnings[0]?.split("; ")[1]}`);
  }
  assertEquals(shown, [
    "1 next attempt after 2026-01-20 06:02 UTC",
    "1 next attempt after 2026-01-21 06:04 UTC",
    "1 it is not tried again after 7 days",
    "0 undefined",
    "0 undefined",
  ]);
});

Deno.test("--no-hooks: nothing is invoked, now or later, and pending changes stay", async () => {
  await using server = origin({ "/a": "a" });
  await using here = await place(config(server, [{ command: ["load"] }]));
  await here.at("06:00:00", "run", { exitCode: 1 });
  server.route("/a", "b");
  assertEquals((await here.at("07:00:00", "run --no-hooks")).changes, []);
  assertEquals((await here.pending()).length, 1);
  assertEquals((await here.at("08:00:00", "run --due")).changes, ["load created ca #2"]);
});

Deno.test("onChange: a task that has no hooks any more has no pending changes", async () => {
  await using server = origin({ "/a": "a", "/b": "b" });
  await using here = await place(config(server, [{ command: ["load"] }]));
  await here.at("06:00:00", "run", { exitCode: 1 });
  const b = { url: `${server.origin}/b`, onChange: [{ command: ["load"] }] };
  await here.write({ tasks: [`${server.origin}/a`, b] });
  assertEquals((await here.at("07:00:00")).changes, ["load created 3e #1"]);
  assertEquals(await here.pending(), []);
});

/** Claims of runs that were killed before they saved the record. The stored file has the digest A. */
const CLAIMS: readonly (readonly [string, Partial<Delivery>, readonly string[]])[] = [
  ["published", { publishedAt: null }, ["load updated ca #1"]],
  [
    "not published",
    { publishedAt: null, files: [{ key: "a", sha256: B, sizeBytes: 1, previous: null }] },
    [],
  ],
  [
    "of a file that has gone",
    { publishedAt: null, files: [{ key: "gone", sha256: A, sizeBytes: 1, previous: null }] },
    [],
  ],
];

for (const [name, change, expected] of CLAIMS) {
  for (const command of ["run", "run --due"]) {
    Deno.test(`${command}: resolves the claim of a crashed run: ${name}`, async () => {
      await using server = origin({ "/a": "a" });
      await using here = await place(config(server, [{ command: ["load"] }]));
      await here.at("06:00:00");
      const files = [{ key: "a", sha256: A, sizeBytes: 1, previous: null }];
      await here.withState((state) => state.saveDelivery("a", delivery("1", { files, ...change })));
      assertEquals((await here.at("06:10:00", command)).changes, expected);
      assertEquals(await here.pending(), []);
      assertEquals((await here.at("06:20:00", command)).changes, []);
    });
  }
}

Deno.test("run: a change of a store without paths, and its events", async () => {
  await using server = origin({ "/a": "a" });
  const host = testHost({ exitCode: (n) => n - 1 });
  const events: RunEvent[] = [];
  const onEvent = (event: RunEvent) => void events.push(event);
  const input: ConfigInput = {
    ...{ store: "memory:", state: "memory:" },
    tasks: [
      { url: `${server.origin}/a`, to: "1", onChange: [{ command: ["/bin/x"] }] },
      { url: `${server.origin}/a`, to: "2", onChange: [{ command: ["/bin/x"] }] },
    ],
  };
  const { summary } = await run(input, { host, onEvent });
  assertEquals(summary.exitCode, 0);
  assertEquals(host.executed.map(({ input }) => JSON.parse(input).files[0].path), [null, null]);
  const types = events.map(({ type }) => type);
  assertEquals(types.slice(-1), ["run.finished"]);
  const hooks = events.filter((event) => event.type === "hook.finished");
  assertEquals(
    hooks.map(({ task, hook, status, code, message }) => [task, hook, status, code, message]),
    [
      ["1", "/bin/x", "delivered", null, null],
      ["2", "/bin/x", "failed", "hook.failed", "exit code 1"],
    ],
  );
  assertEquals((await run(input, { host, hooks: false })).summary.counts.created, 2);
  assertEquals(host.executed.length, 2);
});
