import { assertEquals, assertStrictEquals } from "@std/assert";
import fc from "fast-check";
import { substituteUrlTemplate } from "../../lib/config/variables.ts";
import { loadValue } from "../../lib/config/load.ts";
import {
  createRedactor,
  redactUrl,
  secretsInHeader,
  secretsInUrl,
} from "../../lib/config/secrets.ts";
import { testHost } from "../helpers/host.ts";
import { levelsOf } from "../../lib/config/encodings.ts";

/** A password with characters of every kind that some encoding changes. */
const PASSWORD = 'pä ss/w+"&#?=%\\';

const bytesOf = (text: string) => new TextEncoder().encode(text);
const base64 = (text: string) => bytesOf(text).toBase64();

/** Bytes whose base64 has both characters that base64url replaces. */
const SYMBOLS = "???>>>~~~";

const FORMS: readonly (readonly [what: string, text: string])[] = [
  ["as it is", PASSWORD],
  ["percent-encoded", encodeURIComponent(PASSWORD)],
  ["percent-encoded in lower case", encodeURIComponent(PASSWORD).replaceAll("%C3%A4", "%c3%a4")],
  ["as a form has it", new URLSearchParams({ q: PASSWORD }).toString().slice(2)],
  ["in JSON", JSON.stringify(PASSWORD).slice(1, -1)],
  ["in base64", base64(PASSWORD)],
  ["in base64 without padding", base64(PASSWORD).replace(/=+$/, "")],
  ["in base64url", new TextEncoder().encode(PASSWORD).toBase64({ alphabet: "base64url" })],
  ["in a Basic header", base64(`user:${PASSWORD}`)],
];

Deno.test("row 90: createRedactor: redacts every form of a secret", () => {
  const redact = createRedactor([PASSWORD, `user:${PASSWORD}`]);
  for (const [what, text] of FORMS) {
    const seen = redact(`before ${text} after`);
    assertEquals(/^before \*\*\*=* after$/.test(seen), true, `${what}: ${seen}`);
  }
});

Deno.test("row 90: createRedactor: redacts a secret in the URL that contains it", () => {
  const url = new URL("https://example.org/");
  url.username = "user";
  url.password = PASSWORD;
  url.pathname = `/${PASSWORD}`;
  url.searchParams.set("q", PASSWORD);
  const redact = createRedactor(secretsInUrl(url));
  assertEquals(redact(url.href), "https://***@example.org/***?q=***");
});

Deno.test("property: createRedactor: redacts a secret in the URL of a task", () => {
  // Without the characters that a URL removes or moves (control characters, `\\`, dots).
  const secret = fc.string({ unit: "grapheme", minLength: 4, maxLength: 20 })
    .filter((text) => !/[\p{Cc}\\.{}$]/u.test(text) && text.trim() === text);
  const place = fc.constantFrom("http://h/fail/", "http://h/a.csv?u=", "http://h/x");
  fc.assert(fc.property(secret, place, (value, start) => {
    const redact = createRedactor([value]);
    const { text } = substituteUrlTemplate(`${start}\${env:A}/a.csv`, { env: () => value });
    assertEquals(redact(text), `${start}***/a.csv`);
    assertEquals(redact(new URL(text).href), `${start}***/a.csv`);
  }));
});

Deno.test("row 90: createRedactor: redacts base64 and base64url", () => {
  const redact = createRedactor([SYMBOLS]);
  const base64url = new TextEncoder().encode(SYMBOLS).toBase64({ alphabet: "base64url" });
  assertEquals([base64(SYMBOLS), base64url], ["Pz8/Pj4+fn5+", "Pz8_Pj4-fn5-"]);
  assertEquals(redact(`${base64(SYMBOLS)} ${base64url}`), "*** ***");
});

Deno.test("row 90: the path and query of a webhook are secret, its host is not", async () => {
  const webhook = "https://hooks.example.org/services/T000/B000/XXXX?thread=17";
  const at = Temporal.Instant.from("2026-01-15T12:00:00Z");
  const request = { at };
  const { secrets } = await loadValue({ alerts: [{ webhook }], tasks: [] }, request, testHost());
  assertEquals(secrets, ["/services/T000/B000/XXXX?thread=17"]);
  assertEquals(
    createRedactor(secrets)(`no answer of ${webhook}`),
    [
      "no answer of https://hooks.example.org***",
    ][0],
  );
});

