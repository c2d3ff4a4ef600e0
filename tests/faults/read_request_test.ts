/** Rows 321 to 330: requests other than GET. */

import { assert, assertEquals } from "@std/assert";
import type { TaskInput } from "../../lib/mod.ts";
import { testHost } from "../helpers/host.ts";
import { httpProxy } from "../helpers/http_proxy.ts";
import { type Origin, origin } from "../helpers/origin.ts";
import { storeTest } from "../helpers/place.ts";
import { type RawConnection, type RawServer, rawServer } from "../helpers/raw_server.ts";
import { runsOver } from "./runs.ts";
import { type Expected, type Fault, response, row, WHOLE, wholeResponse } from "./scenario.ts";

const BODY = { json: { query: "{ rates }", key: "${env:TOKEN}" } };
const SECRET = "secret-of-the-body";
const SENT = `{"query":"{ rates }","key":"${SECRET}"}`;
const POST: Partial<TaskInput> = { body: BODY, retry: { attempts: 2 } };

const PUBLISHED: Expected = { status: "published", attempts: [null], httpStatus: 200 };

/** The task's request as received: its method, path, content type and content. */
type Seen = readonly [method: string, path: string, type: string | null, body: string];

/** A server that records requests, and answers each path by a function. */
function recording(
  stack: AsyncDisposableStack,
  answers: Readonly<Record<string, () => Response>>,
): Origin & { readonly seen: Seen[] } {
  const seen: Seen[] = [];
  const server = stack.use(origin({}));
  for (const [path, answer] of Object.entries(answers)) {
    server.route(path, async (request) => {
      const type = request.headers.get("content-type");
      seen.push([request.method, path, type, await request.text()]);
      return answer();
    });
  }
  return Object.assign(server, { seen });
}

function redirect(status: number, location: string): () => Response {
  return () => new Response(null, { status, headers: { location } });
}

/** A stage that asserts which requests arrive. */
function expecting(
  answers: Readonly<Record<string, () => Response>>,
  expected: readonly Seen[],
): Fault["stage"] {
  return (stack) => {
    const server = recording(stack, answers);
    return Promise.resolve({
      url: `${server.origin}/file.bin`,
      host: testHost({ env: { TOKEN: SECRET } }),
      check: () => assertEquals(server.seen, expected),
    });
  };
}

const whole = () => new Response(WHOLE);
const post = (path: string): Seen => ["POST", path, "application/json", SENT];
const get = (path: string): Seen => ["GET", path, null, ""];

/** Reads a request and its content. */
async function readPost(connection: RawConnection): Promise<string> {
  const { raw, headers } = await connection.readRequest();
  return raw + await connection.readBytes(Number(headers.get("content-length")));
}

/** A stage with a server that answers whole requests, in order. */
function answering(
  replies: readonly ((connection: RawConnection) => unknown)[],
  check: (received: readonly string[], server: RawServer) => void,
): Fault["stage"] {
  return async (stack) => {
    const received: string[] = [];
    const server = stack.use(
      await rawServer(async (connection) => {
        received.push(await readPost(connection));
        await replies[connection.index]?.(connection);
      }),
    );
    return {
      url: `${server.origin}/file.bin`,
      host: testHost({ env: { TOKEN: SECRET } }),
      check: () => check(received, server),
    };
  };
}

const FAILURES:
  readonly (readonly [string, (c: RawConnection) => unknown, "net.reset" | "http.status"])[] = [
    ["a connection that breaks", (connection) => connection.reset(), "net.reset"],
    [
      "503",
      (connection) => connection.send(response(["HTTP/1.1 503 Busy", "Content-Length: 0"])),
      "http.status",
    ],
  ];
for (const [name, fail, code] of FAILURES) {
  row(`row 321: a POST is sent again after ${name}`, {
    stage: answering([fail, (connection) => connection.send(wholeResponse())], (received) => {
      assertEquals(received.length, 2);
      for (const text of received) {
        assert(text.startsWith("POST /file.bin HTTP/1.1\r\n"), text);
        assert(text.toLowerCase().includes(`\r\ncontent-length: ${SENT.length}\r\n`), text);
        assert(text.endsWith(`\r\n\r\n${SENT}`), text);
      }
    }),
    task: POST,
    expected: { status: "published", attempts: [code, null] },
  });
}

for (const method of ["POST", "QUERY"] as const) {
  for (const status of [301, 302, 303, 307, 308]) {
    const isGet = status === 303 || (method === "POST" && status < 303);
    const last: Seen = isGet ? get("/b") : [method, "/b", "application/json", SENT];
    row(`row 322: ${status} after ${method} is followed by ${last[0]}`, {
      stage: expecting({ "/file.bin": redirect(status, "/b"), "/b": whole }, [
        [method, "/file.bin", "application/json", SENT],
        last,
      ]),
      task: { ...POST, method },
      expected: PUBLISHED,
    });
  }
}

