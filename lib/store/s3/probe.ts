/** Tries on objects of its own whether a server checks conditions. */

import {
  type Bucket,
  CopyUnavailable,
  type NewObject,
  NO_FACTS,
  type PendingUpload,
  type Upload,
  type UploadedPart,
} from "./bucket.ts";
import type { ConditionKind, WriteHeaders } from "./conditions.ts";
import { isConflict, isMissing, isUnsupported, rejectsHeaders } from "./errors.ts";
import { S3Failed } from "./exchange.ts";
import type { LearnedFeatures, ServerFeatures } from "./features.ts";
import { EMPTY_SHA256 } from "./sign.ts";

/** The requests of a probe. */
export interface ProbeRequests {
  /** @throws {S3Failed} */
  readonly put: (object: NewObject, headers: WriteHeaders, signal: AbortSignal) => Promise<unknown>;
  readonly remove: Bucket["remove"];
}

/** An ETag that no object has. */
const NO_ETAG = '"00000000000000000000000000000000"';

/**
 * Writes an empty object on a condition that does not hold.
 *
 * For `If-Match` that is one request on a server that checks it, since the object does not exist.
 * For `If-None-Match` the object is written first and removed afterwards.
 *
 * @param key Name of the object, unknown to any other process.
 * @returns Whether the server checks the condition; null if it rejects the writes for another
 * reason, which the real write will report.
 */
export async function probeCondition(
  kind: ConditionKind,
  key: string,
  { put, remove }: ProbeRequests,
  signal: AbortSignal,
): Promise<boolean | null> {
  const object = { key, bytes: new Uint8Array(), sha256: EMPTY_SHA256, facts: NO_FACTS };
  const write = async (
    condition: WriteHeaders["condition"],
  ): Promise<"written" | boolean | null> => {
    try {
      await put(object, { condition, checksum: false }, signal);
      return "written" as const;
    } catch (error) {
      if (!(error instanceof S3Failed)) throw error;
      const { failure } = error;
      if (isConflict(failure) || isMissing(failure)) return true;
      return isUnsupported(failure) || rejectsHeaders(failure) ? false : null;
    }
  };
  const isAbsent = kind === "absent";
  const condition = isAbsent ? { "if-none-match": "*" } : { "if-match": NO_ETAG };
  const first = await write(condition);
  // A conflict under this name means that the response to the same request was lost.
  const isWritten = first === "written" || (isAbsent && first === true);
  if (!isWritten) return first;
  try {
    const result = isAbsent ? await write(condition) : first;
    return result === "written" ? false : result;
  } finally {
    // If it remains, it is invisible, and a later run removes it.
    await remove(key, signal).catch(() => {});
  }
}

/** What trying every feature of a server uses. */
export interface ServerProbe {
  readonly bucket: Omit<Bucket, "probe">;
  readonly features: LearnedFeatures;
  /** Lists uploads by a prefix as the server understands it, or all with null. */
  readonly listUploads: (
    prefix: string | null,
    signal: AbortSignal,
  ) => AsyncIterable<PendingUpload>;
  /** Completes an upload on a condition that only the server checks. */
  readonly complete: (
    upload: Upload,
    parts: readonly UploadedPart[],
    condition: WriteHeaders["condition"],
    signal: AbortSignal,
  ) => Promise<unknown>;
  /** Names of two objects, unknown to any other process, and their common prefix. */
  readonly keys: readonly [object: string, source: string];
  readonly prefix: string;
}

/**
 * Tries every feature of a server, with small objects that are removed again: two conditional
 * writes, an upload of a copied part, lists, and a completion on a condition that does not hold.
 *
 * @throws {DriverError} A request fails that every run needs.
 */
