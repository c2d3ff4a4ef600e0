import { assertEquals, assertInstanceOf, assertMatch, assertThrows } from "@std/assert";
import fc from "fast-check";
import { CronfetchError } from "../../lib/core/errors.ts";
import { parseChecksums } from "../../lib/content/checksum.ts";

const A = "a".repeat(64);
const B = "b1".repeat(32);
const MD5 = "c".repeat(32);
const SHA512 = "d".repeat(128);

const FOUND: readonly (readonly [why: string, text: string, name: string, digest: string])[] = [
  ["sha256sum", `${B}  b.zip\n${A}  a.zip\n`, "a.zip", A],
  ["sha256sum in binary mode", `${A} *a.zip\n`, "a.zip", A],
  ["no line end at the end", `${A}  a.zip`, "a.zip", A],
  ["lines that end in CR LF", `${B}  b.zip\r\n${A}  a.zip\r\n`, "a.zip", A],
  ["a byte order mark", `\ufeff${A}  a.zip\n`, "a.zip", A],
  ["capitals", `${A.toUpperCase()}  a.zip\n`, "a.zip", A],
  ["one space", `${A} a.zip\n`, "a.zip", A],
  ["a tab", `${A}\ta.zip\n`, "a.zip", A],
  ["spaces in the name", `${A}  a b (1).zip\n`, "a b (1).zip", A],
  ["comments and empty lines", `# made today\n\n${A}  a.zip\n\n`, "a.zip", A],
  ["./ in the file", `${A}  ./dist/a.zip\n`, "dist/a.zip", A],
  ["./ in the name", `${A}  a.zip\n`, "./a.zip", A],
  ["BSD", `SHA256 (b.zip) = ${B}\nSHA256 (a.zip) = ${A}\n`, "a.zip", A],
  ["BSD with brackets in the name", `SHA256 (a (1).zip) = ${A}\n`, "a (1).zip", A],
  ["openssl", `SHA256(a.zip)= ${A}\n`, "a.zip", A],
  ["openssl 3", `SHA2-256(a.zip)= ${A}\n`, "a.zip", A],
  ["other algorithms beside it", `MD5 (a.zip) = ${MD5}\nSHA256 (a.zip) = ${A}\n`, "a.zip", A],
  ["other lengths beside it", `${MD5}  a.zip\n${SHA512}  a.zip\n${A}  a.zip\n`, "a.zip", A],
  ["an escaped line feed", `\\${A}  a\\nb.zip\n`, "a\nb.zip", A],
  ["an escaped carriage return", `\\${A}  a\\rb.zip\n`, "a\rb.zip", A],
  ["an escaped backslash", `\\${A}  a\\\\nb.zip\n`, "a\\nb.zip", A],
  ["an escaped name of BSD's form", `\\SHA256 (a\\nb.zip) = ${A}\n`, "a\nb.zip", A],
  ["a backslash that escapes nothing", `${A}  a\\nb.zip\n`, "a\\nb.zip", A],
  ["a line separator of Unicode", `${A}  a\u2028b.zip\n`, "a\u2028b.zip", A],
  ["a digest alone", `${A}\n`, "a.zip", A],
  ["sha256sum of the standard input", `${A}  -\n`, "a.zip", A],
  ["openssl of the standard input", `SHA256(stdin)= ${A}\n`, "a.zip", A],
  ["a digest with its algorithm in front", `sha256:${A}  a.zip\n`, "a.zip", A],
  ["a path of Windows", `${B} *dist\\b.zip\r\n${A} *dist\\a.zip\r\n`, "a.zip", A],
  ["a digest alone, in white space and comments", `# sha256\n  ${A} \r\n`, "a.zip", A],
  ["a line that is repeated", `${A}  a.zip\n${A} *a.zip\n`, "a.zip", A],
  ["the last segment of the line", `${B}  b.zip\n${A}  dist/a.zip\n`, "a.zip", A],
  ["the last segment of the name", `${B}  b.zip\n${A}  a.zip\n`, "dist/a.zip", A],
  ["the same name before a longer one", `${B}  old/a.zip\n${A}  a.zip\n`, "a.zip", A],
  ["two paths to the same bytes", `${A}  x/a.zip\n${A}  y/a.zip\n`, "a.zip", A],
  [
    "a signed file",
    `-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n${A}  a.zip\n-----BEGIN PGP SIGNATURE-----\niQ==\n`,
    "a.zip",
    A,
  ],
];

for (const [why, text, name, digest] of FOUND) {
  Deno.test(`parseChecksums finds a digest: ${why}`, () => {
    assertEquals(parseChecksums(text, [name], "sha256"), digest);
  });
}

