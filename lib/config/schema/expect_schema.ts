/** The schema of expectations. */

import * as z from "zod/mini";
import { DIGEST_DIGITS, type DigestAlgorithm } from "../../core/task.ts";
import {
  boolean,
  fraction,
  object,
  option,
  required,
  size,
  text,
  url,
  withMessage,
} from "./fields.ts";
import { DEFAULTS } from "../input.ts";

/** A digest, or a checksum file. */
function digest(algorithm: DigestAlgorithm, description: string) {
  const allowed = `${DIGEST_DIGITS[algorithm]} hexadecimal digits, or an object of url and name`;
  const sentence = `must be ${allowed}`;
  const source = object(sentence, () => ({
    url: required(
      url(),
      "URL of a checksum file. `${env:…}`, `${file:…}` and `{date:…}` are substituted.",
    ),
    name: option(
      text("the file's name in the checksum file"),
      "The file's name in the checksum file. `{date:…}` is substituted. Default: the name in the " +
        "URL or in `to`.",
    ),
  }));
  return option(
    z.nullable(z.union([text(allowed), source], withMessage(sentence))),
    description,
    DEFAULTS.expect[algorithm],
  );
}

/** Expectations for content, except of its digests. */
const checks = () => ({
  type: option(
    z.nullable(text('a media type such as "text/csv"')),
    "Media type, checked against the first bytes and the Content-Type header.",
    DEFAULTS.expect.type,
  ),
  minSize: option(
    size(0),
    "Minimum size; an empty file is rejected unless this is 0.",
    DEFAULTS.expect.minSize,
  ),
  maxSize: option(z.nullable(size(1)), "Maximum size.", DEFAULTS.expect.maxSize),
  minRatio: option(
    z.nullable(fraction()),
    "Minimum ratio of the new size to the size of the published file.",
    DEFAULTS.expect.minRatio,
  ),
  matches: option(
    z.nullable(text("a regular expression", 10_000)),
    "Regular expression (RE2 syntax, flags `mu`) that must match within the first 64 KiB.",
    DEFAULTS.expect.matches,
  ),
  json: option(boolean(), "The whole content must be JSON.", DEFAULTS.expect.json),
  sniff: option(
    boolean(),
    "Reject error pages, error documents, pointers, and content that does not have the format of " +
      "the file name.",
    DEFAULTS.expect.sniff,
  ),
  knownLength: option(
    boolean(),
    "Reject a body whose end is indistinguishable from a broken connection.",
    DEFAULTS.expect.knownLength,
  ),
});

/** Expectations. */
export const expect = object("must be an object of expectations", () => ({
  ...checks(),
  sha256: digest("sha256", "SHA-256 of the file in hexadecimal, or a checksum file."),
  sha512: digest("sha512", "SHA-512 of the file in hexadecimal, or a checksum file."),
  sha1: digest("sha1", "SHA-1 of the file, likewise; detects transfer errors, not attacks."),
  md5: digest("md5", "MD5 of the file, likewise; detects transfer errors, not attacks."),
}));

/** Expectations for a file whose digests are unknown: the output of a program. */
export const outputExpect = object("must be an object of expectations without digests", checks);
