import { assertEquals, assertThrows } from "@std/assert";
import { childText, escapeXmlText, parseXml } from "../../../lib/store/s3/xml.ts";

Deno.test("parseXml: elements, entities, CDATA, comments, prefixes, attributes", () => {
  const root = parseXml(
    '\ufeff<?xml version="1.0"?>\n<!-- a > b --><s3:A xmlns:s3="urn:x">\n' +
      "<B>1 &amp; &lt;&gt;&quot;&apos;&#65;&#x42;</B><C/><D a='1' />" +
      "<E><![CDATA[<raw> & ]]>tail</E><s3:F>x<!-- no -->y</s3:F></s3:A>\n",
  );
  assertEquals(root.name, "A");
  const children = root.children.map(({ name, text }) => [name, text]);
  assertEquals(children, [
    ["B", `1 & <>"'AB`],
    ["C", ""],
    ["D", ""],
    ["E", "<raw> & tail"],
    ["F", "xy"],
  ]);
  assertEquals([childText(root, "E"), childText(root, "G")], ["<raw> & tail", null]);
});

Deno.test("row 206: parseXml rejects what is not well-formed, and what could grow", () => {
  const table = [
    "",
    "text",
    "<a>",
    "<a></b>",
    "</a>",
    "<a/><b/>",
    "<a/>text",
    "<a>&unknown;</a>",
    "<a>& b</a>",
    "<a>&#x110000;</a>",
    "<a>&#xD800;</a>",
    "<a",
    "<a><!-- </a>",
    "<a><![CDATA[ </a>",
    "<1a/>",
    '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
    "<a>".repeat(17) + "</a>".repeat(17),
    `<a>${"<b/>".repeat(50_000)}</a>`,
  ];
  for (const document of table) {
    assertThrows(() => parseXml(document), SyntaxError, "", document.slice(0, 80));
  }
});

Deno.test("escapeXmlText is read back", () => {
  const text = `<a href="b">&amp;</a>`;
  assertEquals(parseXml(`<a>${escapeXmlText(text)}</a>`).text, text);
});
