import { assertEquals } from "@std/assert";
import fc from "fast-check";
import type { TextKind } from "../../lib/content/content_type.ts";
import { decodeText, isJson, textFault } from "../../lib/content/text_content.ts";

const encode = (text: string) => new TextEncoder().encode(text);

/** UTF-16 with its byte order mark. */
function utf16(text: string, littleEndian: boolean): Uint8Array {
  const view = new DataView(new ArrayBuffer(2 * text.length + 2));
  [...`\ufeff${text}`].forEach((character, index) =>
    view.setUint16(2 * index, character.charCodeAt(0), littleEndian)
  );
  return new Uint8Array(view.buffer);
}

const FAULTS: readonly (readonly [
  kind: TextKind,
  why: string,
  text: string,
  whole: boolean,
  fault: string | null,
])[] = [
  ["csv", "one line", "a,b\n", true, null],
  ["csv", "lines of as many fields", "a,b\r\n1,2\r\n3,4\r\n", true, null],
  ["csv", "one column", "a\n1\n2\n", true, null],
  ["csv", "nothing", "", true, null],
  ["csv", "a delimiter in quotes", 'a,b\n"1,5",2\n"x ""y"", z",3\n', true, null],
  ["csv", "a line end in quotes", 'a,b\n"1\n,,",2\n', true, null],
  ["csv", "quotes side by side", 'a,b,c\n"","",""\n"1","2","3"\n', true, null],
  ["csv", "a quote within a field", 'a,b\n5",2\n', true, null],
  ["csv", "semicolons", "a;b\n1,5;2\n", true, null],
  ["csv", "tabs", "a\tb\n1,5\t2\n", true, null],
  ["csv", "bars", "a|b\n1,5|2\n", true, null],
  ["csv", "comments and empty lines", "# a, b, c\n\na,b\n1,2\n", true, null],
  ["csv", "a last line that is cut", "a,b\n1,2\n3", false, null],
  ["csv", "a quoted field that is cut", 'a,b\n1,2\n3,"4,5,6\n7,8,9', false, null],
  ["csv", "a long file's later lines", `${"a,b\n".repeat(10)}1,2,3\n`, true, null],
  ["csv", "a last line too short", "a,b\n1,2\n3", true, "lines of 2 and of 1 fields"],
  ["csv", "prose", "Sorry, no.\nTry again\n", true, "lines of 2 and of 1 fields"],
  ["csv", "fields too many", "a,b\n1,2,3\n", true, "lines of 2 and of 3 fields"],
  ["csv", "HTML", "<html>\n<body>\n", true, "HTML"],
  ["csv", "JSON", '{"error":"not found"}\n', true, "JSON"],
  ["csv", "the beginning of JSON", '[\n{"a":1},\n', false, "JSON"],
  ["csv", "a line in brackets", "[a],b\n1,2\n", true, null],
  ["csv", "title lines", "Rates\nof 2026, in EUR\n\nday,rate\n1,2\n3,4\n", true, null],
  ["csv", "title lines as wide as the table", "Rates, daily\nday,rate\n1,2\n", true, null],
  ["csv", "a title above semicolons", "Rates, in EUR\nday;rate\n1,5;2\n", true, null],
  ["csv", "a title above tabs", "Rates\n\nday\trate\n1\t2\n", true, null],
  ["csv", "a title above bars", '"Rates"\nday|rate\n1|2\n', true, null],
  ["csv", "the separator of Excel", "sep=;\na;b;c\n1;2;3\n", true, null],
  ["csv", "a line end in quotes after blanks", 'a, b\n1, "2\n3, 4, 5"\n', true, null],
  ["csv", "one total below many lines", `${"a,b\n".repeat(20)}total\n`, true, null],
  ["csv", "names in angle brackets", "<DATE>,<TITLE>\n1,2\n", true, null],
  ["csv", "a title in angle brackets", "<TITLE>;<DATE>\n1;2\n", true, null],
  [
    "csv",
    "a title without a table",
    "Dear user,\nplease log in, or pay, now\n",
    true,
    "lines of 2 and of 3 fields",
  ],
  ["csv", "a piece of HTML", "<div>a,b</div>\n", true, "HTML"],
  ["csv", "NUL", "a,b\0\n", true, "binary data"],
  ["json", "an object", ' {"a": [1, null]}\n', true, null],
  ["json", "a string", '"a"', true, null],
  ["json", "a number", "-1.5e3", true, null],
  ["json", "a beginning of an object", '{ "a": [1, nu', false, null],
  ["json", "a beginning of an array", "[\n  1, 2", false, null],
  ["json", "a beginning of an array of arrays", "[[1", false, null],
  ["json", "an object that is cut", '{"a": [1, nu', true, "invalid JSON"],
  ["json", "nothing", "", true, "invalid JSON"],
  ["json", "a comma too many", "[1,]", true, "invalid JSON"],
  ["json", "JSON lines", '{"a":1}\n{"a":2}\n', true, "invalid JSON"],
  ["json", "a beginning of CSV", "2024-01-01,1\n", false, "text that is not JSON"],
  ["json", "a beginning of a script", "{ a: 1", false, "text that is not JSON"],
  ["json", "HTML", "<!doctype html>", true, "HTML"],
  ["xml", "a declaration", '<?xml version="1.0"?>', true, null],
  ["xml", "an element", "<rss version='2.0'/>", true, null],
  ["xml", "an element with a prefix", "<soap:Envelope>", true, null],
  ["xml", "a doctype", '\n<!DOCTYPE rss [<!ENTITY a "b">]><rss/>', true, null],
  ["xml", "a comment first", "<!-- x --><a/>", true, null],
  ["xml", "text", "a <b>c</b>", true, "text that is not XML"],
  ["xml", "less than", "< 5", true, "text that is not XML"],
  ["xml", "HTML", "<!doctype html><html>", true, "HTML"],
  ["xml", "XHTML", '<?xml version="1.0"?><html>', true, "HTML"],
  ["html", "a page", "<!doctype html>", true, null],
  ["html", "XHTML", '<?xml version="1.0"?><html>', true, null],
  ["html", "a piece", "<!-- x --><p>a", true, null],
  ["html", "XML", '<?xml version="1.0"?><rss/>', true, "text that is not HTML"],
  ["html", "text", "Not found", true, "text that is not HTML"],
  ["html", "NUL", "<html>\0", true, "binary data"],
  ["plain", "text", "a\tb\n", true, null],
  ["plain", "markup", "<p>", true, null],
  ["plain", "HTML", "<html>", true, "HTML"],
  ["plain", "NUL", "a\0", true, "binary data"],
  ["any", "HTML", "<html>", true, null],
  ["any", "NUL", "a\0", true, "binary data"],
];

