/** The requests of `bucket.ts`, by the AWS SDK; the only file that imports it. */

import type { S3Client, S3ClientConfig } from "@aws-sdk/client-s3";
import manifest from "../../../deno.json" with { type: "json" };
import type { BucketLocation } from "../../core/location.ts";
import type { Host } from "../../core/host.ts";
import { type Bucket, type Condition, ConditionFailed, type ObjectFacts } from "./bucket.ts";
import { DriverError } from "../errors.ts";
import {
  explainS3,
  isConflict,
  isMissing,
  missingFeature,
  type S3Action,
  type S3Failure,
  type S3Feature,
} from "./errors.ts";
import { credentialsOf, endpointOf, regionOf } from "./settings.ts";
import { RESPONSE_TIMEOUT_MS, type S3Request, S3Timeout, send } from "./transport.ts";

/**
 * Opens a bucket, without a request. The SDK is loaded here, since that takes longer than the start
 * of the rest of the program.
 */
export async function openBucket(location: BucketLocation, host: Host): Promise<Bucket> {
  const sdk = await import("@aws-sdk/client-s3");
  const { bucket: Bucket } = location;
  const client: S3Client = new sdk.S3Client(settings(location, host));
  const unsupported = new Set<S3Feature>();

  const failureOf = (action: S3Action, error: unknown): S3Failure => {
    const { name, message, status, region } = readError(error);
    return { name, message, status, region, action, bucket: Bucket };
  };

  /** Performs a request, and converts its error. */
  const perform = async <T>(
    action: S3Action,
    signal: AbortSignal,
    request: () => Promise<T>,
  ): Promise<T> => {
    try {
      return await request();
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof DriverError || error instanceof ConditionFailed) throw error;
      // The error of a missing permission names the flag to add.
      if (error instanceof Deno.errors.NotCapable) throw error;
      throw explainS3(failureOf(action, error), error);
    }
  };

  /** As `perform`, but null if the object does not exist. */
  const performOrNull = <T>(
    action: S3Action,
    signal: AbortSignal,
    request: () => Promise<T>,
  ): Promise<T | null> =>
    perform(action, signal, async () => {
      try {
        return await request();
      } catch (error) {
        if (isMissing(failureOf(action, error))) return null;
        throw error;
      }
    });

  /**
   * Performs a conditional write. A feature that the server rejects is not used again.
   *
   * @param checksFirst Whether to check the condition before the request too, since some servers
   * ignore it for an upload in parts.
   */
  const write = async <T>(
    { condition, key, checksFirst }: { condition: Condition; key: string; checksFirst: boolean },
    signal: AbortSignal,
    request: (headers: ConditionHeaders, checksums: boolean) => Promise<T>,
  ): Promise<T> => {
    const used = new Set<S3Feature>(["checksums"]);
    if (condition.kind !== "any") used.add("conditions");
    for (const feature of unsupported) used.delete(feature);
    // On servers without conditions, check as late as possible.
    if (condition.kind !== "any" && (checksFirst || !used.has("conditions"))) {
      const current = await bucket.head(key, signal);
      const expected = condition.kind === "absent" ? undefined : condition.etag;
      if (current?.etag !== expected) throw new ConditionFailed("the object has changed");
    }
    const headers = used.has("conditions") ? conditionHeaders(condition) : {};
    try {
      return await request(headers, used.has("checksums"));
    } catch (error) {
      const failure = failureOf("s3:PutObject", error);
      const isGone = condition.kind === "revision" && failure.name === "NoSuchKey";
      if (isConflict(failure) || isGone) throw new ConditionFailed(failure.message);
      const feature = missingFeature(failure, used);
      if (feature === null) throw error;
      unsupported.add(feature);
    }
    return await write({ condition, key, checksFirst }, signal, request);
  };

  /** @param serverBytes Bytes that the server copies before it responds. */
  const options = (signal: AbortSignal, serverBytes = 0) => ({
    abortSignal: signal,
    requestTimeout: RESPONSE_TIMEOUT_MS + serverBytes / MIN_COPY_BYTES_PER_MS,
  });

  const bucket: Bucket = {
    head: (Key, signal) =>
      performOrNull("s3:GetObject", signal, async () => {
        const ChecksumMode = unsupported.has("checksums") ? undefined : "ENABLED" as const;
        const command = new sdk.HeadObjectCommand({ Bucket, Key, ChecksumMode });
        const response = await client.send(command, options(signal));
        return {
          sizeBytes: response.ContentLength ?? 0,
          etag: response.ETag ?? "",
          modifiedMs: response.LastModified?.getTime() ?? 0,
          checksum: wholeChecksum(response.ChecksumSHA256),
          facts: { contentType: response.ContentType ?? null, metadata: response.Metadata ?? {} },
        };
      }),

    get: (Key, signal) =>
      performOrNull("s3:GetObject", signal, async () => {
        const response = await client.send(
          new sdk.GetObjectCommand({ Bucket, Key }),
          options(signal),
        );
        return response.Body?.transformToWebStream() as ReadableStream<Uint8Array<ArrayBuffer>>;
      }),

    put: ({ key: Key, bytes, sha256, facts }, condition, signal) =>
      perform(
        "s3:PutObject",
        signal,
        () =>
          write({ condition, key: Key, checksFirst: false }, signal, async (headers, checksums) => {
            const response = await client.send(
              new sdk.PutObjectCommand({
                Bucket,
                Key,
                Body: bytes,
                ...sentFacts(facts),
                ...headers,
                ...(checksums ? sentChecksum(sha256) : {}),
              }),
              options(signal),
            );
            return response.ETag ?? "";
          }),
      ),

    copy: async (from, Key, signal) =>
      await performOrNull("s3:PutObject", signal, async () => {
        const CopySource = sourceOf(Bucket, from);
        await client.send(new sdk.CopyObjectCommand({ Bucket, Key, CopySource }), options(signal));
        return true;
      }) ?? false,

    remove: async (Key, signal) => {
      await performOrNull(
        "s3:DeleteObject",
        signal,
        () => client.send(new sdk.DeleteObjectCommand({ Bucket, Key }), options(signal)),
      );
    },

    async *list(prefix, after, signal) {
      let from: { StartAfter?: string; ContinuationToken?: string } = after === null
        ? {}
        : { StartAfter: after };
      for (;;) {
        const command = new sdk.ListObjectsV2Command({ Bucket, Prefix: prefix, ...from });
        const page = await perform(
          "s3:ListBucket",
          signal,
          () => client.send(command, options(signal)),
        );
        for (const { Key, Size, ETag, LastModified } of page.Contents ?? []) {
          if (Key === undefined) continue;
          const modifiedMs = LastModified?.getTime() ?? 0;
          yield { key: Key, sizeBytes: Size ?? 0, etag: ETag ?? "", modifiedMs };
        }
        if (!page.IsTruncated || !page.NextContinuationToken) return;
        from = { ContinuationToken: page.NextContinuationToken };
      }
    },

    createUpload: (Key, facts, signal) =>
      perform("s3:PutObject", signal, async () => {
        const command = new sdk.CreateMultipartUploadCommand({ Bucket, Key, ...sentFacts(facts) });
        const { UploadId } = await client.send(command, options(signal));
        if (UploadId === undefined) {
          throw new DriverError("store.failed", "the server returned no id for the upload");
        }
        return UploadId;
      }),

    uploadPart: ({ key: Key, id: UploadId, number }, bytes, signal) =>
      perform("s3:PutObject", signal, async () => {
        const part = { Bucket, Key, UploadId, PartNumber: number };
        const command = new sdk.UploadPartCommand({ ...part, Body: bytes });
        const { ETag } = await client.send(command, options(signal));
        return { number, etag: ETag ?? "" };
      }),

    copyPart: ({ key: Key, id: UploadId, number }, { key, etag, first, last }, signal) =>
      perform("s3:PutObject", signal, async () => {
        const { CopyPartResult } = await client.send(
          new sdk.UploadPartCopyCommand({
            Bucket,
            Key,
            UploadId,
            PartNumber: number,
            CopySource: sourceOf(Bucket, key),
            CopySourceIfMatch: etag,
            CopySourceRange: `bytes=${first}-${last}`,
          }),
          options(signal, last - first),
        );
        return { number, etag: CopyPartResult?.ETag ?? "" };
      }),

    completeUpload: ({ key: Key, id: UploadId, sizeBytes }, parts, condition, signal) =>
      perform(
        "s3:PutObject",
        signal,
        () =>
          write({ condition, key: Key, checksFirst: true }, signal, async (headers) => {
            const Parts = parts.map(({ number, etag }) => ({ PartNumber: number, ETag: etag }));
            const request = { Bucket, Key, UploadId, MultipartUpload: { Parts }, ...headers };
            const command = new sdk.CompleteMultipartUploadCommand(request);
            try {
              const { ETag } = await client.send(command, options(signal, sizeBytes));
              if (ETag === undefined) {
                throw new DriverError(
                  "store.failed",
                  "the server returned no object for the upload",
                );
              }
              return ETag;
            } catch (error) {
              if (failureOf("s3:PutObject", error).name === "NoSuchUpload") {
                return null;
              }
              throw error;
            }
          }),
      ),

    abortUpload: async ({ key: Key, id: UploadId }, signal) => {
      const command = new sdk.AbortMultipartUploadCommand({ Bucket, Key, UploadId });
      await performOrNull(
        "s3:AbortMultipartUpload",
        signal,
        () => client.send(command, options(signal)),
      );
    },

    async *uploads(prefix, signal) {
      let from: { KeyMarker?: string | undefined; UploadIdMarker?: string | undefined } = {};
      for (;;) {
        const command = new sdk.ListMultipartUploadsCommand({ Bucket, Prefix: prefix, ...from });
        const page = await perform(
          "s3:ListBucketMultipartUploads",
          signal,
          () => client.send(command, options(signal)),
        );
        for (const { Key, UploadId, Initiated } of page.Uploads ?? []) {
          if (Key === undefined || UploadId === undefined || Initiated === undefined) continue;
          yield { key: Key, id: UploadId, initiatedMs: Initiated.getTime() };
        }
        if (!page.IsTruncated || page.NextKeyMarker === undefined) return;
        from = { KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker };
      }
    },

    [Symbol.dispose]: () => client.destroy(),
  };
  return bucket;
}

