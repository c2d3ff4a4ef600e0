import { assertEquals } from "@std/assert";
import {
  CookieJar,
  MAX_FIELD_BYTES,
  MAX_JAR_BYTES,
  parseCookieDate,
} from "../../lib/http/cookies.ts";

const NOW_MS = Date.UTC(2026, 0, 15, 12);
const FROM = "https://a.example/dir/page?x=1";
const PAST = "Thu, 01 Jan 1970 00:00:00 GMT";
const FUTURE = "Fri, 01 Jan 2027 00:00:00 GMT";

/** The Cookie field after a response has set these cookies. */
function sent(fields: readonly string[], to: string, from = FROM, laterMs = 0): string | null {
  const jar = new CookieJar();
  jar.store(fields, new URL(from), NOW_MS);
  return jar.header(new URL(to, from), NOW_MS + laterMs);
}

const SAME = "https://a.example/dir/other";

Deno.test("row 133: CookieJar.header selects cookies by host, path and age (RFC 6265)", () => {
  const table: [what: string, fields: string[], to: string, cookie: string | null][] = [
    ["a plain one", ["a=1"], SAME, "a=1"],
    ["two", ["a=1", "b=2"], SAME, "a=1; b=2"],
    ["the last of one name", ["a=1", "b=2", "a=3"], SAME, "a=3; b=2"],
    ["an empty value", ["a="], SAME, "a="],
    ["equals signs in the value", ["a=b=c=="], SAME, "a=b=c=="],
    ["quotes and percent signs as they are", ['a="%41 b"'], SAME, 'a="%41 b"'],
    ["spaces around", ["  a\t=\t1  ; Path=/dir"], SAME, "a=1"],
    ["bytes beyond ASCII", ["a=\xe9"], SAME, "a=\xe9"],
    ["unknown attributes", ["a=1; X; Priority=High; SameSite=None; HttpOnly"], SAME, "a=1"],
    ["attributes called name and value", ["a=1; name=b; value=2"], SAME, "a=1"],
    ["no name", ["=1"], SAME, null],
    ["no equals sign", ["a"], SAME, null],
    ["nothing", ["", " ", ";", "; Path=/"], SAME, null],
    ["a property of objects", ["constructor=1", "__proto__=2"], SAME, null],
    // Hosts.
    ["another port", ["a=1"], "https://a.example:8443/dir/", "a=1"],
    ["another host", ["a=1"], "https://b.example/dir/", null],
    ["a host below", ["a=1"], "https://www.a.example/dir/", null],
    ["a host above", ["a=1"], "https://example/dir/", null],
    ["its own Domain", ["a=1; Domain=a.example"], SAME, "a=1"],
    ["its own Domain with a dot, in capitals", ["a=1; Domain=.A.Example"], SAME, "a=1"],
    ["a Domain is for the host alone", ["a=1; Domain=a.example"], "https://b.a.example/dir/", null],
    ["a Domain above is for the host alone", ["a=1; Domain=example"], "https://b.example/", null],
    ["a Domain above", ["a=1; Domain=example"], SAME, "a=1"],
    ["a Domain of another", ["a=1; Domain=b.example"], SAME, null],
    [
      "a Domain of another is not stored",
      ["a=1; Domain=b.example"],
      "https://b.example/dir/",
      null,
    ],
    ["a Domain below", ["a=1; Domain=www.a.example"], SAME, null],
    ["a Domain that ends alike", ["a=1; Domain=aa.example"], SAME, null],
    ["half a label", ["a=1; Domain=.example"], SAME, "a=1"],
    ["an empty Domain", ["a=1; Domain="], SAME, "a=1"],
    // Paths.
    ["the path of the response", ["a=1"], "https://a.example/dir", "a=1"],
    ["below it", ["a=1"], "https://a.example/dir/deep/er?x", "a=1"],
    ["beside it", ["a=1"], "https://a.example/directory", null],
    ["above it", ["a=1"], "https://a.example/", null],
    ["a Path", ["a=1; Path=/"], "https://a.example/anything", "a=1"],
    ["a Path with a slash at the end", ["a=1; Path=/x/"], "https://a.example/x/y", "a=1"],
    ["a Path with a slash at the end, without it", ["a=1; Path=/x/"], "https://a.example/x", null],
    ["a Path without a slash in front", ["a=1; Path=x"], SAME, "a=1"],
    ["longer paths first", ["a=1; Path=/", "b=2; Path=/dir", "c=3; Path=/"], SAME, "b=2; a=1; c=3"],
    ["one name with two paths", ["a=1; Path=/", "a=2; Path=/dir"], SAME, "a=2; a=1"],
    // Schemes.
    ["Secure over https", ["a=1; Secure"], SAME, "a=1"],
    ["Secure over http", ["a=1; Secure"], "http://a.example/dir/", null],
    ["without Secure over http", ["a=1"], "http://a.example/dir/", "a=1"],
    // Times.
    ["Max-Age", ["a=1; Max-Age=60"], SAME, "a=1"],
    ["Max-Age of zero", ["a=1; Max-Age=0"], SAME, null],
    ["Max-Age below zero", ["a=1; Max-Age=-1"], SAME, null],
    ["Max-Age that is none", ["a=1; Max-Age=soon"], SAME, "a=1"],
    ["Max-Age without end", [`a=1; Max-Age=${"9".repeat(400)}`], SAME, "a=1"],
    ["Expires in the future", [`a=1; Expires=${FUTURE}`], SAME, "a=1"],
    ["Expires in the past", [`a=1; Expires=${PAST}`], SAME, null],
    ["a cookie taken back", ["a=1", `a=; Expires=${PAST}`], SAME, null],
    ["a cookie of another path is not", ["a=1; Path=/", "a=; Max-Age=0"], SAME, "a=1"],
    ["Max-Age before Expires", [`a=1; Max-Age=60; Expires=${PAST}`], SAME, "a=1"],
    ["Expires that is no date", ["a=1; Expires=-1", "b=2; Expires=0"], SAME, "a=1; b=2"],
    ["the last Expires", [`a=1; Expires=${PAST}; Expires=${FUTURE}`], SAME, "a=1"],
  ];
  for (const [what, fields, to, cookie] of table) assertEquals(sent(fields, to), cookie, what);
});

