// What a real process tells a collector of OpenTelemetry, and that it tells and loads nothing else.

import { assert, assertEquals } from "@std/assert";
import { requestAttributes } from "../lib/telemetry.ts";
import manifest from "../deno.json" with { type: "json" };
import { type CollectedSpan, startCollector } from "./helpers/collector.ts";
import { temporaryFolder, tree } from "./helpers/folder.ts";
import { type Origin, origin } from "./helpers/origin.ts";
import { CONFIG, IS_BUNDLE, MAIN } from "./helpers/program.ts";

Deno.test("telemetry: exports spans of run, tasks, attempts and requests", async () => {
  await using collector = startCollector();
  await using server = flakyOrigin();
  await using folder = await temporaryFolder();
  const { events } = await carryOut(server, folder.path, collector.environment);
  const { run } = events[0] ?? {};

  const spans = collector.spans();
  const ours = spans.filter(({ scope }) => scope === "cronfetch");
  assertEquals(ours.length, spans.length, "the runtime traces no request itself");
  const [root, ...others] = ours.filter(({ name }) => name === "run");
  assert(root && others.length === 0);
  assertEquals([root.parentSpanId, root.status], [null, 2]);
  assertEquals(root.attributes, {
    "cronfetch.run": run,
    "cronfetch.tasks": 3,
    "cronfetch.exit_code": 3,
    "cronfetch.bytes": 10,
    "cronfetch.results.created": 2,
    "cronfetch.results.updated": 0,
    "cronfetch.results.unchanged": 0,
    "cronfetch.results.skipped": 0,
    "cronfetch.results.deferred": 0,
    "cronfetch.results.failed": 1,
    "cronfetch.results.pending": 0,
    "cronfetch.results.cancelled": 0,
    "error.type": "exit.3",
  });

  const { hostname, port } = new URL(server.origin);
  const asked = (path: string) => ({
    "http.request.method": "GET",
    "url.full": `${server.origin}${path}`,
    "server.address": hostname,
    "server.port": Number(port),
  });
  // One task at a time, so that the second one starts while the first rests before its retry.
  const tasks = spans.filter(({ parentSpanId }) => parentSpanId === root.spanId);
  assertEquals(
    tasks.map(({ name, status, attributes }) => [name, status, attributes]),
    [
      ["task", 0, {
        "cronfetch.run": run,
        "cronfetch.task": "flaky",
        "cronfetch.key": "flaky.txt",
        ...asked("/flaky.txt?token=***"),
        "http.response.status_code": 200,
        "cronfetch.served_from": `${server.origin}/flaky.txt?token=***`,
        "cronfetch.status": "created",
        "cronfetch.attempts": 2,
        "cronfetch.bytes": 6,
      }],
      ["task", 0, {
        "cronfetch.run": run,
        "cronfetch.task": "good",
        "cronfetch.key": "good.txt",
        ...asked("/moved"),
        "http.response.status_code": 200,
        "cronfetch.served_from": `${server.origin}/good.txt`,
        "cronfetch.status": "created",
        "cronfetch.attempts": 1,
        "cronfetch.bytes": 4,
      }],
      ["task", 2, {
        "cronfetch.run": run,
        "cronfetch.task": "missing",
        "cronfetch.key": "missing.txt",
        ...asked("/missing.txt"),
        "http.response.status_code": 404,
        "cronfetch.served_from": `${server.origin}/missing.txt`,
        "cronfetch.status": "failed",
        "cronfetch.attempts": 1,
        "cronfetch.bytes": 0,
        "error.type": "http.status",
      }],
    ],
  );

  const below = (parent: CollectedSpan | undefined) =>
    spans.filter(({ parentSpanId }) => parentSpanId === parent?.spanId);
  const taskOf = (id: string) =>
    tasks.find(({ attributes }) => attributes["cronfetch.task"] === id);
  const tries = (id: string) =>
    below(taskOf(id)).map(({ name, status, attributes }) => [
      name,
      status,
      attributes["cronfetch.attempt"],
      attributes["http.request.resend_count"],
      attributes["http.response.status_code"],
      attributes["error.type"],
      attributes["cronfetch.bytes"],
    ]);
  assertEquals(tries("flaky"), [
    ["attempt", 2, 1, undefined, 503, "http.status", 0],
    ["attempt", 0, 2, 1, 200, undefined, 6],
  ]);
  assertEquals(tries("good"), [["attempt", 0, 1, undefined, 200, undefined, 4]]);
  assertEquals(tries("missing"), [["attempt", 2, 1, undefined, 404, "http.status", 0]]);

  // Requests by our own client, redirects among them.
  const requests = (id: string) =>
    below(taskOf(id)).map((attempt) =>
      below(attempt).map(({ scope, name, attributes }) => [
        scope,
        name,
        attributes["http.response.status_code"],
      ])
    );
  assertEquals(requests("flaky"), [[["cronfetch", "GET", 503]], [["cronfetch", "GET", 200]]]);
  assertEquals(requests("good"), [[["cronfetch", "GET", 302], ["cronfetch", "GET", 200]]]);
  assertEquals(requests("missing"), [[["cronfetch", "GET", 404]]]);
  const [request] = below(below(taskOf("missing"))[0]);
  assertEquals([request?.status, request?.attributes], [2, {
    ...asked("/missing.txt"),
    "http.response.status_code": 404,
    "network.peer.address": "127.0.0.1",
    "error.type": "404",
  }]);
  assertEquals(new Set(spans.map(({ traceId }) => traceId)).size, 1);
  assert(!JSON.stringify(ours).includes("s3cret"));
});

