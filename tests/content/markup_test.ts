import { assertEquals } from "@std/assert";
import { isHtmlIn, isXml } from "../../lib/content/markup.ts";
import type { MarkupRule } from "../../lib/content/markup.ts";

const HTML: readonly (readonly [why: string, page: string])[] = [
  ["a doctype", "<!doctype html><title>Not Found</title>"],
  ["a doctype in capitals", "<!DOCTYPE HTML>"],
  ["an old doctype", '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" "x.dtd">'],
  ["html", "<html><body>"],
  ["html with attributes", '<HTML lang="en">'],
  ["head", "<head><title>"],
  ["body", "<Body bgcolor=white>"],
  ["white space first", "\r\n\t <html>"],
  ["a byte order mark first", "\ufeff<html>"],
  ["comments first", "<!-- a --><!-- <b> -->\n<html>"],
  ["an XML declaration first", '<?xml version="1.0"?>\n<!DOCTYPE html><html>'],
  ["an XML declaration and html", '<?xml version="1.0"?><!-- x --><html xmlns="x">'],
  ["cut after the name", "<html"],
  ["a division", '<div class="alert">Session expired</div>'],
  ["a script", "<script>location='/login'</script>"],
  ["a comment and a paragraph", "<!-- x -->\n<P>Not found"],
  ["a table", "<TABLE BORDER=0><TR><TD>Access denied"],
  ["a centred line", "<center><h1>403 Forbidden</h1></center>"],
  ["a meta element", "<meta http-equiv=refresh content=0>"],
  ["a title", "<title>Error</title>"],
  ["a warning of PHP", "<br />\n<b>Warning</b>: mysql_connect()"],
  ["an attribute after a tab", '<div\tclass="alert">Session expired</div>'],
  ["a text after a tab", "<p>\tSession expired"],
  ["a comma after the tag", "<b>, not found"],
  ["a heading", "<h1>It works!</h1>"],
  ["a form", '<form action="/login">'],
];

for (const [why, page] of HTML) {
  Deno.test(`row 34: isHtmlIn: a page, by ${why}`, () => {
    assertEquals(isHtmlIn(page.replace("\ufeff", ""), "text"), true);
  });
}

const NOT_HTML: readonly (readonly [why: string, text: string])[] = [
  ["nothing", ""],
  ["white space", " \n"],
  ["text", "html"],
  ["CSV that speaks of HTML", "name,markup\na,<html>\n"],
  ["text before the element", "Look: <html>"],
  ["a longer name", "<htmlx>"],
  ["another element", "<record/>"],
  ["another doctype", "<!DOCTYPE rss><rss/>"],
  ["an XML document of the root head", '<?xml version="1.0"?><head/>'],
  ["an XML document of the root body", '<?xml version="1.0"?><body/>'],
  ["an SVG image", '<svg xmlns="http://www.w3.org/2000/svg"/>'],
  ["a feed", '<rss version="2.0"><channel/>'],
  ["CSV with names in angle brackets", "<TITLE>,<DATE>\n"],
  ["a comment alone", "<!-- <html> -->"],
  ["a comment that is cut", "<!-- <html>"],
];

for (const [why, text] of NOT_HTML) {
  Deno.test(`isHtmlIn: no page, in ${why}`, () => {
    assertEquals(isHtmlIn(text, "text"), false);
  });
}

Deno.test("readMarkupStart skips 9,000 comments in linear time", () => {
  const text = "<!---->".repeat(9_000);
  assertEquals(isHtmlIn(text, "text"), false);
  assertEquals(isHtmlIn(`${text}<html>`, "text"), true);
});

const BY_RULE: readonly (readonly [text: string, refusing: readonly MarkupRule[]])[] = [
  ["<!doctype html>", ["text", "data", "xml", "markdown"]],
  ["<title>a</title>", ["text", "data", "xml", "markdown"]],
  ["<h1 align=center>Name</h1>", ["text", "data", "xml"]],
  ["<!-- x --><p>a", ["text", "data", "xml"]],
  ["<table><tr><td>a", ["text", "data", "xml"]],
  ['<table xmlns="urn:a"><row/>', ["text", "data"]],
  ['<?xml version="1.0"?><table><row/>', []],
  ['<?xml version="1.0"?><html xmlns="x">', ["text", "data", "xml", "markdown"]],
  ["<section><entry/>", ["text", "data"]],
  ["<rss/>", []],
];

Deno.test("isHtmlIn: pages always, fragments depending on the format", () => {
  for (const [text, refusing] of BY_RULE) {
    const rules = (["text", "data", "xml", "markdown"] as const).filter((rule) =>
      isHtmlIn(text, rule)
    );
    assertEquals(rules, [...refusing], text);
  }
});

const XML: readonly (readonly [text: string, isXml: boolean])[] = [
  ['<?xml version="1.0"?>', true],
  ["\n<!-- a -->\n<rss/>", true],
  ["<!DOCTYPE plist><plist/>", true],
  ["<!DOCTYPE html>", false],
  ["<div>a</div>", false],
  ["text", false],
  ["", false],
];

Deno.test("isXml: a declaration or an element that is not HTML", () => {
  for (const [text, expected] of XML) assertEquals(isXml(text), expected, text);
});
