import { assertEquals, assertMatch } from "@std/assert";
import { CronfetchError, type ErrorCode, type Retry } from "../../../lib/core/errors.ts";
import {
  explainS3,
  isConflict,
  isMissing,
  missingFeature,
  type S3Failure,
} from "../../../lib/store/s3/errors.ts";

function failure(changes: Partial<S3Failure>): S3Failure {
  return {
    name: "Error",
    message: "",
    status: 400,
    region: null,
    action: "s3:PutObject",
    bucket: "files",
    ...changes,
  };
}

const TABLE: readonly (readonly [Partial<S3Failure>, ErrorCode, Retry | null, RegExp])[] = [
  // Row 96: no retry.
  [
    { name: "SignatureDoesNotMatch", status: 403 },
    "store.denied",
    null,
    /^the secret key is wrong/,
  ],
  [
    { name: "InvalidAccessKeyId", status: 403 },
    "store.denied",
    null,
    /does not know the access key/,
  ],
  [
    { name: "XAdminUserNotFound", status: 404 },
    "store.denied",
    null,
    /does not know the access key/,
  ],
  [{ name: "ExpiredToken" }, "store.denied", null, /have expired; check AWS_ACCESS_KEY_ID/],
  [{ name: "RequestTimeTooSkewed", status: 403 }, "store.denied", null, /clocks of this machine/],
  [{ name: "ExpiredTokenException" }, "store.denied", null, /have expired/],
  // Nothing but a condition, a checksum and a copy is optional.
  [
    { name: "NotImplemented", status: 501, message: "no copies here" },
    "store.failed",
    "never",
    /does not implement a request that this file needs \(NotImplemented: no copies here\)$/,
  ],
  [
    { name: "AccessDenied", status: 403, action: "s3:ListBucket" },
    "store.denied",
    null,
    /^access denied; s3:ListBucket is needed on "files"$/,
  ],
  [{ name: "Forbidden", status: 403 }, "store.denied", null, /s3:PutObject is needed/],
  [{ name: "Unknown", status: 403 }, "store.denied", null, /^access denied/],
  // Row 97.
  [{ name: "SlowDown", status: 503 }, "store.busy", null, /server is busy/],
  [{ name: "Unknown", status: 503 }, "store.busy", null, /server is busy/],
  [{ name: "Unknown", status: 429 }, "store.busy", null, /server is busy/],
  // Row 100.
  [
    { name: "PreconditionFailed", status: 412 },
    "store.conflict",
    null,
    /another process has changed it/,
  ],
  // Row 101.
  [{ name: "BadDigest" }, "store.failed", null, /^the bytes were corrupted/],
  [{ name: "XAmzContentSHA256Mismatch" }, "store.failed", null, /nothing was stored$/],
  // Row 102.
  [{ name: "KeyTooLongError" }, "store.name", null, /too long/],
  // Row 104.
  [
    { name: "PermanentRedirect", status: 301, region: "eu-west-1" },
    "store.failed",
    "never",
    /^the bucket "files" is in the region eu-west-1; set AWS_REGION=eu-west-1/,
  ],
  [{ name: "Unknown", status: 301 }, "store.failed", "never", /in another region, or behind/],
  [
    { name: "AuthorizationHeaderMalformed", region: "eu-west-1" },
    "store.failed",
    "never",
    /set AWS_REGION=eu-west-1/,
  ],
  [
    { name: "NoSuchBucket", status: 404 },
    "store.failed",
    "never",
    /^the bucket "files" does not exist; create it first/,
  ],
  [{ name: "QuotaExceeded", status: 403 }, "store.full", null, /no space/],
  [{ name: "Unknown", status: 507 }, "store.full", null, /no space/],
  [
    { name: "TypeError", status: null, message: "connection refused" },
    "store.failed",
    null,
    /^the server cannot be reached: connection refused$/,
  ],
  [
    { name: "Oops", status: 500, message: "We are sorry" },
    "store.failed",
    "later",
    /^the server answered 500 \(Oops: We are sorry\)$/,
  ],
  // Row 98: such a response may have status 200.
  [{ name: "InternalError", status: 503 }, "store.failed", "later", /error of its own/],
  [
    { name: "Teapot", status: 418 },
    "store.failed",
    "never",
    /^the server answered 418 \(Teapot\)$/,
  ],
  [{ name: "constructor", status: 400 }, "store.failed", "never", /answered 400/],
];

Deno.test("rows 96, 97, 98, 100, 101, 102 and 104: explainS3: code, retry and message by response", () => {
  for (const [response, code, retry, message] of TABLE) {
    const cause = new Error("theirs");
    const error = explainS3(failure(response), cause);
    assertEquals([error.code, error.retry, error.cause], [code, retry, cause], response.name);
    assertMatch(error.message, message);
  }
});

Deno.test("explainS3: a request that the transport refuses is not repeated later", () => {
  const refused = failure({ name: "", message: "requests to port 9 are blocked", status: null });
  for (const retry of ["never", "later"] as const) {
    const cause = new CronfetchError("net.failed", refused.message, { retry });
    const error = explainS3(refused, cause);
    assertEquals([error.code, error.retry], ["store.failed", retry]);
  }
  assertEquals(explainS3(refused, new TypeError("connection reset")).retry, null);
});

Deno.test("isMissing, isConflict", () => {
  assertEquals(isMissing({ name: "NotFound", status: 404 }), true);
  assertEquals(isMissing({ name: "NoSuchKey", status: 404 }), true);
  assertEquals(isMissing({ name: "NoSuchBucket", status: 404 }), false);
  assertEquals(isMissing({ name: "XAdminUserNotFound", status: 404 }), false);
  assertEquals(isMissing({ name: "NoSuchKey", status: 403 }), false);
  assertEquals(isConflict({ name: "ConditionalRequestConflict", status: 409 }), true);
  assertEquals(isConflict({ name: "Unknown", status: 412 }), true);
  assertEquals(isConflict({ name: "BucketAlreadyExists", status: 409 }), false);
});

Deno.test("missingFeature: only for a response that rejects a used feature", () => {
  const both = new Set(["conditions", "checksums"] as const);
  const ask = (name: string, status: number, message: string) =>
    missingFeature({ name, status, message }, both);
  const unknownHeader = "Unsupported header 'x-amz-checksum-sha256' received for this API call.";
  assertEquals(
    ask("NotImplemented", 501, "A header implies what is not implemented"),
    "conditions",
  );
  assertEquals(ask("InvalidArgument", 400, unknownHeader), "checksums");
  assertEquals(ask("NotImplemented", 501, "checksums are not implemented"), "checksums");
  assertEquals(ask("InvalidArgument", 400, "the part number is wrong"), null);
  assertEquals(ask("BadDigest", 400, "the checksum did not match"), null);
  assertEquals(ask("PreconditionFailed", 412, "if-match"), null);
  const none = new Set<never>();
  assertEquals(missingFeature({ name: "NotImplemented", status: 501, message: "" }, none), null);
});
