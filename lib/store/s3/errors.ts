/** What S3 servers say, in our codes and in plain sentences. Pure. */

import type { ErrorCode, Retry } from "../../core/errors.ts";
import { cutServerText } from "../../core/text.ts";
import { DriverError } from "../errors.ts";

/** What was asked of a server, as its access rules call it. */
export type S3Action =
  | "s3:AbortMultipartUpload"
  | "s3:DeleteObject"
  | "s3:GetObject"
  | "s3:ListBucket"
  | "s3:ListBucketMultipartUploads"
  | "s3:PutObject";

/** What is known of a request that failed. */
export interface S3Failure {
  /** The server's name for it (`Code` of its answer), or that of the error in this program. */
  readonly name: string;
  /** What it says besides. */
  readonly message: string;
  /** Status of the answer, or null where none came. */
  readonly status: number | null;
  /** The region that the answer says the bucket is in, or null. */
  readonly region: string | null;
  /** What was asked. */
  readonly action: S3Action;
  /** Of whom. */
  readonly bucket: string;
}

type Explanation = readonly [code: ErrorCode, sentence: string, retry?: Retry];

const CREDENTIALS =
  "check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and, for temporary ones, AWS_SESSION_TOKEN";

const CLOCK: Explanation = [
  "store.denied",
  "the clock of this machine is too far from the server's; set it right",
];
const BUSY: Explanation = ["store.busy", "the server asks for a pause; try again later"];
const CORRUPTED: Explanation = [
  "store.failed",
  "the server received other bytes than were sent; nothing was stored",
];
const FULL: Explanation = ["store.full", "no space is left there; free some, or raise the quota"];

/** By the name that a server gives. */
const EXPLANATIONS: Readonly<Record<string, Explanation>> = {
  InvalidAccessKeyId: ["store.denied", `the access key is not known there; ${CREDENTIALS}`],
  SignatureDoesNotMatch: ["store.denied", `the secret key is wrong; ${CREDENTIALS}`],
  AuthorizationQueryParametersError: ["store.denied", `the signature is refused; ${CREDENTIALS}`],
  ExpiredToken: ["store.denied", `the credentials have expired; ${CREDENTIALS}`],
  InvalidToken: ["store.denied", `the session token is not valid; ${CREDENTIALS}`],
  TokenRefreshRequired: ["store.denied", `the credentials have expired; ${CREDENTIALS}`],
  InvalidSecurity: ["store.denied", `the credentials are not valid; ${CREDENTIALS}`],
  XAdminUserNotFound: ["store.denied", `the access key is not known there; ${CREDENTIALS}`],
  CredentialsProviderError: ["store.denied", `no credentials were found; ${CREDENTIALS}`],
  RequestTimeTooSkewed: CLOCK,
  RequestExpired: CLOCK,
  AllAccessDisabled: ["store.denied", "the bucket is closed by its provider"],
  AccountProblem: ["store.denied", "there is a problem with the account; ask its provider"],
  InvalidObjectState: ["store.denied", "the object is archived; restore it first"],
  InvalidBucketName: ["store.failed", "the server takes no bucket of this name", "never"],
  ObjectParentIsFile: ["store.conflict", "a file stands where a folder is needed; move it away"],
  ExistingObjectIsDirectory: ["store.conflict", "a folder stands where the file should go"],
  KeyTooLongError: ["store.name", "the name is too long for the server; choose a shorter one"],
  XMinioInvalidObjectName: ["store.name", "the server takes no object of this name"],
  EntityTooLarge: ["store.failed", "the file is larger than the server takes", "never"],
  InternalError: ["store.failed", "the server failed, by its own account (InternalError)", "later"],
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

/** Names under which a server says that a condition of the request did not hold. */
const CONFLICTS: ReadonlySet<string> = new Set([
  "PreconditionFailed",
  "ConditionalRequestConflict",
]);

/** Whether the key does not hold what the request was on condition of. */
export function isConflict({ name, status }: Pick<S3Failure, "name" | "status">): boolean {
  return CONFLICTS.has(name) || status === 412;
}

/** Whether there is no such object, upload or version; a missing bucket is another matter. */
export function isMissing({ name, status }: Pick<S3Failure, "name" | "status">): boolean {
  return status === 404 && name !== "NoSuchBucket" && !Object.hasOwn(EXPLANATIONS, name);
}

/** A feature of S3 that not every server has. */
export type S3Feature = "conditions" | "checksums";

/**
 * The feature for want of which a server turned a request down, or null if that
 * was not the reason.
 *
 * @param used Those that the request made use of.
 */
export function missingFeature(
  { name, message, status }: Pick<S3Failure, "name" | "message" | "status">,
  used: ReadonlySet<S3Feature>,
): S3Feature | null {
  const turnsDown = status === 501 || name === "NotImplemented" ||
    (status === 400 &&
      rejectsHeader(message));
  if (!turnsDown) return null;
  if (used.has("checksums") && /checksum/i.test(message)) return "checksums";
  if (used.has("conditions")) return "conditions";
  return used.has("checksums") ? "checksums" : null;
}

/** Whether a message names a header as unknown: the word, and "header" later on its line. */
function rejectsHeader(message: string): boolean {
  return message.split("\n").some((line) => {
    const word = /unsupported|not supported|unknown|unrecognized|invalid/i.exec(line);
    return word !== null && /header/i.test(line.slice(word.index));
  });
}

/** Makes a reason of ours of a failed request. */
export function explainS3(failure: S3Failure, cause: unknown): DriverError {
  const [code, sentence, retry] = explanationOf(failure);
  return new DriverError(code, sentence, { cause, ...(retry === undefined ? {} : { retry }) });
}

function explanationOf(failure: S3Failure): Explanation {
  const { name, message, status, region, action, bucket } = failure;
  const known = Object.hasOwn(EXPLANATIONS, name) ? EXPLANATIONS[name] : undefined;
  if (known) return known;
  if (isConflict(failure)) return ["store.conflict", "somebody else has changed it meanwhile"];
  if (name === "NoSuchBucket") {
    return ["store.failed", `there is no bucket ${JSON.stringify(bucket)}; make it first`, "never"];
  }
  if (/region is missing/i.test(message)) {
    return [
      "store.failed",
      "no region is set; set AWS_REGION, or add ?region= to the store",
      "never",
    ];
  }
  if (isElsewhere(failure)) {
    const where = region === null
      ? "is in another region, or behind another endpoint"
      : `is in the region ${cutServerText(region)}`;
    const bid = region === null ? "name it" : `set AWS_REGION=${cutServerText(region)}`;
    const sentence = `the bucket ${JSON.stringify(bucket)} ${where}; ${bid}`;
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
  const said = message === "" || message === "UnknownError" ? name : `${name}: ${message}`;
  const temporary = status >= 500 || status === 408 || status < 400;
  return [
    "store.failed",
    `the server answered ${status} (${cutServerText(said)})`,
    temporary ? "later" : "never",
  ];
}

/** Whether the answer is that the bucket is somewhere else. Nobody is followed there. */
function isElsewhere({ name, status, region }: S3Failure): boolean {
  if (name === "AuthorizationHeaderMalformed" || name === "IllegalLocationConstraintException") {
    return region !== null || /region/i.test(name);
  }
  return status === 301 || status === 302 || status === 307 || status === 308 ||
    name === "PermanentRedirect";
}
