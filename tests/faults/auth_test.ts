/** Rows 331 to 337: credentials of `auth`, in whole runs. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import type { ConfigInput, TaskResult } from "../../lib/mod.ts";
import type { SpanEnd, SpanStart, Telemetry, Tracing } from "../../lib/core/telemetry.ts";
import { testHost } from "../helpers/host.ts";
import { httpProxy } from "../helpers/http_proxy.ts";
import { namedConnect } from "../helpers/named_connect.ts";
import { origin } from "../helpers/origin.ts";
import { BY_FETCH } from "../helpers/transport.ts";
import { CLIENT, tokenServer, type TokenServerOptions } from "../helpers/token_server.ts";
import { runsOver } from "./runs.ts";

type Auth = NonNullable<ConfigInput["auth"]>;

const brief = ({ task, status, code }: TaskResult) => [task, status, code ?? null];

const authorizations = ({ log }: { readonly log: readonly { readonly headers: Headers }[] }) =>
  log.map(({ headers }) => headers.get("authorization"));

/** Telemetry that records every span. */
function recordingTelemetry(spans: (SpanStart | SpanEnd)[]): Telemetry {
  const trace: Tracing["trace"] = (start, work) => {
    spans.push(start);
    return work({ trace, ended: (end) => void spans.push(end), fields: () => ({}) });
  };
  return { trace, count: () => {} };
}

/** A run of tasks at an API that requires a token. */
async function runAtApi(
  { paths, auth = {}, ...options }:
    & { readonly paths: readonly string[]; readonly auth?: Partial<Auth[string]["oauth2"]> }
    & TokenServerOptions,
  during: (server: ReturnType<typeof tokenServer>, path: string) => void = () => {},
) {
  await using tokens = tokenServer(options);
  await using api = origin(Object.fromEntries(paths.map((path) => [path, (request: Request) => {
    during(tokens, path);
    const route = tokens.file(`content of ${path}`);
    return typeof route === "function" ? route(request) : new Response(null, { status: 500 });
  }])));
  const spans: (SpanStart | SpanEnd)[] = [];
  const host = testHost({ telemetry: recordingTelemetry(spans) });
  await using runs = await runsOver({
    host,
    config: {
      auth: { [api.origin]: { oauth2: { tokenUrl: tokens.tokenUrl, ...CLIENT, ...auth } } },
      limits: { concurrency: 1 },
      defaults: { retry: { attempts: 2 } },
    },
  });
  const { results, summary } = await runs.run(
    paths.map((path) => ({ url: `${api.origin}${path}`, to: path.slice(1) })),
  );
  const state = await Deno.readTextFile(runs.store.beside("state"));
  const dump = JSON.stringify([results, runs.events, spans]) + host.stdout.text +
    host.stderr.text + state;
  for (const secret of [CLIENT.clientSecret, "access-token", ...tokens.tokens]) {
    assertEquals(dump.includes(secret), false, `${secret} is shown`);
  }
  return { results, summary, tokens, api, slept: host.slept };
}

Deno.test("row 331: credentials are sent to their origin alone, on every hop of a chain", async () => {
  await using third = origin({ "/c": "c" });
  await using second = origin({ "/b": { redirect: `${third.origin}/c` } });
  await using first = origin({
    "/a": { redirect: "/a2" },
    "/a2": { redirect: `${second.origin}/b` },
    "/own": "own",
  });
  const auth: Auth = {
    [first.origin]: { basic: { user: "reader", password: "first password" } },
    [third.origin]: { bearer: "third-token" },
  };
  await using runs = await runsOver({ config: { auth } });
  const { results } = await runs.run([
    { url: `${first.origin}/a`, to: "a" },
    { url: `${first.origin}/own`, to: "own", headers: { Authorization: "Token of-the-task" } },
  ]);
  assertEquals(results.map(brief).toSorted(), [["a", "created", null], ["own", "created", null]]);
  const basic = `Basic ${btoa("reader:first password")}`;
  assertEquals(authorizations(first).toSorted(), [basic, basic, "Token of-the-task"]);
  assertEquals(authorizations(second), [null]);
  assertEquals(authorizations(third), ["Bearer third-token"]);
});