const REFUSED: readonly (readonly [why: string, text: string, name: string, says: RegExp])[] = [
  ["no text", "", "a.zip", /no line for "a\.zip"$/],
  ["another file", `${A}  b.zip\n`, "a.zip", /no line for "a\.zip"$/],
  ["a name that only ends alike", `${A}  aa.zip\n`, "a.zip", /no line/],
  ["a line whose name only ends alike", `${A}  a.zip\n`, "aa.zip", /no line/],
  ["a name of other case", `${A}  A.zip\n`, "a.zip", /no line/],
  ["another folder", `${A}  x/a.zip\n${B}  b.zip\n`, "y/a.zip", /no line/],
  ["a line in a comment", `#${A}  a.zip\n`, "a.zip", /no line/],
  ["an error page", "<!doctype html>\n<title>Not Found</title>\n", "a.zip", /no line/],
  ["a digest that is cut", `${A.slice(1)}  a.zip\n`, "a.zip", /no line/],
  ["a cut digest of BSD's form", `SHA256 (a.zip) = ${A.slice(1)}\n`, "a.zip", /no line/],
  ["two digests alone", `${A}\n${B}\n`, "a.zip", /no line/],
  ["two digests", `${A}  a.zip\n${B}  a.zip\n`, "a.zip", /more than one sha256 for "a\.zip"$/],
  ["two forms that differ", `${A}  a.zip\nSHA256 (a.zip) = ${B}\n`, "a.zip", /more than one/],
  ["two paths that differ", `${A}  x/a.zip\n${B}  y/a.zip\n`, "a.zip", /more than one/],
  ["another algorithm by length", `${MD5}  a.zip\n`, "a.zip", /no sha256 .*, only md5$/],
  ["another algorithm in front", `sha512:${SHA512}  a.zip\n`, "a.zip", /only sha512$/],
  ["a path of Windows that only ends alike", `${A}  dist\\aa.zip\n`, "a.zip", /no line/],
  ["two of the standard input", `${A}  -\n${B}  -\n`, "a.zip", /no line/],
  ["another algorithm by name", `SHA512 (a.zip) = ${SHA512}\n`, "a.zip", /only sha512$/],
  ["another algorithm of the same length", `SHA3-256 (a.zip) = ${A}\n`, "a.zip", /only sha3-256$/],
  ["another algorithm, the digest alone", `${SHA512}\n`, "a.zip", /only sha512$/],
];

for (const [why, text, name, says] of REFUSED) {
  Deno.test(`row 37: parseChecksums refuses ${why}`, () => {
    const error = assertThrows(() => parseChecksums(text, [name], "sha256"), CronfetchError);
    assertEquals([error.code, error.retry], ["expect.digest", "never"]);
    assertMatch(error.message, says);
  });
}

Deno.test("parseChecksums escapes control characters of a name in its message", () => {
  const error = assertThrows(() => parseChecksums("", ["a\u001b[31m\n"], "sha256"), CronfetchError);
  assertEquals(error.message, 'the checksum file has no line for "a\\u001b[31m\\n"');
});

