/** The schema of `expect`: what content must be to be published. */

import * as z from "zod/mini";
import { DIGEST_DIGITS, type DigestAlgorithm } from "../core/digest.ts";
import { fraction, object, option, required, says, size, text, url, yesOrNo } from "./fields.ts";

/** The defaults of `expect`, as a person would write them. */
export const EXPECT_DEFAULTS = {
  type: null,
  minSize: "1B",
  maxSize: null,
  minRatio: null,
  sha256: null,
  sha512: null,
  sha1: null,
  md5: null,
  matches: null,
  json: false,
  sniff: true,
  knownLength: false,
} as const;

/** A digest, or the checksum file that has it. */
function digest(algorithm: DigestAlgorithm, description: string) {
  const allowed = `${DIGEST_DIGITS[algorithm]} hexadecimal digits, or an object of url and name`;
  const sentence = `must be ${allowed}`;
  const source = object(sentence, () => ({
    url: required(url(), "A checksum file. `${env:NAME}` and `{date:…}` are filled in."),
    name: option(
      text("the file's name in the checksum file"),
      "The file's name in it. `{date:…}` is filled in. Default: that of the URL, or of `to`.",
    ),
  }));
  return option(
    z.nullable(z.union([text(allowed), source], says(sentence))),
    description,
    EXPECT_DEFAULTS[algorithm],
  );
}

/** The schema of `expect`. */
export const expect = object("must be an object of expectations", () => ({
  type: option(
    z.nullable(text('a media type such as "text/csv"')),
    "Media type of the content, held against its first bytes and the Content-Type header.",
    EXPECT_DEFAULTS.type,
  ),
  minSize: option(
    size(0),
    "Smallest size; an empty file is refused unless this is 0.",
    EXPECT_DEFAULTS.minSize,
  ),
  maxSize: option(z.nullable(size(1)), "Largest size.", EXPECT_DEFAULTS.maxSize),
  minRatio: option(
    z.nullable(fraction()),
    "Smallest ratio of the new size to the size of the published file.",
    EXPECT_DEFAULTS.minRatio,
  ),
  sha256: digest("sha256", "SHA-256 of the file in hexadecimal, or where to read it."),
  sha512: digest("sha512", "SHA-512 of the file, likewise."),
  sha1: digest("sha1", "SHA-1 of the file, likewise. It finds transfer errors, and no attacks."),
  md5: digest("md5", "MD5 of the file, likewise. It finds transfer errors, and no attacks."),
  matches: option(
    z.nullable(text("a regular expression", 10_000)),
    "Regular expression (RE2 syntax, flags `mu`) that must match in the first 64 KiB.",
    EXPECT_DEFAULTS.matches,
  ),
  json: option(yesOrNo(), "The whole content must be JSON.", EXPECT_DEFAULTS.json),
  sniff: option(
    yesOrNo(),
    "Refuse what servers send in place of a file: error pages, error documents, pointers, and " +
      "other bytes than the format of the name has.",
    EXPECT_DEFAULTS.sniff,
  ),
  knownLength: option(
    yesOrNo(),
    "Refuse a body whose end cannot be told from a broken connection.",
    EXPECT_DEFAULTS.knownLength,
  ),
}));
