/** Pages and feeds mutated from the fixtures, by a seed. */

import { assert, assertEquals } from "@std/assert";
import { CronfetchError } from "../../lib/core/errors.ts";
import type { ListDocument, ListPage } from "../../lib/core/list.ts";
import { parseFeed } from "../../lib/lists/feed.ts";
import { loadPatternEngine } from "../../lib/core/pattern.ts";
import { parsePage } from "../../lib/lists/page.ts";
import { generator } from "../config/fuzz.ts";

const engine = await loadPatternEngine();

const FIXTURES = new URL("../fixtures/lists/", import.meta.url);
const NAMES = ["nginx.html", "apache-table.html", "caddy.html", "s3.xml"]
  .concat(["rss.xml", "rdf.xml", "atom.xml", "feed.json"]);
const DOCUMENTS = await Promise.all(NAMES.map((name) => Deno.readFile(new URL(name, FIXTURES))));

/** Bytes with a meaning in a format. */
const PIECES = [
  ...["<", ">", "</", "/>", "&", "&#x", "&#55296;", ";", "=", "'", '"', "\\", "{", "}", "[", "]"],
  ...[
    "<!--",
    "-->",
    "<![CDATA[",
    "]]>",
    "<?xml encoding='utf-16'?>",
    "<!DOCTYPE a [",
    "\0",
    "\xff",
  ],
  ...[
    "<base href='//['>",
    "<a href='https://[::1'>",
    "<link rel=next href='x:'>",
    "<svg>",
    "<title>",
  ],
  ...[
    "<item>",
    "<entry>",
    "<Contents>",
    "<Key>",
    "xml:base='%'",
    "__proto__",
    "constructor",
    "null",
  ],
  ...[
    "http://a@b:c/",
    "9".repeat(30),
    "1e999",
    "-1",
    "%",
    "%e9",
    "../",
    "#",
    "?",
    "\ud800",
    "true",
  ],
];

/** A fixture with up to eight mutations. */
function mutated(seed: number): ListDocument {
  const random = generator(seed);
  const below = (limit: number) => Math.floor(random() * limit);
  let text = new TextDecoder("latin1").decode(DOCUMENTS[below(DOCUMENTS.length)]);
  for (let left = 1 + below(8); left > 0; left--) {
    const start = below(text.length + 1);
    const other = below(text.length + 1);
    const piece = PIECES[below(PIECES.length)] ?? "";
    const changes = [piece, piece, "", text.slice(other, other + below(200))];
    text = text.slice(0, start) + changes[below(changes.length)] +
      text.slice(start + below(random() < 0.2 ? 400 : 4));
  }
  const bytes = Uint8Array.from(text, (character) => character.charCodeAt(0));
  const contentType = [null, "text/html", "text/html; charset=utf-16"][below(3)] ?? null;
  return { bytes, url: "https://a.test/b/?c=d", contentType, link: null };
}

function isHttp(url: string): boolean {
  return /^https?:\/\/[^/]/.test(url) && !url.includes("#") && new URL(url).href === url;
}

/** Parses the documents of a range of seeds. Each is a list or throws `list.invalid`. */
function parseMutated(parse: (document: ListDocument) => ListPage, count: number): number {
  let valid = 0;
  for (let seed = 0; seed < count; seed++) {
    try {
      const { items, next } = parse(mutated(seed));
      for (const { url, name, sizeBytes, date } of items) {
        assert(isHttp(url) && name !== "", `seed ${seed}: ${url}`);
        assert(sizeBytes === null || Number.isSafeInteger(sizeBytes), `seed ${seed}`);
        assert(date === null || new Date(date).toISOString() === date, `seed ${seed}: ${date}`);
      }
      assertEquals(new Set(items.map(({ url }) => url)).size, items.length);
      assert(next === null || isHttp(next), `seed ${seed}: ${next}`);
      valid++;
    } catch (error) {
      const isExpected = error instanceof CronfetchError && error.code === "list.invalid";
      assert(isExpected && error.message.length < 500, `seed ${seed}: ${error}`);
    }
  }
  return valid;
}

Deno.test("parsePage: 2,000 mutated documents are lists or list.invalid", () => {
  const valid = parseMutated((document) => parsePage(document, { links: null }, engine), 2_000);
  assert(valid > 500 && valid < 1_500, `${valid} are valid`);
});

Deno.test("parseFeed: 2,000 mutated documents are lists or list.invalid", () => {
  const valid = parseMutated(parseFeed, 2_000);
  assert(valid > 100 && valid < 1_500, `${valid} are valid`);
});
