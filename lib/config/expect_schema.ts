/** The schema of `expect`: what content must be to be published. */

import * as z from "zod/mini";
import { fraction, object, option, required, says, size, text, url, yesOrNo } from "./fields.ts";

/** The defaults of `expect`, as a person would write them. */
export const EXPECT_DEFAULTS = {
  type: null,
  minSize: "1B",
  maxSize: null,
  minRatio: null,
  sha256: null,
  matches: null,
  json: false,
  sniff: true,
  knownLength: false,
} as const;

const checksumSource = object(
  "must be 64 hexadecimal digits, or an object of url and name",
  () => ({
    url: required(
      url(),
      "A checksum file, as sha256sum or BSD's sha256 write it. `${env:NAME}` and `{date:…}` are " +
        "filled in.",
    ),
    name: required(
      text("the file name that stands in the checksum file"),
      "The file name in its line. `{date:…}` is filled in.",
    ),
  }),
);

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
  sha256: option(
    z.nullable(z.union(
      [text("64 hexadecimal digits, or an object of url and name"), checksumSource],
      says("must be 64 hexadecimal digits, or an object of url and name"),
    )),
    "SHA-256 of the file in hexadecimal, or where to read it.",
    EXPECT_DEFAULTS.sha256,
  ),
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
