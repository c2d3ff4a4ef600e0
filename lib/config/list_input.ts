/** `from` of a task, as written in a config. */

/**
 * A list that tasks are derived from: one of `page`, `feed`, `json`, `text` and `github`, and options.
 *
 * @typeParam Expect `expect` of a task.
 */
export interface ListInput<Expect> {
  /** URL of an HTML page, such as an index of files: its links are the items. */
  page?: string | undefined;
  /** Of `page`: regular expression (RE2 syntax) that a link must match. Default: every link. */
  links?: string | undefined;
  /** URL of an RSS, Atom or JSON feed: its enclosures are the items, or its links without any. */
  feed?: string | undefined;
  /** URL of a JSON document. */
  json?: string | undefined;
  /** Of `json`: JSONPath (RFC 9535) of the items. Default: `$[*]`. */
  items?: string | undefined;
  /** Of `json`: JSONPath of the URL in an item. Default: `$.url`. */
  url?: string | undefined;
  /** Of `json`: JSONPath of the item's identity, if its URL changes. */
  id?: string | undefined;
  /** Of `json`: JSONPath of the file name. Default: the last segment of the URL. */
  name?: string | undefined;
  /** Of `json`: JSONPath of the size in bytes, which is then expected. */
  size?: string | undefined;
  /** Of `json`: JSONPath of the date. */
  date?: string | undefined;
  /** Of `json`: JSONPath of the SHA-256, which is then expected. */
  sha256?: string | undefined;
  /** Of `json`: the same of the SHA-512. */
  sha512?: string | undefined;
  /** Of `json`: the same of the SHA-1. */
  sha1?: string | undefined;
  /** Of `json`: the same of the MD5. */
  md5?: string | undefined;
  /** Of `json`: JSONPath of the URL of the next page; `link` for the Link header. */
  next?: string | undefined;
  /** URL of a text: one URL per line, a checksum file, or a table of rclone or GCS. */
  text?: string | undefined;
  /** Repository on GitHub, `owner/name`. */
  github?: string | undefined;
  /** Of `github`: glob of the assets. Default: `*`. */
  assets?: string | undefined;
  /** Of `github`: the latest release, that of a tag, or those of a glob. Default: `latest`. */
  tag?: string | undefined;
  /** Of `github`: base URL of the REST API. Default: that of github.com. */
  api?: string | undefined;
  /** Globs of the items that become tasks. Default: all. */
  include?: string[] | undefined;
  /** Globs of items that do not become tasks. */
  exclude?: string[] | undefined;
  /** Only this many of the newest items become tasks. Default: null, all. */
  newest?: number | null | undefined;
  /** What the newest items are. Default: the date if every item has one, else the name. */
  by?: "date" | "name" | "version" | undefined;
  /** Maximum number of tasks; of more items, the newest become tasks. Default: 1,000. */
  limit?: number | undefined;
  /** Origins of items besides that of the list, or `*`. They receive no credentials. */
  allowOrigins?: string[] | undefined;
  /** Minimum number of items; a list with fewer is refused. Default: 1. */
  minCount?: number | undefined;
  /** Minimum ratio of the number of items to that of the last good list. Default: 0.5. */
  minRatio?: number | undefined;
  /** Maximum number of pages of the list. Default: 100. */
  maxPages?: number | undefined;
  /** When the list is read. Default: the task's schedule. */
  schedule?: string | undefined;
  /** Request headers for the list only, besides the task's. */
  headers?: Record<string, string> | undefined;
  /** Timeout of one attempt to read the list. Default: the task's. */
  timeout?: string | undefined;
  /** URLs to try in order when that of the list fails. */
  mirrors?: string[] | undefined;
  /** Expectations that the list document must meet. */
  expect?: Expect;
}