/**
 * Settings with which the client reads no files, system information or other variables, and needs
 * no permissions for them. Only without keys in the environment does it search for credentials as
 * the SDK does: profiles, web identity, the role of the container or machine.
 */
function settings(location: BucketLocation, host: Host): S3ClientConfig {
  const region = regionOf(location, host);
  const endpoint = endpointOf(location, host);
  const credentials = credentialsOf(host);
  const requestHandler = {
    metadata: { handlerProtocol: "http/1.1" },
    handle: async (
      request: S3Request,
      { abortSignal, requestTimeout }: { abortSignal?: AbortSignal; requestTimeout?: number } = {},
    ) => {
      const signal = abortSignal ?? new AbortController().signal;
      return { response: await send(request, signal, host, requestTimeout) };
    },
    updateHttpClientConfig: () => {},
    httpHandlerConfigs: () => ({}),
  };
  return {
    ...(region === null ? {} : { region }),
    // Only AWS resolves bucket names as host names; every server supports paths.
    ...(endpoint === null ? {} : { endpoint, forcePathStyle: true }),
    ...(credentials === null ? {} : { credentials }),
    // The type requires the SDK's own classes; these methods are what it calls.
    requestHandler: requestHandler as unknown as NonNullable<S3ClientConfig["requestHandler"]>,
    // The transport retries.
    maxAttempts: 1,
    retryMode: "standard",
    // Checksums are requested explicitly, as some servers lack them.
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
    defaultUserAgentProvider: () => Promise.resolve([["cronfetch", manifest.version]]),
    userAgentAppId: () => Promise.resolve(undefined),
    authSchemePreference: [],
    defaultsMode: "standard",
    disableClockSkewCorrection: true,
    disableMultiregionAccessPoints: true,
    disableS3ExpressSessionAuth: true,
    sigv4aSigningRegionSet: [],
    useArnRegion: false,
    useDualstackEndpoint: false,
    useFipsEndpoint: false,
  };
}