Deno.test("row 332: a token is fetched once for all tasks", async () => {
  const { results, tokens, api } = await runAtApi({ paths: ["/a", "/b", "/c"], expiresIn: 3600 });
  assertEquals(results.map(({ status }) => status), ["created", "created", "created"]);
  assertEquals(tokens.log.length, 1);
  assertEquals(new Set(authorizations(api)), new Set([`Bearer ${tokens.tokens[0]}`]));
});

Deno.test("row 332: a revoked token is replaced once, and the request repeated", async () => {
  let isRevoked = false;
  const { results, tokens, api } = await runAtApi({ paths: ["/a", "/b", "/c"] }, (tokens, path) => {
    if (path !== "/b" || isRevoked) return;
    isRevoked = true;
    tokens.revoke();
  });
  assertEquals(results.map(({ status, attempts }) => [status, attempts.length]), [
    ["created", 1],
    ["created", 1],
    ["created", 1],
  ]);
  assertEquals([tokens.log.length, api.hits("/a"), api.hits("/b"), api.hits("/c")], [2, 1, 2, 1]);
});

Deno.test("row 332: an API that refuses every token receives one request per task", async () => {
  const { results, summary, tokens, api } = await runAtApi(
    { paths: ["/a", "/b"] },
    (tokens) => tokens.revoke(),
  );
  assertEquals(results.map(brief), [["a", "failed", "auth.failed"], [
    "b",
    "failed",
    "auth.failed",
  ]]);
  assertEquals(
    results.map(({ message, httpStatus }) => [message, httpStatus])[0],
    [
      `fetching ${api.origin}/a: 401 Unauthorized ` +
      '(the server requests Bearer for "the \\"API\\""): "no access with ***"',
      401,
    ],
  );
  assertEquals([summary.exitCode, tokens.log.length, api.hits()], [3, 1, 2]);
});

Deno.test("row 333: a wrong client secret fails every task after one request", async () => {
  for (const clientAuth of ["basic", "post"] as const) {
    const { results, summary, tokens, api } = await runAtApi({
      paths: ["/a", "/b"],
      auth: { clientSecret: "wrong secret", clientAuth },
    });
    assertEquals(results.map(brief), [
      ["a", "failed", "auth.failed"],
      ["b", "failed", "auth.failed"],
    ]);
    const description = clientAuth === "post" ? "unknown: ***" : "unknown: ";
    assertEquals(
      results[0]?.message,
      `fetching ${api.origin}/a: getting a token from ${tokens.tokenUrl}: 401 "invalid_client": "${description}"`,
    );
    assertEquals([summary.exitCode, tokens.log.length, api.hits()], [3, 1, 0]);
    assertEquals(results.map(({ attempts }) => attempts.length), [1, 1]);
  }
});

Deno.test("row 334: a token server that is down for a moment delays the task", async () => {
  const { results, tokens, slept } = await runAtApi({
    paths: ["/a"],
    answer: (count) => count === 1 ? new Response("busy", { status: 503 }) : null,
  });
  assertEquals(results.map(({ status, attempts }) => [status, attempts.length]), [["created", 2]]);
  assertEquals([tokens.log.length, slept.length], [2, 1]);
});

Deno.test("row 334: a token server that is down is a temporary failure", async () => {
  const { results, summary, api } = await runAtApi({
    paths: ["/a"],
    answer: () => new Response("busy", { status: 503 }),
  });
  assertEquals(results.map(brief), [["a", "failed", "auth.failed"]]);
  assertStringIncludes(results[0]?.message ?? "", "the server answered 503");
  assertEquals([summary.exitCode, api.hits()], [4, 0]);
});

const BROKEN: readonly (readonly [name: string, answer: () => Response, reason: string])[] = [
  ["a page", () => new Response("<html>"), "the response has no token: check tokenUrl"],
  ["JSON without a token", () => Response.json({}), "the response has no token: check tokenUrl"],
  [
    "another type",
    () => Response.json({ access_token: "access-token-1", token_type: "MAC" }),
    "the type of the token is not Bearer (RFC 6750)",
  ],
  [
    "a token for no header",
    () => Response.json({ access_token: "access-token\r\nx: y", token_type: "bearer" }),
    "the token has characters that no header can have",
  ],
  [
    "a redirect",
    () => new Response(null, { status: 307, headers: { location: "/other" } }),
    "the server answered 307, a redirect: set tokenUrl to the final address",
  ],
  ["no end", () => new Response("x".repeat(1_100_000)), "the response is larger than 1 MiB"],
  [
    "control characters",
    () => Response.json({ error: "bad\u001b[31m", error_description: "\u202e" }, { status: 400 }),
    '400 "bad\\u001b[31m": "\u202e"',
  ],
];

