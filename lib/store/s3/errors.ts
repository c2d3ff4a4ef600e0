/** Errors of S3 servers, turned into `DriverError`s. Pure. */

import { CronfetchError, type ErrorCode, type Retry } from "../../core/errors.ts";
import { cutServerText } from "../../core/text.ts";
import { DriverError } from "../errors.ts";

/** The permission that a request needs, as access policies (IAM) call it. */
export type S3Action =
  | "s3:AbortMultipartUpload"
  | "s3:DeleteObject"
  | "s3:GetObject"
  | "s3:ListBucket"
  | "s3:ListBucketMultipartUploads"
  | "s3:PutObject";

/** A failed request. */
export interface S3Failure {
  /** The `Code` of the response, or the name of the error of the client. */
  readonly name: string;
  /** The message of the response, or of the error. */
  readonly message: string;
  /** Status of the response, or null without one. */
  readonly status: number | null;
  /** The region of the bucket according to the response, or null. */
  readonly region: string | null;
  readonly action: S3Action;
  readonly bucket: string;
}

type S3Explanation = readonly [code: ErrorCode, message: string, retry?: Retry];

/** What to check if a server rejects the credentials. */
const CREDENTIALS =
  "check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and, for temporary ones, AWS_SESSION_TOKEN";

const CLOCK: S3Explanation = [
  "store.denied",
  "the clocks of this machine and the server differ too much; set this one",
];
const BUSY: S3Explanation = ["store.busy", "the server is busy; try again later"];
const CORRUPTED: S3Explanation = [
  "store.failed",
  "the bytes were corrupted on the way to the server; nothing was stored",
];
const FULL: S3Explanation = [
  "store.full",
  "no space is left on the server; free some, or raise the quota",
];

/** By `Code` of the response. */
const EXPLANATIONS: Readonly<Record<string, S3Explanation>> = {
  InvalidAccessKeyId: ["store.denied", `the server does not know the access key; ${CREDENTIALS}`],
  SignatureDoesNotMatch: ["store.denied", `the secret key is wrong; ${CREDENTIALS}`],
  AuthorizationQueryParametersError: [
    "store.denied",
    `the server rejects the signature; ${CREDENTIALS}`,
  ],
  ExpiredToken: ["store.denied", `the credentials have expired; ${CREDENTIALS}`],
  InvalidToken: ["store.denied", `the session token is not valid; ${CREDENTIALS}`],
  TokenRefreshRequired: ["store.denied", `the credentials have expired; ${CREDENTIALS}`],
  InvalidSecurity: ["store.denied", `the credentials are not valid; ${CREDENTIALS}`],
  XAdminUserNotFound: ["store.denied", `the server does not know the access key; ${CREDENTIALS}`],
  ExpiredTokenException: ["store.denied", `the credentials have expired; ${CREDENTIALS}`],
  RequestTimeTooSkewed: CLOCK,
  RequestExpired: CLOCK,
  AllAccessDisabled: ["store.denied", "the provider has disabled access to the bucket"],
  AccountProblem: ["store.denied", "the account has a problem; contact the provider"],
  InvalidObjectState: ["store.denied", "the object is archived; restore it first"],
  InvalidBucketName: ["store.failed", "the server rejects this bucket name", "never"],
  ObjectParentIsFile: ["store.conflict", "a file exists where a folder is needed; move it away"],
  ExistingObjectIsDirectory: ["store.conflict", "a folder exists under the name of the file"],
  KeyTooLongError: ["store.name", "the name is too long for the server; choose a shorter one"],
  XMinioInvalidObjectName: ["store.name", "the server rejects this object name"],
  EntityTooLarge: ["store.failed", "the file is larger than the server accepts", "never"],
  InternalError: [
    "store.failed",
    "the server reports an error of its own (InternalError)",
    "later",
  ],
  BadDigest: CORRUPTED,
  XAmzContentSHA256Mismatch: CORRUPTED,
  XAmzContentChecksumMismatch: CORRUPTED,
  InvalidDigest: CORRUPTED,
  QuotaExceeded: FULL,
  XMinioStorageFull: FULL,
  InsufficientStorage: FULL,
  SlowDown: BUSY,
  SlowDownRead: BUSY,
  SlowDownWrite: BUSY,
  TooManyRequests: BUSY,
  Throttling: BUSY,
  ServiceUnavailable: BUSY,
  RequestTimeout: BUSY,
  OperationAborted: BUSY,
};

/** `Code`s for a condition that does not hold. */
const CONFLICTS: ReadonlySet<string> = new Set([
  "PreconditionFailed",
  "ConditionalRequestConflict",
]);

/** Whether a condition of the request does not hold. */
export function isConflict({ name, status }: Pick<S3Failure, "name" | "status">): boolean {
  return CONFLICTS.has(name) || status === 412;
}

