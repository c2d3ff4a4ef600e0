/** A store in a bucket of S3, or of a server that speaks S3. */

import type { BucketLocation } from "../../core/location.ts";
import type { Host } from "../../core/host.ts";
import { createStore } from "../create_store.ts";
import type { Driver } from "../driver.ts";
import { ANYTHING, type Bucket } from "./bucket.ts";
import { openBucket } from "./client.ts";
import { beginS3Draft, type S3Context, type S3Draft } from "./draft.ts";
import { DriverError } from "../errors.ts";
import { isDraftName, s3Places, storedObject } from "./objects.ts";
import { addCopies, COPY_PART_BYTES, PartedUpload, PARTS_AT_ONCE, Turns } from "./upload.ts";
import type { ListedFile, Store } from "../store.ts";

/** How long what is under way, and clearing up, may go on after a run was told to end. */
const GRACE_MS = 5_000;
/** Between two looks whether an upload has ended. */
const PAUSE_MS = 250;
/** After so long an upload that is not complete is a dead run's. */
const DEAD_UPLOAD_MS = 24 * 60 * 60 * 1000;
/** After so long a draft that is an object is a dead run's, or one that nobody came back for. */
const DEAD_DRAFT_MS = 7 * DEAD_UPLOAD_MS;

/**
 * Opens a store in a bucket. Nothing is asked of it yet. A file's revision is
 * its ETag; its digest, where it came from and when are metadata of the object.
 *
 * Beside its files, the store has `.cronfetch-drafts/` below the prefix, and
 * uploads in parts that nobody sees before they are complete.
 */
export async function openS3(location: BucketLocation, host: Host): Promise<Store> {
  return createStore(s3Driver(location, await openBucket(location, host), host));
}

function overdue(): DriverError {
  return new DriverError("cancelled", "the run is over");
}

function s3Driver(location: BucketLocation, bucket: Bucket, host: Host): Driver {
  const places = s3Places(location);
  const closing = new AbortController();
  const { signal } = closing;
  const context: S3Context = {
    bucket,
    places,
    turns: new Turns(PARTS_AT_ONCE),
    newName: () => host.random.name(),
    pause: () => host.timers.sleep(PAUSE_MS, signal),
    signal,
  };

  /** Bytes of a suspended draft, each put into the new one before it is given. */
  async function* movedInto(
    draft: S3Draft,
    name: string,
    body: ReadableStream<Uint8Array<ArrayBuffer>>,
  ): AsyncGenerator<Uint8Array<ArrayBuffer>> {
    for await (const bytes of body) {
      await draft.append(bytes);
      yield bytes;
    }
    await bucket.remove(places.draftKey(name), signal);
  }

  async function* list(
    prefix: string,
    after?: string,
    listSignal?: AbortSignal,
  ): AsyncGenerator<ListedFile> {
    const start = after === undefined || after === "" ? null : places.prefix("") + after;
    for await (
      const { key, sizeBytes, etag, modifiedMs } of bucket.list(
        places.prefix(prefix),
        start,
        listSignal ? AbortSignal.any([signal, listSignal]) : signal,
      )
    ) {
      yield { key: places.keyOf(key), sizeBytes, revision: etag, modifiedMs, sha256: null };
    }
  }

  async function copy(from: string, to: string): Promise<boolean> {
    const source = places.objectKey(from);
    const target = places.objectKey(to);
    const head = await bucket.head(source, signal);
    if (head === null) return false;
    // A server refuses to copy an object onto itself without changing anything.
    if (source === target) return true;
    if (head.sizeBytes <= COPY_PART_BYTES) return await bucket.copy(source, target, signal);
    const upload = await PartedUpload.begin(target, head.facts, context);
    try {
      await addCopies(upload, { key: source, ...head }, context);
      return await upload.complete(head.sizeBytes, ANYTHING) !== null;
    } catch (error) {
      await upload.abort(signal).catch(() => {});
      throw error;
    }
  }

  async function sweepUploads(): Promise<number> {
    const nowMs = host.clock.now().epochMilliseconds;
    let removed = 0;
    for await (const { key, id, initiatedMs } of bucket.uploads(places.prefix(""), signal)) {
      if (nowMs - initiatedMs < DEAD_UPLOAD_MS) continue;
      await bucket.abortUpload({ key, id }, signal);
      removed++;
    }
    return removed;
  }

  async function sweepDrafts(): Promise<number> {
    const nowMs = host.clock.now().epochMilliseconds;
    let removed = 0;
    for await (const { key, modifiedMs } of bucket.list(places.drafts, null, signal)) {
      if (nowMs - modifiedMs < DEAD_DRAFT_MS) continue;
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
      const body = await bucket.get(places.draftKey(name), both);
      if (body === null) return null;
      return { steps: draft, partial: movedInto(draft, name, body) };
    },
    drop: async (_key, name) => {
      if (isDraftName(name)) await bucket.remove(places.draftKey(name), signal);
    },
    stat: async (key) => storedObject(await bucket.head(places.objectKey(key), signal)),
    read: (key, readSignal) =>
      bucket.get(places.objectKey(key), AbortSignal.any([signal, readSignal])),
    list,
    copy,
    remove: (key) => bucket.remove(places.objectKey(key), signal),
    sweep: async () => {
      // One that is refused does not keep the other from being done.
      const ends = await Promise.allSettled([sweepUploads(), sweepDrafts()]);
      for (const end of ends) if (end.status === "rejected") throw end.reason;
      return ends.reduce((sum, end) => sum + (end.status === "fulfilled" ? end.value : 0), 0);
    },
    abortOn: (stop) => {
      let cancel = () => {};
      const hurry = () => {
        cancel = host.timers.after(GRACE_MS, () => closing.abort(overdue()));
      };
      if (stop.aborted) hurry();
      stop.addEventListener("abort", hurry);
      return {
        [Symbol.dispose]: () => {
          stop.removeEventListener("abort", hurry);
          cancel();
        },
      };
    },
    close: () => {
      closing.abort(overdue());
      bucket[Symbol.dispose]();
      return Promise.resolve();
    },
  };
}
