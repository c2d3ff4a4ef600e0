/** Rows from 178: settings of single hosts, in whole runs. */

import { assertEquals } from "@std/assert";
import { realHost } from "../../lib/host.ts";
import { run } from "../../lib/mod.ts";
import { testHost } from "../helpers/host.ts";
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

/** A test of whole runs over sockets. */
function socketRun(name: string, run: () => Promise<void>): void {
  Deno.test({ name, ignore: BY_FETCH, fn: run });
}

socketRun(
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

socketRun("row 178: caFile applies to a redirect to its host", async () => {
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
