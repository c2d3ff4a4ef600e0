/** The last step: received bytes are checked, compared with the published ones, and published. */

import { checkContent, type Content } from "../content/expect.ts";
import { CronfetchError } from "../core/errors.ts";
import type { HeaderFields } from "../core/http.ts";
import type { Validators } from "../core/result.ts";
import type { Provenance, PublishedFile, Store, StoredFile } from "../store/store.ts";
import type { AttemptOutcome } from "./attempt.ts";
import type { SettledTask } from "./expected_digests.ts";
import type { Family } from "./family.ts";
import { modifiedTime, responseValidators } from "./conditional.ts";

/** What publishing needs beside the bytes. */
export interface PublishContext {
  readonly store: Store;
  readonly signal: AbortSignal;
  /** What is remembered about the published file, if it is still the one published. */
  readonly trusted: Validators | null;
  /** The URL that was asked, redacted. */
  readonly source: string;
  /** Headers of the answer. */
  readonly headers: HeaderFields;
  /** Wall clock, milliseconds since the epoch. */
  readonly nowMs: number;
  /** The files that the task has published. */
  readonly family: Family;
}

/** What became of the bytes. */
export interface Published {
  readonly status: "created" | "updated" | "unchanged";
  readonly validators: Validators;
}

type Received = Extract<AttemptOutcome, { kind: "received" }>;

/**
 * Holds the bytes against the task's expectations, and publishes them unless
 * the same ones are published already. The draft is gone afterwards, however it ends.
 *
 * @throws {CronfetchError} `body.too-small`, `expect.` and `store.` codes.
 */
export async function publish(
  task: SettledTask,
  received: Received,
  context: PublishContext,
): Promise<Published> {
  const { key, sealed, head } = received;
  await using draft = received.draft;
  const { headers, family, trusted } = context;
  const existing = draft.existing;
  const provenance: Provenance = {
    source: context.source,
    contentType: headers.get("content-type"),
    etag: headers.get("etag"),
    lastModified: headers.get("last-modified"),
    fetchedAt: new Date(context.nowMs).toISOString(),
  };
  const content: Content = {
    head: head.bytes,
    sizeBytes: sealed.sizeBytes,
    sha256: sealed.sha256,
    contentType: headers.get("content-type"),
    previousSizeBytes: existing?.sizeBytes ?? null,
    read: () => draft.read(),
    digests: async (algorithms) => {
      const { digestsOf } = await import("./expected_digests.ts");
      return await digestsOf(draft, algorithms, context.signal);
    },
  };
  try {
    await checkContent(content, task.expect, key);
  } catch (error) {
    throw task.quarantine ? await quarantine(received, provenance, family, error) : error;
  }
  const validators = (file: PublishedFile): Validators => ({
    key,
    source: context.source,
    ...responseValidators(headers, context.nowMs),
    sha256: sealed.sha256,
    sizeBytes: sealed.sizeBytes,
    revision: file.revision,
  });
  if (existing && await isPublished(existing, received, context)) {
    family.recordPrevious(key);
    return { status: "unchanged", validators: validators(existing) };
  }
  // The older version first: it is safe before the newer one takes its place.
  if (existing && task.keep > 0) {
    await family.keepVersion(key, trusted?.key === key ? trusted.sha256 : existing.sha256);
  }
  const file = await family.publish(
    draft,
    key,
    sealed,
    provenance,
    task.mtime === null ? null : modifiedTime(headers, context.nowMs),
  );
  family.recordPrevious(key);
  if (file.sizeBytes !== sealed.sizeBytes) {
    throw new CronfetchError(
      "store.failed",
      `${sealed.sizeBytes} bytes were published, ${file.sizeBytes} are there`,
    );
  }
  if (task.keep > 0 || task.namedByServer) await family.cleanUp(key);
  return { status: existing ? "updated" : "created", validators: validators(file) };
}

/** Keeps refused content for inspection. Returns the refusal, with the key of the content. */
async function quarantine(
  { draft, key, sealed }: Received,
  provenance: Provenance,
  family: Family,
  refusal: unknown,
): Promise<unknown> {
  if (!(refusal instanceof CronfetchError)) return refusal;
  const { code, message, retry } = refusal;
  let aside: string;
  try {
    aside = await family.quarantine(draft, key, sealed, provenance);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return new CronfetchError(code, `${message}; it could not be kept aside: ${why}`, { retry });
  }
  const where = JSON.stringify(aside);
  return new CronfetchError(code, `${message}; it is kept aside as ${where}`, { retry });
}

/** Whether the very bytes received are published already: the digest decides. */
async function isPublished(
  existing: StoredFile,
  { key, sealed }: Received,
  { store, signal, trusted }: PublishContext,
): Promise<boolean> {
  if (existing.sizeBytes !== sealed.sizeBytes) return false;
  const published = existing.sha256 ??
    (trusted?.key === key ? trusted.sha256 : await publishedDigest(store, key, signal));
  return published === sealed.sha256;
}

/** Digest of a published file: what the store knows of it, else by reading it whole; or null. */
export async function publishedDigest(
  store: Store,
  key: string,
  signal: AbortSignal,
): Promise<string | null> {
  return (await store.stat(key))?.sha256 ?? await store.digest(key, signal);
}
