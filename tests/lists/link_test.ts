import { assertEquals, assertThrows } from "@std/assert";
import { CronfetchError } from "../../lib/core/errors.ts";
import { absoluteUrl, fileNameOf, linkTarget, nextUrl } from "../../lib/lists/link.ts";

const HEADERS: readonly (readonly [why: string, header: string | null, target: string | null])[] = [
  ["no header", null, null],
  ["an empty header", "", null],
  ["one link", '<https://a.test/2>; rel="next"', "https://a.test/2"],
  ["without quotes", "</2>;rel=next", "/2"],
  ["white space", ' \t< /2 > ;\trel = "next" ', "/2"],
  ["other relations first", '</0>; rel="first", </1>; rel=prev, </3>; rel="next"', "/3"],
  ["of several, the first one", "</2>; rel=next, </3>; rel=next", "/2"],
  ["several relations of a link", '</2>; rel="last next"', "/2"],
  ["capitals", '</2>; REL="NEXT"', "/2"],
  ["other parameters first", '</2>; title="a, b; rel=prev"; type=text/html; rel=next', "/2"],
  ["escaped quotes", String.raw`</1>; title="a\"<x>; rel=next"; rel=prev, </2>; rel=next`, "/2"],
  ["a comma and a semicolon in the URL", "</a,b;c>; rel=next", "/a,b;c"],
  ["an empty reference", "<>; rel=next", ""],
  ["a parameter without a value", "</2>; crossorigin; rel=next", "/2"],
  ["empty parameters", "</2>; ; rel=next;", "/2"],
  ["a missing end quote", '</2>; rel="next', "/2"],
  ["the first of two values", "</2>; rel=prev; rel=next", null],
  ["the link of another document", '</2>; rel=next; anchor="/other"', null],
  ["a longer name", '</2>; rel="next-archive"', null],
  ["another parameter", "</2>; rev=next", null],
  ["no reference", "rel=next", null],
  ["an unclosed reference", "</2; rel=next", null],
  ["an error before the link", "nonsense, </2>; rel=next", "/2"],
  ["an error in a link", "</1>; =; rel=prev, </2>; rel=next", "/2"],
];

for (const [why, header, target] of HEADERS) {
  Deno.test(`linkTarget: ${why}`, () => assertEquals(linkTarget(header, "next"), target));
}

const BASE = "https://a.test/b/c?d#e";

const REFERENCES: readonly (readonly [reference: string, url: string | null])[] = [
  ["f.csv", "https://a.test/b/f.csv"],
  [" \n/f g.csv\t", "https://a.test/f%20g.csv"],
  ["../../../f#g", "https://a.test/f"],
  ["?page=2", "https://a.test/b/c?page=2"],
  ["//B.test:443/f", "https://b.test/f"],
  ["http://b.test", "http://b.test/"],
  ["", "https://a.test/b/c?d"],
  ["ftp://a.test/f", null],
  ["javascript:void(0)", null],
  ["data:text/csv,a", null],
  ["https://", null],
  ["https://a b/", null],
];

for (const [reference, url] of REFERENCES) {
  Deno.test(`absoluteUrl: ${JSON.stringify(reference)}`, () => {
    assertEquals(absoluteUrl(reference, BASE), url);
  });
}

Deno.test("absoluteUrl: does not inherit the password of the base", () => {
  const base = "https://a:b@a.test/c";
  assertEquals(absoluteUrl("d", base), "https://a.test/d");
  assertEquals(absoluteUrl("https://e:f@b.test/d", base), "https://e:f@b.test/d");
});

Deno.test("nextUrl: refuses what is no URL, since the list would seem to end", () => {
  assertEquals(nextUrl("?page=2", BASE), "https://a.test/b/c?page=2");
  const error = assertThrows(() => nextUrl("javascript:next()", BASE), CronfetchError);
  assertEquals([error.code, error.message], [
    "list.invalid",
    'the link to the next page is "javascript:next()", which is no URL',
  ]);
});

const NAMES: readonly (readonly [url: string, name: string])[] = [
  ["https://a.test/b/c.csv?d=e.txt", "c.csv"],
  ["https://a.test/caf%C3%A9%20%231.csv", "café #1.csv"],
  ["https://a.test/a%2Fb.csv", "a/b.csv"],
  ["https://a.test/caf%E9.csv", "caf%E9.csv"],
  ["https://a.test/100%.csv", "100%.csv"],
  ["https://a.test/b/", ""],
  ["https://a.test", ""],
];

for (const [url, name] of NAMES) {
  Deno.test(`fileNameOf: ${url}`, () => assertEquals(fileNameOf(url), name));
}
