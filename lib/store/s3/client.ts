/** The requests of `bucket.ts`, sent to a server of S3's API. */

import manifest from "../../../deno.json" with { type: "json" };
import type { BucketLocation } from "../../core/location.ts";
import type { Host } from "../../core/host.ts";
import type { SettingsOf } from "../../core/http.ts";
import { openTransport } from "../../http/transport.ts";
import { DriverError } from "../errors.ts";
import {
  completionOf,
  type Page,
  readCompleted,
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
  type UploadedPart,
} from "./bucket.ts";
import { ConditionalWriter, type WriteHeaders } from "./conditions.ts";
import { isLocalService } from "./credential_requests.ts";
import { openCredentials } from "./credentials.ts";
import { cannotCopy, explainS3, isMissing, isUnsupported } from "./errors.ts";
import { Exchange, type S3Call, S3Failed } from "./exchange.ts";
import { LearnedFeatures } from "./features.ts";
import { checksumHeaders, etagOf, factHeaders, headOf, objectNames } from "./objects.ts";
import { probeCondition, probeServer } from "./probe.ts";
import { endpointOf } from "./settings.ts";
import { EMPTY_SHA256, encodePath } from "./sign.ts";
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
  const client = { location, exchange, features, ownKey, ownPrefix: names.drafts, signal };
  return bucketOf(client, () => owned.disposeAsync());
}

/** What the requests to a bucket share. */
interface Client {
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
  ): Promise<string> => {
    const headers = {
      ...factHeaders(facts),
      ...condition,
      ...(checksum ? checksumHeaders(sha256) : {}),
    };
    const body = { bytes, sha256 };
    const call = { method: "PUT", action: "s3:PutObject", key, headers, body } as const;
    const response = await exchange.perform(call, signal);
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

  /** Copies an object or a range of it, by the request that `call` describes. */
  const copy = async (
    call: Pick<S3Call, "key" | "query" | "headers" | "serverBytes">,
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
      if (kind === "CopyPartResult") features.learn({ copies: "objects" });
      else if (features.known.copies === "objects") features.learn({ copies: "no" });
      throw new CopyUnavailable(error.message, { cause: error });
    }
  };

  /** Completes an upload; null if it does not exist. */
  const complete = async (
    { key, id, sizeBytes = 0 }: Upload & { readonly sizeBytes?: number },
    parts: readonly UploadedPart[],
    condition: WriteHeaders["condition"],
    signal: AbortSignal,
  ): Promise<string | null> => {
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
      }, signal);
      return readCompleted(text);
    } catch (error) {
      if (error instanceof S3Failed && error.failure.name === "NoSuchUpload") return null;
      throw error;
    }
  };

  const bucket: Omit<Bucket, "probe"> = {
    get features() {
      return features.known;
    },
    head,
    remove,

    get: async (key, signal) => {
      const call = { method: "GET", action: "s3:GetObject", key, streams: true } as const;
      return (await performOrNull(call, signal))?.pieces ?? null;
    },

    put: (object, condition, signal) => {
      const { key } = object;
      const request = (headers: WriteHeaders) => put(object, headers, signal);
      return explained(writer.write({ key, condition, completes: false, request }, signal));
    },

    copy: ({ source, key, facts }, condition, signal) => {
      const directive = facts === null ? "COPY" : "REPLACE";
      const fixed = {
        ...(facts === null ? {} : factHeaders(facts)),
        "x-amz-metadata-directive": directive,
      };
      const request = ({ condition }: WriteHeaders) => {
        const headers = { ...fixed, ...condition };
        const call = { key, headers, serverBytes: source.sizeBytes };
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
      const call = { method: "POST", action: "s3:PutObject", key, query, headers } as const;
      return readUploadId((await perform(call, signal)).text);
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
      const { key } = upload;
      const request = ({ condition }: WriteHeaders) => complete(upload, parts, condition, signal);
      return explained(writer.write({ key, condition, completes: true, request }, signal));
    },

    abortUpload: async ({ key, id }, signal) => {
      const action = "s3:AbortMultipartUpload";
      const query = { uploadId: id };
      await performOrNull({ method: "DELETE", action, key, query }, signal);
    },

    async *uploadsOf(key, signal) {
      try {
        for await (const upload of listUploads(key, signal)) {
          if (upload.key === key) yield upload;
        }
      } catch (error) {
        if (!(error instanceof S3Failed && isUnsupported(error.failure))) throw explain(error);
        features.learn({ uploadLists: "no" });
      }
    },

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
      const probe = { bucket, features, listUploads, complete, keys, prefix };
      return explained(probeServer(probe, signal));
    },
  });
}

/**
 * The items of all pages of a list.
 *
 * @throws {DriverError} A page repeats where it starts: the server ignores that, and would send the
 * same page for ever.
 */
async function* pages<Item, Next>(
  request: (next: Next | null) => Promise<Page<Item, Next>>,
): AsyncGenerator<Item> {
  let next: Next | null = null;
  do {
    const page: Page<Item, Next> = await request(next);
    yield* page.items;
    if (page.next !== null && JSON.stringify(page.next) === JSON.stringify(next)) {
      throw malformed("a list does not advance");
    }
    next = page.next;
  } while (next !== null);
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

function malformed(fault: string): DriverError {
  return new DriverError("store.failed", `the server does not follow the API of S3: ${fault}`);
}

function partQuery(uploadId: string, number: number): Record<string, string> {
  return { partNumber: String(number), uploadId };
}

async function sha256Of(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  if (bytes.length === 0) return EMPTY_SHA256;
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}
