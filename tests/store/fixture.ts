/** What the tests of stores share: drafts of texts, and the contents of a store by digest. */

import { assertEquals, assertRejects } from "@std/assert";
import { CronfetchError, type ErrorCode } from "../../lib/core/errors.ts";
import type { Draft, DraftOptions, PublishedFile, Store } from "../../lib/store/store.ts";
import { sha256 } from "../helpers/folder.ts";

/** An empty store; disposing of the fixture removes it with all its files. */
export interface StoreFixture extends AsyncDisposable {
  /** The store under test. */
  readonly store: Store;
  /** Whether it refuses to publish over a file that changed after the draft was started. */
  readonly refusesChanged: boolean;
  /** Whether several concurrent publications may succeed nevertheless. Default: false. */
  readonly leavesGap?: boolean;
  /** Whether it keeps drafts for a later run. Default: true. */
  readonly keepsDrafts?: boolean;
  /** Opens the same files again, for the caller to close; null if the store does not persist. */
  readonly reopen: (() => Promise<Store>) | null;
}

/** Registers one test of the conformance suite, which gets a store of its own. */
export type ConformanceTest = (
  name: string,
  body: (store: Store, fixture: StoreFixture) => Promise<void>,
) => void;

/** The bytes of a text, in a buffer of their own. */
export function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

/** Announces a size for which a folder creates the file of a draft at once. */
export const AS_FILE: DraftOptions = { expectedBytes: 1024 * 1024 };

/** Publishes a text. */
export async function put(
  store: Store,
  key: string,
  text: string,
  options?: DraftOptions,
): Promise<PublishedFile> {
  await using draft = await sealed(store, key, text, options);
  return await draft.publish();
}

/** A sealed draft of a text. */
export async function sealed(
  store: Store,
  key: string,
  text: string,
  options?: DraftOptions,
): Promise<Draft> {
  const draft = await store.draft(key, options);
  await draft.write(bytesOf(text));
  await draft.seal();
  return draft;
}

/** Asserts that `work` rejects with a `CronfetchError` of the code, and returns it. */
export async function assertCode(
  code: ErrorCode,
  work: () => Promise<unknown>,
): Promise<CronfetchError> {
  const error = await assertRejects(work, CronfetchError);
  assertEquals(error.code, code, error.message);
  return error;
}

/** The digest of every published file by key, as the store computes it. */
export async function contents(store: Store): Promise<Record<string, string>> {
  const keys = (await Array.fromAsync(store.list(""))).map(({ key }) => key).sort();
  const digests: Record<string, string> = {};
  for (const key of keys) digests[key] = await store.digest(key, forever()) ?? "absent";
  return digests;
}

/** The SHA-256 of a text, in lower-case hexadecimal. */
export function digestOf(text: string): Promise<string> {
  return sha256(bytesOf(text));
}

/** A signal that is never aborted. */
export function forever(): AbortSignal {
  return new AbortController().signal;
}
