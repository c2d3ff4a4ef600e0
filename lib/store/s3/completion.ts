/** Completes uploads, and recognises those that a request completed whose response was lost. */

import { completionOf, readCompleted } from "./answers.ts";
import type { CompletedUpload, ObjectFacts, ObjectHead, Upload, UploadedPart } from "./bucket.ts";
import { type Exchange, S3Failed } from "./exchange.ts";
import { sha256Of } from "./sign.ts";

/** An upload to complete. */
export interface Completion {
  readonly upload: Upload;
  readonly parts: readonly UploadedPart[];
  /** Bytes of the object, which the server may copy before it responds. */
  readonly sizeBytes: number;
  /** Headers of the condition. */
  readonly condition: Readonly<Record<string, string>>;
  /** Looks up whether an earlier attempt has created the object; null if it has not. */
  readonly findCreated: () => Promise<ObjectHead | null>;
  /** Called before the request is repeated; see `S3Call`. */
  readonly beforeRepeat: () => Promise<void>;
}

/** An earlier attempt has created the object. */
class AlreadyCompleted extends Error {
  override readonly name = "AlreadyCompleted";
  readonly etag: string;

  constructor(etag: string) {
    super("the upload is completed");
    this.etag = etag;
  }
}

/**
 * Completes an upload. The first attempt may still be running when its response is late, and some
 * servers lose the object if they complete an upload twice, so its object is looked up before each
 * further attempt.
 *
 * @returns The ETag of the object; null if neither the upload nor the object exists.
 * @throws {S3Failed}
 */
export async function completeUpload(
  { upload: { key, id }, parts, sizeBytes, condition, findCreated, beforeRepeat }: Completion,
  exchange: Exchange,
  signal: AbortSignal,
): Promise<string | null> {
  const bytes = new TextEncoder().encode(completionOf(parts));
  try {
    const { text } = await exchange.perform({
      method: "POST",
      action: "s3:PutObject",
      key,
      query: { uploadId: id },
      headers: { ...condition, "content-type": "application/xml" },
      body: { bytes, sha256: await sha256Of(bytes) },
      serverBytes: sizeBytes,
      beforeRepeat: async () => {
        const created = await findCreated();
        if (created !== null) throw new AlreadyCompleted(created.etag);
        await beforeRepeat();
      },
    }, signal);
    return readCompleted(text);
  } catch (error) {
    if (error instanceof AlreadyCompleted) return error.etag;
    if (!(error instanceof S3Failed) || error.failure.name !== "NoSuchUpload") throw error;
    return (await findCreated())?.etag ?? null;
  }
}

/**
 * Whether an object is the one that an upload creates. Metadata has the time of the download, so
 * that of another upload differs.
 *
 * @param isOwnName Whether no other upload has the name, so that metadata is not needed.
 */
export function isObjectOf(
  { sizeBytes, facts }: Pick<CompletedUpload, "sizeBytes" | "facts">,
  head: ObjectHead,
  isOwnName: boolean,
): boolean {
  return head.sizeBytes === sizeBytes && head.etag !== "" &&
    (isOwnName || hasMetadata(head.facts, facts));
}

function hasMetadata({ metadata }: ObjectFacts, expected: ObjectFacts): boolean {
  const entries = Object.entries(expected.metadata);
  return entries.length > 0 && entries.every(([name, value]) => metadata[name] === value);
}
