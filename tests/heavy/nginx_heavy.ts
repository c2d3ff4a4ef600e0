/** Runs against a real server: responses of nginx, and their results. */

import { assert, assertEquals, assertLess, assertMatch } from "@std/assert";
import type { ConfigInput } from "../../lib/config/input.ts";
import { realHost } from "../../lib/host.ts";
import { run, type RunReport } from "../../lib/run.ts";
import { hostAt, type Place, place, storeTest } from "../helpers/place.ts";
import { cuttingProxy } from "./cutting_proxy.ts";
import { NGINX, type Nginx, type NginxOptions, type NginxRequest, startNginx } from "./nginx.ts";

const MIB = 2 ** 20;

/** Runs a config over the store of the test. */
type Fetching = (config: ConfigInput) => Promise<RunReport>;

/** A test with an nginx of its own. Without nginx it is ignored; in CI it fails. */
function test(
  name: string,
  options: NginxOptions,
  check: (nginx: Nginx, fetching: Fetching, store: Place) => Promise<void>,
): void {
  const missing = NGINX === undefined;
  storeTest(
    `${name.startsWith("row ") ? "" : "nginx: "}${name}${
      missing ? " (nginx is not installed)" : ""
    }`,
    async () => {
      await using store = await place();
      await using nginx = await startNginx(options);
      const places = { store: store.location, state: `kv:${store.beside("state.db")}` };
      const host = hostAt(store, realHost());
      await check(nginx, (config) => run({ ...places, ...config }, { host }), store);
    },
    { ignore: missing && Deno.env.get("CI") === undefined },
  );
}

/** Bytes without repetition. */
function noise(sizeBytes: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(sizeBytes);
  for (let start = 0; start < sizeBytes; start += 65_536) {
    crypto.getRandomValues(bytes.subarray(start, start + 65_536));
  }
  return bytes;
}

/** The first byte of the requested range. */
const rangeStart = (request: NginxRequest | undefined): number =>
  Number(/^bytes=(\d+)-$/.exec(request?.range ?? "")?.[1]);

const statuses = ({ results }: RunReport): readonly string[] =>
  results.map(({ status }) => status).sort();

test("an ETag is asked for the second time, and answered 304", {}, async (nginx, fetching) => {
  await Deno.writeTextFile(nginx.files.file("a.txt"), "text\n");
  const config = { tasks: [`${nginx.origin}/a.txt`] };
  assertEquals(statuses(await fetching(config)), ["created"]);
  assertEquals(statuses(await fetching(config)), ["unchanged"]);
  const [first, second] = await nginx.log(2);
  assertEquals([first?.status, first?.ifNoneMatch], [200, ""]);
  assertEquals([second?.status, second?.ifModifiedSince], [304, ""]);
  assertMatch(second?.ifNoneMatch ?? "", /^"[^"]+"$/);
});

test(
  "without ETags, If-Modified-Since is sent",
  { server: "etag off;" },
  async (nginx, fetching) => {
    await Deno.writeTextFile(nginx.files.file("a.txt"), "text\n");
    const modified = new Date("2026-01-15T12:00:00Z");
    await Deno.utime(nginx.files.file("a.txt"), modified, modified);
    const config = { tasks: [`${nginx.origin}/a.txt`] };
    assertEquals(statuses(await fetching(config)), ["created"]);
    assertEquals(statuses(await fetching(config)), ["unchanged"]);
    const [, second] = await nginx.log(2);
    assertEquals(
      [second?.status, second?.ifModifiedSince, second?.ifNoneMatch],
      [304, "Thu, 15 Jan 2026 12:00:00 GMT", ""],
    );
  },
);

test("a body that is cut off is continued where it broke", {}, async (nginx, fetching, store) => {
  const bytes = noise(4 * MIB);
  await Deno.writeFile(nginx.files.file("a.bin"), bytes);
  await using proxy = cuttingProxy(nginx.port, [{ afterBytes: 1.2 * MIB }, {
    afterBytes: 1.7 * MIB,
  }]);
  const { results } = await fetching({ tasks: [`${proxy.origin}/a.bin`] });
  assertEquals(results.map(({ status }) => status), ["created"]);
  assertEquals(results[0]?.attempts.map(({ code, httpStatus }) => [code, httpStatus]), [
    ["body.truncated", 200],
    ["body.truncated", 206],
    [null, 206],
  ]);
  assert(bytesEqual(await store.read("a.bin"), bytes), "the bytes differ");
  const [, second, third] = await nginx.log(3);
  // All received bytes are kept; the proxy counts the heads too.
  assertLess(Math.abs(1.2 * MIB - rangeStart(second)), 1024);
  assertLess(Math.abs(2.9 * MIB - rangeStart(third)), 2048);
  assertMatch(second?.ifRange ?? "", /^"[^"]+"$/);
});

