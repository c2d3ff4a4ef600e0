import { assertEquals, assertThrows } from "@std/assert";
import { CronfetchError } from "../../lib/core/errors.ts";
import type { ListDocument } from "../../lib/core/list.ts";
import { loadPatternEngine } from "../../lib/core/pattern.ts";
import { parsePage } from "../../lib/lists/page.ts";
import { INDEX_KINDS, indexItems, indexPage } from "./index_pages.ts";

const engine = await loadPatternEngine();

const URL_OF_PAGE = "https://a.test/data/";

for (const kind of INDEX_KINDS) {
  Deno.test(`parsePage: an index page: ${kind}`, async () => {
    const url = kind === "s3" ? "https://a.test/?prefix=data/" : URL_OF_PAGE;
    const { items, next } = parsePage(await indexPage(kind, url), { links: null }, engine);
    assertEquals(items, indexItems(kind, URL_OF_PAGE));
    const token = "https://a.test/?prefix=data%2F&continuation-token=1%2Fa%2Bb%3D";
    assertEquals(next, kind === "s3" ? token : null);
  });
}

/** A page in HTML. */
function pageOf(text: string, change: Partial<ListDocument> = {}): ListDocument {
  const bytes = new TextEncoder().encode(text);
  return {
    bytes,
    url: `${URL_OF_PAGE}index.html`,
    contentType: "text/html",
    link: null,
    ...change,
  };
}

/** URLs of the items of a page. */
function urlsIn(document: ListDocument, links: string | null = null): string[] {
  return parsePage(document, { links }, engine).items.map(({ url }) => url);
}

const LINKS: readonly (readonly [why: string, page: string, urls: string[]])[] = [
  ["relative and absolute ones", '<a href="b.csv"><a href=/c.csv><A HREF=https://b.test/d>', [
    "https://a.test/data/b.csv",
    "https://a.test/c.csv",
    "https://b.test/d",
  ]],
  ["white space, entities and raw characters", '<a href="\n b c.csv?d=1&amp;e=é ">', [
    "https://a.test/data/b%20c.csv?d=1&e=%C3%A9",
  ]],
  ["one per URL, without fragments", '<a href="b#1"><a href="b#2"><a href="./b">', [
    "https://a.test/data/b",
  ]],
  ["of an image map", '<map><area href="b.csv"></map>', ["https://a.test/data/b.csv"]],
  ["within noscript", '<noscript><a href="b.csv"></noscript>', ["https://a.test/data/b.csv"]],
  ["after an icon", '<p><svg><title>a</title><style>a</style></svg><a href="b.csv">', [
    "https://a.test/data/b.csv",
  ]],
  [
    "relative to the first base with a reference, wherever it is",
    '<a href="c.csv"><base target="x"><base href="../b/"><base href="/no/">',
    ["https://a.test/b/c.csv"],
  ],
  ["with a base that is no URL", '<base href="data:x"><a href="c.csv">', [
    "https://a.test/data/c.csv",
  ]],
  ["the first href of several", '<a href="b.csv" href="c.csv">', ["https://a.test/data/b.csv"]],
  ["none of other schemes", '<a href="mailto:a@b"><a href="javascript:x"><a href="ftp://b/c">', []],
  ["none of folders", '<a href="../">..</a><a href="/">/</a><a href="b/">', []],
  ["a download below a folder", '<a href="b/?file=1">', ["https://a.test/data/b/?file=1"]],
  ["none of the page itself", '<a href=""><a href="#b"><a href="index.html"><a name="b">', []],
  [
    "none of the page in another order",
    '<a href="?C=M;O=A"><a href="?C=N&amp;O=D"><a href="?sort=name&amp;order=asc">',
    [],
  ],
  ["other queries of the page", '<a href="?C=M;b=1">', ["https://a.test/data/index.html?C=M;b=1"]],
  [
    "none in a style after an image that has no end",
    "<svg/><style><a href=1></style><svg><p><style><a href=2></style>",
    [],
  ],
  ["none without a reference", "<a><a name=b>", []],
  [
    "none in comments, scripts, styles and templates",
    '<a href="/"><!-- <a href=1> -->' +
    "<script>'<a href=2>'</script><style><a href=3></style><template><a href=4></template>" +
    "<textarea><a href=5></textarea><title><a href=6></title>",
    [],
  ],
];

