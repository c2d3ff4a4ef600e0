/** The schemas of content steps: when a file is the same, and how an archive is unpacked. */

import * as z from "zod/mini";
import { UNPACK_DEFAULTS } from "../input.ts";
import { boolean, integer, object, option, size, text, titled, withMessage } from "./fields.ts";

/** One rule by which files are the same in substance. */
export const same = object("must be an object of zip, json or lines", () => ({
  zip: option(
    boolean(),
    "ZIP archives (also xlsx, docx, jar, epub) whose members have equal names, sizes and checksums.",
  ),
  json: option(
    titled(
      "list of JSONPath queries",
      z.array(text("a JSONPath query"), withMessage("must be a list of JSONPath queries")).check(
        z.maxLength(50, withMessage("must be at most 50 JSONPath queries")),
      ),
    ),
    "JSON documents that are equal without the nodes that these JSONPath queries (RFC 9535) select; " +
      "the order of keys does not count.",
  ),
  lines: option(
    text("a regular expression", 10_000),
    "Texts that are equal without the lines that this regular expression (RE2 syntax) matches.",
  ),
})).check(
  z.refine(
    ({ zip, json, lines }) =>
      [zip || undefined, json, lines].filter((rule) => rule !== undefined).length === 1,
    withMessage("must have either zip, json or lines"),
  ),
);

const unpackParts = object("must be true, or an object of options", () => ({
  include: option(
    titled(
      "list of globs",
      z.array(text("a glob"), withMessage("must be a list of globs")).check(
        z.minLength(1, withMessage("must have a glob")),
        z.maxLength(100, withMessage("must be at most 100 globs")),
      ),
    ),
    "Globs of the members to publish, for their whole path in the archive: `*` and `?` do not match " +
      "`/`, `**` does. Default: all members.",
  ),
  strip: option(
    integer(0, 100),
    "Number of folders to remove from the beginning of each path.",
    UNPACK_DEFAULTS.strip,
  ),
  to: option(
    text("the name of a folder in the store"),
    'Folder in the store; "./" is its root. Default: the name of the archive without its extension.',
  ),
  archive: option(boolean(), "Publish the archive as well.", UNPACK_DEFAULTS.archive),
  maxSize: option(
    size(1),
    "Maximum size of all published members together.",
    UNPACK_DEFAULTS.maxSize,
  ),
}));

/** True, or which members are published, and where. */
export const unpack = z.union(
  [
    titled("true", z.literal(true, withMessage("must be true, or an object of options"))),
    unpackParts,
  ],
  withMessage("must be true, or an object of options"),
);
