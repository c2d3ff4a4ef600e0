import { assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { exists } from "@std/fs";
import { describeWatchEvent } from "../../lib/cli/daemon.ts";
import { main } from "../helpers/command_line.ts";
import { tasksOf } from "../../lib/config/config.ts";
import { loadValue } from "../../lib/config/load.ts";
import { CronfetchError } from "../../lib/core/errors.ts";
import type { RunEvent } from "../../lib/core/event.ts";
import type { Wake } from "../../lib/schedule/due.ts";
import { makePlan } from "../../lib/schedule/plan.ts";
import type { WatchEvent } from "../../lib/worker/watch.ts";
import { tree } from "../helpers/folder.ts";
import { ExitCalled, type TestHost, testHost } from "../helpers/host.ts";
import { origin } from "../helpers/origin.ts";
import { rowsOf, workspace } from "./workspace.ts";

Deno.test("watch: an invalid config or flag at the start exits 2", async () => {
  await using server = origin({ "/a": "a" });
  await using at = await workspace({ tasks: [{ id: "a", url: `${server.origin}/a` }] });
  await Deno.writeTextFile(at.folder.file("bad.json"), '{ "taskz": [] }');
  const cases: readonly (readonly [args: readonly string[], said: string])[] = [
    [["-c", "bad.json"], "bad.json:1:3: taskz is not an option"],
    [["-c", "absent.json"], "there is no such file"],
    [["--only", "b"], 'there is no task "b"'],
    [["b"], 'there is no task "b"'],
    [["--grace", "soon"], '--grace: must be a duration such as 30s, not "soon"'],
    [["--max-concurrency", "0"], "--max-concurrency"],
  ];
  for (const [args, said] of cases) {
    const host = at.host();
    assertEquals(await main(["watch", ...args], host), 2, said);
    assertStringIncludes(host.stderr.text, said);
  }
  assertEquals(server.hits(), 0);
  assertEquals(Object.keys(await tree(at.folder.path)), ["bad.json", "cronfetch.json"]);
});

Deno.test("watch: a state that cannot be opened at the start ends it", async () => {
  await using at = await workspace({ tasks: [] });
  const host = at.host();
  assertEquals(await main(["watch", "--state", `file:${at.folder.path}`], host), 2);
});

Deno.test("watch --json: only the events of a run on stdout; a signal ends it", async () => {
  for (const [signal, exitCode] of [["SIGINT", 130], ["SIGTERM", 143]] as const) {
    await using server = origin({ "/a": "a" });
    await using at = await workspace({ tasks: [{ id: "a", url: `${server.origin}/a` }] });
    const host = at.host({ sleep: "manual" });
    const ended = main(["watch", "--json"], host);
    while (!host.stdout.text.includes("run.finished")) await pause();
    while (host.raise(signal) === 0) await pause();
    assertEquals(await endOf(ended, host), exitCode);
    assertEquals((rowsOf(host.stdout.text) as unknown as RunEvent[]).map(({ type }) => type), [
      "run.started",
      "task.started",
      "task.finished",
      "run.finished",
    ]);
    const [first, second] = host.stderr.text.split("\n");
    assertEquals(first, "2026-01-15T12:00:00Z watching cronfetch.json: 1 task, 1 due now");
    assertMatch(second ?? "", /^2026-01-15T12:00:\d\dZ created a \(1 B\) in /);
    assertEquals(await tree(at.folder.file("downloads")), { a: "a" });
    assertEquals(host.raise(signal), 0);
  }
});

/** Waits for a command with manual sleeps, all of them of 0 ms. */
async function endOf(command: Promise<number>, host: TestHost): Promise<number> {
  let ended = false;
  command.finally(() => ended = true).catch(() => {});
  while (!ended) await host.advance(0);
  return await command;
}

/** Waits for real input and output. */
async function pause(): Promise<void> {
  await new Promise((done) => setTimeout(done, 1));
}

Deno.test("row 84: watch: a second signal exits during a run", async () => {
  const requested = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<Response>();
  await using server = origin({
    "/a": () => {
      requested.resolve();
      return answer.promise;
    },
  });
  await using at = await workspace({ tasks: [{ id: "a", url: `${server.origin}/a` }] });
  const host = at.host({ sleep: "manual" });
  const ended = main(["watch", "--grace", "5s"], host);
  await requested.promise;
  host.raise("SIGTERM");
  assertStringIncludes(host.stderr.text, "stopping after the current run, in 5s at most");
  await host.advance(250);
  await assertRejects(() => Promise.try(() => host.raise("SIGTERM")), ExitCalled, "exit 143");
  answer.resolve(new Response("a"));
  assertEquals(await endOf(ended, host), 143);
});

Deno.test("watch: standard input is read once, and kept when another file changes", async () => {
  await using server = origin({ "/a": "a", "/b": "b" });
  await using at = await workspace({ tasks: [] });
  const extra = at.folder.file("extra.txt");
  await Deno.writeTextFile(extra, "");
  const config = JSON.stringify({ state: "memory:", tasks: [`${server.origin}/a`] });
  let reads = 0;
  const host = {
    ...at.host({ timers: "manual" }),
    readStdin: () => Promise.resolve(reads++ === 0 ? config : ""),
  };
  const ended = main(["watch", "-c", "-", "-c", "extra.txt"], host);
  while (!await exists(at.folder.file("downloads/a"))) await pause();
  await Deno.writeTextFile(extra, `${server.origin}/b\n`);
  while (!await exists(at.folder.file("downloads/b"))) await pause();
  while (host.raise("SIGTERM") === 0) await pause();
  assertEquals(await ended, 143);
  assertEquals(reads, 1);
  assertMatch(host.stderr.text, /reloaded extra.txt: 2 tasks, 1 due now/);
});

Deno.test("row 173: watch: reloads the config when a certificate of hosts changes", async () => {
  await using at = await workspace({
    state: "memory:",
    hosts: { "x.test": { caFile: "ca.pem" } },
    tasks: [{ url: "https://x.test/a", schedule: "manual" }],
  });
  const certificate = (name: string) =>
    Deno.copyFile(new URL(`../fixtures/tls/${name}`, import.meta.url), at.folder.file("ca.pem"));
  await certificate("authority.crt");
  const host = at.host({ timers: "manual" });
  const ended = main(["watch"], host);
  while (!host.stderr.text.includes("watching")) await pause();
  await certificate("good.crt");
  while (!host.stderr.text.includes("reloaded")) await pause();
  await Deno.remove(at.folder.file("ca.pem"));
  while (!host.stderr.text.includes("cannot be used")) await pause();
  assertMatch(host.stderr.text, /hosts\["x\.test"\]\.caFile names "ca\.pem", which does not exist/);
  while (host.raise("SIGTERM") === 0) await pause();
  assertEquals(await ended, 143);
});

const instant = (text: string) => Temporal.Instant.from(text);
const at = instant("2026-01-15T12:00:00Z");
const host = testHost({ cwd: "/srv/mirror" });
const config = {
  ...await loadValue(
    { tasks: ["https://files.test/a", "https://files.test/b"] },
    { at },
    host,
  ),
  files: ["/srv/mirror/one.json", "/etc/two.json"],
};
const target = { config, selected: null };
const wake = { at: instant("2026-01-15T14:15:00.5Z"), task: "a" };
const plan = makePlan({ tasks: tasksOf(config, at), asked: null, decide: null });
const snapshot = { at, plan, due: 0, failing: [], wake };
const error = new CronfetchError("state.locked", "opening the state: it is locked");
const tick = instant("2026-01-15T13:00:00Z");

const TEXTS: readonly (readonly [
  event: WatchEvent,
  quiet: string | null,
  normal: string | null,
])[] = [
  [
    { kind: "started", target, snapshot: { ...snapshot, due: 2 } },
    null,
    "watching one.json and /etc/two.json: 2 tasks, 2 due now",
  ],
  [
    { kind: "reloaded", target: { ...target, selected: new Set(["a"]) }, snapshot },
    null,
    "reloaded one.json and /etc/two.json: 1 task, " +
    "next: a at 14:15",
  ],
  [
    {
      kind: "started",
      target: { ...target, config: { ...config, files: [] } },
      snapshot: { ...snapshot, wake: null },
    },
    null,
    "watching the config: 2 tasks, no task has a schedule; waiting for a change of the config",
  ],
  [
    { kind: "refused", error },
    "error: the changed config cannot be used; the last one stays in force",
    "error: the changed config cannot be used; the last one stays in force",
  ],
  [
    { kind: "waiting", wake: { ...wake, task: "b\u001b[2J" }, at, failing: [] },
    null,
    "next: b\\u{1b}[2J at 14:15",
  ],
  [
    { kind: "waiting", wake, at, failing: ["b\u001b[2J", "c", "d", "e", "f"] },
    null,
    "next: a at 14:15; failing: b\\u{1b}[2J, c, d and 2 more",
  ],
  [
    { kind: "reloaded", target, snapshot: { ...snapshot, failing: ["b"] } },
    null,
    "reloaded one.json and /etc/two.json: 2 tasks, next: a at 14:15; failing: b",
  ],
  [
    { kind: "failing", error },
    "error: opening the state: it is locked; trying again",
    "error: opening the state: it is locked; trying again",
  ],
  [{ kind: "recovered" }, null, null],
  [
    { kind: "overran", tasks: [{ task: "a", tick }] },
    null,
    "warning: the run took longer than the schedule of a allows: " +
    "the tick of 2026-01-15T13:00:00Z is skipped",
  ],
  [
    { kind: "overran", tasks: [{ task: "a", tick }, { task: "b", tick }] },
    null,
    "warning: the run took longer than the schedule of a and 1 other task allows: " +
    "the tick of 2026-01-15T13:00:00Z is skipped",
  ],
  [
    { kind: "stopping", graceMs: 30_000 },
    null,
    "stopping after the current run, in 30s at most; a second signal exits immediately",
  ],
];

Deno.test("describeWatchEvent: each event, quiet and normal", async (t) => {
  for (const [event, quiet, normal] of TEXTS) {
    await t.step(event.kind, () => {
      const options = { cwd: "/srv/mirror", timeOf: ({ at }: Wake) => at.toString().slice(11, 16) };
      assertEquals(describeWatchEvent(event, { ...options, quiet: true }), quiet);
      assertEquals(describeWatchEvent(event, { ...options, quiet: false }), normal);
    });
  }
});