row("row 322: a configured Content-Type is sent with the body only", {
  stage: expecting({ "/file.bin": redirect(303, "/b"), "/b": whole }, [
    ["POST", "/file.bin", "application/graphql", SENT],
    get("/b"),
  ]),
  task: { ...POST, headers: { "Content-Type": "application/graphql" } },
  expected: PUBLISHED,
});

row("row 322: a POST may redirect to its own URL by GET, once", {
  stage: expecting({ "/file.bin": redirect(303, "/file.bin") }, [
    post("/file.bin"),
    get("/file.bin"),
  ]),
  task: POST,
  expected: { status: "failed", attempts: ["redirect.loop"], httpStatus: 303 },
});

for (const status of [307, 308]) {
  row(`row 323: ${status} to another origin does not get the body`, {
    stage: (stack) => {
      const other = recording(stack, { "/there": whole });
      const first = recording(stack, { "/file.bin": redirect(status, `${other.origin}/there`) });
      return Promise.resolve({
        url: `${first.origin}/file.bin`,
        host: testHost({ env: { TOKEN: SECRET } }),
        check: ({ result }) => {
          assertEquals([first.seen, other.seen], [[post("/file.bin")], []]);
          assert(result.message?.includes(`a redirect to ${other.origin}, another origin`));
        },
      });
    },
    task: POST,
    expected: { status: "failed", attempts: ["redirect.body"], httpStatus: status },
  });
}

row("row 323: 303 to another origin is followed, without the body and the headers", {
  stage: (stack) => {
    const other = recording(stack, { "/there": whole });
    const first = recording(stack, { "/file.bin": redirect(303, `${other.origin}/there`) });
    return Promise.resolve({
      url: `${first.origin}/file.bin`,
      host: testHost({ env: { TOKEN: SECRET } }),
      check: () => {
        assertEquals(first.seen, [["POST", "/file.bin", "application/graphql", SENT]]);
        assertEquals(other.seen, [get("/there")]);
        assertEquals(other.log[0]?.headers.get("x-key"), null);
      },
    });
  },
  task: { ...POST, headers: { "Content-Type": "application/graphql", "X-Key": "1" } },
  expected: PUBLISHED,
});

row("row 324: a response to a POST that breaks off is not resumed", {
  stage: answering([
    (connection) =>
      connection.send(
        response(
          ['ETag: "1"', "Accept-Ranges: bytes", `Content-Length: ${WHOLE.length}`],
          WHOLE.slice(0, 5),
        ),
      ),
    (connection) => connection.send(wholeResponse('ETag: "1"')),
  ], (received) => {
    assertEquals(received.map((text) => /range/i.test(text)), [false, false]);
  }),
  task: {
    ...POST,
    expect: { sha256: "c1db19f7b16c524507284cbb2bdfdc6d3deb58d38706e4e953a0596bd2de9d7f" },
  },
  expected: { status: "published", attempts: ["body.truncated", null] },
});

row("row 325: 413 before the body was received", {
  stage: async (stack) => {
    const server = stack.use(
      await rawServer(async (connection) => {
        await connection.readRequest();
        await connection.send(response(["HTTP/1.1 413 Too Large", "Content-Length: 0"]));
        await connection.hold();
      }),
    );
    return {
      url: `${server.origin}/file.bin`,
      check: () => assertEquals(server.requests, ["POST /file.bin"]),
    };
  },
  task: { ...POST, body: { text: "x".repeat(1024 * 1024) } },
  expected: { status: "failed", attempts: ["http.status"], httpStatus: 413 },
});

storeTest("row 326: responses to a POST are compared by digest, without conditions", async () => {
  await using stack = new AsyncDisposableStack();
  let content = "one\n";
  const conditions: (string | null)[] = [];
  const server = stack.use(origin({}));
  server.route("/rates", (request) => {
    conditions.push(request.headers.get("if-none-match"));
    return new Response(content, { headers: { etag: '"constant"' } });
  });
  const host = testHost({ env: { TOKEN: SECRET } });
  const runs = stack.use(await runsOver({ host }));
  const task = { url: `${server.origin}/rates`, to: "rates.txt", body: BODY };
  assertEquals((await runs.result(task)).status, "created");
  assertEquals((await runs.result(task)).status, "unchanged");
  content = "two\n";
  assertEquals((await runs.result(task)).status, "updated");
  // The entity tag of a response to a POST is not one of the file that a GET returns.
  const { body: _, ...asGet } = task;
  content = "three\n";
  assertEquals((await runs.result(asGet)).status, "updated");
  assertEquals(conditions, [null, null, null, null]);
  assertEquals(server.log.map(({ method }) => method), ["POST", "POST", "POST", "GET"]);
});