interface ConditionHeaders {
  IfMatch?: string;
  IfNoneMatch?: string;
}

function conditionHeaders(condition: Condition): ConditionHeaders {
  switch (condition.kind) {
    case "revision":
      return { IfMatch: condition.etag };
    case "absent":
      return { IfNoneMatch: "*" };
    case "any":
      return {};
    default:
      return condition satisfies never;
  }
}

function sentFacts({ contentType, metadata }: ObjectFacts) {
  return {
    Metadata: { ...metadata },
    ...(contentType === null ? {} : { ContentType: contentType }),
  };
}

/** Slowest copy within a server: 16 MiB/s. */
const MIN_COPY_BYTES_PER_MS = 16 * 2 ** 20 / 1000;

/** Names the algorithm too, since some servers store only an announced checksum. */
function sentChecksum(sha256: string) {
  const ChecksumSHA256 = Uint8Array.fromHex(sha256).toBase64();
  return { ChecksumAlgorithm: "SHA256", ChecksumSHA256 } as const;
}

/** A key as the value of `x-amz-copy-source`. */
function sourceOf(bucket: string, key: string): string {
  return `${bucket}/${key.split("/").map(encodeURIComponent).join("/")}`;
}

/** Null for an upload in parts, whose checksum (`…-3`) is one of checksums of parts. */
function wholeChecksum(base64: string | undefined): string | null {
  if (base64 === undefined || !/^[A-Za-z0-9+/]{43}=$/.test(base64)) return null;
  return Uint8Array.fromBase64(base64).toHex();
}

/** Code, message, status and region of an error of the client. */
function readError(error: unknown): Pick<S3Failure, "name" | "message" | "status" | "region"> {
  if (!(error instanceof Error)) {
    return { name: "", message: String(error), status: null, region: null };
  }
  const { $metadata, $response, Code, Region } = error as Error & {
    $metadata?: { httpStatusCode?: number };
    $response?: { headers?: Record<string, string> };
    Code?: string;
    Region?: string;
  };
  const cause = error.cause instanceof Error ? error.cause.message : null;
  const isOurs = error instanceof S3Timeout || error.cause === undefined;
  return {
    name: Code ?? error.name,
    message: isOurs ? error.message : cause ?? error.message,
    status: $metadata?.httpStatusCode ?? null,
    region: $response?.headers?.["x-amz-bucket-region"] ?? Region ?? null,
  };
}
