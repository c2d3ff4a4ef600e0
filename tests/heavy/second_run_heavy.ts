/** A second run over 1,000 unchanged files: one request each, and not a file is touched. */

import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import type { TaskResult } from "../../lib/core/result.ts";
import { run } from "../../lib/run.ts";
import { type TemporaryFolder, temporaryFolder } from "../helpers/folder.ts";
import { origin, type Route } from "../helpers/origin.ts";

const FILES = 1_000;

/** What the server has to tell whether a file has changed, and what a second run comes to. */
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

/** What tells of every file in a folder whether it was written or replaced. */
async function marks(folder: string): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for await (const { name } of Deno.readDir(folder)) {
    const { ino, size, mtime } = await Deno.stat(join(folder, name));
    found.set(name, `${ino} ${size} ${mtime?.getTime()}`);
  }
  return found;
}

/** How often each value occurs. */
function counts<Value>(values: Iterable<Value>): Map<Value, number> {
  const counted = new Map<Value, number>();
  for (const value of values) counted.set(value, (counted.get(value) ?? 0) + 1);
  return counted;
}

async function runTwice(
  folder: TemporaryFolder,
  state: string,
  routes: Readonly<Record<string, Route>>,
): Promise<readonly TaskResult[]> {
  await using server = origin(routes);
  const config = {
    store: folder.file("store"),
    state: state.replace(":", `:${folder.path}/`),
    limits: { perHost: 32 },
    tasks: Object.keys(routes).map((path) => server.origin + path),
  };
  const first = await run(config);
  assertEquals(first.summary.counts.created, FILES);
  const before = await marks(config.store);
  assertEquals(before.size, FILES);

  const second = await run(config);
  assertEquals(second.summary.exitCode, 0);
  assertEquals(server.hits(), 2 * FILES);
  assertEquals(await marks(config.store), before);
  return second.results;
}

for (const state of ["kv:state.db", "file:state.json"]) {
  for (const { name, validators, httpStatus } of CASES) {
    Deno.test(`a second run with ${state}, and ${name} of the server`, async () => {
      await using folder = await temporaryFolder();
      const routes = Array.from({ length: FILES }, (_, index): [string, Route] => {
        return [`/${index}.txt`, { body: `file ${index}\n`, ...validators(index) }];
      });
      const results = await runTwice(folder, state, Object.fromEntries(routes));
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
