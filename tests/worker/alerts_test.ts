/** Alerts of whole runs: each is sent once, and its end once. */

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { ConfigInput } from "../../lib/config/input.ts";
import { loadValue } from "../../lib/config/load.ts";
import { CronfetchError } from "../../lib/core/errors.ts";
import { EXIT } from "../../lib/core/result.ts";
import { type AlertContext, alertFailedRun, checkAlerts } from "../../lib/worker/alerts.ts";
import { main } from "../helpers/command_line.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { type TestHost, testHost, type TestHostOptions } from "../helpers/host.ts";
import { httpProxy } from "../helpers/http_proxy.ts";
import { openState } from "../helpers/open.ts";
import { origin } from "../helpers/origin.ts";
import { runRecord } from "../state/samples.ts";
import { file, ORIGIN, type Play, played, type Playing } from "./watching.ts";

/** What one command did. */
interface Evaluation {
  readonly exitCode: number;
  /** The messages to each target, without their first line. */
  readonly sent: readonly string[];
  readonly stderr: string;
}

/** A folder with a config, in which commands run at different times. */
async function place(config: (folder: string) => ConfigInput) {
  const folder = await temporaryFolder();
  const write = (changed: (folder: string) => ConfigInput) =>
    Deno.writeTextFile(folder.file("cronfetch.json"), JSON.stringify(changed(folder.path)));
  await write(config);
  /** Runs a command at a time of 2026-01-15, or at an instant. */
  const at = async (
    time: string,
    command = "run --due",
    options: TestHostOptions = {},
  ): Promise<Evaluation> => {
    const now = time.includes("T") ? time : `2026-01-15T${time}Z`;
    const host: TestHost = testHost({ now, cwd: folder.path, ...options });
    const exitCode = await main(command.split(" "), host);
    return { exitCode, sent: linesOf(host), stderr: host.stderr.text };
  };
  return { folder, write, at, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() };
}

const ALERTS: ConfigInput["alerts"] = [{ command: ["notify"] }];

for (const state of ["file:state.json", "kv:state.db"]) {
  Deno.test(`run: an unhealthy task is reported once, and its recovery once, in ${state}`, async () => {
    await using server = origin({ "/a": 404, "/b": "b" });
    await using here = await place(() => ({
      ...{ state, alerts: ALERTS, alertAfter: 2 },
      defaults: { schedule: "every 1h" },
      tasks: [`${server.origin}/a`, `${server.origin}/b`],
    }));
    const sent: (readonly string[])[] = [];
    for (const time of ["06:00:00", "08:00:00", "10:00:00", "12:00:00"]) {
      sent.push((await here.at(time)).sent);
    }
    server.route("/a", "a");
    for (const time of ["20:00:00", "22:00:00"]) sent.push((await here.at(time)).sent);
    assertEquals(sent, [
      [],
      [`unhealthy: a, 2 failures in a row (fetching ${server.origin}/a: 404 Not Found)`],
      [],
      [],
      ["recovered: a"],
      [],
    ]);
  });
}

Deno.test("run --due: a stale task is reported although nothing is due", async () => {
  await using server = origin({ "/a": "a" });
  await using here = await place(() => ({
    ...{ state: "file:state.json", alerts: ALERTS, alertAfter: 100 },
    tasks: [{ url: `${server.origin}/a`, schedule: "every 1h", retry: { attempts: 1 } }],
  }));
  await here.at("06:00:00");
  server.route("/a", 404);
  const sent: (readonly string[])[] = [];
  const hits: number[] = [];
  // It fails at 07:00 and 07:30; at 07:35 and 08:05 its backoff has not passed.
  for (const time of ["07:00:00", "07:30:00", "07:35:00", "08:05:00", "08:06:00"]) {
    sent.push((await here.at(time)).sent);
    hits.push(server.hits());
  }
  server.route("/a", "a");
  sent.push((await here.at("16:00:00")).sent, (await here.at("16:05:00")).sent);
  assertEquals([hits, sent], [[2, 3, 3, 4, 4], [
    [],
    [],
    [],
    ["stale: a, no success since 2026-01-15 06:00 UTC; its schedule is every 1h"],
    [],
    ["recovered: a"],
    [],
  ]]);
});