Deno.test("property: parseChecksums reads the output of sha256sum for any name", () => {
  const name = fc.string({ unit: "binary", minLength: 1 })
    .filter((text) => !/^[ \t*]|^\.\//.test(text));
  fc.assert(fc.property(name, fc.constantFrom(A, B), (name, digest) => {
    const escaped = name.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll("\r", "\\r");
    const line = `${escaped === name ? "" : "\\"}${digest}  ${escaped}\n`;
    assertEquals(parseChecksums(line, [name], "sha256"), digest);
  }));
});

Deno.test("property: parseChecksums returns a sha256 or throws a CronfetchError", () => {
  const piece = fc.oneof(
    fc.constantFrom(A, B, MD5, SHA512, "  ", " *", "\n", "\r\n", "\\", "./", "a.zip", "#", ") = "),
    fc.constantFrom("SHA256 (", "MD5 (", "\ufeff", "/"),
    fc.string({ unit: "binary" }),
  );
  const text = fc.array(piece).map((pieces) => pieces.join(""));
  fc.assert(fc.property(text, fc.oneof(fc.constant("a.zip"), fc.string()), (text, name) => {
    try {
      assertMatch(parseChecksums(text, [name], "sha256"), /^[0-9a-f]{64}$/);
    } catch (error) {
      assertInstanceOf(error, CronfetchError);
      assertEquals(error.code, "expect.digest");
    }
  }));
});

/** A digest of each algorithm, with different characters. */
const HEX = {
  md5: "0123456789abcdef".repeat(2),
  sha1: "0123456789".repeat(4),
  sha256: "0123456789abcdef".repeat(4),
  sha512: "0123456789abcdef".repeat(8),
};

/** A digest in the format of `gpg --print-md`, which Apache releases have. */
function grouped(digest: string, digits: number, perLine: number, indent: string): string {
  const groups = digest.toUpperCase().match(new RegExp(`.{${digits}}`, "g")) ?? [];
  const lines = Array.from(
    { length: Math.ceil(groups.length / perLine) },
    (_, index) => groups.slice(index * perLine, (index + 1) * perLine).join(" "),
  );
  return lines.join(`\n${indent}`);
}

type Published = readonly [why: string, text: string, algorithm: keyof typeof HEX, name?: string];

const PUBLISHED: readonly Published[] = [
  ["sha512sum", `${HEX.sha512}  a.zip\n`, "sha512"],
  ["sha1sum in binary mode", `${HEX.sha1} *a.zip\r\n`, "sha1"],
  ["md5sum", `${HEX.md5}  a.zip\n`, "md5"],
  ["md5sum with an escaped name", `\\${HEX.md5}  a\\\\b.zip\n`, "md5", "a\\b.zip"],
  ["BSD: SHA512", `SHA512 (a.zip) = ${HEX.sha512}\n`, "sha512"],
  ["BSD: MD5", `MD5 (a.zip) = ${HEX.md5}\n`, "md5"],
  ["BSD: SHA1, with blanks in the name", `SHA1 (a b.zip) = ${HEX.sha1}\n`, "sha1", "a b.zip"],
  ["openssl: SHA-1", `SHA1(a.zip)= ${HEX.sha1}\n`, "sha1"],
  ["openssl: SHA2-512", `SHA2-512(a.zip)= ${HEX.sha512}\n`, "sha512"],
  ["a digest alone", `${HEX.sha512}\n`, "sha512"],
  ["a digest alone, in capitals", `\ufeff${HEX.sha1.toUpperCase()}\r\n`, "sha1"],
  ["digests alone, one of each algorithm", `${HEX.md5}\n${HEX.sha1}\n${HEX.sha512}\n`, "sha1"],
  ["a digest alone in groups", grouped(HEX.sha512, 8, 8, "") + "\n", "sha512"],
  ["an algorithm and a colon", `sha512:${HEX.sha512}\n`, "sha512"],
  ["an algorithm above a digest", `SHA-1:\n${HEX.sha1}\n`, "sha1"],
  ["a name of hexadecimal digits", `${HEX.md5}  deadbeef\n`, "md5", "deadbeef"],
  ["Apache: on one line", `a.zip: ${grouped(HEX.sha1, 4, 10, "")}\n`, "sha1"],
  ["Apache: MD5 in pairs", `a.zip: ${grouped(HEX.md5, 2, 16, "")}\n`, "md5"],
  ["Apache: over several lines", `a.zip: ${grouped(HEX.sha512, 8, 4, "       ")}\n`, "sha512"],
  ["Apache: below the name", `a.zip:\n${grouped(HEX.sha512, 8, 8, "")}\n`, "sha512"],
  [
    "Apache: with CRLF",
    `a.zip: ${grouped(HEX.sha256, 8, 4, "  ")}\n`.replaceAll("\n", "\r\n"),
    "sha256",
  ],
  [
    "gpg --print-mds",
    `a.zip:    MD5 = ${grouped(HEX.md5, 2, 16, "")}\na.zip:   SHA1 = ${
      grouped(HEX.sha1, 4, 10, "")
    }\na.zip: SHA512 = ${grouped(HEX.sha512, 8, 6, "                ")}\n`,
    "sha512",
  ],
  [
    "Apache: several files",
    `b.zip: ${grouped(HEX.md5, 2, 16, "")}\na.zip: ${grouped(HEX.sha512, 8, 4, "       ")}\n`,
    "sha512",
  ],
  ["a colon in the name", `x:a.zip: ${grouped(HEX.sha1, 4, 10, "")}\n`, "sha1", "x:a.zip"],
  ["unknown algorithms beside it", `SHA384 (a.zip) = ${"0".repeat(96)}\n${HEX.md5}  a.zip`, "md5"],
];

for (const [why, text, algorithm, name = "a.zip"] of PUBLISHED) {
  Deno.test(`parseChecksums finds a published digest: ${why}`, () => {
    assertEquals(parseChecksums(text, [name], algorithm), HEX[algorithm]);
  });
}

const UNUSABLE: readonly (readonly [why: string, text: string, message: RegExp])[] = [
  ["a tag of another length", `SHA512 (a.zip) = ${HEX.sha256}\n`, /no line for/],
  ["SHA-512/256", `SHA512/256 (a.zip) = ${HEX.sha256}\n`, /no sha512 .*, only sha512\/256$/],
  [
    "a group that is missing",
    `a.zip: ${grouped(HEX.sha512.slice(8), 8, 4, "   ")}\n`,
    /no line for/,
  ],
  [
    "a group too many",
    `a.zip: ${grouped(HEX.sha512 + "0".repeat(8), 8, 4, "   ")}\n`,
    /no line for/,
  ],
  ["groups of another file", `b.zip: ${grouped(HEX.sha512, 8, 4, "   ")}\n`, /no line for/],
  ["a bare digest beside named ones", `${HEX.sha512}\n${HEX.sha512}  b.zip\n`, /no line for/],
  ["only another algorithm", `${HEX.md5}  a.zip\n`, /no sha512 for "a.zip", only md5$/],
];

for (const [why, text, message] of UNUSABLE) {
  Deno.test(`row 37: parseChecksums refuses for sha512 ${why}`, () => {
    const parse = () => parseChecksums(text, ["a.zip"], "sha512");
    assertMatch(assertThrows(parse, CronfetchError).message, message);
  });
}

Deno.test("parseChecksums: the first name that has an entry counts", () => {
  const text = `${HEX.md5}  b.zip\n${"0".repeat(32)}  a.zip\n`;
  assertEquals(parseChecksums(text, ["x.zip", "b.zip", "a.zip"], "md5"), HEX.md5);
});