test(
  "a body is fetched from scratch if the file was replaced during the break",
  {},
  async (nginx, fetching, store) => {
    const bytes = noise(2 * MIB);
    const place = nginx.files.file("a.bin");
    await Deno.writeFile(place, noise(3 * MIB));
    await using proxy = cuttingProxy(nginx.port, [
      { afterBytes: 1.2 * MIB, before: () => Deno.writeFile(place, bytes) },
    ]);
    const { results } = await fetching({ tasks: [`${proxy.origin}/a.bin`] });
    assertEquals(results[0]?.attempts.map(({ code, httpStatus }) => [code, httpStatus]), [
      ["body.truncated", 200],
      [null, 200],
    ]);
    assert(bytesEqual(await store.read("a.bin"), bytes), "the bytes differ");
    const [, second] = await nginx.log(2);
    assertLess(Math.abs(1.2 * MIB - rangeStart(second)), 1024);
  },
);

test("where gzip is on, the bytes are those of the file", {
  http: "gzip on; gzip_types *; gzip_min_length 1;",
}, async (nginx, fetching, store) => {
  const text = "the same over and over\n".repeat(10_000);
  await Deno.writeTextFile(nginx.files.file("a.txt"), text);
  const config = { tasks: [`${nginx.origin}/a.txt`] };
  assertEquals(statuses(await fetching(config)), ["created"]);
  assertEquals(new TextDecoder().decode(await store.read("a.txt") ?? undefined), text);
  assertEquals(statuses(await fetching(config)), ["unchanged"]);
});

test(
  "a missing file fails permanently, and the others are fetched",
  {},
  async (nginx, fetching) => {
    await Deno.writeTextFile(nginx.files.file("a.txt"), "text\n");
    const { results, summary } = await fetching({
      tasks: [`${nginx.origin}/none.txt`, `${nginx.origin}/a.txt`],
    });
    const ends = new Map(
      results.map((result) => [result.task, [result.status, result.httpStatus]]),
    );
    assertEquals(ends, new Map([["none.txt", ["failed", 404]], ["a.txt", ["created", 200]]]));
    assertEquals(summary.exitCode, 3);
  },
);

/** Responds with 429 and Retry-After, except to one request per interval. */
function limited(rate: string, retryAfter: string): NginxOptions {
  return {
    http: `limit_req_zone $server_port zone=all:1m rate=${rate}; limit_req_status 429;`,
    server: `location / { limit_req zone=all; error_page 429 @busy; }
      location @busy { add_header Retry-After ${retryAfter} always; return 429; }`,
  };
}

for (const [status, options] of [["429", "limit_req_status 429;"], ["503", ""]] as const) {
  test(
    `row 126: limit_req with 5 requests a second and ${status} without a pause: 30 files of 30`,
    {
      http: `limit_req_zone $server_port zone=all:1m rate=5r/s; ${options}`,
      server: "location / { limit_req zone=all; }",
    },
    async (nginx, fetching) => {
      const names = Array.from({ length: 30 }, (_, index) => `${index}.txt`);
      for (const name of names) await Deno.writeTextFile(nginx.files.file(name), name);
      const report = await fetching({ tasks: names.map((name) => `${nginx.origin}/${name}`) });
      assertEquals(statuses(report), Array(30).fill("created"));
      assertEquals(report.summary.exitCode, 0);
    },
  );
}

test("a short Retry-After is waited for", limited("1r/s", "1"), async (nginx, fetching) => {
  const names = ["a.txt", "b.txt", "c.txt"];
  for (const name of names) await Deno.writeTextFile(nginx.files.file(name), name);
  const report = await fetching({
    limits: { perHost: 1 },
    tasks: names.map((name) => `${nginx.origin}/${name}`),
  });
  assertEquals(statuses(report), ["created", "created", "created"]);
  const refused = report.results.flatMap(({ attempts }) => attempts)
    .filter(({ httpStatus }) => httpStatus === 429);
  assertLess(0, refused.length);
});

test(
  "a host that requests a long pause receives no further requests",
  limited("1r/m", "3600"),
  async (nginx, fetching) => {
    const perHost = 4;
    const names = Array.from({ length: 60 }, (_, index) => `${index}.txt`);
    for (const name of names) await Deno.writeTextFile(nginx.files.file(name), name);
    const config = { limits: { perHost }, tasks: names.map((name) => `${nginx.origin}/${name}`) };
    const first = await fetching(config);
    assertEquals(statuses(first), ["created", ...Array(59).fill("deferred")]);
    assertEquals(first.summary.exitCode, 4);
    const asked = (await nginx.logged()).length;
    assertLess(asked, 2 * perHost);

    const second = await fetching(config);
    assertEquals(statuses(second), Array(60).fill("deferred"));
    assertEquals((await nginx.logged()).length, asked);
  },
);

function bytesEqual(one: Uint8Array | null, other: Uint8Array): boolean {
  return one?.length === other.length && one.every((byte, index) => byte === other[index]);
}