Deno.test("row 133: CookieJar.store ignores Secure over http, and accepts an address as a host", () => {
  assertEquals(sent(["a=1; Secure"], "https://a.example/", "http://a.example/"), null);
  assertEquals(sent(["a=1"], "http://127.0.0.1:81/", "http://127.0.0.1/"), "a=1");
  assertEquals(sent(["a=1; Domain=0.0.1"], "http://127.0.0.1/", "http://127.0.0.1/"), "a=1");
  assertEquals(sent(["a=1"], "http://127.0.0.2/", "http://127.0.0.1/"), null);
  assertEquals(sent(["a=1"], "/x", "http://a.example"), "a=1");
});

Deno.test("row 133: CookieJar.header omits expired cookies", () => {
  for (
    const [field, lifeMs] of [["Max-Age=60", 60_000], [
      `Expires=${FUTURE}`,
      30_283_200_000,
    ]] as const
  ) {
    assertEquals(sent([`a=1; ${field}`], SAME, FROM, lifeMs - 1), "a=1");
    assertEquals(sent([`a=1; ${field}`], SAME, FROM, lifeMs), null);
  }
});

Deno.test("row 133: CookieJar.store returns whether a cookie changed", () => {
  const jar = new CookieJar();
  const store = (...fields: string[]) => jar.store(fields, new URL(FROM), NOW_MS);
  assertEquals(store("a=1"), true);
  assertEquals(store("a=1"), false);
  assertEquals(store("a=1; Path=/dir"), false);
  assertEquals(store("a=1; Path=/"), true);
  assertEquals(store("a=2"), true);
  assertEquals(store("b; Domain=b.example", "=x"), false);
  assertEquals(store("c=; Max-Age=0"), false);
  assertEquals(store("a=; Max-Age=0"), true);
  assertEquals(store(), false);
});

