import { assertEquals, assertThrows } from "@std/assert";
import { CronfetchError } from "../../lib/core/errors.ts";
import type { ListDocument, ListItem } from "../../lib/core/list.ts";
import { parseFeed } from "../../lib/lists/feed.ts";

const FEED_URL = "https://a.test/feed";

/** A document that is a text. */
function feedOf(text: string, change: Partial<ListDocument> = {}): ListDocument {
  const bytes = new TextEncoder().encode(text);
  return { bytes, url: FEED_URL, contentType: "application/xml", link: null, ...change };
}

/** A fixture as a document. */
async function fixture(name: string): Promise<ListDocument> {
  const path = new URL(`../fixtures/lists/${name}`, import.meta.url);
  return feedOf("", { bytes: await Deno.readFile(path) });
}

function item(url: string, name: string, change: Partial<ListItem>): ListItem {
  return { url, name, id: null, sizeBytes: null, digests: {}, date: null, fields: {}, ...change };
}

const FEEDS: readonly (readonly [name: string, next: string | null, items: ListItem[]])[] = [
  ["rss.xml", `${FEED_URL}?page=2`, [
    item("https://a.test/files/november.csv", "november.csv", {
      id: "report-11",
      sizeBytes: 1234,
      date: "2026-11-27T06:00:00.000Z",
      fields: {
        title: "November <final> & signed",
        entryId: "report-11",
        feedTitle: "Reports & data",
      },
    }),
    item("https://a.test/files/november.pdf", "november.pdf", {
      date: "2026-11-27T06:00:00.000Z",
      fields: {
        title: "November <final> & signed",
        entryId: "report-11",
        feedTitle: "Reports & data",
      },
    }),
    item("https://b.test/october.csv?a=1&b=2", "october.csv", {
      id: "https://a.test/2026/10",
      date: "2026-10-31T00:00:00.000Z",
      fields: { title: "October", entryId: "https://a.test/2026/10", feedTitle: "Reports & data" },
    }),
  ]],
  ["rdf.xml", null, [
    item("https://a.test/files/first.nc", "first.nc", {
      id: "https://a.test/1",
      date: "2026-11-27T06:00:00.000Z",
      fields: { title: "First", entryId: "https://a.test/1", feedTitle: "Measurements" },
    }),
    item("https://a.test/files/second.nc", "second.nc", {
      id: "https://a.test/2",
      fields: { title: "Second", entryId: "https://a.test/2", feedTitle: "Measurements" },
    }),
  ]],
  ["atom.xml", "https://a.test/base/page2.xml", [
    item("https://a.test/base/2026/november.csv", "november.csv", {
      id: "urn:11",
      sizeBytes: 1234,
      date: "2026-11-27T06:00:00.500Z",
      fields: { title: "November", entryId: "urn:11", feedTitle: "Reports" },
    }),
    item("https://a.test/base/october.csv", "october.csv", {
      id: "urn:10",
      date: "2026-10-31T00:00:00.000Z",
      fields: { title: "An example of RSS", entryId: "urn:10", feedTitle: "Reports" },
    }),
  ]],
  ["feed.json", "https://a.test/feed.json?page=2", [
    item("https://a.test/files/november.csv", "november.csv", {
      id: "11",
      sizeBytes: 1234,
      date: "2026-11-27T06:00:00.000Z",
      fields: { title: "November", entryId: "11", feedTitle: "Reports" },
    }),
    item("https://b.test/november.pdf", "november.pdf", {
      date: "2026-11-27T06:00:00.000Z",
      fields: { title: "November", entryId: "11", feedTitle: "Reports" },
    }),
  ]],
];

for (const [name, next, items] of FEEDS) {
  Deno.test(`parseFeed: ${name}`, async () => {
    assertEquals(parseFeed(await fixture(name)), { items, next });
  });

  Deno.test(`parseFeed: ${name} that ends at any byte is refused`, async () => {
    const document = await fixture(name);
    const text = new TextDecoder().decode(document.bytes).replace(/<!-- the end -->\n$/, "");
    const { length } = text.trim();
    for (let end = 0; end < length; end++) {
      const cut = { ...document, bytes: document.bytes.slice(0, end) };
      const error = assertThrows(() => parseFeed(cut), CronfetchError, undefined, `${end} bytes`);
      assertEquals(error.code, "list.invalid");
    }
  });
}

/** An RSS feed with a title. */
const rss = (items: string, attributes = ""): string =>
  `<rss version="2.0"><channel${attributes}><title>T</title>${items}</channel></rss>`;

/** An item of RSS. */
const entry = (content: string): string => `<item><title>a</title>${content}</item>`;

const URLS: readonly (readonly [why: string, text: string, urls: string[]])[] = [
  ["no entries", rss(""), []],
  ["the links of entries, if none has an enclosure", rss(entry("<link>/b</link>")), [
    "https://a.test/b",
  ]],
  ["a guid that is a link", rss(entry("<guid>https://a.test/c</guid>")), ["https://a.test/c"]],
  [
    "no guid that is no link",
    rss(entry('<guid isPermaLink="false">https://a.test/c</guid>') + entry("<guid>urn:c</guid>")),
    [],
  ],
  ["the base of the channel", rss(entry("<link>b</link>"), ' xml:base="/c/?d=1&amp;e=2"'), [
    "https://a.test/c/b",
  ]],
  ["a base that is no URL", rss(entry("<link>b</link>"), ' xml:base="mailto:c"'), [
    "https://a.test/b",
  ]],
  ["one item per URL", rss(entry("<link>/b</link>") + entry("<link>/b#c</link>")), [
    "https://a.test/b",
  ]],
  ["http and https only", rss(entry("<link>mailto:b@a.test</link>") + entry("<link> </link>")), []],
  ["a document type", `<!DOCTYPE rss>${rss(entry("<link>/b</link>"))}`, ["https://a.test/b"]],
  ["an ampersand that is not escaped", rss(entry("<link>/b?c&d</link>")), [
    "https://a.test/b?c&d",
  ]],
  [
    "a script in a feed",
    rss(`${entry("<link>/b</link>")}<description>
    <![CDATA[<script>]]></description>`),
    ["https://a.test/b"],
  ],
  ["capitals", rss(entry("<link>/b</link>")).replaceAll("rss", "RSS"), ["https://a.test/b"]],
  [
    "no entities of the document",
    `<!DOCTYPE rss [<!ENTITY b "/c">]>${rss(entry("<link>&b;</link>"))}`,
    ["https://a.test/&b;"],
  ],
];