Deno.test("run: content that does not change is reported once, and its change once", async () => {
  await using server = origin({ "/a": "a" });
  await using here = await place(() => ({
    ...{ state: "file:state.json", alerts: ALERTS },
    tasks: [{ url: `${server.origin}/a`, schedule: "every 12h", unchangedFor: "1d" }],
  }));
  const sent: (readonly string[])[] = [];
  for (const day of ["15", "16", "17", "18"]) {
    if (day === "18") server.route("/a", "b");
    for (const hour of ["06", "18"]) {
      sent.push((await here.at(`2026-01-${day}T${hour}:00:00Z`)).sent);
    }
  }
  assertEquals(sent, [
    [],
    [],
    ["unchanged: a, the content has not changed since 2026-01-15 06:00 UTC, for more than 1d"],
    [],
    [],
    [],
    ["changed: a"],
    [],
  ]);
});

Deno.test("run: an alert that no target accepts is sent by the next evaluation", async () => {
  await using server = origin({ "/a": 404 });
  await using here = await place(() => ({
    ...{ state: "file:state.json", alerts: ALERTS, alertAfter: 1 },
    tasks: [{ url: `${server.origin}/a`, schedule: "every 1h" }],
  }));
  await here.at("06:00:00");
  const refused = await here.at("08:00:00", "run --due", { exitCode: 1 });
  assertEquals(refused.sent.length, 1);
  assertStringIncludes(
    refused.stderr,
    "warning: Sending an alert to the command notify failed: exit code 1\n" +
      "hint: run the command by hand with JSON\n",
  );
  assertEquals(refused.exitCode, EXIT.failed);
  assertEquals((await here.at("08:00:01")).sent, refused.sent);
  assertEquals((await here.at("08:00:02")).sent, []);
});

Deno.test("run: an alert that one of two targets accepts is sent", async () => {
  await using server = origin({ "/a": 404, "/hook": 410 });
  await using here = await place(() => ({
    ...{ state: "file:state.json", alertAfter: 1 },
    alerts: [{ webhook: `${server.origin}/hook` }, { command: ["notify"] }],
    tasks: [{ url: `${server.origin}/a`, schedule: "every 1h" }],
  }));
  await here.at("06:00:00");
  const { sent, stderr } = await here.at("08:00:00");
  assertEquals(sent.length, 1);
  assertMatch(
    stderr,
    /warning: Sending an alert to the webhook at [\d.:]+ failed: the server answered 405\nhint: /,
  );
  assertEquals((await here.at("08:00:01")).sent, []);
});

Deno.test("run: a webhook has the proxy of its host's settings", async () => {
  const paths: string[] = [];
  await using hook = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (request) => {
      paths.push(`${request.headers.get("host")} ${new URL(request.url).pathname}`);
      await request.text();
      return new Response();
    },
  );
  await using proxy = await httpProxy({ server: `http://127.0.0.1:${hook.addr.port}` });
  await using server = origin({ "/a": 404 });
  await using here = await place(() => ({
    ...{ state: "file:state.json", alertAfter: 1 },
    alerts: [{ webhook: "http://hooks.internal/alerts" }],
    hosts: { "*.internal": { proxy: proxy.origin } },
    tasks: [{ url: `${server.origin}/a`, schedule: "every 1h" }],
  }));
  await here.at("06:00:00");
  await here.at("08:00:00");
  assertEquals([paths, proxy.authorizations], [["hooks.internal /alerts"], [null]]);
});