Deno.test("row 133: CookieJar limits sizes in bytes", () => {
  const store = (jar: CookieJar, ...fields: string[]) => jar.store(fields, new URL(FROM), NOW_MS);
  const jar = new CookieJar();
  assertEquals(store(jar, `a=${"x".repeat(4_095)}`), true);
  assertEquals(store(jar, `b=${"x".repeat(4_096)}`), false);
  // The oldest are dropped.
  const many = new CookieJar();
  const count = 100;
  for (let at = 0; at < count; at++) {
    store(many, `n${at}=${"x".repeat(1_000)}; Path=/dir/${at}`);
  }
  const kept = Array.from({ length: count }, (_, at) => at)
    .filter((at) => many.header(new URL(`https://a.example/dir/${at}`), NOW_MS) !== null);
  assertEquals(kept.at(-1), count - 1);
  assertEquals(kept[0], count - kept.length);
  assertEquals(kept.length, Math.floor(MAX_JAR_BYTES / 1_003));
  // The Cookie field has its own limit.
  const wide = new CookieJar();
  for (let at = 0; at < 20; at++) store(wide, `n${at}=${"x".repeat(1_000)}`);
  const field = wide.header(new URL(SAME), NOW_MS) ?? "";
  assertEquals(field.split("; ").length, 7);
  assertEquals(field.length <= MAX_FIELD_BYTES, true);
  // 120 of them are stored.
  const small = new CookieJar();
  store(small, ...Array.from({ length: 120 }, (_, at) => `n${at}=v`));
  assertEquals(small.header(new URL(SAME), NOW_MS)?.split("; ").length, 120);
});

Deno.test("row 133: CookieJar.redact replaces values that were set, in each of their forms", () => {
  const jar = new CookieJar();
  const url = new URL("http://host/");
  jar.store(["a=first-value", "b=a%20secret%2Fvalue", "c=two words!", "d=short", "e="], url, 0);
  jar.store(["a=; Max-Age=0", "f=later-value"], url, 0);
  const table: [text: string, shown: string][] = [
    ["/x/first-value?y=first-value", "/x/***?y=***"],
    ["a%20secret%2Fvalue", "***"],
    ["a secret/value", "***"],
    ["two%20words!", "***"],
    ["later-value", "***"],
    ["short words", "short words"],
    ["", ""],
  ];
  for (const [text, shown] of table) assertEquals(jar.redact(text), shown, text);
});

Deno.test("parseCookieDate: the forms of browsers (RFC 6265, section 5.1.1)", () => {
  const table: [text: string, date: string | null][] = [
    ["Sun, 06 Nov 1994 08:49:37 GMT", "1994-11-06T08:49:37.000Z"],
    ["Sunday, 06-Nov-94 08:49:37 GMT", "1994-11-06T08:49:37.000Z"],
    ["Sun Nov  6 08:49:37 1994", "1994-11-06T08:49:37.000Z"],
    ["Sun, 06-Nov-2037 8:9:7 GMT", "2037-11-06T08:09:07.000Z"],
    ["1994 nov 6 08:49:37", "1994-11-06T08:49:37.000Z"],
    ["06 November 69 08:49:37", "2069-11-06T08:49:37.000Z"],
    ["06 Nov 70 08:49:37", "1970-11-06T08:49:37.000Z"],
    ["-1", null],
    ["0", null],
    ["12.5", null],
    ["", null],
    ["06 Nov 1994", null],
    ["31 Feb 2020 00:00:00", null],
    ["00 Nov 2020 00:00:00", null],
    ["06 Nov 1600 00:00:00", null],
    ["06 Nov 2020 24:00:00", null],
    ["06 Nov 2020 00:60:00", null],
    ["06 Nov 2020 00:00:60", null],
    ["06 Nov 20201 00:00:00", null],
    ["06 Foo 2020 00:00:00", null],
  ];
  for (const [text, date] of table) {
    const parsed = parseCookieDate(text);
    assertEquals(parsed === null ? null : new Date(parsed).toISOString(), date, text);
  }
});