for (const [kind, why, text, whole, fault] of FAULTS) {
  Deno.test(`textFault: ${kind}, ${why}: ${fault}`, () => {
    assertEquals(textFault(kind, text, whole), fault);
  });
}

Deno.test("property: textFault accepts generated CSV", () => {
  const field = fc.string({ unit: fc.constantFrom(...'ab,;\t|"\r\n ') });
  const table = fc.integer({ min: 2, max: 5 }).chain((columns) =>
    fc.array(fc.array(field, { minLength: columns, maxLength: columns }), { maxLength: 12 })
  );
  const quoted = (value: string) => `"${value.replaceAll('"', '""')}"`;
  fc.assert(fc.property(table, fc.constantFrom(",", ";", "\t", "|"), (rows, delimiter) => {
    const text = rows.map((row) => `${row.map(quoted).join(delimiter)}\r\n`).join("");
    assertEquals(textFault("csv", text, true), null);
    assertEquals(textFault("csv", text.slice(0, text.length / 2), false), null);
  }));
});

Deno.test("decodeText: by byte order mark, else UTF-8", () => {
  assertEquals(decodeText(encode("\ufeffä,b")), "ä,b");
  assertEquals(decodeText(utf16("ä,b", true)), "ä,b");
  assertEquals(decodeText(utf16("ä,b", false)), "ä,b");
  assertEquals(decodeText(Uint8Array.of(0x61, 0xe4, 0x62)), "a\ufffdb");
});

const JSON_TEXTS: readonly (readonly [why: string, bytes: Uint8Array, good: boolean])[] = [
  ["an object", encode('{"a":"ä"}'), true],
  ["a byte order mark", encode('\ufeff{"a":1}'), true],
  ["a number", encode("1\n"), true],
  ["nothing", encode(""), false],
  ["half an object", encode('{"a":1'), false],
  ["two objects", encode('{"a":1}{"a":2}'), false],
  ["bytes that are no UTF-8", Uint8Array.of(0x22, 0xe4, 0x22), false],
];

for (const [why, bytes, good] of JSON_TEXTS) {
  Deno.test(`isJson: ${why}: ${good}`, () => {
    assertEquals(isJson(bytes), good);
  });
}