Deno.test("run --due: an evaluation without a change of alerts does not write the state", async () => {
  await using server = origin({ "/a": 404 });
  await using here = await place(() => ({
    ...{ state: "file:state.json", alerts: ALERTS, alertAfter: 1 },
    tasks: [{ url: `${server.origin}/a`, schedule: "every 1h" }],
  }));
  await here.at("06:00:00");
  await here.at("08:00:00");
  const path = here.folder.file("state.json");
  const before = await Deno.readTextFile(path);
  await using state = await openState(`file:${path}`, testHost());
  const alerted = (await state.records(["a"])).get("a")?.alerted;
  assertEquals(alerted, [{ kind: "unhealthy", since: "2026-01-15T08:00:00Z" }]);
  assertEquals((await here.at("08:00:01")).sent, []);
  assertEquals(await Deno.readTextFile(path), before);
});

Deno.test("run: another run's task is left to that run", async () => {
  await using server = origin({ "/a": 404 });
  await using here = await place(() => ({
    ...{ state: "file:state.json", alerts: ALERTS, alertAfter: 1 },
    tasks: [{ url: `${server.origin}/a`, schedule: "every 1h" }],
  }));
  await here.at("06:00:00");
  await here.at("08:00:00", "run --due", { exitCode: 1 });
  const host = testHost({ now: "2026-01-15T08:00:01Z" });
  await using state = await openState(`file:${here.folder.file("state.json")}`, host);
  assertEquals((await state.acquire(["a"], "other", 60_000)).size, 1);
  assertEquals((await here.at("08:00:02")).sent, []);
  await state.release("other");
  assertEquals((await here.at("08:00:03")).sent.length, 1);
});

Deno.test("run: a store that cannot be opened is reported once, and its recovery once", async () => {
  await using server = origin({ "/a": "a" });
  const config = (store: string) => () => ({
    ...{ state: "file:state.json", store, alerts: ALERTS },
    tasks: [{ url: `${server.origin}/a`, schedule: "every 1h" }],
  });
  await using here = await place(config("s3://bucket"));
  const first = await here.at("06:00:00", "run --due", {
    env: { AWS_ENDPOINT_URL: `http://127.0.0.1:9` },
  });
  assertEquals([first.exitCode, first.sent.length], [EXIT.failed, 1], first.stderr);
  assertMatch(first.sent[0] ?? "", /^run failed: .*s3:\/\/bucket/);
  assertEquals((await here.at("06:05:00")).sent, []);
  await here.write(config("files"));
  assertEquals((await here.at("07:10:00")).sent, ["running again"]);
  assertEquals((await here.at("08:10:00")).sent, []);
});

Deno.test("checkAlerts, alertFailedRun: of simultaneous runs one reports that runs fail, and work again", async () => {
  const hosts = [1, 2, 3].map((random) => testHost({ random }));
  const at = Temporal.Instant.from("2026-01-15T12:00:00Z");
  const input = { store: "memory:", state: "memory:", alerts: ALERTS, tasks: [] };
  const config = await loadValue(input, { at }, testHost());
  await using state = await openState("memory:", testHost());
  const error = new CronfetchError("store.failed", "opening the store: no answer");
  state.addRun({ ...runRecord("r", "2026-01-15T12:00:00Z"), errorCode: error.code });
  const { signal } = new AbortController();
  const sent = () => hosts.flatMap(({ executed }) => linesOf({ executed: executed.splice(0) }));
  const all = (work: (context: AlertContext) => Promise<void>) =>
    Promise.all(hosts.map((host) => work({ config, host, signal })));
  const check = (store: CronfetchError | "good") =>
    all((context) => checkAlerts({ tasks: [], run: "r", store, state }, context));
  await check(error);
  assertEquals(sent(), ["run failed: opening the store: no answer"]);
  await check("good");
  assertEquals(sent(), ["running again"]);
  await all((context) => alertFailedRun(error, state, context));
  assertEquals(sent(), ["run failed: opening the store: no answer"]);
  await check("good");
  assertEquals(sent(), ["running again"]);
  // What the alerts have leased is free again.
  assertEquals((await state.acquire(["alerts about whole runs"], "r", 1_000)).size, 1);
});

