import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { levelsOf } from "../../lib/config/encodings.ts";
import { createRedactor, redactUrl } from "../../lib/config/secrets.ts";

const SECRET = 'S3cr&t/p"ss <wörd>+\\';

const bytesOf = (text: string) => new TextEncoder().encode(text);
const base64 = (text: string) => bytesOf(text).toBase64();
/** Percent-encodes every byte. */
const percent = (text: string) => bytesOf(text).toHex().replace(/../g, "%$&");
const html = (text: string) =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");

const WRITTEN: readonly (readonly [how: string, text: string])[] = [
  ["every byte percent-encoded", percent(SECRET)],
  ["percent-encoded in upper case", percent(SECRET).toUpperCase()],
  ["percent-encoded in part", `${percent("S3cr")}&t/p"ss%20<w%C3%B6rd>+%5c`],
  ["letters percent-encoded, others not", SECRET.replaceAll("s", "%73")],
  ["percent-encoded twice", encodeURIComponent(encodeURIComponent(SECRET))],
  [
    "percent-encoded three times, the last in part",
    percent(percent(percent(SECRET)).slice(0, 30)) +
    percent(percent(SECRET)).slice(30),
  ],
  ["twice, in lower case", encodeURIComponent(percent(SECRET)).toLowerCase()],
  ["in Latin-1, percent-encoded", encodeURIComponent(SECRET).replace("%C3%B6", "%F6")],
  ["as a form", new URLSearchParams({ "": SECRET }).toString().slice(1)],
  ["a blank as +", SECRET.replace(" ", "+")],
  ["in JSON", JSON.stringify(SECRET).slice(1, -1)],
  ["in JSON in JSON", JSON.stringify(JSON.stringify(SECRET)).slice(3, -3)],
  ["in JSON in ASCII", JSON.stringify(SECRET).slice(1, -1).replace("ö", "\\u00f6")],
  ["in JSON with escaped slashes", JSON.stringify(SECRET).slice(1, -1).replace("/", "\\/")],
  ["in HTML", html(SECRET)],
  ["in HTML by numbers", html(SECRET).replace("ö", "&#246;").replace("&quot;", "&#x22;")],
  ["in HTML, of a URL", html(encodeURIComponent(SECRET))],
  ["percent-encoded, of JSON", encodeURIComponent(JSON.stringify(SECRET).slice(1, -1))],
  ["in base64", base64(SECRET)],
  ["in base64url", bytesOf(SECRET).toBase64({ alphabet: "base64url" })],
  ["in base64, percent-encoded", encodeURIComponent(base64(SECRET))],
  ["in another case", SECRET.toUpperCase()],
];

Deno.test("row 146: a secret is redacted however it is written", () => {
  const redact = createRedactor([SECRET]);
  for (const [how, text] of WRITTEN) {
    assertEquals(redact(`before ${text} after`), "before *** after", how);
  }
});

Deno.test("row 146: a secret within a longer text in base64 is redacted, wherever it begins", () => {
  const redact = createRedactor(["a-long-secret"]);
  for (const before of ["", "u", "us", "use", "user:"]) {
    const shown = redact(base64(`${before}a-long-secret, and more`));
    assertEquals(shown.includes("***"), true, before);
    // Nothing but characters that the neighbours share is left of it.
    const rest = shown.split("***").join("");
    assertEquals(rest.length <= base64(`${before}, and more`).length + 4, true, shown);
  }
});

Deno.test("row 146: a secret that is a host name is redacted in lower case and in ASCII", () => {
  const table: [secret: string, text: string, shown: string][] = [
    ["Internal-Host", "https://internal-host.example.org/a", "https://***.example.org/a"],
    ["MÜNCHEN.example", "https://xn--mnchen-3ya.example/a", "https://***/a"],
    ["Internal-Host", "HTTPS://INTERNAL-HOST/", "HTTPS://***/"],
  ];
  for (const [secret, text, shown] of table) assertEquals(createRedactor([secret])(text), shown);
});

Deno.test("row 146: secrets that overlap leave nothing of each other", () => {
  const redact = createRedactor(["abcdef", "defghi", "ghi/jkl"]);
  assertEquals(redact("abcdefghi/jkl"), "***");
  assertEquals(redact("-abcdef-defghi-"), "-***-***-");
  assertEquals(redact("ABCDEF and abcde"), "*** and abcde");
});

Deno.test("row 146: what only looks encoded stays, and text around a secret too", () => {
  const redact = createRedactor(["token"]);
  for (const text of ["100% of it", "%zz %4", "&unknown; &#99999999; &#x110000;", "a\\", "\\u12"]) {
    assertEquals(redact(text), text);
  }
  assertEquals(redact("%C3%B6 token \\n &amp;"), "%C3%B6 *** \\n &amp;");
  // An escape that ends where the secret begins does not hide it.
  assertEquals(redact("C:\\token"), "C:\\***");
});

Deno.test("property: levelsOf ends with the decoded text, and every range is one of the original", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), (text) => {
      const encoded = percent(text.toWellFormed());
      const levels = [...levelsOf(`<${encoded}>`)];
      assertEquals(levels[0]?.folded, `<${encoded}>`.toLowerCase());
      assertEquals(levels[1]?.range(1, levels[1].folded.length - 1) ?? [1, encoded.length + 1], [
        1,
        encoded.length + 1,
      ]);
    }),
    { numRuns: 200 },
  );
});

const SENTENCES: readonly (readonly [text: string, shown: string])[] = [
  ['storing "a@b.csv": no space is left', 'storing "a@b.csv": no space is left'],
  ["storing a@b.csv: no space is left", "storing a@b.csv: no space is left"],
  ["no file 'x@2.zip' at https://h/a@b", "no file 'x@2.zip' at https://h/a@b"],
  ["https://u:p@h/a answered 404 for c@d", "https://***@h/a answered 404 for c@d"],
  ["see (https://u:p@h/a@b) and x@y", "see (https://***@h/a@b) and x@y"],
  ['{"url":"https://u:p@h/","to":"a@b"}', '{"url":"https://***@h/","to":"a@b"}'],
  ["https://a/x,https://u:p@h/", "https://a/x,https://***@h/"],
  ["from https://user:pa//ss@host/x to a@b", "from https://***@host/x to a@b"],
  ["from user:pass@host/x", "from ***@host/x"],
  ["mail to someone@example.org please", "mail to someone@example.org please"],
  ["https://[::1]:80/a@b c", "https://[::1]:80/a@b c"],
  ["at https://h/?token=abc it failed", "at https://h/?token=*** it failed"],
  ['at "https://h/?token=abc", it failed', 'at "https://h/?token=***", it failed'],
];

Deno.test("row 146: in a sentence userinfo and parameters end at a blank or a quote", () => {
  for (const [text, shown] of SENTENCES) assertEquals(redactUrl(text), shown);
});
