/** A bucket in memory, whose calls are recorded and can be replaced. */

import {
  type Bucket,
  ConditionFailed,
  CopyUnavailable,
  type ObjectFacts,
  type ObjectHead,
} from "../../../lib/store/s3/bucket.ts";
import { LearnedFeatures } from "../../../lib/store/s3/features.ts";
import { sha256 } from "../../helpers/folder.ts";

interface FakeObject {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly facts: ObjectFacts;
  readonly etag: string;
}

/** The state of a {@linkcode fakeBucket}. */
export interface FakeBucket {
  readonly bucket: Bucket;
  readonly objects: Map<string, FakeObject>;
  /** Ids of uploads that are neither completed nor aborted, with their keys. */
  readonly pending: Map<string, string>;
  /** Writes in order: the name of the call and the key. */
  readonly calls: string[];
  /** ETags that copied parts required. */
  readonly copiedEtags: string[];
}

/**
 * Makes a bucket with these objects.
 *
 * @param replace Calls in place of the bucket's own, given those.
 */
export function fakeBucket(
  contents: Readonly<Record<string, string>> = {},
  replace: (own: Bucket, fake: FakeBucket) => Partial<Bucket> = () => ({}),
): FakeBucket {
  let count = 0;
  const put = (key: string, bytes: Uint8Array<ArrayBuffer>, facts: ObjectFacts): string => {
    const etag = `"etag-${++count}"`;
    objects.set(key, { bytes, facts, etag });
    return etag;
  };
  const objects: FakeBucket["objects"] = new Map();
  const pending: FakeBucket["pending"] = new Map();
  const parts = new Map<string, Map<number, Uint8Array<ArrayBuffer>>>();
  const facts = new Map<string, ObjectFacts>();
  const calls: string[] = [];
  const copiedEtags: string[] = [];

  const head = async (key: string): Promise<ObjectHead | null> => {
    const object = objects.get(key);
    if (object === undefined) return null;
    return {
      sizeBytes: object.bytes.length,
      etag: object.etag,
      modifiedMs: 0,
      checksum: await sha256(object.bytes),
      facts: object.facts,
    };
  };
  const addPart = (id: string, number: number, bytes: Uint8Array<ArrayBuffer>) => {
    parts.get(id)?.set(number, bytes);
    return Promise.resolve({ number, etag: `"part-${number}"` });
  };
  const bytesOf = (key: string): Uint8Array<ArrayBuffer> =>
    objects.get(key)?.bytes ?? new Uint8Array();

  const own: Bucket = {
    features: new LearnedFeatures().known,
    probe: () => Promise.resolve(),
    head,
    get: (key) => Promise.resolve(objects.has(key) ? ReadableStream.from([bytesOf(key)]) : null),
    put: ({ key, bytes, facts }, condition) => {
      calls.push(`put ${key}`);
      const etag = objects.get(key)?.etag;
      const expected = condition.kind === "revision" ? condition.etag : undefined;
      if (condition.kind !== "any" && etag !== expected) {
        return Promise.reject(new ConditionFailed("412"));
      }
      return Promise.resolve(put(key, bytes.slice() as Uint8Array<ArrayBuffer>, facts));
    },
    copy: () => Promise.reject(new CopyUnavailable("not in this bucket")),
    remove: (key) => {
      calls.push(`remove ${key}`);
      return Promise.resolve(void objects.delete(key));
    },
    async *list() {},
    createUpload: (key, given) => {
      const id = `upload-${++count}`;
      pending.set(id, key);
      parts.set(id, new Map());
      facts.set(id, given);
      return Promise.resolve(id);
    },
    uploadPart: ({ id, number }, bytes) =>
      addPart(id, number, bytes.slice() as Uint8Array<ArrayBuffer>),
    copyPart: ({ id, number }, { key, etag, first, last }) => {
      copiedEtags.push(etag);
      return addPart(id, number, bytesOf(key).slice(first, last + 1));
    },
    completeUpload: async ({ key, id }, sent) => {
      calls.push(`complete ${key}`);
      pending.delete(id);
      const pieces = sent.map(({ number }) => parts.get(id)?.get(number) ?? new Uint8Array());
      const bytes = new Uint8Array(await new Blob(pieces).arrayBuffer());
      return put(key, bytes, facts.get(id) ?? { contentType: null, metadata: {} });
    },
    abortUpload: ({ key, id }) => {
      calls.push(`abort ${key}`);
      return Promise.resolve(void pending.delete(id));
    },
    async *uploadsOf(key) {
      for (const [id, of] of pending) {
        if (of === key) yield await Promise.resolve({ key, id, initiatedMs: 0 });
      }
    },
    async *uploads(prefix) {
      for (const [id, key] of pending) {
        if (key.startsWith(prefix)) yield await Promise.resolve({ key, id, initiatedMs: 0 });
      }
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  for (const [key, text] of Object.entries(contents)) {
    put(key, new TextEncoder().encode(text), { contentType: null, metadata: {} });
  }
  const fake = { bucket: own, objects, pending, calls, copiedEtags };
  return { ...fake, bucket: { ...own, ...replace(own, fake) } };
}