for (const [name, answer, reason] of BROKEN) {
  Deno.test(`row 335: a token server that responds with ${name}`, async () => {
    const { results, summary, tokens, api } = await runAtApi({ paths: ["/a"], answer });
    assertEquals(results.map(brief), [["a", "failed", "auth.failed"]]);
    assertEquals(
      results[0]?.message,
      `fetching ${api.origin}/a: getting a token from ${tokens.tokenUrl}: ${reason}`,
    );
    assertEquals([summary.exitCode, tokens.log.length, api.hits()], [3, 1, 0]);
  });
}

Deno.test("row 336: a refused password names the realm, and shows no secret", async () => {
  await using server = origin({
    "/a": {
      status: 401,
      headers: { "www-authenticate": 'Basic realm="Files"' },
      text: "reader:the password is wrong",
    },
  });
  const auth: Auth = { [server.origin]: { basic: { user: "reader", password: "the password" } } };
  await using runs = await runsOver({ config: { auth } });
  const { code, message, attempts } = await runs.result({ url: `${server.origin}/a`, to: "a" });
  assertEquals(
    [code, message, attempts.length],
    [
      "auth.failed",
      `fetching ${server.origin}/a: 401 Unauthorized ` +
      '(the server requests Basic for "Files"): "*** is wrong"',
      1,
    ],
  );
});

Deno.test("row 336: a 401 without credentials is a status", async () => {
  await using server = origin({
    "/a": { status: 401, headers: { "www-authenticate": "Negotiate" } },
  });
  await using runs = await runsOver();
  const { code, message } = await runs.result({ url: `${server.origin}/a`, to: "a" });
  assertEquals(
    [code, message],
    [
      "http.status",
      `fetching ${server.origin}/a: 401 Unauthorized (the server requests Negotiate)`,
    ],
  );
});

const bySockets = { ignore: BY_FETCH };

Deno.test("row 337: a token is requested through the proxy of hosts", bySockets, async () => {
  await using tokens = tokenServer({ tls: null });
  await using api = origin({ "/a": tokens.file("a") }, { tls: null });
  await using proxy = await httpProxy({ server: tokens.tokenUrl });
  await using runs = await runsOver({
    config: {
      auth: {
        [api.origin]: { oauth2: { tokenUrl: "http://login.example/oauth2/token", ...CLIENT } },
      },
      hosts: { "login.example": { proxy: proxy.origin } },
    },
  });
  const result = await runs.result({ url: `${api.origin}/a`, to: "a" });
  assertEquals([result.status, result.message], ["created", undefined]);
  assertEquals([proxy.requests.length, tokens.log.length, api.hits()], [1, 1, 1]);
});

Deno.test(
  "row 337: a public token server with a private address receives no secret",
  bySockets,
  async () => {
    await using tokens = tokenServer();
    const scheme = new URL(tokens.tokenUrl).protocol;
    const sockets = namedConnect(new URL(tokens.tokenUrl).origin, {
      "inside.example": ["10.0.0.1"],
      "a.example": ["93.184.215.14"],
    });
    const requested = async (allowPrivate: boolean) => {
      await using runs = await runsOver({
        host: testHost({ connect: sockets.connect }),
        config: {
          auth: {
            [`${scheme}//a.example`]: {
              oauth2: { tokenUrl: `${scheme}//inside.example/oauth2/token`, ...CLIENT },
            },
          },
        },
      });
      const { code, message } = await runs.result({
        ...{ url: `${scheme}//a.example/a`, to: "a", allowPrivate },
        retry: { attempts: 1 },
      });
      return [code, message];
    };
    const [code, message] = await requested(false);
    assertEquals(code, "auth.failed");
    assertStringIncludes(message ?? "", "inside.example resolves to the private address 10.0.0.1");
    assertEquals([sockets.written, tokens.log.length], [[], 0]);
    await requested(true);
    assertEquals(tokens.log.at(0)?.form["grant_type"], "client_credentials");
  },
);
