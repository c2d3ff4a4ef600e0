/** A second run over 1,000 unchanged files: one request each, and no file is written. */

import { assertEquals, assertLess } from "@std/assert";
import type { TaskResult } from "../../lib/core/result.ts";
import { realHost } from "../../lib/host.ts";
import { run } from "../../lib/run.ts";
import { origin, type Route } from "../helpers/origin.ts";
import { hostAt, mapKeys, type Place, place, storeTest } from "../helpers/place.ts";
import { tcpProxy } from "../helpers/tcp_proxy.ts";

const FILES = 1_000;

/** The validators of the server, and the result of a second run. */
const CASES: readonly {
  readonly name: string;
  readonly validators: (index: number) => Partial<Extract<Route, { body: unknown }>>;
  readonly httpStatus: number;
}[] = [
  {
    name: "an ETag",
    validators: (index) => ({ etag: `"${index}"` }),
    httpStatus: 304,
  },
  {
    name: "a Last-Modified",
    validators: () => ({ lastModified: "Thu, 01 Jan 2026 00:00:00 GMT" }),
    httpStatus: 304,
  },
  {
    name: "no validators",
    validators: () => ({}),
    httpStatus: 200,
  },
];

/** A fingerprint of every file in a store, which changes if it is written or replaced. */
async function marks(store: Place): Promise<Map<string, string>> {
  const names = await store.names();
  return new Map(await mapKeys(names, async (name) => [name, await store.mark(name)] as const));
}

/** A host that counts requests to a bucket, by method. */
interface Way extends AsyncDisposable {
  readonly location: string;
  /** Null for a store without requests. */
  counted(): Map<string, number> | null;
}

async function wayTo(store: Place): Promise<Way> {
  if (!store.location.startsWith("s3:")) {
    const dispose = () => Promise.resolve();
    return { location: store.location, counted: () => null, [Symbol.asyncDispose]: dispose };
  }
  const location = new URL(store.location);
  const proxy = await tcpProxy(location.searchParams.get("endpoint") ?? "");
  location.searchParams.set("endpoint", proxy.origin);
  return {
    location: location.href,
    counted: () => counts(proxy.requests.map((request) => request.split(" ", 1).join())),
    [Symbol.asyncDispose]: () => proxy[Symbol.asyncDispose](),
  };
}

/** Counts the occurrences of each value. */
function counts<Value>(values: Iterable<Value>): Map<Value, number> {
  const counted = new Map<Value, number>();
  for (const value of values) counted.set(value, (counted.get(value) ?? 0) + 1);
  return counted;
}

async function runTwice(
  store: Place,
  state: string,
  routes: Readonly<Record<string, Route>>,
): Promise<readonly TaskResult[]> {
  await using server = origin(routes);
  await using way = await wayTo(store);
  const config = {
    store: way.location,
    state: state.replace(":", `:${store.beside(".")}/`),
    limits: { perHost: 32 },
    tasks: Object.keys(routes).map((path) => server.origin + path),
  };
  const options = { host: hostAt(store, realHost()) };
  const first = await run(config, options);
  assertEquals(first.summary.counts.created, FILES);
  const before = await marks(store);
  assertEquals(before.size, FILES);

  const second = await run(config, options);
  assertEquals(second.summary.exitCode, 0);
  assertEquals(server.hits(), 2 * FILES);
  assertEquals(await marks(store), before);
  const asked = way.counted();
  if (asked !== null) {
    // One list has 1,000 objects; no object is requested alone, before or after.
    const { GET = 0, ...others } = Object.fromEntries(asked);
    // The first run tries with an object of its own whether the server checks If-None-Match.
    assertEquals(others, { PUT: FILES + 2, DELETE: 1 });
    assertLess(GET, 20);
  }
  return second.results;
}

for (const state of ["kv:state.db", "file:state.json"]) {
  for (const { name, validators, httpStatus } of CASES) {
    storeTest(`a second run with ${state}, and ${name} from the server`, async () => {
      await using store = await place();
      const routes = Array.from({ length: FILES }, (_, index): [string, Route] => {
        return [`/${index}.txt`, { body: `file ${index}\n`, ...validators(index) }];
      });
      const results = await runTwice(store, state, Object.fromEntries(routes));
      assertEquals(counts(results.map(({ status }) => status)), new Map([["unchanged", FILES]]));
      assertEquals(
        counts(results.map((result) => result.httpStatus)),
        new Map([[httpStatus, FILES]]),
      );
      const bytes = results.reduce((sum, result) => sum + result.bytes, 0);
      const allBytes = routes.reduce(
        (sum, [, route]) => sum + (route as { body: string }).body.length,
        0,
      );
      assertEquals(bytes, httpStatus === 304 ? 0 : allBytes);
    });
  }
}
