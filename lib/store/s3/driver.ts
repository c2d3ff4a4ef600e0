/** A store in a bucket of S3, or of a server with the same API. */

import type { BucketLocation } from "../../core/location.ts";
import type { Host } from "../../core/host.ts";
import type { SettingsOf } from "../../core/http.ts";
import { createStore } from "../create_store.ts";
import type { Driver } from "../driver.ts";
import { ANYTHING, type Bucket, CopyUnavailable, type ObjectBytes } from "./bucket.ts";
import { openBucket } from "./client.ts";
import { beginS3Draft, type S3Context, type S3Draft } from "./draft.ts";
import { DriverError } from "../errors.ts";
import { isDraftName, objectNames, storedObject } from "./objects.ts";
import { CONCURRENT_PARTS, COPY_PART_BYTES, copyObject, PartBuffers, Slots } from "./upload.ts";
import type { ListedFile, Store } from "../store.ts";

/** How long pending requests and cleanup may take after a run was aborted. */
const GRACE_MS = 5_000;
/** Time between two requests to abort an upload. */
const ABORT_DELAY_MS = 250;
/** Older pending uploads are of crashed runs. */
const STALE_UPLOAD_MS = 24 * 60 * 60 * 1000;
/** Older drafts are of crashed runs, or suspended ones that were never resumed. */
const STALE_DRAFT_MS = 7 * STALE_UPLOAD_MS;

/**
 * Opens a store in a bucket, without a request. The revision of a file is its ETag; its digest and
 * provenance are metadata of the object.
 *
 * Drafts are objects below `.cronfetch-drafts/` under the prefix, and pending uploads in parts.
 */
export async function openS3(
  location: BucketLocation,
  settingsOf: SettingsOf,
  host: Host,
): Promise<Store> {
  return createStore(s3Driver(location, await openBucket(location, settingsOf, host), host));
}

function closedError(): DriverError {
  return new DriverError("cancelled", "the store was closed or aborted");
}

function s3Driver(location: BucketLocation, bucket: Bucket, host: Host): Driver {
  const names = objectNames(location);
  const closing = new AbortController();
  const { signal } = closing;
  const context: S3Context = {
    bucket,
    names,
    slots: new Slots(CONCURRENT_PARTS),
    buffers: new PartBuffers(),
    newName: () => host.random.name(),
    pause: () => host.timers.sleep(ABORT_DELAY_MS, signal),
    signal,
  };

  /** Yields the bytes of a suspended draft, after appending each piece to the new draft. */
  async function* moveInto(
    draft: S3Draft,
    name: string,
    body: ObjectBytes,
  ): AsyncGenerator<Uint8Array<ArrayBuffer>> {
    for await (const bytes of body) {
      await draft.append(bytes);
      yield bytes;
    }
    await bucket.remove(names.draftKey(name), signal);
  }

  async function* list(
    prefix: string,
    after?: string,
    listSignal?: AbortSignal,
  ): AsyncGenerator<ListedFile> {
    const start = after === undefined || after === "" ? null : names.prefix("") + after;
    for await (
      const { key, sizeBytes, etag, modifiedMs } of bucket.list(
        names.prefix(prefix),
        start,
        listSignal ? AbortSignal.any([signal, listSignal]) : signal,
      )
    ) {
      // Without an ETag in the list, the revision is empty, and the file is looked up by itself.
      yield { key: names.keyOf(key), sizeBytes, revision: etag ?? "", modifiedMs, sha256: null };
    }
  }

  async function copy(from: string, to: string): Promise<boolean> {
    const key = names.objectKey(to);
    const source = names.objectKey(from);
    const head = await bucket.head(source, signal);
    if (head === null) return false;
    // S3 rejects copying an object onto itself without a change.
    if (source === key) return true;
    const { facts } = head;
    const object = { key: source, etag: head.etag, sizeBytes: head.sizeBytes };
    if (head.sizeBytes <= COPY_PART_BYTES && bucket.features.copies !== "no") {
      try {
        await bucket.copy({ source: object, key, facts: null }, ANYTHING, signal);
        return true;
      } catch (error) {
        if (!(error instanceof CopyUnavailable)) throw error;
      }
    }
    await copyObject(object, { key, facts, condition: ANYTHING }, context);
    return true;
  }

  /** Whether that much time has passed; false if the server does not report when it began. */
  const isOlderThan = (ageMs: number, sinceMs: number): boolean =>
    sinceMs > 0 && host.clock.now().epochMilliseconds - sinceMs >= ageMs;

  async function sweepUploads(): Promise<number> {
    let removed = 0;
    for await (const { key, id, initiatedMs } of bucket.uploads(names.prefix(""), signal)) {
      if (!isOlderThan(STALE_UPLOAD_MS, initiatedMs)) continue;
      await bucket.abortUpload({ key, id }, signal);
      removed++;
    }
    return removed;
  }

  async function sweepDrafts(): Promise<number> {
    let removed = 0;
    for await (const { key, modifiedMs } of bucket.list(names.drafts, null, signal)) {
      if (!isOlderThan(STALE_DRAFT_MS, modifiedMs)) continue;
      await bucket.remove(key, signal);
      removed++;
    }
    return removed;
  }

  return {
    location: `s3://${location.bucket}/${location.prefix}`.replace(/\/$/, ""),
    prefersLists: true,
    begin: (key, options) => beginS3Draft(key, options, context),
    resume: async (key, name, readSignal, options) => {
      if (!isDraftName(name)) return null;
      const both = AbortSignal.any([signal, readSignal]);
      const draft = await beginS3Draft(key, options, context);
      const body = await bucket.get(names.draftKey(name), both);
      if (body === null) return null;
      return { steps: draft, partial: moveInto(draft, name, body) };
    },
    drop: async (_key, name) => {
      if (isDraftName(name)) await bucket.remove(names.draftKey(name), signal);
    },
    stat: async (key) => storedObject(await bucket.head(names.objectKey(key), signal)),
    read: (key, readSignal) =>
      bucket.get(names.objectKey(key), AbortSignal.any([signal, readSignal])),
    list,
    copy,
    remove: (key) => bucket.remove(names.objectKey(key), signal),
    sweep: async () => {
      // Access to one of the two may be denied; still do the other.
      const ends = await Promise.allSettled([sweepUploads(), sweepDrafts()]);
      for (const end of ends) if (end.status === "rejected") throw end.reason;
      return ends.reduce((sum, end) => sum + (end.status === "fulfilled" ? end.value : 0), 0);
    },
    abortOn: (stop) => {
      let cancel = () => {};
      const schedule = () => {
        cancel = host.timers.after(GRACE_MS, () => closing.abort(closedError()));
      };
      if (stop.aborted) schedule();
      stop.addEventListener("abort", schedule);
      return {
        [Symbol.dispose]: () => {
          stop.removeEventListener("abort", schedule);
          cancel();
        },
      };
    },
    close: async () => {
      closing.abort(closedError());
      await bucket[Symbol.asyncDispose]();
    },
  };
}
