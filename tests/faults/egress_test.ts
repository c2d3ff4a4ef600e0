/** Rows 135, 136 and 232: public names that resolve to private addresses. */

import { assert, assertEquals } from "@std/assert";
import type { Host } from "../../lib/core/host.ts";
import { run } from "../helpers/library.ts";
import type { TaskInput } from "../../lib/mod.ts";
import { testHost } from "../helpers/host.ts";
import { namedConnect } from "../helpers/named_connect.ts";
import { origin } from "../helpers/origin.ts";
import { folderTest, hostAt, place, storeTest } from "../helpers/place.ts";
import { schemeOf, SERVER_IDENTITY } from "../helpers/transport.ts";
import { ranged } from "./ranged.ts";

/** Of all URLs. */
const SCHEME = schemeOf(SERVER_IDENTITY);
const PUBLIC = "93.184.215.14";
const OTHER = "93.184.215.15";
const PRIVATE = "10.0.0.1";
const CONTENT = "the bytes\n";

/** The result of a run of one task, the addresses that received bytes, and the requests. */
async function runOf(
  task: TaskInput,
  addresses: Readonly<Record<string, readonly (string | null)[]>>,
) {
  await using store = await place();
  await using server = origin({
    "/file": CONTENT,
    "/away": { redirect: `${SCHEME}://inside.example/file` },
    "/sums": `${"0".repeat(64)}  file\n`,
    "/gone": 404,
  });
  const sockets = namedConnect(server.origin, addresses);
  const host: Host = {
    ...testHost({ connect: sockets.connect }),
    resolve: () => Promise.reject(new Error("a look-up of its own")),
  };
  const { results } = await run({
    store: store.location,
    state: "memory:",
    limits: { concurrency: 1 },
    tasks: [{ id: "a", retry: { attempts: 2 }, ...task }],
  }, { host: hostAt(store, host) });
  const [result] = results;
  assert(result !== undefined);
  return { result, written: sockets.written, names: sockets.names, requests: server.hits() };
}

/** Names that are private or resolve to a private address: no byte is sent. */
const REFUSED: readonly (readonly [
  what: string,
  task: TaskInput,
  addresses: Readonly<Record<string, readonly (string | null)[]>>,
  written: readonly string[],
  part: string,
])[] = [
  [
    "a private name",
    { url: `${SCHEME}://a.example/file` },
    { "a.example": [PRIVATE] },
    [],
    PRIVATE,
  ],
  [
    "a name whose first look-up fails",
    { url: `${SCHEME}://a.example/file` },
    { "a.example": [null, PRIVATE] },
    [],
    PRIVATE,
  ],
  ["loopback", { url: `${SCHEME}://a.example:99/file` }, { "a.example": ["::1"] }, [], "::1"],
  [
    "an IPv4-mapped address",
    { url: `${SCHEME}://a.example/file` },
    { "a.example": ["::ffff:10.0.0.1"] },
    [],
    "::ffff:10.0.0.1",
  ],
  [
    "a redirect to a private name",
    { url: `${SCHEME}://a.example/away` },
    { "a.example": [PUBLIC], "inside.example": [PRIVATE] },
    [PUBLIC],
    "a redirect from the public host a.example",
  ],
  [
    "a checksum file on a private name",
    {
      url: `${SCHEME}://a.example/file`,
      expect: { sha256: { url: `${SCHEME}://b.example/sums`, name: "file" } },
    },
    { "a.example": [PUBLIC], "b.example": [PRIVATE] },
    [],
    "b.example",
  ],
];

for (const [what, task, addresses, written, part] of REFUSED) {
  storeTest(`row 135: ${what} is refused before a byte is sent`, async () => {
    const outcome = await runOf(task, addresses);
    assertEquals([outcome.result.status, outcome.result.code], ["failed", "redirect.private"]);
    assertEquals(outcome.written, written);
    assertEquals(outcome.requests, written.length);
    assert(outcome.result.message?.includes(part), outcome.result.message);
  });
}

storeTest("row 135: a private mirror is refused before a byte is sent", async () => {
  const { result, written } = await runOf(
    { url: `${SCHEME}://a.example/gone`, mirrors: [`${SCHEME}://b.example/file`] },
    { "a.example": [PUBLIC], "b.example": [PRIVATE] },
  );
  assertEquals(result.attempts.map(({ code }) => code), ["http.status", "redirect.private"]);
  assertEquals(written, [PUBLIC]);
});

