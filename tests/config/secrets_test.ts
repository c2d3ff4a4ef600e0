import { assertEquals, assertStrictEquals } from "@std/assert";
import fc from "fast-check";
import { substituteUrl } from "../../lib/config/variables.ts";
import { loadValue } from "../../lib/config/load.ts";
import {
  createRedactor,
  redactUrl,
  secretsInHeader,
  secretsInUrl,
} from "../../lib/config/secrets.ts";
import { testHost } from "../helpers/host.ts";

/** A password with every kind of character that is written differently somewhere. */
const PASSWORD = 'pä ss/w+"&#?=%\\';

const base64 = (text: string) => new TextEncoder().encode(text).toBase64();

/** Bytes whose base64 has both characters that base64url replaces. */
const SYMBOLS = "???>>>~~~";

const DISGUISES: readonly (readonly [what: string, text: string])[] = [
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

Deno.test("row 90: a secret is found in every form", () => {
  const redact = createRedactor([PASSWORD, `user:${PASSWORD}`]);
  for (const [what, text] of DISGUISES) {
    const seen = redact(`before ${text} after`);
    assertEquals(/^before \*\*\*=* after$/.test(seen), true, `${what}: ${seen}`);
  }
});

Deno.test("row 90: a secret is found in the URL that was made of it", () => {
  const url = new URL("https://example.org/");
  url.username = "user";
  url.password = PASSWORD;
  url.pathname = `/${PASSWORD}`;
  url.searchParams.set("q", PASSWORD);
  const redact = createRedactor(secretsInUrl(url));
  assertEquals(redact(url.href), "https://***@example.org/***?q=***");
});

Deno.test("property: a secret is found in the URL of a task that holds it", () => {
  // What a URL takes away or moves (control characters, `\\`, dots) is another matter.
  const secret = fc.string({ unit: "grapheme", minLength: 4, maxLength: 20 })
    .filter((text) => !/[\p{Cc}\\.{}$]/u.test(text) && text.trim() === text);
  const place = fc.constantFrom("http://h/fail/", "http://h/a.csv?u=", "http://h/x");
  fc.assert(fc.property(secret, place, (value, start) => {
    const redact = createRedactor([value]);
    const { text } = substituteUrl(`${start}\${env:A}/a.csv`, { env: () => value });
    assertEquals(redact(text), `${start}***/a.csv`);
    assertEquals(redact(new URL(text).href), `${start}***/a.csv`);
  }));
});

Deno.test("row 90: a secret is found in base64url, and in base64 with its own alphabet", () => {
  const redact = createRedactor([SYMBOLS]);
  const base64url = new TextEncoder().encode(SYMBOLS).toBase64({ alphabet: "base64url" });
  assertEquals([base64(SYMBOLS), base64url], ["Pz8/Pj4+fn5+", "Pz8_Pj4-fn5-"]);
  assertEquals(redact(`${base64(SYMBOLS)} ${base64url}`), "*** ***");
});

Deno.test("row 90: the address of a webhook is a secret, its host is not", () => {
  const webhook = "https://hooks.example.org/services/T000/B000/XXXX?thread=17";
  const at = Temporal.Instant.from("2026-01-15T12:00:00Z");
  const request = { at, checkSchedule: () => null };
  const { secrets } = loadValue({ alerts: [{ webhook }], tasks: [] }, request, testHost());
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

Deno.test("secrets are replaced in one pass, the longest first, the shortest not at all", () => {
  for (const [secrets, text, redacted] of REDACTED) {
    assertEquals(createRedactor(secrets)(text), redacted);
  }
});

Deno.test("without secrets texts are passed on", () => {
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

Deno.test("row 90: URLs are shown without credentials, and bad ones too", () => {
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

Deno.test("row 90: headers whose names mean a secret hold one", () => {
  for (const [name, value, secrets] of HEADERS) {
    assertEquals(secretsInHeader(name, value), secrets, name);
  }
});

Deno.test("row 90: the userinfo of a URL holds a secret", () => {
  const table: [string, string[]][] = [
    ["https://example.org/", []],
    ["https://user:p%40ss@example.org/", ["user:p%40ss", "p%40ss", "user:p@ss", "p@ss"]],
    ["https://token@example.org/", ["token:", "token"]],
    ["https://user:100%@example.org/", ["user:100%", "100%"]],
  ];
  for (const [url, secrets] of table) assertEquals(secretsInUrl(new URL(url)), secrets);
  assertEquals(secretsInUrl(null), []);
});
