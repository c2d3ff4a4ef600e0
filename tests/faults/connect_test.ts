/** Rows 1 to 8: failures to connect, and stale connections. */

import { assertEquals } from "@std/assert";
import type { Connect, Fetch } from "../../lib/core/host.ts";
import { run } from "../helpers/library.ts";
import { connectReally, fetchReally, type TestHost, testHost } from "../helpers/host.ts";
import { origin } from "../helpers/origin.ts";
import { hostAt, place, storeTest } from "../helpers/place.ts";
import { rawServer } from "../helpers/raw_server.ts";
import { BY_FETCH } from "../helpers/transport.ts";
import { assertOracle } from "./oracle.ts";
import { replying, response, row, WHOLE, wholeResponse } from "./scenario.ts";

/** The real fetch, except for one URL. */
function fetchBut(url: string, replacement: Fetch): Fetch {
  return (asked, init) => asked === url ? replacement(asked, init) : fetchReally(asked, init);
}

/** A host whose sockets, or `fetch`, are the real ones except for one URL. */
function hostBut(url: string, connect: Connect, fetch: Fetch): TestHost {
  const { hostname } = new URL(url);
  const addresses = { [hostname]: ["93.184.215.14"] };
  return BY_FETCH ? testHost({ addresses, fetch: fetchBut(url, fetch) }) : testHost({
    connect: (name, port, signal) =>
      name === hostname ? connect(name, port, signal) : connectReally(name, port, signal),
  });
}

/** Waits for the signal. */
function silence(signal: AbortSignal | null | undefined): Promise<never> {
  return new Promise((_, reject) => {
    signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

row("row 1: an unknown host is retried within the budget, then net.dns", {
  stage: () => {
    const url = "http://no-such-host.invalid/file.bin";
    // The messages of Deno, without a DNS request.
    const unknown = "failed to lookup address information: Name or service not known";
    const cause = new Error(
      `error sending request for url (${url}): client error (Connect): dns error: ${unknown}`,
    );
    const host = hostBut(
      url,
      () => Promise.reject(new Error(unknown)),
      () => Promise.reject(new TypeError("fetch failed", { cause })),
    );
    return Promise.resolve({ url, host, check: () => assertEquals(host.slept.length, 1) });
  },
  expected: { status: "failed", attempts: ["net.dns", "net.dns"], httpStatus: null },
});

row("row 2: a refused connection is retried, then net.refused", {
  stage: async () => {
    const closed = origin({});
    await closed[Symbol.asyncDispose]();
    return {
      url: `${closed.origin}/file.bin`,
      check: ({ host }) => assertEquals(host.slept.length, 1),
    };
  },
  expected: { status: "failed", attempts: ["net.refused", "net.refused"], httpStatus: null },
});

row("row 3: dropped packets are timeout.connect", {
  stage: () => {
    const url = "http://silent.invalid/file.bin";
    const host = hostBut(
      url,
      (_name, _port, signal) => silence(signal),
      (_, { signal }) => silence(signal),
    );
    return Promise.resolve({ url, host });
  },
  task: { timeout: { connect: "50ms", response: "60ms" } },
  expected: {
    status: "failed",
    attempts: ["timeout.connect", "timeout.connect"],
    httpStatus: null,
  },
  byFetch: {
    reason: "it does not report when it has connected",
    expected: { status: "failed", attempts: ["timeout.response", "timeout.response"] },
  },
});

row("row 4: an unreachable IPv6 address falls back to IPv4", {
  stage: (stack) => {
    const server = stack.use(origin({ "/file.bin": WHOLE }));
    const { protocol, port } = new URL(server.origin);
    return Promise.resolve({ url: `${protocol}//localhost:${port}/file.bin` });
  },
  expected: { status: "published", attempts: [null], httpStatus: 200 },
});

row("row 5: a reset before the headers is retried", {
  stage: replying((connection) => {
    if (connection.index > 0) return connection.send(wholeResponse());
    connection.reset();
    return Promise.resolve();
  }),
  expected: { status: "published", attempts: ["net.reset", null], httpStatus: 200 },
});

row("row 6: a connection closed without a byte is retried", {
  stage: replying((connection) => connection.send(connection.index > 0 ? wholeResponse() : "")),
  expected: { status: "published", attempts: ["net.reset", null], httpStatus: 200 },
});

storeTest("row 7: a stale pooled connection is retried once, without an attempt", async () => {
  await using store = await place();
  await using server = await rawServer(async (connection) => {
    await connection.readRequest();
    await connection.send(response([`Content-Length: ${WHOLE.length}`], WHOLE));
    // The next request on this connection arrives after it was closed.
    await connection.readRequest();
    connection.close();
  });
  const host = testHost();
  const ids = ["first", "second"];
  const tasks = ids.map((id) => ({ id, url: `${server.origin}/${id}`, retry: { attempts: 1 } }));
  const { results } = await run(
    { store: store.location, state: "memory:", limits: { concurrency: 1 }, tasks },
    { host: hostAt(store, host) },
  );
  const complete = { first: WHOLE, second: WHOLE };
  await assertOracle({ store, before: {}, complete, tasks: ids, results });
  assertEquals(results.map(({ status }) => status), ["created", "created"]);
  // The client repeats the request: it is one attempt.
  assertEquals(results.map(({ attempts }) => attempts.length), [1, 1]);
  assertEquals(host.slept, []);
  assertEquals(server.requests, ["GET /first", "GET /second", "GET /second"]);
  assertEquals(server.connections, 2);
});

row("row 8: a public name with a private address among others is refused", {
  stage: () => {
    const url = "http://two-faced.invalid/file.bin";
    let asked = 0;
    const host = testHost({
      addresses: { "two-faced.invalid": ["93.184.215.14", "10.0.0.1"] },
      fetch: fetchBut(url, () => {
        asked++;
        return Promise.resolve(new Response(WHOLE));
      }),
    });
    return Promise.resolve({ url, host, check: () => assertEquals(asked, 0) });
  },
  expected: { status: "failed", attempts: ["redirect.private"], httpStatus: null },
});