const REDACTED: readonly (readonly [secrets: string[], text: string, redacted: string])[] = [
  [[], "nothing", "nothing"],
  [["token-1"], "a token-1 and token-1", "a *** and ***"],
  [["token", "token-long"], "token-long token", "*** ***"],
  [["a.c(d"], "a.c(d abc(d", "*** abc(d"],
  [["same", "same"], "same", "***"],
  [["abc", "5", ""], "5 files of abc", "5 files of abc"],
  [["$&$1"], "x $&$1", "x ***"],
  [["lone\ud800"], "lone\ud800", "***"],
];

Deno.test("createRedactor: overlapping secrets are masked as one, secrets below 4 characters are kept", () => {
  for (const [secrets, text, redacted] of REDACTED) {
    assertEquals(createRedactor(secrets)(text), redacted);
  }
});

Deno.test("createRedactor: redacts long secrets and thousands of them", () => {
  const long = Array.from({ length: 32 * 1024 }, (_, index) => `${index % 7}é`).join("");
  const many = Array.from({ length: 3_000 }, (_, index) => `secret-${index}-of-3000`);
  const redactLong = createRedactor([long]);
  assertEquals(redactLong(`a ${long} b`), "a *** b");
  assertEquals(redactLong(`a ${long.slice(1)}`), `a ${long.slice(1)}`);
  assertEquals(redactLong(encodeURIComponent(long)), "***");
  assertEquals(createRedactor(many)("a secret-2999-of-3000 b"), "a *** b");
});

Deno.test("createRedactor: without secrets, returns the text", () => {
  const text = "x".repeat(10);
  assertStrictEquals(createRedactor(["abc"])(text), text);
});

const URLS: readonly (readonly [url: string, redacted: string])[] = [
  ["https://example.org/a?b=c#d", "https://example.org/a?b=c#d"],
  ["https://user:pass@example.org/", "https://***@example.org/"],
  ["https://token@example.org/", "https://***@example.org/"],
  ["https://a@b:c@example.org/", "https://***@example.org/"],
  ["https:user:pass@example.org/", "https:***@example.org/"],
  ["https:\\\\user:pass@example.org/", "https:\\\\***@example.org/"],
  [" https://user:pass@example.org/", " https://***@example.org/"],
  ["//user:pass@example.org/", "//***@example.org/"],
  ["postgres://user:pass@localhost/db", "postgres://***@localhost/db"],
  ["https://user:pa/ss@example.org/", "https://***@example.org/"],
  ["https://user:pa?ss#@[bad", "https://***@[bad"],
  ["https://example.org/@scope/pkg", "https://example.org/@scope/pkg"],
  ["https://example.org/?token=a&b=c", "https://example.org/?token=***&b=c"],
  ["https://example.org/?b=c&API_KEY=a", "https://example.org/?b=c&API_KEY=***"],
  ["https://example.org/?access%5Ftoken=a", "https://example.org/?access%5Ftoken=***"],
  ["https://example.org/#access_token=a&x=1", "https://example.org/#access_token=***&x=1"],
  ["https://example.org/a;token=b", "https://example.org/a;token=***"],
  ["https://example.org/?key=a", "https://example.org/?key=***"],
  ["https://example.org/?monkey=a", "https://example.org/?monkey=a"],
  ["https://example.org/?sig=a", "https://example.org/?sig=***"],
  ["https://example.org/?design=a", "https://example.org/?design=a"],
  ["https://example.org/?token=", "https://example.org/?token="],
  ["https://example.org/?%zz=a&password=b", "https://example.org/?%zz=a&password=***"],
  [
    "https://s3/?X-Amz-Credential=a&X-Amz-Date=b&X-Amz-Security-Token=c&X-Amz-Signature=d",
    "https://s3/?X-Amz-Credential=***&X-Amz-Date=b&X-Amz-Security-Token=***&X-Amz-Signature=***",
  ],
  ["https://example.org/???token=a&b=c", "https://example.org/???token=***&b=c"],
  ["https://a@b@example.org/x@y", "https://***@example.org/x@y"],
  ["  https://user:pass@example.org/", "  https://***@example.org/"],
  ["mailto:a@b.example", "mailto:***@b.example"],
  ["a b://c@[d", "a b://***@[d"],
  ["", ""],
  ["no url", "no url"],
  ["\0\ud800", "\0\ud800"],
];

Deno.test("row 90: redactUrl: masks credentials in valid and invalid URLs", () => {
  for (const [url, redacted] of URLS) assertEquals(redactUrl(url), redacted);
});

