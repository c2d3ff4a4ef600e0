/**
 * Selects the store of tests: a folder or, with `CRONFETCH_TEST_STORE=versitygw` or `=moto`, a prefix
 * of a new bucket. The tests are the same.
 */

import type { Host } from "../../lib/core/host.ts";
import { folderPlace, type Place } from "./folder_place.ts";
import { BY_FETCH } from "./transport.ts";

export type { Place };

/** The kinds of stores. */
const STORES = ["folder", "versitygw", "moto"] as const;

/** The kind of store of all tests in this process. */
export const STORE: typeof STORES[number] = storeKind(Deno.env.get("CRONFETCH_TEST_STORE") ?? "");

function storeKind(text: string): typeof STORES[number] {
  const store = STORES.find((one) => one === (text || "folder"));
  if (store === undefined) {
    throw new Error(`CRONFETCH_TEST_STORE is one of ${STORES.join(", ")}, not "${text}"`);
  }
  return store;
}

// Loading the S3 client takes longer than most tests.
const buckets = STORE === "folder" ? null : (await import("./bucket_place.ts")).buckets(STORE);

/** Creates an empty place. */
export function place(): Promise<Place> {
  return buckets === null ? folderPlace() : buckets.place();
}

/** A host with the environment variables of a place. */
export function hostAt<Given extends Pick<Host, "env">>(place: Place, host: Given): Given {
  return { ...host, env: (name: string) => place.env[name] ?? host.env(name) };
}

/** Concurrent calls of {@linkcode mapKeys}. */
const AT_ONCE = 40;

/** Maps keys by an async function, with limited concurrency. */
export async function mapKeys<Result>(
  keys: readonly string[],
  map: (key: string) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  for (let start = 0; start < keys.length; start += AT_ONCE) {
    results.push(...await Promise.all(keys.slice(start, start + AT_ONCE).map(map)));
  }
  return results;
}

/** Name, body and options of a test. */
type Test = readonly [
  name: string,
  body: (t: Deno.TestContext) => Promise<void>,
  options?: { readonly ignore: boolean },
];

/**
 * A test for every kind of store. Without the requested server it is skipped, or fails with `CI` set.
 */
export function storeTest(...[name, body, { ignore } = { ignore: false }]: Test): void {
  if (buckets === null) Deno.test({ name, ignore }, body);
  else Deno.test({ name: `${buckets.name}: ${name}`, ignore: ignore || buckets.ignore }, body);
}

/** A test for sockets only, skipped where `fetch` is used. */
export function socketTest(...[name, reason, body]: [string, string, Test[1]]): void {
  storeTest(BY_FETCH ? `${name} (not by fetch: ${reason})` : name, body, { ignore: BY_FETCH });
}

/** A test for folders only, skipped with buckets. */
export function folderTest(...[name, body]: Test): void {
  const ignore = STORE !== "folder";
  Deno.test({ name: `${name}${ignore ? " (folders only)" : ""}`, ignore }, body);
}