storeTest(
  "row 135: a name that is public, then private, is refused at its second connection",
  async () => {
    const { result, written } = await runOf(
      { url: `${SCHEME}://a.example/away` },
      { "a.example": [PUBLIC], "inside.example": [OTHER, PRIVATE] },
    );
    assertEquals([result.status, written], ["created", [PUBLIC, OTHER]]);
    const again = await runOf({ url: `${SCHEME}://a.example/file` }, {
      "a.example": [PRIVATE, PUBLIC],
    });
    assertEquals([again.result.code, again.written], ["redirect.private", []]);
  },
);

storeTest(
  "row 135: a public name is connected to by name and port, without a look-up",
  async () => {
    const { result, names } = await runOf(
      { url: `${SCHEME}://a.example:8080/file` },
      { "a.example": [PUBLIC] },
    );
    assertEquals([result.status, names], ["created", ["a.example:8080"]]);
  },
);

storeTest("row 135: allowPrivate permits a private name", async () => {
  const { result, written } = await runOf(
    { url: `${SCHEME}://a.example/file`, allowPrivate: true },
    { "a.example": [PRIVATE] },
  );
  assertEquals([result.status, written], ["created", [PRIVATE]]);
});

storeTest(
  "row 136: the message names VPN and proxy clients for an address of 198.18.0.0/15",
  async () => {
    const { result, written } = await runOf(
      { url: `${SCHEME}://a.example/file` },
      { "a.example": ["198.18.0.23"] },
    );
    assertEquals([result.code, written], ["redirect.private", []]);
    assert(result.message?.includes("which VPN and proxy clients return"), result.message);
    assert(result.message?.includes("--allow-private"), result.message);
  },
);

// A bucket would be reached through the same environment and fake fetch.
for (
  const [url, env] of [
    [`${SCHEME}://a.example/file`, { HTTP_PROXY: "http://proxy.example:3128" }],
    ["https://a.example/file", { https_proxy: "http://proxy.example:3128" }],
    ["https://a.example/file", { ALL_PROXY: "socks5://proxy.example" }],
  ] as const
) {
  folderTest(
    `row 136: ${url} is not looked up if a proxy connects (${Object.keys(env)})`,
    async () => {
      await using store = await place();
      let requests = 0;
      const host: Host = {
        ...testHost({
          env,
          fetch: () => {
            requests++;
            return fetch(`data:,${encodeURIComponent(CONTENT)}`);
          },
        }),
        resolve: () => Promise.reject(new Error("looked up")),
      };
      const tasks = [{ id: "a", url }];
      const { results } = await run({ store: store.location, state: "memory:", tasks }, {
        host: hostAt(store, host),
      });
      assertEquals([results[0]?.status, requests], ["created", 1]);
    },
  );
}

folderTest("row 136: https without a proxy is looked up before fetch", async () => {
  await using store = await place();
  const host = testHost({
    env: { HTTPS_PROXY: "http://proxy.example", NO_PROXY: "a.example" },
    addresses: { "a.example": ["198.19.0.1"] },
    fetch: () => Promise.reject(new Error("requested")),
  });
  const tasks = [{ id: "a", url: "https://a.example/file" }];
  const { results } = await run({ store: store.location, state: "memory:", tasks }, {
    host: hostAt(store, host),
  });
  assertEquals(results[0]?.code, "redirect.private");
});

storeTest("row 232: a retry and a segment whose name is private by then get no byte", async () => {
  await using store = await place();
  await using server = await ranged(async (exchange) => {
    await exchange.answer({ sentBytes: 500_000 });
    exchange.connection.close();
    await exchange.connection.hold();
  });
  const sockets = namedConnect(server.url, { "a.example": [PUBLIC, PRIVATE] });
  const host = testHost({ connect: sockets.connect });
  const { port, protocol } = new URL(server.url);
  const url = `${protocol}//a.example:${port}/large.bin`;
  const { results: [result] } = await run({
    store: store.location,
    state: "memory:",
    tasks: [{ url, segments: 4, retry: { attempts: 3 } }],
  }, { host: hostAt(store, host) });
  assertEquals([result?.status, result?.code], ["failed", "redirect.private"], result?.message);
  assert(sockets.names.length > 1);
  assertEquals(sockets.written.filter((address) => address !== PUBLIC), []);
});
