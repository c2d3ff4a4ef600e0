import { assertEquals } from "@std/assert";
import { loadPatternEngine } from "../../lib/core/pattern.ts";
import { parsePage } from "../../lib/lists/page.ts";

const engine = await loadPatternEngine();

/** The URLs and the next page of a listing. */
function read(url: string, content: string, links: string | null = null) {
  const bytes = new TextEncoder().encode(`<ListBucketResult>${content}</ListBucketResult>`);
  const page = parsePage(
    { bytes, url, contentType: "application/xml", link: null },
    { links },
    engine,
  );
  return [page.items.map(({ url }) => url), page.next];
}

const TRUNCATED = "<IsTruncated>true</IsTruncated>";

/** Objects of these keys. */
function objects(...keys: readonly string[]): string {
  return keys.map((key) => `<Contents><Key>${key}</Key></Contents>`).join("");
}

const LISTINGS: readonly (readonly [
  why: string,
  url: string,
  content: string,
  urls: string[],
  next: string | null,
])[] = [
  ["a bucket as host", "https://b.test/?list-type=2", objects("c d/e.csv", "f+g?#"), [
    "https://b.test/c%20d/e.csv",
    "https://b.test/f%2Bg%3F%23",
  ], null],
  ["one item per key", "https://b.test/", objects("c", "c"), ["https://b.test/c"], null],
  ["a bucket as path", "https://s3.test/b", objects("c"), ["https://s3.test/b/c"], null],
  ["a bucket as path, with a slash", "https://s3.test/b/?prefix=c", objects("c"), [
    "https://s3.test/b/c",
  ], null],
  ["encoded keys", "https://b.test/", `<EncodingType>url</EncodingType>${objects("c+d%2Be%2Ff")}`, [
    "https://b.test/c%20d%2Be/f",
  ], null],
  [
    "no folders, and no keys that URLs cannot have",
    "https://b.test/",
    objects("c/", "../d", "e/./f"),
    [],
    null,
  ],
  [
    "the marker of the first version",
    "https://b.test/?prefix=c&marker=1",
    `${TRUNCATED}<NextMarker>c d</NextMarker>${objects("c")}`,
    ["https://b.test/c"],
    "https://b.test/?prefix=c&marker=c+d",
  ],
  [
    "the last key as marker, decoded",
    "https://b.test/",
    `${TRUNCATED}<EncodingType>url</EncodingType>${objects("c", "d%20e")}`,
    ["https://b.test/c", "https://b.test/d%20e"],
    "https://b.test/?marker=d+e",
  ],
  ["none", "https://b.test/", "", [], null],
];

for (const [why, url, content, urls, next] of LISTINGS) {
  Deno.test(`parseS3Listing: ${why}`, () => assertEquals(read(url, content), [urls, next]));
}

Deno.test("parseS3Listing: a pattern is searched in the URL", () => {
  const [urls] = read("https://b.test/", objects("c.csv", "d.txt"), "\\.csv$");
  assertEquals(urls, ["https://b.test/c.csv"]);
});
