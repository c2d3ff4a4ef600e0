/** Rows from 178: settings of single hosts, in whole runs. */

import { assertEquals } from "@std/assert";
import { realHost } from "../../lib/host.ts";
import { run } from "../helpers/library.ts";
import { testHost } from "../helpers/host.ts";
import { httpProxy } from "../helpers/http_proxy.ts";
import { origin } from "../helpers/origin.ts";
import { AUTHORITY_FILE, BY_FETCH, identity } from "../helpers/transport.ts";

/** A host with real connections, which does not trust the authority of the tests. */
function distrusting() {
  const { connect, connectTls, openHttp1, fetch } = realHost();
  const bare = { ...testHost(), fetch, ...(openHttp1 && { openHttp1 }) };
  return BY_FETCH
    ? bare
    : { ...bare, ...(connect && { connect }), ...(connectTls && { connectTls }) };
}

const SECURE = { tls: identity("good") };

Deno.test(
  "row 178: the certificates of caFile are trusted for their host, and for no other",
  async () => {
    await using known = origin({ "/a": "a", "/b": "b" }, SECURE);
    await using other = origin({ "/a": "a" }, SECURE);
    const { results } = await run({
      store: "memory:",
      state: "memory:",
      hosts: { [new URL(known.origin).host]: { caFile: AUTHORITY_FILE } },
      defaults: { retry: { attempts: 1 } },
      tasks: [
        { id: "a", url: `${known.origin}/a`, to: "a" },
        { id: "b", url: `${known.origin}/b`, to: "b" },
        { id: "other", url: `${other.origin}/a`, to: "c" },
      ],
    }, { host: distrusting() });
    const outcomes = results.map(({ task, status, code = null }) => [task, status, code]);
    assertEquals(outcomes.toSorted(), [
      ["a", "created", null],
      ["b", "created", null],
      ["other", "failed", "tls.untrusted"],
    ]);
    assertEquals([known.hits(), other.hits()], [2, 0]);
  },
);

Deno.test("row 178: caFile applies to a redirect to its host", async () => {
  await using known = origin({ "/a": "a" }, SECURE);
  await using first = origin({ "/a": { redirect: `${known.origin}/a` } }, { tls: null });
  const { results } = await run({
    store: "memory:",
    state: "memory:",
    hosts: { [new URL(known.origin).host]: { caFile: AUTHORITY_FILE } },
    tasks: [{ url: `${first.origin}/a`, to: "a" }],
  }, { host: distrusting() });
  assertEquals(results.map(({ status, message }) => [status, message]), [["created", undefined]]);
});

// The process may connect to addresses of the machine only, and fetch needs a grant for the name.
const bySockets = { ignore: BY_FETCH };

Deno.test(
  "row 179: the proxy of a host takes precedence over the environment",
  bySockets,
  async () => {
    await using server = origin({ "/a": "a", "/b": "b", "/c": "c" }, { tls: null });
    const credentials = "reader:the password";
    await using own = await httpProxy({ server: server.origin, credentials });
    await using common = await httpProxy({ server: server.origin });
    const host = testHost({ env: { HTTP_PROXY: common.origin, SECRET: "the password" } });
    const { results } = await run({
      store: "memory:",
      state: "memory:",
      hosts: {
        "own.example": { proxy: own.origin.replace("://", "://reader:${env:SECRET}@") },
        "127.0.0.1": { proxy: "direct" },
      },
      defaults: { retry: { attempts: 1 } },
      tasks: ["http://own.example/a", "http://common.example/b", `${server.origin}/c`],
    }, { host });
    assertEquals(
      results.map(({ task, status }) => [task, status]).toSorted(),
      [["a", "created"], ["b", "created"], ["c", "created"]],
      JSON.stringify(results),
    );
    assertEquals(server.log.map(({ path }) => path).toSorted(), ["/a", "/b", "/c"]);
    assertEquals([common.requests.length, common.authorizations], [1, [null]]);
    assertEquals(own.authorizations.at(-1), `Basic ${btoa(credentials)}`);
    assertEquals(JSON.stringify(results).includes("the password"), false);
  },
);

Deno.test("row 179: a wrong password of a proxy is not temporary, and is not shown", async () => {
  await using server = origin({ "/a": "a" }, { tls: null });
  await using proxy = await httpProxy({ server: server.origin, credentials: "reader:right" });
  const { results, summary } = await run({
    store: "memory:",
    state: "memory:",
    hosts: { "*.example": { proxy: proxy.origin.replace("://", "://reader:wrong-password@") } },
    tasks: ["http://a.example/a"],
  }, { host: testHost() });
  assertEquals(results.map(({ status, attempts }) => [status, attempts.length]), [["failed", 1]]);
  assertEquals([summary.exitCode, server.hits()], [3, 0]);
  assertEquals(JSON.stringify(results).includes("wrong-password"), false);
});
