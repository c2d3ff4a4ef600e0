/** The requests of `bucket.ts`, sent to a server of S3's API. */

import manifest from "../../../deno.json" with { type: "json" };
import type { BucketLocation } from "../../core/location.ts";
import type { Host } from "../../core/host.ts";
import type { SettingsOf } from "../../core/http.ts";
import { openTransport } from "../../http/transport.ts";
import { DriverError } from "../errors.ts";
import {
  malformed,
  pages,
  readCopied,
  readObjects,
  readUploadId,
  readUploads,
  type UploadMarker,
} from "./answers.ts";
import {
  type Bucket,
  CopyUnavailable,
  type PartOf,
  type PendingUpload,
  type Upload,
} from "./bucket.ts";
import { completeUpload, isObjectOf } from "./completion.ts";
import { ConditionalWriter, type WriteHeaders } from "./conditions.ts";
import { isLocalService } from "./credentials/requests.ts";
import { openCredentials } from "./credentials/credentials.ts";
import { cannotCopy, explainS3, isMissing, isUnsupported } from "./errors.ts";
import { Exchange, type S3Call, S3Failed } from "./exchange.ts";
import { LearnedFeatures } from "./features.ts";
import { checksumHeaders, etagOf, factHeaders, headOf, objectNames } from "./objects.ts";
import { probeCondition, probeServer, type ServerProbe } from "./probe.ts";
import { readObject } from "./read_object.ts";
import { endpointOf } from "./settings.ts";
import { encodePath, sha256Of } from "./sign.ts";
import type { S3Response } from "./transport.ts";

/**
 * Opens a bucket, without a request.
 *
 * @param settingsOf Finds the proxy and certificates of its server.
 */
export async function openBucket(
  location: BucketLocation,
  settingsOf: SettingsOf,
  host: Host,
): Promise<Bucket> {
  await using opened = new AsyncDisposableStack();
  const direct: SettingsOf = (origin) => {
    const settings = settingsOf(origin);
    const isDirect = settings.proxy === null && isLocalService(origin, host);
    return isDirect ? { ...settings, proxy: "direct" } : settings;
  };
  const { transport } = opened.use(await openTransport(host, direct));
  const { timers, random, clock } = host;
  const sending = { transport, timers, random, clock };
  const closing = new AbortController();
  opened.defer(() => closing.abort(new DriverError("cancelled", "the bucket was closed")));
  const { signal } = closing;
  const { credentials, region } = await openCredentials(location, host, { ...sending, signal });
  const features = new LearnedFeatures();
  const exchange = new Exchange({
    ...sending,
    location,
    endpoint: endpointOf(location, host),
    region,
    credentials,
    features,
    userAgent: `cronfetch/${manifest.version}`,
  });
  const names = objectNames(location);
  const ownKey = () => names.draftKey(random.name());
  const owned = opened.move();
  const own = { ownKey, ownPrefix: names.drafts };
  const client = { location, exchange, features, timers, random, ...own, signal };
  return bucketOf(client, () => owned.disposeAsync());
}

/** What the requests to a bucket share. */
interface Client extends Pick<Host, "timers" | "random"> {
  readonly location: BucketLocation;
  readonly exchange: Exchange;
  readonly features: LearnedFeatures;
  /** Returns the name of an object to try the server with. */
  readonly ownKey: () => string;
  readonly ownPrefix: string;
  /** Aborts requests that several callers share; aborted when the bucket is closed. */
  readonly signal: AbortSignal;
}

