/** The schema of `from`: a list that tasks are derived from. */

import * as z from "zod/mini";
import { LIST_DEFAULTS } from "../input.ts";
import { expect } from "./expect_schema.ts";
import {
  duration,
  fraction,
  headers,
  integer,
  MAX_TIMEOUT_MS,
  object,
  oneOf,
  option,
  text,
  texts,
  url,
} from "./fields.ts";

const query = (description: string, defaultValue?: string) =>
  option(text("a JSONPath query"), description, defaultValue);

/** Where tasks come from. */
export const list = object("must be an object with page, feed, json, text or github", () => ({
  page: option(url(), "URL of an HTML page, such as an index of files: its links are the items."),
  links: option(
    text("a regular expression", 10_000),
    "Of `page`: regular expression (RE2 syntax) that a link must match. Default: every link.",
  ),
  feed: option(
    url(),
    "URL of an RSS, Atom or JSON feed: its enclosures are the items, or its links without any.",
  ),
  json: option(url(), "URL of a JSON document."),
  items: query("Of `json`: JSONPath (RFC 9535) of the items.", LIST_DEFAULTS.items),
  url: query('Of `json`: JSONPath of the URL in an item. Default: `"$.url"`.'),
  id: query("Of `json`: JSONPath of the item's identity, if its URL changes."),
  name: query("Of `json`: JSONPath of the file name. Default: the last segment of the URL."),
  size: query("Of `json`: JSONPath of the size in bytes, which is then expected."),
  date: query("Of `json`: JSONPath of the date."),
  sha256: query("Of `json`: JSONPath of the SHA-256, which is then expected."),
  sha512: query("Of `json`: the same of the SHA-512."),
  sha1: query("Of `json`: the same of the SHA-1."),
  md5: query("Of `json`: the same of the MD5."),
  next: query(
    'Of `json`: JSONPath of the URL of the next page in the document; `"link"` for the Link header.',
  ),
  text: option(
    url(),
    "URL of a text: one URL per line, a checksum file, or a table of rclone or GCS.",
  ),
  github: option(text("a repository such as denoland/deno"), "Repository on GitHub, `owner/name`."),
  assets: option(text("a glob"), "Of `github`: glob of the assets.", LIST_DEFAULTS.assets),
  tag: option(
    text('"latest", a tag or a glob of tags'),
    "Of `github`: the latest release, that of a tag, or those of a glob.",
    LIST_DEFAULTS.tag,
  ),
  api: option(url(), "Of `github`: base URL of the REST API.", LIST_DEFAULTS.api),
  include: option(
    texts("glob", 100),
    "Globs of the items that become tasks, of their names or, with a slash, of the paths of their " +
      "URLs. Default: all.",
  ),
  exclude: option(texts("glob", 100), "Globs of items that do not become tasks."),
  newest: option(
    z.nullable(integer(1, 100_000)),
    "Only this many of the newest items become tasks.",
    LIST_DEFAULTS.newest,
  ),
  by: option(
    oneOf(["date", "name", "version"]),
    "What the newest items are. Default: the date if every item has one, else the name.",
  ),
  limit: option(
    integer(1, 100_000),
    "Maximum number of tasks; of more items, the newest become tasks.",
    LIST_DEFAULTS.limit,
  ),
  allowOrigins: option(
    texts("origin", 100, text("an origin")),
    "Origins of items besides that of the list: `https://files.example.org`, " +
      "`https://*.example.org` or `*`. They receive no credentials.",
  ),
  minCount: option(
    integer(0, 100_000),
    "Minimum number of items; a list with fewer is refused.",
    LIST_DEFAULTS.minCount,
  ),
  minRatio: option(
    fraction(),
    "Minimum ratio of the number of items to that of the last good list.",
    LIST_DEFAULTS.minRatio,
  ),
  maxPages: option(
    integer(1, 10_000),
    "Maximum number of pages of the list.",
    LIST_DEFAULTS.maxPages,
  ),
  schedule: option(
    text('a cron expression such as "0 6 * * *", "every 30m" or "manual"'),
    "When the list is read. Default: the task's schedule.",
  ),
  headers: option(
    headers(),
    "Request headers for the list only, besides the task's. `${env:…}` and `${file:…}` are substituted.",
  ),
  timeout: option(
    duration(1, MAX_TIMEOUT_MS),
    "Timeout of one attempt to read the list. Default: the task's.",
  ),
  mirrors: option(texts("URL", 20), "URLs to try in order when that of the list fails."),
  expect: option(expect, "Expectations that the list document must meet."),
}), "page");

/** A validated `from`. Units: milliseconds. */
export type ListOptions = z.output<typeof list>;