for (const [why, page, urls] of LINKS) {
  Deno.test(`parsePage: links: ${why}`, () => {
    assertEquals(urlsIn(pageOf(`<!doctype html><a href="/">home</a>${page}`)), urls);
  });
}

Deno.test("parsePage: a pattern is searched in the URL, and in the link as written", () => {
  const page = pageOf('<html><a href="b/c.csv"><a href="d.csv"><a href="e.txt">');
  assertEquals(urlsIn(page, "\\.csv$"), [
    "https://a.test/data/b/c.csv",
    "https://a.test/data/d.csv",
  ]);
  assertEquals(urlsIn(page, "^[^/]+$"), ["https://a.test/data/d.csv", "https://a.test/data/e.txt"]);
  assertEquals(urlsIn(page, "^https://a\\.test/data/b/"), ["https://a.test/data/b/c.csv"]);
  assertEquals(urlsIn(page, "none"), []);
});

Deno.test("parsePage: the name is that of the download attribute, or in the URL", () => {
  const page = pageOf('<html><a href="1?f=x" download="b c.csv"><a href="d%20e.csv" download>');
  const { items } = parsePage(page, { links: null }, engine);
  assertEquals(items.map(({ name }) => name), ["b c.csv", "d e.csv"]);
});

Deno.test("parsePage: dates and sizes are read from the rows of index pages only", () => {
  const rows =
    '<pre><a href="b">b</a> 2026-11-27 06:00  12\n<a href="c">c</a> 30-Feb-2026 06:00 9' +
    '\n<a href="d">d</a> 2026-11-27 06:00 1.2K\n<a href="e">e</a>\n<a href="f">f</a> 5</pre>';
  const read = (title: string) =>
    parsePage(pageOf(`<html><title>${title}</title>${rows}${after}`), { links: null }, engine).items
      .map(({ date, sizeBytes }) => [date, sizeBytes]);
  const none = [null, null];
  const after = '<a href="g">g</a><style>x</style> 2026-11-27 06:00 7<hr>' +
    '<a href="h">h</a><hr>2026-11-27 06:00 8<p><a href="g">again</a>';
  const date = "2026-11-27T06:00:00.000Z";
  assertEquals(read("Index of /"), [
    [date, 12],
    [null, 9],
    [date, null],
    none,
    none,
    [date, 7],
    none,
  ]);
  assertEquals(read("Scores"), Array(7).fill(none));
});

const NEXT: readonly (readonly [why: string, link: string | null, page: string, string | null])[] =
  [
    ["none", null, "", null],
    ["the Link header", "<?p=2>; rel=next", '<link rel=next href="?p=3">', "?p=2"],
    ["a link element", null, '<a rel=next href="?p=3"><link rel="NEXT" href="?p=2">', "?p=2"],
    [
      "an anchor, relative to the base",
      null,
      '<base href="/b"><a rel="nofollow next" href="?p=2">',
      "",
    ],
    ["a disabled one", null, '<a rel=next href="#"><a rel=next href="javascript:void(0)">', null],
  ];

for (const [why, link, text, next] of NEXT) {
  Deno.test(`parsePage: the next page: ${why}`, () => {
    const page = parsePage(pageOf(`<html><a href=b>${text}`, { link }), { links: null }, engine);
    const expected = next === ""
      ? "https://a.test/b?p=2"
      : next && `${URL_OF_PAGE}index.html${next}`;
    assertEquals([page.next, page.items.length], [expected, 1]);
  });
}

const CHARSETS: readonly (readonly [why: string, contentType: string, head: string])[] = [
  ["of the Content-Type", "text/html; charset=ISO-8859-1", ""],
  ["of a meta element", "text/html", "<meta charset=latin1>"],
  [
    "of a meta element in its older form",
    "text/html",
    '<meta http-equiv=content-type content="text/html; charset=iso-8859-1">',
  ],
  ["of an XML declaration", "text/html", "<?xml version='1.0' encoding='iso-8859-1'?>"],
  ["that is declared wrongly", "text/html; charset=utf-8", "<meta charset=x-none>"],
];

for (const [why, contentType, head] of CHARSETS) {
  Deno.test(`parsePage: the charset ${why}`, () => {
    const text = `${head}<html><a href="caf\u00e9">`;
    const bytes = Uint8Array.from(text, (character) => character.charCodeAt(0));
    assertEquals(urlsIn(pageOf("", { bytes, contentType })), ["https://a.test/data/caf%C3%A9"]);
  });
}

