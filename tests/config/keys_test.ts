import { assert, assertEquals } from "@std/assert";
import { complaintText } from "./loading.ts";
import fc from "fast-check";
import { keyOf, keyWithName, safeName } from "../../lib/config/keys.ts";

const FROM_URL: readonly (readonly [url: string, key: string])[] = [
  ["https://example.org/a/b.pdf", "b.pdf"],
  ["https://example.org/b.pdf?c=/d.pdf#/e.pdf", "b.pdf"],
  ["https://example.org", "index.html"],
  ["https://example.org/a/", "index.html"],
  ["https://example.org/%2e%2e", "index.html"],
  ["https://example.org/%2E%2E%2Fpasswd", "_passwd"],
  ["https://example.org/a%20b.pdf", "a b.pdf"],
  ["https://example.org/a%2Fb.pdf", "a_b.pdf"],
  ["https://example.org/a%5Cb.pdf", "a_b.pdf"],
  ["https://example.org/a%00b.pdf", "a_b.pdf"],
  ["https://example.org/%zz.pdf", "%zz.pdf"],
  ["https://example.org/a%0Ab", "a b"],
  ["https://example.org/a:b", "a_b"],
  ["https://example.org/CON", "CON_"],
  ["https://example.org/con.txt", "con_.txt"],
  ["https://example.org/%20a%20", "a"],
  ["https://example.org/a.", "a"],
  ["https://example.org/.hidden", ".hidden"],
  ["https://example.org/.cronfetch-1", "_.cronfetch-1"],
  ["https://example.org/.CronFetch-1", "_.CronFetch-1"],
  ["https://example.org/a%E2%80%AEfdp.exe", "a_fdp.exe"],
  ["https://example.org/u%CC%88.pdf", "ü.pdf"],
  [`https://example.org/${"x".repeat(300)}.tar.gz`, `${"x".repeat(197)}.gz`],
  [`https://example.org/${"%C3%BC".repeat(150)}.pdf`, `${"ü".repeat(98)}.pdf`],
  [`https://example.org/a.${"x".repeat(300)}`, `a.${"x".repeat(198)}`],
];

Deno.test("keyOf: a name from a URL is safe on every file system", () => {
  for (const [url, key] of FROM_URL) assertEquals(keyOf(null, new URL(url)), { value: key }, url);
});

const URL_OF_FILE = new URL("https://example.org/file.pdf");

const WRITTEN: readonly (readonly [to: string, key: string])[] = [
  ["a.pdf", "a.pdf"],
  ["a/b/c.pdf", "a/b/c.pdf"],
  ["a/b/", "a/b/file.pdf"],
  [".hidden/x y.pdf", ".hidden/x y.pdf"],
  ["u\u0308.pdf", "\u00fc.pdf"],
  ["{name}", "{name}"],
];

Deno.test("keyOf: a safe `to` is kept", () => {
  for (const [to, key] of WRITTEN) assertEquals(keyOf(to, URL_OF_FILE), { value: key }, to);
});

const OUTSIDE = "must be a file inside the store, without .. in its path";

const UNSAFE: readonly (readonly [to: string, problem: string])[] = [
  ["/etc/passwd", 'must be relative to the store; the folder is the "store" of the config'],
  ["/", "must not contain an empty part"],
  ["\\\\server\\share", 'must be relative to the store; the folder is the "store" of the config'],
  ["C:/x", 'must be relative to the store; the folder is the "store" of the config'],
  ["c:x", 'contains "c:x", which is not a safe name on every system; did you mean "c_x"?'],
  ["a\\b", 'must have / between its parts, not \\; did you mean "a/b"?'],
  ["../x", `${OUTSIDE}; did you mean "x"?`],
  ["a/../b", `${OUTSIDE}; did you mean "b"?`],
  ["a/./b", 'must not contain . as a part; did you mean "a/b"?'],
  ["a/..", OUTSIDE],
  ["a//b", 'must not contain an empty part; did you mean "a/b"?'],
  ["a//", 'must not contain an empty part; did you mean "a"?'],
  ["a\0b", 'contains "a\\u{0}b", which is not a safe name on every system; did you mean "a_b"?'],
  ["a\nb", 'contains "a\\nb", which is not a safe name on every system; did you mean "a b"?'],
  ["x/CON", 'contains "CON", which is not a safe name on every system; did you mean "x/CON_"?'],
  [
    "aux.txt/x",
    'contains "aux.txt", which is not a safe name on every system; did you mean "aux_.txt/x"?',
  ],
  ["a?b", 'contains "a?b", which is not a safe name on every system; did you mean "a_b"?'],
  ["a ", 'contains "a ", which is not a safe name on every system; did you mean "a"?'],
  ["a/ b", 'contains " b", which is not a safe name on every system; did you mean "a/b"?'],
  ["a.", 'contains "a.", which is not a safe name on every system; did you mean "a"?'],
  ["...", 'contains "...", which is not a safe name on every system'],
  [".cronfetch-x", 'contains ".cronfetch-x", a name that cronfetch uses itself'],
  ["a/.Cronfetch/b", 'contains ".Cronfetch", a name that cronfetch uses itself'],
  ["ab/".repeat(400), "results in a key of more than 1024 bytes"],
];