Deno.test("telemetry: exports metrics of results, bytes and durations", async () => {
  await using collector = startCollector();
  await using server = flakyOrigin();
  await using folder = await temporaryFolder();
  await carryOut(server, folder.path, collector.environment);
  const points = (name: string) =>
    collector.points(name).map(({ attributes, value }) => [
      attributes["cronfetch.status"] ?? attributes["cronfetch.exit_code"],
      attributes["error.type"],
      value,
    ]).toSorted();
  assertEquals(points("cronfetch.task.results"), [
    ["created", undefined, 2],
    ["failed", "http.status", 1],
  ]);
  assertEquals(points("cronfetch.task.received"), [
    ["created", undefined, 10],
    ["failed", undefined, 0],
  ]);
  assertEquals(points("cronfetch.task.duration"), [
    ["created", undefined, 2],
    ["failed", "http.status", 1],
  ]);
  assertEquals(points("cronfetch.run.duration"), [[3, undefined, 1]]);
  const units = ["results", "received", "duration"].map((name) =>
    collector.unitOf(`cronfetch.task.${name}`)
  );
  assertEquals(units, ["{result}", "By", "s"]);
});

Deno.test("telemetry: without OTEL_DENO nothing is exported or loaded, with the same results", async () => {
  await using collector = startCollector();
  const { OTEL_DENO: _, ...unobserved } = collector.environment;
  const made = [];
  for (const environment of [unobserved, collector.environment]) {
    await using server = flakyOrigin();
    await using folder = await temporaryFolder();
    const { events, loaded } = await carryOut(server, folder.path, environment);
    const results = events.filter(({ type }) => type === "task.finished")
      .map(({ result: { task, status, code, attempts } }) => [
        ...[task, status, code],
        // deno-lint-ignore no-explicit-any -- parsed, and compared whole
        ...attempts.map(({ code, httpStatus }: any) => `${code} ${httpStatus}`),
      ]);
    const types = events.map(({ type }) => type);
    const files = await tree(folder.file("downloads"));
    const asked = server.log.map(({ path, headers }) =>
      [path, headers.has("traceparent")] as const
    );
    made.push({
      types,
      results,
      files,
      loaded,
      reported: collector.requests() > 0,
      asked,
    });
  }
  const [off, on] = made;
  assert(off && on);
  assertEquals([off.loaded, off.reported], [false, false]);
  // The bundle has the API inside, so the import map does not apply.
  assertEquals([on.loaded, on.reported], [!IS_BUNDLE, true]);
  assertEquals([on.types, on.results, on.files], [off.types, off.results, off.files]);
  const paths = ["/flaky.txt?token=s3cret", "/moved", "/good.txt", "/missing.txt"];
  assertEquals(new Map(off.asked), new Map(paths.map((path) => [path, false] as const)));
  assertEquals(new Map(on.asked), new Map(paths.map((path) => [path, true] as const)));
});

/** Runs three tasks in a process, one at a time. */
async function carryOut(
  server: Origin,
  cwd: string,
  environment: Readonly<Record<string, string>>,
): Promise<{
  // deno-lint-ignore no-explicit-any -- parsed, and compared whole
  readonly events: readonly any[];
  /** Whether it has loaded the API of OpenTelemetry. */
  readonly loaded: boolean;
}> {
  const api = "@opentelemetry/api";
  // Deno adds these to its own config, and not to an import map.
  const parts = Object.entries(manifest.imports).map(([name, specifier]) =>
    [`${name}/`, `${specifier.replace(/^(npm|jsr):/, "$1:/")}/`] as const
  );
  const imports = {
    ...manifest.imports,
    ...Object.fromEntries(parts),
    [api]: "./api.ts",
  };
  const files = {
    "cronfetch.json": JSON.stringify({
      state: "memory:",
      limits: { concurrency: 1 },
      tasks: [
        { id: "flaky", to: "flaky.txt", url: `${server.origin}/flaky.txt?token=\${env:TOKEN}` },
        { id: "good", to: "good.txt", url: `${server.origin}/moved` },
        { id: "missing", to: "missing.txt", url: `${server.origin}/missing.txt` },
      ],
    }),
    "api.ts": `console.error("LOADED"); export * from "${manifest.imports[api]}";`,
    "imports.json": JSON.stringify({ imports }),
  };
  for (const [name, text] of Object.entries(files)) {
    await Deno.writeTextFile(`${cwd}/${name}`, text);
  }
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--quiet", "--config", CONFIG, "--import-map", `${cwd}/imports.json`, "-A", MAIN],
      ...["run", "--json", "-q"],
    ],
    cwd,
    env: { NO_COLOR: "1", NO_PROXY: "127.0.0.1", TOKEN: "s3cret", ...environment },
    stdout: "piped",
    stderr: "piped",
  }).output();
  const said = new TextDecoder().decode(stderr);
  assertEquals(code, 3, said);
  const lines = new TextDecoder().decode(stdout).trimEnd().split("\n");
  return { events: lines.map((line) => JSON.parse(line)), loaded: said.includes("LOADED") };
}

/** A file that comes at the second try, one behind a redirect, and none. */
function flakyOrigin(): Origin {
  let asked = 0;
  return origin({
    "/flaky.txt": () =>
      asked++ === 0
        // Long enough for the next task to start meanwhile.
        ? new Response("later", { status: 503, headers: { "retry-after": "1" } })
        : new Response("flaky\n"),
    "/moved": () => new Response(null, { status: 302, headers: { location: "/good.txt" } }),
    "/good.txt": "good",
  });
}

Deno.test("telemetry: server.address has no brackets", () => {
  assertEquals(requestAttributes("https://[::1]:8443/a")["server.address"], "::1");
  assertEquals(requestAttributes("https://x.example/a")["server.address"], "x.example");
});
