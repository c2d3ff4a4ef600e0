import { assert, assertEquals, assertLess } from "@std/assert";
import fc from "fast-check";
import { serverName } from "../../lib/download/filename.ts";

const URL_OF_FILE = "https://example.org/files/from-url.pdf";

/** The value of a header as in `Headers`: one character per byte. */
function received(text: string): string {
  return String.fromCharCode(...new TextEncoder().encode(text));
}

const HEADERS: readonly (readonly [why: string, header: string | null, name: string | null])[] = [
  ["no header", null, "from-url.pdf"],
  ["an empty header", "", "from-url.pdf"],
  ["no name in it", "attachment", "from-url.pdf"],
  ["an empty name", 'attachment; filename=""', "from-url.pdf"],
  ["a token", "attachment; filename=report.csv", "report.csv"],
  ["inline has a name as well", "inline; filename=report.csv", "report.csv"],
  ["the parameter in capitals", "attachment; FILENAME=report.csv", "report.csv"],
  ["a quoted name", 'attachment; filename="a report.csv"', "a report.csv"],
  ["a name without quotes but with a space", "attachment; filename=a report.csv", "a report.csv"],
  ["the first of two", "attachment; filename=a.csv; filename=b.csv", "a.csv"],
  ["row 147: a quote that is not closed", 'attachment; filename="report.csv', "report.csv"],
  ["row 147: a quote that is not opened", 'attachment; filename=report.csv"', "report.csv"],
  ["row 147: a quote that is not opened, another parameter", 'a; filename=x.csv"; size=1', "x.csv"],
  ["row 147: no type", "filename=x.csv", "x.csv"],
  ["row 147: no type, a quoted name", 'filename="a b.csv"', "a b.csv"],
  ["row 147: no type, filename*", "filename*=UTF-8''%e2%82%ac.csv", "€.csv"],
  ["row 147: no type, blanks", "  FileName = x.csv", "x.csv"],
  ["row 147: a blank instead of a semicolon", "attachment filename=x.csv", "x.csv"],
  ["row 147: a colon instead of a semicolon", "attachment: filename=x.csv", "x.csv"],
  ["row 147: a comma instead of a semicolon", 'inline, filename="x.csv"', "x.csv"],
  ["row 147: a semicolon before everything", "; filename=x.csv", "x.csv"],
  ["row 147: a semicolon behind everything", "attachment; filename=x.csv;", "x.csv"],
  ["row 147: two semicolons", "attachment;; filename=x.csv ; ;", "x.csv"],
  ["row 147: the whole header in quotes", '"attachment; filename=x.csv"', "x.csv"],
  ["row 147: no quotes but blanks", "attachment; filename=my new report.csv ", "my new report.csv"],
  ["row 147: single quotes", "attachment; filename='a b.csv'", "a b.csv"],
  ["row 147: a single quote in a name", "attachment; filename=it's.csv", "it's.csv"],
  ["row 147: percent-encoded", "attachment; filename=na%C3%AFve%20x.csv", "naïve x.csv"],
  ["row 147: percent-encoded in quotes", 'attachment; filename="%e2%82%ac.csv"', "€.csv"],
  ["row 147: a percent sign", "attachment; filename=100%.csv", "100%.csv"],
  ["row 147: percent signs that are no UTF-8", "attachment; filename=a%ff.csv", "a%ff.csv"],
  ["row 147: filename* without a charset", "attachment; filename*=x%20y.csv", "x y.csv"],
  ["row 147: filename* in quotes", `attachment; filename*="UTF-8''x%20y.csv"`, "x y.csv"],
  ["row 147: filename* with one quote", "attachment; filename*=UTF-8'x.csv", "x.csv"],
  ["row 147: filename* in utf8", "attachment; filename*=utf8''%e2%82%ac.csv", "€.csv"],
  ["row 147: filename* in another charset", "attachment; filename*=windows-1251''%e0.csv", "а.csv"],
  ["row 147: filename* without charset beside filename", "a; filename*=x; filename=y", "y"],
  [
    "row 147: filename as if it were filename*",
    "attachment; filename=UTF-8''%e2%82%ac.csv",
    "€.csv",
  ],
  ["row 147: two names", 'attachment; filename="a.csv"; filename="b.csv"', "a.csv"],
  ["row 147: two names, the first empty", 'attachment; filename=""; filename="b.csv"', "b.csv"],
  ["row 147: a path of Windows", String.raw`attachment; filename="C:\data\x.csv"`, "x.csv"],
  ["row 147: an unescaped path of Windows", 'attachment; filename="C:\\data\\x.csv"', "x.csv"],
  ["row 147: escaped quotes", String.raw`attachment; filename="a \"b\".csv"`, "a _b_.csv"],
  ["row 147: parts", 'attachment; filename*0="a b"; filename*1=".csv"', "a b.csv"],
  [
    "row 147: encoded parts",
    "attachment; filename*0*=UTF-8''%e2%82; filename*1*=%ac; filename*2=.csv",
    "€.csv",
  ],
  ["row 147: base64", "attachment; filename==?UTF-8?B?4oKsLmNzdg==?=", "€.csv"],
  ["row 147: base64 in quotes", 'attachment; filename="=?utf-8?b?4oKsLmNzdg?="', "€.csv"],
  [
    "row 147: quoted-printable",
    'attachment; filename="=?UTF-8?Q?na=C3=AFve_x.csv?="',
    "naïve x.csv",
  ],
  ["row 147: Latin-1", 'attachment; filename="=?ISO-8859-1?Q?na=EFve.csv?="', "naïve.csv"],
  ["row 147: Shift_JIS", 'attachment; filename="=?Shift_JIS?B?k/qWey5jc3Y=?="', "日本.csv"],
  [
    "row 147: a character in two words",
    'attachment; filename="=?UTF-8?B?4oI=?= =?UTF-8?B?rC5jc3Y=?="',
    "€.csv",
  ],
  [
    "row 147: words of two kinds, and text around",
    'attachment; filename="my =?UTF-8?Q?=E2=82=AC?= =?ISO-8859-1?Q?=EF?= x.csv"',
    "my €ï x.csv",
  ],
  ["row 147: a word in a language", 'attachment; filename="=?UTF-8*en?Q?x=2Ecsv?="', "x.csv"],
  [
    "row 147: a word of an unknown charset",
    'attachment; filename="=?X-OTHER?B?eA==?=.csv"',
    "=_X-OTHER_B_eA==_=.csv",
  ],
  ["row 147: no word at all", 'attachment; filename="a=?b.csv"', "a=_b.csv"],
  ["row 147: a path in a word", 'attachment; filename="=?UTF-8?Q?../../x=2Fy.csv?="', "y.csv"],
  [
    "filename* comes first, wherever it stands",
    "attachment; filename*=UTF-8''%e2%82%ac.csv; filename=euro.csv",
    "€.csv",
  ],
  [
    "filename* comes first from behind",
    "attachment; filename=euro.csv; filename*=UTF-8''%e2%82%ac.csv",
    "€.csv",
  ],
  ["filename* in Latin-1", "attachment; filename*=ISO-8859-1'en'%a3.csv", "£.csv"],
  ["an unknown charset", "attachment; filename*=EBCDIC''%a3.csv; filename=b.csv", "b.csv"],
  ["filename* with wrong bytes", "attachment; filename*=UTF-8''%ff.csv; filename=b.csv", "b.csv"],
  ["filename* with a wrong escape", "attachment; filename*=UTF-8''%zz; filename=b.csv", "b.csv"],
  ["an empty filename*", "attachment; filename=b.csv; filename*=UTF-8''", "b.csv"],
  ["row 20: Latin-1 stays what it is", 'attachment; filename="\xe4rger.csv"', "ärger.csv"],
  ["row 20: UTF-8 is repaired", received('attachment; filename="ärger €.csv"'), "ärger €.csv"],
  ["row 20: UTF-8 that is cut", 'attachment; filename="a\xc3.csv"', "aÃ.csv"],
  [
    "row 20: what was decoded is not repaired once more",
    "attachment; filename*=UTF-8''%c3%83%c2%a4.csv",
    "Ã¤.csv",
  ],
  ["row 20: no bytes at all", 'attachment; filename="Ł.csv"', "Ł.csv"],
  ["row 21: ../", 'attachment; filename="../../etc/passwd"', "passwd"],
  ["row 21: .. alone", 'attachment; filename=".."', "from-url.pdf"],
  ["row 21: an absolute path", 'attachment; filename="/etc/passwd"', "passwd"],
  ["row 21: %2f", 'attachment; filename="..%2f..%2Fetc%2fpasswd"', "passwd"],
  ["row 21: %2f in filename*", "attachment; filename*=UTF-8''..%2f..%2fpasswd", "passwd"],
  ["row 21: backslash", 'attachment; filename="..\\\\..\\\\passwd"', "passwd"],
  ["row 21: %5c in filename*", "attachment; filename*=UTF-8''..%5c..%5cpasswd", "passwd"],
  ["row 21: CON", "attachment; filename=CON", "CON_"],
  ["row 21: con.txt", "attachment; filename=con.txt", "con_.txt"],
  ["row 21: leading dots", 'attachment; filename="..profile"', "profile"],
  ["row 21: our own prefix", 'attachment; filename=".cronfetch-x"', "cronfetch-x"],
];