const HEADERS: readonly (readonly [name: string, value: string, secrets: string[]])[] = [
  ["accept", "text/csv", []],
  ["x-keyboard", "qwerty", []],
  ["authorization", "opaque", ["opaque"]],
  ["Authorization", "Bearer abc", ["Bearer abc", "abc"]],
  [
    "authorization",
    "Basic dXNlcjpwYXNz",
    ["Basic dXNlcjpwYXNz", "dXNlcjpwYXNz", "user:pass", "pass"],
  ],
  ["authorization", "Basic ???", ["Basic ???", "???"]],
  ["proxy-authorization", "x", ["x"]],
  ["cookie", "a=b; c=d=e", ["a=b; c=d=e", "b", "d=e"]],
  ["x-api-key", "k", ["k"]],
  ["Ocp-Apim-Subscription-Key", "k", ["k"]],
  ["X-Auth-Token", "k", ["k"]],
];

Deno.test("row 90: secretsInHeader: the values of secret headers", () => {
  for (const [name, value, secrets] of HEADERS) {
    assertEquals(secretsInHeader(name, value), secrets, name);
  }
});

Deno.test("row 90: secretsInUrl: the userinfo of a URL", () => {
  const table: [string, string[]][] = [
    ["https://example.org/", []],
    ["https://user:p%40ss@example.org/", ["user:p%40ss", "p%40ss", "user:p@ss", "p@ss"]],
    ["https://token@example.org/", ["token:", "token"]],
    ["https://user:100%@example.org/", ["user:100%", "100%"]],
  ];
  for (const [url, secrets] of table) assertEquals(secretsInUrl(new URL(url)), secrets);
  assertEquals(secretsInUrl(null), []);
});

const SECRET = 'S3cr&t/p"ss <wörd>+\\';

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

Deno.test("row 146: createRedactor: redacts a secret in every encoding", () => {
  const redact = createRedactor([SECRET]);
  for (const [how, text] of WRITTEN) {
    assertEquals(redact(`before ${text} after`), "before *** after", how);
  }
});

Deno.test("row 146: createRedactor: redacts a secret at any offset within base64", () => {
  const redact = createRedactor(["a-long-secret"]);
  for (const before of ["", "u", "us", "use", "user:"]) {
    const shown = redact(base64(`${before}a-long-secret, and more`));
    assertEquals(shown.includes("***"), true, before);
    // Only characters shared with the neighbours are left.
    const rest = shown.split("***").join("");
    assertEquals(rest.length <= base64(`${before}, and more`).length + 4, true, shown);
  }
});

Deno.test("row 146: createRedactor: redacts a host name in lower case and in ASCII", () => {
  const table: [secret: string, text: string, shown: string][] = [
    ["Internal-Host", "https://internal-host.example.org/a", "https://***.example.org/a"],
    ["MÜNCHEN.example", "https://xn--mnchen-3ya.example/a", "https://***/a"],
    ["Internal-Host", "HTTPS://INTERNAL-HOST/", "HTTPS://***/"],
  ];
  for (const [secret, text, shown] of table) assertEquals(createRedactor([secret])(text), shown);
});

Deno.test("row 146: createRedactor: redacts overlapping secrets completely", () => {
  const redact = createRedactor(["abcdef", "defghi", "ghi/jkl"]);
  assertEquals(redact("abcdefghi/jkl"), "***");
  assertEquals(redact("-abcdef-defghi-"), "-***-***-");
  assertEquals(redact("ABCDEF and abcde"), "*** and abcde");
});

Deno.test("row 146: createRedactor: keeps invalid encodings and the text around a secret", () => {
  const redact = createRedactor(["token"]);
  for (const text of ["100% of it", "%zz %4", "&unknown; &#99999999; &#x110000;", "a\\", "\\u12"]) {
    assertEquals(redact(text), text);
  }
  assertEquals(redact("%C3%B6 token \\n &amp;"), "%C3%B6 *** \\n &amp;");
  // An escape that ends where the secret begins must not hide it.
  assertEquals(redact("C:\\token"), "C:\\***");
});

Deno.test("property: levelsOf: ends with the decoded text, and every range is within the original", () => {
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

Deno.test("row 146: redactUrl: in a sentence, userinfo and parameters end at a space or a quote", () => {
  for (const [text, shown] of SENTENCES) assertEquals(redactUrl(text), shown);
});
