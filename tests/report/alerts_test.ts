import { assertEquals, assertMatch } from "@std/assert";
import type { Alert, Health } from "../../lib/core/event.ts";
import { alertReporter } from "../../lib/report/alerts.ts";
import { testHost, type TestHostOptions } from "../helpers/host.ts";
import { event, finished } from "./fakes.ts";

type Change = [task: string, before: Health, health: Health, failures: number];

/** Reports changes of health and the end of a run to an alert reporter. */
async function report(
  alerts: readonly Alert[],
  changes: readonly Change[],
  options: TestHostOptions = {},
) {
  const host = testHost(options);
  const warnings: string[] = [];
  const reporter = alertReporter({ alerts, host, warn: (text) => warnings.push(text) });
  for (const [task, before, health, failures] of changes) {
    const failed = { code: "http.status", message: "the server answered 404" } as const;
    reporter.report(
      finished(
        task,
        health === "healthy" ? "updated" : "failed",
        health === "healthy" ? {} : failed,
      ),
    );
    reporter.report(event({ type: "task.health", task, before, health, failures }));
  }
  await reporter.close();
  return { host, warnings };
}

const CHANGES: readonly Change[] = [
  ["a", "healthy", "failing", 1],
  ["b", "failing", "unhealthy", 3],
  ["c", "unhealthy", "healthy", 0],
  ["d", "failing", "healthy", 0],
];

/** A webhook that responds with these statuses in turn and records the requests. */
function hook(answers: readonly number[]) {
  const bodies: string[] = [];
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (request) => {
      const status = answers[bodies.length] ?? 200;
      bodies.push(`${request.headers.get("x-token")} ${await request.text()}`);
      return new Response(null, { status });
    },
  );
  return { server, bodies, url: `http://127.0.0.1:${server.addr.port}/hook?secret=1` };
}

Deno.test("alertReporter: one message with unhealthy and recovered tasks", async () => {
  const { host, warnings } = await report(
    [{ kind: "command", command: ["notify", "me"] }],
    CHANGES,
  );
  assertEquals(warnings, []);
  assertEquals(host.executed.map(({ command }) => command), [["notify", "me"]]);
  const body = JSON.parse(host.executed[0]?.input ?? "");
  assertEquals(
    body.text,
    "cronfetch\nunhealthy: b, 3 failures in a row (the server answered 404)\nrecovered: c",
  );
  assertEquals(body.content, body.text);
  assertEquals(body.alerts, [
    {
      task: "b",
      health: "unhealthy",
      failures: 3,
      code: "http.status",
      message: "the server answered 404",
    },
    { task: "c", health: "healthy", failures: 0, code: null, message: null },
  ]);
});

Deno.test("alertReporter: sends nothing without a change to or from unhealthy", async () => {
  const { host } = await report([{ kind: "command", command: ["notify"] }], [
    ["a", "healthy", "failing", 1],
    ["b", "failing", "healthy", 0],
  ]);
  assertEquals(host.executed, []);
});

Deno.test("alertReporter: retries temporary failures of a webhook, then logs a warning", async () => {
  const table: [answers: number[], calls: number, slept: number[], complaint: RegExp | null][] = [
    [[204], 1, [], null],
    [[503, 200], 2, [1000], null],
    [[500, 429, 200], 3, [1000, 5000], null],
    [
      [500, 500, 500],
      3,
      [1000, 5000],
      /Sending an alert to the webhook at 127\.0\.0\.1:\d+ failed: the server answered 500/,
    ],
    [[404], 1, [], /the server answered 404/],
    [[302], 1, [], /the server answered 302/],
  ];
  for (const [answers, calls, slept, complaint] of table) {
    const { server, bodies, url } = hook(answers);
    await using _ = server;
    const alert: Alert = { kind: "webhook", url, format: "json", headers: { "x-token": "t" } };
    const { host, warnings } = await report([alert], CHANGES.slice(1, 2));
    assertEquals(bodies.length, calls);
    for (const body of bodies) assertMatch(body, /^t \{"text":"cronfetch\\nunhealthy: b/);
    assertEquals(host.slept, slept);
    assertEquals(warnings.length, complaint === null ? 0 : 1);
    if (complaint) assertMatch(warnings[0] ?? "", complaint);
    assertEquals(warnings.join().includes("secret"), false);
  }
});

Deno.test("alertReporter: does not follow redirects of a webhook", async () => {
  const other = hook([200]);
  await using _other = other.server;
  for (const status of [301, 302, 303, 307, 308]) {
    let hits = 0;
    await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, () => {
      hits++;
      return new Response(null, { status, headers: { location: other.url } });
    });
    const url = `http://127.0.0.1:${server.addr.port}/hook`;
    const alert: Alert = { kind: "webhook", url, format: "json", headers: { "x-token": "t" } };
    const { warnings } = await report([alert], CHANGES);
    assertEquals(hits, 1);
    assertEquals(warnings.length, 1);
    assertMatch(warnings[0] ?? "", new RegExp(`the server answered ${status}$`));
  }
  assertEquals(other.bodies, []);
});

Deno.test("alertReporter: a failed command is logged and does not affect other alerts", async () => {
  const alerts: Alert[] = [
    { kind: "command", command: ["one"] },
    { kind: "command", command: ["two"] },
  ];
  const { host, warnings } = await report(alerts, CHANGES, { exitCode: 7 });
  assertEquals(host.executed.length, 2);
  assertEquals(warnings, [
    "Sending an alert to the command one failed: exit code 7",
    "Sending an alert to the command two failed: exit code 7",
  ]);
});