for (const [why, header, name] of HEADERS) {
  Deno.test(`serverName from a header: ${why}`, () => {
    assertEquals(serverName(header, URL_OF_FILE), name);
  });
}

const URLS: readonly (readonly [why: string, url: string, name: string | null])[] = [
  ["the last segment", "https://example.org/a/b.csv", "b.csv"],
  ["not the query, not the fragment", "https://example.org/b.csv?c=/d.csv#/e.csv", "b.csv"],
  ["escapes are decoded", "https://example.org/%e2%82%ac%20b.csv", "€ b.csv"],
  ["wrong escapes are left", "https://example.org/%ff.csv", "%ff.csv"],
  ["a folder has no name", "https://example.org/a/", null],
  ["nor has the root", "https://example.org", null],
  ["no URL", "b.csv", null],
  ["row 21: an escaped path", "https://example.org/..%2f..%2fpasswd", "passwd"],
  ["row 21: escaped twice", "https://example.org/..%252fpasswd", "passwd"],
  ["row 21: dots alone", "https://example.org/a/...", null],
];

for (const [why, url, name] of URLS) {
  Deno.test(`serverName from a URL: ${why}`, () => {
    assertEquals(serverName(null, url), name);
  });
}

Deno.test("row 21: serverName replaces NUL", () => {
  const name = serverName("attachment; filename*=UTF-8''a%00.exe", URL_OF_FILE);
  assert(name !== null && !name.includes("\0") && name !== "from-url.pdf", `${name}`);
});