export async function probeServer(probe: ServerProbe, signal: AbortSignal): Promise<void> {
  const { bucket, keys: [key, sourceKey], prefix, features } = probe;
  const bytes = new TextEncoder().encode("cronfetch");
  const sha256 = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
  const object = { key, bytes, sha256, facts: NO_FACTS };
  const tryAll = async () => {
    await bucket.put(object, { kind: "absent" }, signal);
    const etag = (await bucket.head(key, signal))?.etag ?? "";
    // Other bytes, or a repeated request would find its own ETag.
    const empty = { ...object, bytes: new Uint8Array(), sha256: EMPTY_SHA256 };
    await bucket.put(empty, { kind: "revision", etag }, signal);
    await bucket.put({ ...object, key: sourceKey }, { kind: "any" }, signal);
    // A list shows whether it has ETags.
    for await (const _object of bucket.list(prefix, null, signal)) break;
    await tryUpload(probe, bytes, signal);
    if (features.known.copies === "objects") await tryCopy(probe, bytes.length, signal);
  };
  await withCleanUp(tryAll, async () => {
    const ends = await Promise.allSettled(
      [key, sourceKey].map((created) => bucket.remove(created, signal)),
    );
    for (const end of ends) if (end.status === "rejected") throw end.reason;
  });
}

/** Does the work and cleans up; of two errors, that of the work is thrown. */
async function withCleanUp(
  work: () => Promise<void>,
  cleanUp: () => Promise<void>,
): Promise<void> {
  try {
    await work();
  } catch (error) {
    await cleanUp().catch(() => {});
    throw error;
  }
  await cleanUp();
}

/** Uploads one part, lists the upload, and completes it over an object that exists. */
async function tryUpload(
  { bucket, features, listUploads, complete, keys: [key, sourceKey], prefix }: ServerProbe,
  bytes: Uint8Array<ArrayBuffer>,
  signal: AbortSignal,
): Promise<void> {
  const upload = { key, id: await bucket.createUpload(key, NO_FACTS, signal) };
  const isListed = async (by: string | null): Promise<boolean | null> => {
    try {
      for await (const { id } of listUploads(by, signal)) if (id === upload.id) return true;
      return false;
    } catch (error) {
      if (error instanceof S3Failed) return isUnsupported(error.failure) ? null : false;
      throw error;
    }
  };
  const tryAll = async () => {
    features.learn({ uploadLists: await uploadLists(isListed, key, prefix) });
    const source = await bucket.head(sourceKey, signal);
    const sizeBytes = bytes.length;
    const etag = source?.etag ?? "";
    const range = { key: sourceKey, etag, sizeBytes, first: 0, last: sizeBytes - 1 };
    const part =
      await unlessUnavailable(bucket.copyPart({ ...upload, number: 1 }, range, signal)) ??
        await bucket.uploadPart({ ...upload, number: 1 }, bytes, signal);
    const isChecked = await tryCompletion(() =>
      complete(upload, [part], { "if-none-match": "*" }, signal)
    );
    features.learn({ completionConditions: isChecked ? "yes" : "no" });
  };
  await withCleanUp(tryAll, () => bucket.abortUpload(upload, signal));
}

/** Whether a completion on a condition that does not hold is rejected for that. */
async function tryCompletion(complete: () => Promise<unknown>): Promise<boolean> {
  try {
    await complete();
    return false;
  } catch (error) {
    if (!(error instanceof S3Failed)) throw error;
    const { failure } = error;
    if (isConflict(failure)) return true;
    if (isUnsupported(failure) || rejectsHeaders(failure)) return false;
    throw error;
  }
}

async function uploadLists(
  isListed: (prefix: string | null) => Promise<boolean | null>,
  key: string,
  prefix: string,
): Promise<ServerFeatures["uploadLists"]> {
  const inBucket = await isListed(null);
  if (inBucket === null) return "no";
  if (inBucket) return await isListed(prefix) ? "prefix" : "bucket";
  return await isListed(key) ? "key" : "no";
}

/** Copies one object over the other. */
async function tryCopy(
  { bucket, keys: [key, sourceKey] }: ServerProbe,
  sizeBytes: number,
  signal: AbortSignal,
): Promise<void> {
  const source = { key: sourceKey, etag: "", sizeBytes };
  await unlessUnavailable(bucket.copy({ source, key, facts: NO_FACTS }, { kind: "any" }, signal));
}

async function unlessUnavailable<T>(copying: Promise<T>): Promise<T | null> {
  try {
    return await copying;
  } catch (error) {
    if (error instanceof CopyUnavailable) return null;
    throw error;
  }
}