const EMPTY: readonly (readonly [why: string, page: string])[] = [
  ["nginx", '<html><head><title>Index of /</title></head><body><pre><a href="../">../</a></pre>'],
  ["Apache, in the root", "<html><title>Index of /</title><h1>Index of /</h1><ul></ul>"],
  ["Python, in the root", "<!DOCTYPE HTML><title>Directory listing for /</title><ul></ul>"],
  ["other links", '<html><title>Reports</title><a href="/">home</a> no reports'],
];

for (const [why, page] of EMPTY) {
  Deno.test(`parsePage: a page without items: ${why}`, () =>
    assertEquals(urlsIn(pageOf(page)), []));
}

const INVALID: readonly (readonly [why: string, body: string | Uint8Array, message: string])[] = [
  ["empty", "", "the page is an empty document, not HTML"],
  ["blank", " \r\n", "the page is an empty document, not HTML"],
  ["JSON", '{"files": ["<a href=b>"]}', "the page is JSON, not HTML"],
  ["a JSON error", '{"error": "not found"}', "the page is a JSON error object, not HTML"],
  ["PDF", "%PDF-1.7\n<a href=b>", "the page is PDF data, not HTML"],
  ["gzip", Uint8Array.of(0x1f, 0x8b, 8, 0, 0), "the page is gzip data, not HTML"],
  ["binary data", Uint8Array.of(1, 0, 2), "the page is binary data, not HTML"],
  ["text", "Service unavailable", "the page is text, not HTML"],
  ["XML", "<?xml version='1.0'?><a/>", "the page is XML, not HTML"],
  [
    "an error of S3",
    "<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>",
    "the page is an XML error document (AccessDenied), not HTML",
  ],
  [
    "an error page",
    '<html><title>404 Not Found</title><a href="/">home</a>',
    'the page has the title "404 Not Found" and no link to a file',
  ],
  [
    "a login page without a title",
    '<html><h1> Sign in </h1><a href="/">home</a>',
    'the page has the title "Sign in" and no link to a file',
  ],
  [
    "a page of a script",
    "<html><div id=app></div><script src=a.js></script>",
    "the page has no links",
  ],
  [
    "a listing of S3 that is cut off",
    "<ListBucketResult><IsTruncated>false</IsTruncated>",
    "the listing of the bucket is malformed: the document ends too early",
  ],
  [
    "a listing of S3 without keys",
    "<ListBucketResult><Contents><Size>1</Size></Contents></ListBucketResult>",
    "an object in the listing of the bucket has no <Key>",
  ],
  [
    "a listing of S3 without its next page",
    "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>",
    "the listing of the bucket is truncated, and does not name the next page",
  ],
  [
    "too many links",
    `<html>${"<a href=b>".repeat(200_001)}`,
    "the list has more than 200,000 items",
  ],
];

for (const [why, body, message] of INVALID) {
  Deno.test(`parsePage: list.invalid: ${why}`, () => {
    const document = typeof body === "string" ? pageOf(body) : pageOf("", { bytes: body });
    const error = assertThrows(() => parsePage(document, { links: null }, engine), CronfetchError);
    assertEquals([error.code, error.message], ["list.invalid", message]);
  });
}

Deno.test("parsePage: list.invalid: larger than 64 MiB", () => {
  const page = pageOf("", { bytes: new Uint8Array(64 * 2 ** 20 + 1) });
  const error = assertThrows(() => parsePage(page, { links: null }, engine), CronfetchError);
  assertEquals([error.code, error.message], ["list.invalid", "the list is larger than 64 MiB"]);
});

Deno.test("parsePage: an error page with matching links is a list", () => {
  const page = pageOf('<html><title>Error codes</title><a href="b.csv">');
  assertEquals(urlsIn(page, "csv"), ["https://a.test/data/b.csv"]);
});

Deno.test("parsePage: a page may begin with text if it is sent as HTML", () => {
  assertEquals(urlsIn(pageOf("Files: <a href=b.csv>")), ["https://a.test/data/b.csv"]);
});

Deno.test("parsePage: any depth, and any number of attributes", () => {
  const end = "<a href=b.csv>";
  const attributes = Array.from({ length: 50_000 }, (_, index) => `a${index}=1`).join(" ");
  for (const text of ["<div>".repeat(400_000), "<svg>".repeat(200_000), `<p ${attributes}>`]) {
    assertEquals(urlsIn(pageOf(`<html>${text}${end}`)), ["https://a.test/data/b.csv"]);
  }
});