storeTest("row 327: the body of a request is in no event, record or message", async () => {
  await using stack = new AsyncDisposableStack();
  const server = stack.use(origin({}));
  // A server that repeats what it has received.
  server.route("/echo", async (request) => {
    const text = await request.text();
    const headers = { location: `/?${text}`, "content-type": "application/json" };
    return new Response(JSON.stringify({ message: text }), { status: 400, headers });
  });
  const host = testHost({ env: { TOKEN: SECRET } });
  const runs = stack.use(await runsOver({ host, config: { manifest: true } }));
  const results = [];
  for (const body of [BODY, { form: { q: "${env:TOKEN}" } }, { json: { password: SECRET } }]) {
    results.push(await runs.result({ url: `${server.origin}/echo`, to: "a.json", body }));
  }
  assertEquals(results.map(({ code }) => code), Array(3).fill("http.status"));
  const state = await Deno.readTextFile(runs.store.beside("state"));
  for (const text of [JSON.stringify(results), JSON.stringify(runs.events), state]) {
    assert(text.length > 100 && !text.includes(SECRET), text);
  }
});

storeTest("row 328: a POST through a proxy", async () => {
  await using stack = new AsyncDisposableStack();
  const server = recording(stack, { "/file.bin": whole });
  const proxy = stack.use(await httpProxy({ server: server.origin }));
  const host = testHost({ env: { TOKEN: SECRET } });
  const hosts = { [new URL(server.origin).host]: { proxy: proxy.origin } };
  const runs = stack.use(await runsOver({ host, config: { hosts } }));
  const { status } = await runs.result({ ...POST, url: `${server.origin}/file.bin` });
  assertEquals([status, server.seen], ["created", [post("/file.bin")]]);
  assertEquals(proxy.requests.length, 1);
});

storeTest("row 329: POSTs use the kept connections, and no more than perHost", async () => {
  await using stack = new AsyncDisposableStack();
  const server = stack.use(
    await rawServer(async (connection) => {
      for (;;) {
        await readPost(connection);
        await connection.send(response([`Content-Length: ${WHOLE.length}`], WHOLE));
      }
    }),
  );
  const host = testHost({ env: { TOKEN: SECRET } });
  const runs = stack.use(await runsOver({ host, config: { limits: { perHost: 2 } } }));
  const names = Array.from({ length: 20 }, (_, index) => `file-${index}`);
  const { results } = await runs.run(
    names.map((name) => ({ ...POST, url: `${server.origin}/${name}`, to: name })),
  );
  assertEquals([
    results.filter(({ status }) => status === "created").length,
    server.requests.length,
  ], [names.length, names.length]);
  assert(server.connections <= 2, `${server.connections} connections`);
});

storeTest("row 330: a mirror receives the same method and body, and no range", async () => {
  await using stack = new AsyncDisposableStack();
  const first = recording(stack, { "/file.bin": () => new Response(null, { status: 404 }) });
  const second = recording(stack, { "/file.bin": () => new Response(null, { status: 410 }) });
  const third = recording(stack, {
    "/file.bin": () => new Response(WHOLE, { headers: { "accept-ranges": "bytes", etag: '"1"' } }),
  });
  const [url = "", ...mirrors] = [first, second, third].map(({ origin }) => `${origin}/file.bin`);
  const runs = stack.use(await runsOver({ host: testHost({ env: { TOKEN: SECRET } }) }));
  const { status } = await runs.result({ ...POST, url, mirrors, segments: 4 });
  assertEquals(status, "created");
  for (const { seen, log } of [first, second, third]) {
    assertEquals(seen, [post("/file.bin")]);
    assertEquals(log[0]?.headers.get("range"), null);
  }
});

storeTest("a body of 100,000 bytes arrives whole, also through a redirect", async () => {
  await using stack = new AsyncDisposableStack();
  const text = "0123456789".repeat(10_000);
  const server = recording(stack, { "/file.bin": redirect(308, "/b"), "/b": whole });
  const runs = stack.use(await runsOver());
  const url = `${server.origin}/file.bin`;
  assertEquals((await runs.result({ url, to: "file", body: { text } })).status, "created");
  const type = "text/plain; charset=utf-8";
  assertEquals(server.seen, [["POST", "/file.bin", type, text], ["POST", "/b", type, text]]);
});
