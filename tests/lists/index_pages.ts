/** Index pages of a folder, as several servers generate them, and the items that they list. */

import type { ListDocument, ListItem } from "../../lib/core/list.ts";

/** The files of the folder, beside the folder `old/`. */
export const FILES: readonly {
  readonly name: string;
  readonly sizeBytes: number;
  /** RFC 3339 in UTC. */
  readonly date: string;
}[] = [
  { name: "#1 100%?.csv", sizeBytes: 12, date: "2026-11-26T23:59:00.000Z" },
  { name: "a&b.csv", sizeBytes: 972, date: "2026-02-28T00:00:00.000Z" },
  {
    name: "a-name-of-more-than-the-fifty-characters-that-nginx-shows-of-it.csv",
    sizeBytes: 2_500_000,
    date: "2026-11-27T06:00:00.000Z",
  },
  { name: "café.csv", sizeBytes: 1_234, date: "2025-12-31T12:30:00.000Z" },
];

/** Percent-encodes a name as most servers do. */
const encode = encodeURIComponent;

/** As Apache does. */
const encodeForApache = (name: string): string =>
  lowerHex(encodeURIComponent(name)).replaceAll("%26", "&");

const lowerHex = (url: string): string =>
  url.replaceAll(/%[0-9A-F]{2}/g, (byte) => byte.toLowerCase());

/** What is known of a file from a page: some show no date, and most round sizes. */
const KINDS = {
  nginx: { encode, hasDate: true, maxExactSize: Infinity },
  apache: { encode: encodeForApache, hasDate: false, maxExactSize: -1 },
  "apache-fancy": { encode: encodeForApache, hasDate: true, maxExactSize: 972 },
  "apache-table": { encode: encodeForApache, hasDate: true, maxExactSize: 972 },
  lighttpd: { encode: (name: string) => lowerHex(encode(name)), hasDate: true, maxExactSize: -1 },
  caddy: { encode, hasDate: true, maxExactSize: Infinity },
  s3: { encode, hasDate: true, maxExactSize: Infinity },
  python: { encode, hasDate: false, maxExactSize: -1 },
} as const;

/** A fixture: the name of a file in `tests/fixtures/lists/`. */
export type IndexKind = keyof typeof KINDS;

/** All fixtures. */
export const INDEX_KINDS: readonly IndexKind[] = Object.keys(KINDS) as IndexKind[];

/** Reads a fixture as the index page at a URL. */
export async function indexPage(kind: IndexKind, url: string): Promise<ListDocument> {
  const extension = kind === "s3" ? "xml" : "html";
  const path = new URL(`../fixtures/lists/${kind}.${extension}`, import.meta.url);
  const contentType = kind === "s3" ? "application/xml" : "text/html; charset=utf-8";
  return { bytes: await Deno.readFile(path), url, contentType, link: null };
}

/** The items that a fixture lists, in order. */
export function indexItems(kind: IndexKind, url: string): readonly ListItem[] {
  const { encode, hasDate, maxExactSize } = KINDS[kind];
  return FILES.map(({ name, sizeBytes, date }) => ({
    url: url + encode(name),
    name,
    id: null,
    sizeBytes: sizeBytes <= maxExactSize ? sizeBytes : null,
    digests: {},
    date: hasDate ? date : null,
    fields: {},
  }));
}
