import { assert, assertEquals, assertRejects } from "@std/assert";
import type { Alert, AlertFormat } from "../../../lib/core/event.ts";
import { DEFAULT_SETTINGS, type SettingsOf } from "../../../lib/core/http.ts";
import type { AlertPayload } from "../../../lib/report/alerts/formats.ts";
import { alertMessage } from "../../../lib/report/alerts/message.ts";
import { openAlertSender } from "../../../lib/report/alerts/send.ts";
import { describeTarget, TargetFailure } from "../../../lib/report/send.ts";
import { testHost, type TestHostOptions } from "../../helpers/host.ts";
import { httpProxy } from "../../helpers/http_proxy.ts";
import { unhealthy } from "./samples.ts";
import { SERVICES } from "./services.ts";

const MESSAGE = alertMessage([unhealthy("a.csv")], { run: "run-1", link: null });

interface SendOptions extends TestHostOptions {
  readonly settingsOf?: SettingsOf;
  readonly signal?: AbortSignal;
}

/** Sends a message to a target. Returns the failure, or null, and the waits before retries. */
async function send(alert: Alert, options: SendOptions = {}) {
  const host = testHost(options);
  await using sender = await openAlertSender({
    host,
    settingsOf: options.settingsOf ?? (() => DEFAULT_SETTINGS),
    redact: (text) => text.replaceAll("hunter2", "***"),
    signal: options.signal ?? new AbortController().signal,
  });
  const failure = await sender.send(alert, MESSAGE).then(() => null, (error) => error);
  assert(failure === null || failure instanceof TargetFailure, String(failure));
  const shown = failure && `${failure.message} → ${failure.hint}`;
  return { shown, slept: host.slept, executed: host.executed };
}

/** A webhook that gives these responses in turn, the last one again. */
function webhook(...responses: readonly (() => Response)[]) {
  const requests: (AlertPayload & { readonly path: string })[] = [];
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (request) => {
      const respond = responses[Math.min(requests.length, responses.length - 1)];
      const { pathname, search } = new URL(request.url);
      requests.push({
        path: `${request.method} ${pathname}${search}`,
        headers: Object.fromEntries(request.headers),
        body: await request.text(),
      });
      return respond?.() ?? new Response();
    },
  );
  const origin = `127.0.0.1:${server.addr.port}`;
  const target = (format: AlertFormat = "json", change: Partial<Alert> = {}): Alert => ({
    ...{ kind: "webhook", url: `http://${origin}/hook?secret=1`, format, headers: {} },
    ...change,
  } as Alert);
  return { requests, origin, target, [Symbol.asyncDispose]: () => server.shutdown() };
}

const answer = (status: number, body: string | null = null, headers: HeadersInit = {}) => () =>
  new Response(body, { status, headers });

Deno.test("send: every service receives what it accepts", async () => {
  for (const format of Object.keys(SERVICES) as AlertFormat[]) {
    await using hook = webhook();
    const { shown } = await send(hook.target(format, { headers: { "x-token": "t" } }));
    assertEquals(shown, null);
    const [request] = hook.requests;
    assert(request);
    assertEquals([request.path, request.headers["x-token"]], ["POST /hook?secret=1", "t"]);
    SERVICES[format](request);
  }
});

Deno.test("send: headers of the config take precedence, and userinfo becomes credentials", async () => {
  await using hook = webhook();
  const url = `http://me:hunter2@${hook.origin}/topic`;
  await send(hook.target("ntfy", { url, headers: { priority: "5" } }));
  await send(hook.target("ntfy", { url, headers: { authorization: "Bearer x" } }));
  const found = hook.requests.map(({ headers: { authorization, priority } }) => [
    authorization,
    priority,
  ]);
  assertEquals(found, [[`Basic ${btoa("me:hunter2")}`, "5"], ["Bearer x", "4"]]);
});