for (const [why, text, urls] of URLS) {
  Deno.test(`parseFeed: ${why}`, () => {
    assertEquals(parseFeed(feedOf(text)).items.map(({ url }) => url), urls);
  });
}

const DATES: readonly (readonly [text: string, date: string | null])[] = [
  ["Wed, 02 Oct 2002 08:00:00 EST", "2002-10-02T13:00:00.000Z"],
  ["Wed, 2 Oct 02 8:00 GMT", "2002-10-02T08:00:00.000Z"],
  ["2 October 2002 08:00:00 -0330", "2002-10-02T11:30:00.000Z"],
  ["Wed, 02 Oct 98 08:00 PDT", "1998-10-02T15:00:00.000Z"],
  ["Wed, 02 Oct 2002 08:00:00 X", "2002-10-02T08:00:00.000Z"],
  ["2026-11-27T06:00:00Z", "2026-11-27T06:00:00.000Z"],
  ["2026-11-27 06:00", "2026-11-27T06:00:00.000Z"],
  ["Wed, 31 Feb 2026 08:00:00 GMT", null],
  ["Wed, 02 Foo 2002 08:00:00 GMT", null],
  ["Wed, 02 Oct 2002 25:00:00 GMT", null],
  ["yesterday", null],
];

for (const [text, date] of DATES) {
  Deno.test(`parseFeed: the date ${text}`, () => {
    const feed = feedOf(rss(entry(`<link>/b</link><pubDate>${text}</pubDate>`)));
    assertEquals(parseFeed(feed).items.map(({ date }) => date), [date]);
  });
}

Deno.test("parseFeed: the Link header is preferred to the link of the feed", async () => {
  const document = { ...await fixture("rss.xml"), link: "</feed/2>; rel=next" };
  assertEquals(parseFeed(document).next, "https://a.test/feed/2");
});

Deno.test("parseFeed: of two entries with one URL, the first one counts", () => {
  const entries = ["b", "c"].map((id) => entry(`<link>/d</link><guid>${id}</guid>`)).join("");
  assertEquals(parseFeed(feedOf(rss(entries))).items.map(({ id }) => id), ["b"]);
});

Deno.test("parseFeed: fields have at most 200 characters, and a longer id is dropped", () => {
  const long = "a".repeat(201);
  const [item] = parseFeed(feedOf(rss(`<item><title>${long}</title><link>/b</link>
    <guid isPermaLink="false">${long}</guid></item>`))).items;
  assertEquals([item?.id, item?.fields.title, item?.fields.entryId], [
    null,
    long.slice(1),
    long.slice(1),
  ]);
});

const INVALID: readonly (readonly [why: string, text: string, message: string])[] = [
  ["an empty document", " ", "the feed is an empty document, not RSS, Atom or JSON Feed"],
  [
    "HTML",
    "<html><title>Index</title><rss></html>",
    "the feed is HTML, not RSS, Atom or JSON Feed",
  ],
  ["a login page", "<!doctype html>", "the feed is HTML, not RSS, Atom or JSON Feed"],
  ["other XML", "<sitemap></sitemap>", "the feed is XML, not RSS, Atom or JSON Feed"],
  ["text", "rss", "the feed is text, not RSS, Atom or JSON Feed"],
  ["a JSON error", '{"error": "x"}', "the feed is a JSON error object, not RSS, Atom or JSON Feed"],
  ["other JSON", '{"a": []}', "the JSON cannot be parsed as a feed: Invalid feed format"],
  ["a cut feed", rss("").slice(0, -1), "the feed is cut off: its last end tag is missing"],
  ["a cut comment", `${rss("")}<!-- a`, "the feed is cut off: its last end tag is missing"],
  [
    "an element that does not end",
    rss("<item><link>/b</item>"),
    "the XML cannot be parsed as a feed: Unexpected end of link",
  ],
  [
    "a deep document",
    rss("<a>".repeat(100_000)),
    "the XML cannot be parsed as a feed: Maximum nested tags exceeded",
  ],
];

for (const [why, text, message] of INVALID) {
  Deno.test(`parseFeed: list.invalid: ${why}`, () => {
    const error = assertThrows(() => parseFeed(feedOf(text)), CronfetchError);
    assertEquals([error.code, error.message], ["list.invalid", message]);
  });
}

Deno.test("parseFeed: list.invalid: larger than 16 MiB", () => {
  const feed = feedOf(`${rss("")}${" ".repeat(16 * 2 ** 20)}`);
  const error = assertThrows(() => parseFeed(feed), CronfetchError);
  assertEquals([error.code, error.message], ["list.invalid", "the feed is larger than 16 MiB"]);
});