function bucketOf(client: Client, close: () => Promise<void>): Bucket {
  const { exchange, features, location } = client;

  /** Performs a request, and converts its error. */
  const perform = (call: S3Call, signal: AbortSignal): Promise<S3Response> =>
    explained(exchange.perform(call, signal));

  /** As `perform`, but null if the object does not exist. */
  const performOrNull = async (call: S3Call, signal: AbortSignal): Promise<S3Response | null> => {
    try {
      return await exchange.perform(call, signal);
    } catch (error) {
      if (error instanceof S3Failed && isMissing(error.failure)) return null;
      throw explain(error);
    }
  };

  const head: Bucket["head"] = async (key, signal) => {
    const checksums = features.known.checksums === "no" ? {} : { "x-amz-checksum-mode": "ENABLED" };
    const call = { method: "HEAD", action: "s3:GetObject", key, headers: checksums } as const;
    const response = await performOrNull(call, signal);
    return response && headOf(response);
  };

  const put = async (
    { key, bytes, sha256, facts }: Parameters<Bucket["put"]>[0],
    { condition, checksum }: WriteHeaders,
    signal: AbortSignal,
    beforeRepeat?: () => Promise<void>,
  ): Promise<string> => {
    const headers = {
      ...factHeaders(facts),
      ...condition,
      ...(checksum ? checksumHeaders(sha256) : {}),
    };
    const body = { bytes, sha256 };
    const call = { method: "PUT", action: "s3:PutObject", key, headers, body } as const;
    const repeat = beforeRepeat === undefined ? {} : { beforeRepeat };
    const response = await exchange.perform({ ...call, ...repeat }, signal);
    return etagOf(response) ?? "";
  };

  const remove: Bucket["remove"] = async (key, signal) => {
    await performOrNull({ method: "DELETE", action: "s3:DeleteObject", key }, signal);
  };

  const writer = new ConditionalWriter(features, {
    etagOf: async (key, signal) => (await head(key, signal))?.etag ?? null,
    probe: (kind) => probeCondition(kind, client.ownKey(), { put, remove }, client.signal),
  });

  /** Lists the uploads of one prefix, or of the whole bucket. */
  const listUploads = (prefix: string | null, signal: AbortSignal) =>
    pages(async (marker: UploadMarker | null) => {
      const query = {
        uploads: "",
        ...(prefix === null ? {} : { prefix }),
        ...(marker === null ? {} : { "key-marker": marker.key }),
        ...(marker?.id ? { "upload-id-marker": marker.id } : {}),
      };
      const action = "s3:ListBucketMultipartUploads";
      const call = { method: "GET", action, key: null, query } as const;
      return readUploads((await exchange.perform(call, signal)).text);
    });

  const abortUpload: Bucket["abortUpload"] = async ({ key, id }, signal) => {
    const action = "s3:AbortMultipartUpload";
    const query = { uploadId: id };
    await performOrNull({ method: "DELETE", action, key, query }, signal);
  };

  async function* uploadsOf(key: string, signal: AbortSignal): AsyncGenerator<PendingUpload> {
    try {
      for await (const upload of listUploads(key, signal)) {
        if (upload.key === key) yield upload;
      }
    } catch (error) {
      if (!(error instanceof S3Failed && isUnsupported(error.failure))) throw explain(error);
      features.learn({ uploadLists: "no" });
    }
  }

  /** Aborts the other uploads of the same key. */
  const abortOthers = async ({ key, id }: Upload, signal: AbortSignal): Promise<void> => {
    for await (const upload of uploadsOf(key, signal)) {
      if (upload.id !== id) await abortUpload(upload, signal);
    }
  };

  /** Whether no other process writes to a key, as to those of drafts. */
  const isOwnName = (key: string): boolean => key.startsWith(client.ownPrefix);

  /** Copies an object or a range of it, by the request that `call` describes. */
  const copy = async (
    call: Pick<S3Call, "key" | "query" | "headers" | "serverBytes" | "beforeRepeat">,
    source: { readonly key: string; readonly etag: string },
    kind: "CopyObjectResult" | "CopyPartResult",
    signal: AbortSignal,
  ): Promise<string> => {
    const headers = {
      ...call.headers,
      "x-amz-copy-source": `${location.bucket}/${encodePath(source.key)}`,
      ...(source.etag === "" ? {} : { "x-amz-copy-source-if-match": source.etag }),
    };
    try {
      const request = { ...call, method: "PUT", action: "s3:PutObject", headers } as const;
      const { text } = await exchange.perform(request, signal);
      const etag = text.trim() === "" ? null : readCopied(text, kind);
      if (etag === null) throw new CopyUnavailable("the server returned no ETag for the copy");
      // A copy of a whole object shows nothing about parts.
      if (kind === "CopyPartResult" && features.known.copies === "unknown") {
        features.learn({ copies: "parts" });
      }
      return etag;
    } catch (error) {
      const isLacking = error instanceof S3Failed && cannotCopy(error.failure);
      if (!isLacking && !(error instanceof CopyUnavailable)) throw error;
      // Some servers look for a source of another name, and respond so although it exists.
      const isMissingSource = error instanceof S3Failed && error.failure.status === 404 &&
        await head(source.key, signal) === null;
      if (isMissingSource) {
        throw new DriverError("store.failed", "another process has removed the object to copy");
      }
      if (kind === "CopyPartResult") features.learn({ copies: "objects" });
      else if (features.known.copies === "objects") features.learn({ copies: "no" });
      throw new CopyUnavailable(error.message, { cause: error });
    }
  };

  const bucket: Omit<Bucket, "probe"> = {
    get features() {
      return features.known;
    },
    head,
    remove,

    get: (key, signal) => {
      const call = { method: "GET", action: "s3:GetObject", key, streams: true } as const;
      const request = (headers: Readonly<Record<string, string>>) =>
        performOrNull({ ...call, headers }, signal);
      return readObject({ request, timers: client.timers, random: client.random, signal });
    },

    put: (object, condition, signal) => {
      const { key } = object;
      const request = (headers: WriteHeaders, beforeRepeat: () => Promise<void>) =>
        put(object, headers, signal, beforeRepeat);
      return explained(writer.write({ key, condition, completes: false, request }, signal));
    },

    copy: ({ source, key, facts }, condition, signal) => {
      const directive = facts === null ? "COPY" : "REPLACE";
      const fixed = {
        ...(facts === null ? {} : factHeaders(facts)),
        "x-amz-metadata-directive": directive,
      };
      const request = ({ condition }: WriteHeaders, beforeRepeat: () => Promise<void>) => {
        const headers = { ...fixed, ...condition };
        const call = { key, headers, serverBytes: source.sizeBytes, beforeRepeat };
        return copy(call, source, "CopyObjectResult", signal);
      };
      return explained(writer.write({ key, condition, completes: true, request }, signal));
    },

    async *list(prefix, after, signal) {
      const listed = pages(async (token: string | null) => {
        const from = token === null
          ? after === null ? {} : { "start-after": after }
          : { "continuation-token": token };
        const query = { "list-type": "2", prefix, ...from };
        const call = { method: "GET", action: "s3:ListBucket", key: null, query } as const;
        return readObjects((await perform(call, signal)).text);
      });
      for await (const object of listed) {
        const listEtags = object.etag === null ? "no" : "yes";
        if (features.known.listEtags !== listEtags) features.learn({ listEtags });
        yield object;
      }
    },

    createUpload: async (key, facts, signal) => {
      const headers = factHeaders(facts);
      const query = { uploads: "" };
      let isRepeated = false;
      const beforeRepeat = () => {
        isRepeated = true;
        return Promise.resolve();
      };
      const call = { method: "POST", action: "s3:PutObject", key, query, headers } as const;
      const id = readUploadId((await perform({ ...call, beforeRepeat }, signal)).text);
      // The server may have created one for each attempt. Those of a file may be of other runs.
      if (isRepeated && isOwnName(key)) await abortOthers({ key, id }, signal).catch(() => {});
      return id;
    },

    uploadPart: async ({ key, id, number }, bytes, signal) => {
      const query = partQuery(id, number);
      const body = { bytes, sha256: await sha256Of(bytes) };
      const call = { method: "PUT", action: "s3:PutObject", key, query, body } as const;
      const etag = etagOf(await perform(call, signal));
      if (etag === null) throw malformed("it returned no ETag for a part");
      return { number, etag };
    },

    copyPart: ({ key, id, number }: PartOf, source, signal) => {
      const { first, last, sizeBytes } = source;
      // S3 copies ranges of objects of more than 5 MiB only.
      const isWhole = first === 0 && last === sizeBytes - 1;
      const headers: Record<string, string> = isWhole
        ? {}
        : { "x-amz-copy-source-range": `bytes=${first}-${last}` };
      const call = { key, query: partQuery(id, number), headers, serverBytes: last - first };
      const copied = copy(call, source, "CopyPartResult", signal);
      return explained(copied.then((etag) => ({ number, etag })));
    },

    completeUpload: (upload, parts, condition, signal) => {
      const { key, sizeBytes } = upload;
      const replaced = condition.kind === "revision" ? condition.etag : null;
      const findCreated = async () => {
        const found = await head(key, signal);
        if (found === null || found.etag === replaced) return null;
        return isObjectOf(upload, found, isOwnName(key)) ? found : null;
      };
      const request = ({ condition }: WriteHeaders, beforeRepeat: () => Promise<void>) => {
        const completion = { upload, parts, sizeBytes, condition, findCreated, beforeRepeat };
        return completeUpload(completion, exchange, signal);
      };
      return explained(writer.write({ key, condition, completes: true, request }, signal));
    },

    abortUpload,
    uploadsOf,

    async *uploads(prefix, signal) {
      const found: PendingUpload[] = [];
      try {
        // Some servers treat the prefix as a whole key, so list without one.
        for await (const upload of listUploads(null, signal)) {
          if (upload.key.startsWith(prefix)) found.push(upload);
        }
      } catch (error) {
        if (!(error instanceof S3Failed)) throw error;
        if (isUnsupported(error.failure)) return features.learn({ uploadLists: "no" });
        // Access rules may allow lists of the prefix only.
        if (error.failure.status !== 403) throw explain(error);
        return yield* explainedItems(listUploads(prefix, signal));
      }
      yield* found;
    },

    [Symbol.asyncDispose]: close,
  };
  return Object.assign(bucket, {
    probe: (signal: AbortSignal) => {
      const { ownPrefix: prefix, ownKey } = client;
      const keys = [ownKey(), ownKey()] as const;
      const complete: ServerProbe["complete"] = (upload, parts, condition, signal) => {
        const once = { findCreated: () => Promise.resolve(null), beforeRepeat: async () => {} };
        return completeUpload(
          { upload, parts, sizeBytes: 0, condition, ...once },
          exchange,
          signal,
        );
      };
      const probe = { bucket, features, listUploads, complete, keys, prefix };
      return explained(probeServer(probe, signal));
    },
  });
}

async function* explainedItems<Item>(items: AsyncIterable<Item>): AsyncGenerator<Item> {
  try {
    yield* items;
  } catch (error) {
    throw explain(error);
  }
}

async function explained<T>(result: Promise<T>): Promise<T> {
  try {
    return await result;
  } catch (error) {
    throw explain(error);
  }
}

function explain(error: unknown): unknown {
  return error instanceof S3Failed ? explainS3(error.failure, error.cause ?? error) : error;
}

function partQuery(uploadId: string, number: number): Record<string, string> {
  return { partNumber: String(number), uploadId };
}