/** Whether the object, upload or version does not exist; false for a missing bucket. */
export function isMissing({ name, status }: Pick<S3Failure, "name" | "status">): boolean {
  return status === 404 && name !== "NoSuchBucket" && !Object.hasOwn(EXPLANATIONS, name);
}

/** A feature of S3 that some servers lack. */
export type S3Feature = "conditions" | "checksums";

/**
 * The feature whose use a server rejected, or null if the request failed for another reason.
 *
 * @param used Features that the request used.
 */
export function missingFeature(
  { name, message, status }: Pick<S3Failure, "name" | "message" | "status">,
  used: ReadonlySet<S3Feature>,
): S3Feature | null {
  if (!isUnsupported({ name, status }) && !rejectsHeaders({ message, status })) return null;
  if (used.has("checksums") && /checksum/i.test(message)) return "checksums";
  if (used.has("conditions")) return "conditions";
  return used.has("checksums") ? "checksums" : null;
}

/** Whether the server does not implement the request, or a header of it. */
export function isUnsupported({ name, status }: Pick<S3Failure, "name" | "status">): boolean {
  return status === 501 || status === 405 || name === "NotImplemented";
}

/** Whether the server rejects an unknown header: a line of its message says so. */
export function rejectsHeaders(
  { message, status }: Pick<S3Failure, "message" | "status">,
): boolean {
  if (status !== 400) return false;
  return message.split("\n").some((line) => {
    const word = /unsupported|not supported|unknown|unrecognized|invalid/i.exec(line);
    return word !== null && /header/i.test(line.slice(word.index));
  });
}

/**
 * Whether a server cannot copy an object that exists: it does not implement the request, or
 * misreads the name of the source (Ceph decodes a `%` in it twice). A source that has changed, a
 * missing upload or permission, and a busy server are other reasons.
 */
export function cannotCopy({ name, status }: Pick<S3Failure, "name" | "status">): boolean {
  if (isUnsupported({ name, status })) return true;
  if (name === "NoSuchUpload" || name === "NoSuchBucket" || Object.hasOwn(EXPLANATIONS, name)) {
    return false;
  }
  return status === 400 || status === 404;
}

/** The error for a failed request. */
export function explainS3(failure: S3Failure, cause: unknown): DriverError {
  const [code, message, ownRetry] = explanationOf(failure);
  // Without a response, the transport knows whether another attempt may succeed.
  const isUnsent = failure.status === null && cause instanceof CronfetchError;
  const retry = isUnsent ? cause.retry : ownRetry;
  return new DriverError(code, message, { cause, ...(retry === undefined ? {} : { retry }) });
}

function explanationOf(failure: S3Failure): S3Explanation {
  const { name, message, status, region, action, bucket } = failure;
  const known = Object.hasOwn(EXPLANATIONS, name) ? EXPLANATIONS[name] : undefined;
  if (known) return known;
  if (isConflict(failure)) return ["store.conflict", "another process has changed it"];
  if (name === "NoSuchBucket") {
    return [
      "store.failed",
      `the bucket ${JSON.stringify(bucket)} does not exist; create it first`,
      "never",
    ];
  }
  if (isOtherRegion(failure)) {
    const where = region === null
      ? "is in another region, or behind another endpoint"
      : `is in the region ${cutServerText(region)}`;
    const hint = region === null ? "name it" : `set AWS_REGION=${cutServerText(region)}`;
    const sentence = `the bucket ${JSON.stringify(bucket)} ${where}; ${hint}`;
    return ["store.failed", `${sentence}, or add ?region= to the store`, "never"];
  }
  if (name === "AccessDenied" || status === 401 || status === 403) {
    return ["store.denied", `access denied; ${action} is needed on ${JSON.stringify(bucket)}`];
  }
  if (status === 507) return FULL;
  if (status === 429 || status === 503) return BUSY;
  if (status === null) {
    return ["store.failed", `the server cannot be reached: ${cutServerText(message)}`];
  }
  if (isUnsupported(failure)) {
    const lack = "the server does not implement a request that this file needs";
    return ["store.failed", `${lack} (${cutServerText(detailsOf(failure))})`, "never"];
  }
  const temporary = status >= 500 || status === 408 || status < 400;
  return [
    "store.failed",
    `the server answered ${status} (${cutServerText(detailsOf(failure))})`,
    temporary ? "later" : "never",
  ];
}

function detailsOf({ name, message }: S3Failure): string {
  return message === "" ? name : `${name}: ${message}`;
}

/** Whether the bucket is in another region. Redirects there are not followed. */
function isOtherRegion({ name, status, region }: S3Failure): boolean {
  if (name === "AuthorizationHeaderMalformed" || name === "IllegalLocationConstraintException") {
    return region !== null || /region/i.test(name);
  }
  return status === 301 || status === 302 || status === 307 || status === 308 ||
    name === "PermanentRedirect";
}