Deno.test("run: a state that cannot be opened is reported once, and its recovery once", async () => {
  await using server = origin({ "/a": "a" });
  await using here = await place(() => ({
    ...{ state: "file:state.json", alerts: ALERTS },
    tasks: [{ url: `${server.origin}/a`, schedule: "every 1h" }],
  }));
  await Deno.writeTextFile(here.folder.file("state.json"), "no state");
  const first = await here.at("06:00:00");
  assertEquals([first.exitCode, first.sent.length], [EXIT.usage, 1], first.stderr);
  assertMatch(first.sent[0] ?? "", /^run failed: .*state\.json/);
  assertEquals((await here.at("06:05:00")).sent, []);
  await Deno.remove(here.folder.file("state.json"));
  assertEquals((await here.at("06:10:00")).sent, ["running again"]);
  assertEquals((await here.at("07:10:00")).sent, []);
});

Deno.test("run: an invalid config is reported once by its valid alerts, and its recovery once", async () => {
  await using server = origin({ "/a": "a" });
  const config = () => ({
    ...{ state: "file:state.json", alerts: ALERTS },
    tasks: [{ url: `${server.origin}/a`, schedule: "every 1h" }],
  });
  await using here = await place(config);
  await here.at("06:00:00");
  await here.write(() => ({ ...config(), schedule: "0 25 * * *", timezone: "Mars" }));
  const first = await here.at("07:00:00");
  assertEquals([first.exitCode, first.sent.length], [EXIT.usage, 1]);
  assertMatch(first.sent[0] ?? "", /^run failed: .*cronfetch\.json:1:\d+: .*, and 1 more problem$/);
  assertEquals((await here.at("07:05:00")).sent, []);
  assertEquals((await here.at("07:05:00", "plan")).sent, []);
  await here.write(config);
  assertEquals((await here.at("07:10:00")).sent, ["running again"]);
  assertEquals((await here.at("08:10:00")).sent, []);
});

/** The lines of the messages that commands received. */
function linesOf({ executed }: Pick<TestHost, "executed">): string[] {
  return executed.map(({ input }) => JSON.parse(input).text.replace("cronfetch\n", ""));
}

/** An hourly task that fails from 01:00 on, watched until 06:00. */
const FAILING: readonly [ConfigInput, Play] = [
  {
    ...{ state: "memory:", alerts: ALERTS, alertAfter: 100 },
    tasks: [{ url: `${ORIGIN}/a`, schedule: "every 1h", retry: { attempts: 1 } }],
  },
  {
    from: "2026-01-15T00:00:00Z",
    until: "2026-01-15T06:00:00Z",
    answer: (_path, _signal, { clock }) =>
      clock.now().epochMilliseconds < Date.parse("2026-01-15T00:30:00Z")
        ? file()
        : new Response(null, { status: 404 }),
  },
];

Deno.test("watch: a task that becomes stale while nothing is due is reported once", async () => {
  const { host } = await played(...FAILING);
  assertEquals(host.executed.map(({ input }) => JSON.parse(input).run), [null]);
  assertEquals(linesOf(host), [
    "stale: a, no success since 2026-01-15 00:00 UTC; its schedule is every 1h",
  ]);
});

Deno.test("watch: a paused task is not reported until it is resumed", async () => {
  const [config, play] = FAILING;
  const meanwhile = {
    "2026-01-15T00:45:00Z": ({ control }: Playing) => control.pause("a"),
    "2026-01-15T05:00:00Z": ({ host, control }: Playing) => {
      assertEquals(linesOf(host), []);
      control.resume("a");
    },
  };
  const { host } = await played(config, { ...play, meanwhile });
  assertEquals(linesOf(host).length, 1);
});

Deno.test("watch: a state that cannot be opened is reported before the watch ends", async () => {
  await using here = await place(() => ({ state: "file:state.json", alerts: ALERTS, tasks: [] }));
  await Deno.writeTextFile(here.folder.file("state.json"), "no state");
  const sent = [await here.at("06:00:00", "watch"), await here.at("06:00:01", "watch")];
  assertEquals(sent.map(({ exitCode, sent }) => [exitCode, sent.length]), [[2, 1], [2, 0]]);
});