const ANSWERS: readonly (readonly [
  name: string,
  responses: readonly (() => Response)[],
  requests: number,
  slept: readonly number[],
  shown: string | null,
])[] = [
  ["204", [answer(204)], 1, [], null],
  ["503, then 200", [answer(503), answer(200)], 2, [1_000], null],
  ["500, 429, then 202", [answer(500), answer(429), answer(202)], 3, [1_000, 5_000], null],
  [
    "500 always",
    [answer(500)],
    3,
    [1_000, 5_000],
    "the server answered 500 → try again later",
  ],
  [
    "429 with a short pause",
    [answer(429, null, { "retry-after": "2.5" }), answer(200)],
    2,
    [2_500],
    null,
  ],
  [
    "429 with a long pause",
    [answer(429, null, { "retry-after": "3600" })],
    1,
    [],
    "the server answered 429 → the service limits messages; try again later",
  ],
  [
    "400 with a reason",
    [answer(400, "invalid_blocks\n\u001b[2J of hunter2 ")],
    1,
    [],
    "the server answered 400: invalid_blocks \\u{1b}[2J of *** → check the URL, and the format that it accepts",
  ],
  [
    "403",
    [answer(403)],
    1,
    [],
    "the server answered 403 → check the secret in the URL or in headers",
  ],
  [
    "404",
    [answer(404)],
    1,
    [],
    "the server answered 404 → check the URL: the webhook may have been removed",
  ],
  [
    "a redirect, which is not followed",
    [answer(302, null, { location: "/other" })],
    1,
    [],
    "the server answered 302 → write the URL that it redirects to",
  ],
];

for (const [name, responses, requests, slept, shown] of ANSWERS) {
  Deno.test(`send: ${name}`, async () => {
    await using hook = webhook(...responses);
    const sent = await send(hook.target());
    assertEquals([hook.requests.length, sent.slept, sent.shown], [requests, [...slept], shown]);
  });
}

Deno.test("send: a refused connection is retried", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  const url = `http://127.0.0.1:${port}/`;
  const { shown, slept } = await send({ kind: "webhook", url, format: "json", headers: {} });
  assertEquals(slept, [1_000, 5_000]);
  assert(shown?.includes("refused") && shown.includes("check the port"), `${shown}`);
});

Deno.test("send: the proxy of the host's settings is used", async () => {
  await using hook = webhook();
  await using proxy = await httpProxy({ server: `http://${hook.origin}` });
  const asked: string[] = [];
  const settingsOf: SettingsOf = (origin) => {
    asked.push(origin);
    return { ...DEFAULT_SETTINGS, proxy: proxy.origin };
  };
  assertEquals((await send(hook.target(), { settingsOf })).shown, null);
  assertEquals([asked, hook.requests.length], [[`http://${hook.origin}`], 1]);
  assertEquals(proxy.authorizations, [null]);
});

Deno.test("send: an aborted signal ends the retries", async () => {
  const controller = new AbortController();
  await using hook = webhook(() => {
    controller.abort(new Error("stopped"));
    return new Response(null, { status: 503 });
  });
  const { shown } = await send(hook.target(), { signal: controller.signal });
  assert(shown !== null);
  assertEquals(hook.requests.length, 1);
});

Deno.test("send: a command receives JSON, and its exit code counts", async () => {
  const alert: Alert = { kind: "command", command: ["notify", "me"] };
  const good = await send(alert);
  assertEquals(good.shown, null);
  assertEquals(good.executed.map(({ command }) => command), [["notify", "me"]]);
  const input = JSON.parse(good.executed[0]?.input ?? "");
  assertEquals(
    [input.text, input.content, input.run, input.severity, input.link],
    [
      "cronfetch\nunhealthy: a.csv, 3 failures in a row (the server answered 404)",
      input.text,
      "run-1",
      "critical",
      null,
    ],
  );
  assertEquals(input.alerts, MESSAGE.notices);
  const bad = await send(alert, { exitCode: 7 });
  assertEquals(bad.shown, "exit code 7 → run the command by hand with JSON");
});

const asItIs = (text: string) => text;

Deno.test("describeTarget: without the path of a webhook", () => {
  const webhook: Alert = {
    ...{ kind: "webhook", url: "https://u:p@hooks.example.org:8443/services/XX?t=1" },
    ...{ format: "json", headers: {} },
  };
  assertEquals(describeTarget(webhook, asItIs), "the webhook at hooks.example.org:8443");
  assertEquals(
    describeTarget({ kind: "command", command: ["a\u001bb", "secret"] }, asItIs),
    "the command a\\u{1b}b",
  );
});

Deno.test("send: rejects with TargetFailure only", async () => {
  const host = testHost({ fetch: () => Promise.reject(new TypeError("odd")) });
  await using sender = await openAlertSender({
    ...{ host, settingsOf: () => DEFAULT_SETTINGS, redact: (text) => text },
    signal: new AbortController().signal,
  });
  const url = "https://example.org/";
  await assertRejects(
    () => sender.send({ kind: "webhook", url, format: "json", headers: {} }, MESSAGE),
    TargetFailure,
  );
});
