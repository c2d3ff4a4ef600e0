/** Publishes received bytes once they are checked, unless the same bytes are published already. */

import { checkContent, type Content } from "../content/expect.ts";
import type { ExpectedDigests, SameRule, Task } from "../core/task.ts";
import { CronfetchError } from "../core/errors.ts";
import type { HeaderFields } from "../core/http.ts";
import type { Validators, Warning } from "../core/result.ts";
import { errorMessage } from "../core/text.ts";
import type { Provenance, PublishedFile, Store, StoredFile } from "../store/store.ts";
import type { Received } from "./attempt.ts";
import { modifiedTime, responseValidators } from "./conditional.ts";
import { digestsOf } from "./expected_digests.ts";
import type { Family } from "./family.ts";

/** What publishing needs in addition to the bytes. */
export interface PublishContext {
  readonly store: Store;
  readonly signal: AbortSignal;
  /** Validators of the published file, if the stored file is still that file; else null. */
  readonly current: Validators | null;
  /** The requested URL, redacted. */
  readonly source: string;
  /** Headers of the response. */
  readonly headers: HeaderFields;
  /** Wall clock, milliseconds since the epoch. */
  readonly nowMs: number;
  /** The files that the task has published. */
  readonly family: Family;
}

/** Result of {@linkcode publish}. */
export interface Published {
  readonly status: "created" | "updated" | "unchanged";
  readonly validators: Validators;
  /** Size of the file that was replaced, or null. */
  readonly previousSizeBytes: number | null;
  /** A reservation about the result. */
  readonly warning?: Warning;
}

/**
 * Checks received bytes against the expectations of the task, and publishes them unless the same
 * bytes are published already. Disposes of the draft in any case.
 *
 * @throws {CronfetchError} `body.too-small`, `expect.` and `store.` codes.
 */
export async function publish(
  task: Task,
  digests: ExpectedDigests,
  received: Received,
  context: PublishContext,
): Promise<Published> {
  const { key, sealed } = received;
  await using draft = received.draft;
  const { headers, family, current } = context;
  const existing = draft.existing;
  const provenance: Provenance = {
    source: context.source,
    contentType: headers.get("content-type"),
    etag: headers.get("etag"),
    lastModified: headers.get("last-modified"),
    fetchedAt: new Date(context.nowMs).toISOString(),
  };
  const content: Content = {
    head: draft.head,
    sizeBytes: sealed.sizeBytes,
    sha256: sealed.sha256,
    contentType: headers.get("content-type"),
    previousSizeBytes: existing?.sizeBytes ?? null,
    read: () => draft.read(),
    digests: (algorithms) => digestsOf(draft, algorithms, context.signal),
  };
  try {
    await checkContent(content, task.expect, digests, key);
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
    return { status: "unchanged", validators: validators(existing), previousSizeBytes: null };
  }
  if (current?.key === key && existing) {
    const { sha256, sizeBytes } = current;
    const kept: Published = {
      status: "unchanged",
      validators: { ...validators(existing), sha256, sizeBytes, received: { ...sealed } },
      previousSizeBytes: null,
    };
    if (current.received?.sha256 === sealed.sha256) return kept;
    if (task.same !== null && await isSameAsPublished(task.same, received, context)) {
      return { ...kept, warning: "sameInSubstance" };
    }
  }
  // The older version is kept before the newer one replaces it.
  if (existing && task.keep > 0) {
    await family.keepVersion(key, current?.key === key ? current.sha256 : existing.sha256);
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
      `${sealed.sizeBytes} bytes were published, the store has ${file.sizeBytes}`,
    );
  }
  if (task.keep > 0 || task.namedByServer) await family.cleanUp(key);
  return {
    status: existing ? "updated" : "created",
    validators: validators(file),
    previousSizeBytes: existing?.sizeBytes ?? null,
  };
}

/** Keeps refused content for inspection. Returns the refusal with the key of the content. */
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
    const why = errorMessage(error);
    return new CronfetchError(code, `${message}; it could not be kept aside: ${why}`, { retry });
  }
  const where = JSON.stringify(aside);
  return new CronfetchError(code, `${message}; it is kept aside as ${where}`, { retry });
}

/** Whether received bytes and the published file have the same substance. */
async function isSameAsPublished(
  rule: SameRule,
  { draft, key, sealed }: Received,
  { store, signal, current }: PublishContext,
): Promise<boolean> {
  const published = await store.read(key, signal);
  if (published === null) return false;
  // Loaded on demand: few tasks have the option.
  const { isSame } = await import("../content/same.ts");
  return await isSame(
    rule,
    { sizeBytes: sealed.sizeBytes, pieces: () => draft.pieces() },
    { sizeBytes: current?.sizeBytes ?? 0, pieces: () => published },
  );
}

/** Whether the received bytes are published already, by their digest. */
async function isPublished(
  existing: StoredFile,
  { key, sealed }: Received,
  { store, signal, current }: PublishContext,
): Promise<boolean> {
  if (existing.sizeBytes !== sealed.sizeBytes) return false;
  const published = existing.sha256 ??
    (current?.key === key ? current.sha256 : await publishedDigest(store, key, signal));
  return published === sealed.sha256;
}

/**
 * Digest of a published file: from the store's metadata, or else by reading it; null if missing.
 */
export async function publishedDigest(
  store: Store,
  key: string,
  signal: AbortSignal,
): Promise<string | null> {
  return (await store.stat(key))?.sha256 ?? await store.digest(key, signal);
}