Deno.test("row 21: serverName shortens 300 bytes and keeps the extension", () => {
  const name = serverName(`attachment; filename=${"é".repeat(150)}.csv`, URL_OF_FILE);
  assert(name?.endsWith("é.csv"), `${name}`);
  assertLess(new TextEncoder().encode(name ?? "").length, 256);
});

Deno.test("serverName makes the name of the header and that of the URL safe", () => {
  assertEquals(serverName("attachment; filename=a/b", "https://example.org/c%2fd"), "b");
  assertEquals(serverName("attachment; filename=..", "https://example.org/c%2fd"), "d");
  assertEquals(serverName("attachment; filename=..", "https://example.org/%2e%2e"), null);
});

/** Hostile parts of names, between random text. */
const hostileName = fc.array(
  fc.oneof(
    fc.constantFrom("..", ".", "/", "\\", "%2f", "%5C", "%00", "\0", "CON", "nul.", ":", "*", " "),
    fc.constantFrom(".cronfetch-", "\u202e", "\ud800", "é".repeat(200), "a".repeat(300), '"', ";"),
    fc.string({ unit: "binary" }),
  ),
  { maxLength: 8 },
).map((pieces) => pieces.join(""));

const hostileHeader = fc.oneof(
  hostileName,
  hostileName.map((name) => `attachment; filename="${name}"`),
  hostileName.map((name) => `attachment; filename=${name}`),
  hostileName.map((name) =>
    `attachment; filename*=UTF-8''${encodeURIComponent(name.toWellFormed())}`
  ),
);

Deno.test("row 21: property: serverName returns the name of one file in a folder", () => {
  fc.assert(fc.property(hostileHeader, hostileName, (header, segment) => {
    const url = `https://example.org/${encodeURIComponent(segment.toWellFormed())}`;
    const name = serverName(header, url);
    if (name === null) return;
    const bytes = new TextEncoder().encode(name);
    assert(!/[/\\]/.test(name) && !name.includes("\0"), `${JSON.stringify(name)} has a separator`);
    assert(!["", ".", ".."].includes(name), `${JSON.stringify(name)} is no name`);
    assert(bytes.length <= 255, `${bytes.length} bytes`);
    assert(!/^\.cronfetch(-|$)/i.test(name), `${name} is one of ours`);
    assert(name.isWellFormed(), "half a character");
  }));
});