Deno.test("keyOf: an unsafe `to` is a problem", () => {
  for (const [to, problem] of UNSAFE) {
    assertEquals(complaintText(keyOf(to, URL_OF_FILE).problem), problem, JSON.stringify(to));
  }
});

const FROM_SERVER: readonly (readonly [name: string, safe: string | null])[] = [
  ["report.pdf", "report.pdf"],
  ["../../etc/passwd", "passwd"],
  ["..%2f..%2Fetc%2fpasswd", "passwd"],
  ["..\\..\\boot.ini", "boot.ini"],
  ["..%5cboot.ini", "boot.ini"],
  ["C:\\x\\a.pdf", "a.pdf"],
  ["a\0.pdf", "a_.pdf"],
  ["\u001b[2J.pdf", "_[2J.pdf"],
  ["CON", "CON_"],
  ["nul.tar.gz", "nul_.tar.gz"],
  ["COM¹", "COM¹_"],
  ["", null],
  [".", null],
  ["..", null],
  ["../", null],
  [" . ", null],
  ["folder/", "folder"],
  [".bashrc", "bashrc"],
  ["...hidden", "hidden"],
  [".cronfetch-x", "cronfetch-x"],
  ["naïve résumé.pdf", "naïve résumé.pdf"],
  ["\ud800.pdf", "_.pdf"],
  [`${"x".repeat(300)}.pdf`, `${"x".repeat(196)}.pdf`],
  [`${"😀".repeat(75)}.pdf`, `${"😀".repeat(49)}.pdf`],
];

Deno.test("row 21: safeName: a name from a server becomes a safe base name, or null", () => {
  for (const [name, safe] of FROM_SERVER) {
    assertEquals(safeName(name), safe, JSON.stringify(name));
  }
});

Deno.test("row 72: safeName: the result is safe and leaves room for a suffix", () => {
  const nasty = fc.constantFrom(
    ..."/\\.. %2f\0\u202e\ud800:*?<>|\"'~üé😀aCONnul.cronfetch-\n\t".split(/(?=[^a-z])/u),
  );
  const name = fc.oneof(fc.string({ unit: "binary" }), fc.array(nasty).map((all) => all.join("")));
  fc.assert(fc.property(name, (text) => {
    const safe = safeName(text);
    if (safe === null) return;
    assert(new TextEncoder().encode(safe).length <= 200);
    // deno-lint-ignore no-control-regex -- that none of these is left is the test
    assert(!/[\x00-\x1f\x7f<>:"/\\|?*]|^[. ]|[. ]$/.test(safe), JSON.stringify(safe));
    assertEquals(safe, safe.normalize("NFC").toWellFormed());
    assertEquals(safeName(safe), safe);
    // A safe name is also a valid `to`.
    assertEquals(keyOf(safe, URL_OF_FILE), { value: safe });
  }));
});

Deno.test("safeName: never returns a device name or a name that ends in a dot", () => {
  const letter = fc.constantFrom(..."aconprnulxm19._-".split(""));
  fc.assert(fc.property(fc.array(letter, { minLength: 1 }), (letters) => {
    const safe = safeName(letters.join(""));
    if (safe === null) return;
    assert(!/^(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\.|$)/i.test(safe), safe);
    assert(!/\.$/.test(safe), safe);
  }));
});

const WITH_NAME: readonly (readonly [key: string, name: string | null, result: string])[] = [
  ["a/{name}", "../report.pdf", "a/report.pdf"],
  ["{name}", "report.pdf", "report.pdf"],
  ["a/2026-{name}.bak", "x", "a/2026-x.bak"],
  ["a/{name}", null, "a/file.pdf"],
  ["a/{name}", "..", "a/file.pdf"],
  ["a/{name}", "$&", "a/$&"],
  ["{name}/{name}", "x", "{name}/x"],
  ["a/v{name}", "y".repeat(300), `a/v${"y".repeat(199)}`],
];

Deno.test("keyWithName: the server's name is substituted in the last part of the key", () => {
  for (const [key, name, result] of WITH_NAME) {
    assertEquals(keyWithName(key, name, URL_OF_FILE.href), result, key);
  }
});
