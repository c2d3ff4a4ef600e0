import { assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  compareHostPatterns,
  type HostPattern,
  type HostRule,
  serverSettings,
} from "../../lib/core/host_rules.ts";

/** A pattern as in a config. */
function pattern(text: string): HostPattern {
  const isWildcard = text.startsWith("*.");
  const [, name = "", port] = /^(?:\*\.)?(\[.*\]|[^:]*)(?::(\d+))?$/.exec(text) ?? [];
  return { name, isWildcard, port: port === undefined ? null : Number(port) };
}

/** A rule whose proxy is its pattern, so that a test sees which rule has decided. */
function rule(text: string): HostRule {
  return { pattern: pattern(text), settings: { proxy: text } };
}

const MATCHES:
  readonly (readonly [url: string, patterns: readonly string[], decides: string | null])[] = [
    ["https://example.org/a", ["example.org"], "example.org"],
    ["https://example.org./a", ["example.org"], "example.org"],
    ["http://example.org:8080/a", ["example.org"], "example.org"],
    ["https://a.example.org/", ["example.org"], null],
    ["https://a.example.org/", ["*.example.org"], "*.example.org"],
    ["https://a.b.example.org/", ["*.example.org"], "*.example.org"],
    ["https://example.org/", ["*.example.org"], null],
    ["https://badexample.org/", ["*.example.org", "example.org"], null],
    ["https://example.org/", ["example.org:443"], "example.org:443"],
    ["http://example.org/", ["example.org:443"], null],
    ["http://example.org/", ["example.org:80"], "example.org:80"],
    ["https://example.org:8443/", ["example.org:443"], null],
    ["https://example.org:8443/", ["example.org:8443"], "example.org:8443"],
    ["https://[::1]:8443/", ["[::1]:8443"], "[::1]:8443"],
    ["https://[0:0::1]/", ["[::1]"], "[::1]"],
    ["https://[::1]/", ["[::1]:8443"], null],
    ["http://127.1/", ["127.0.0.1"], "127.0.0.1"],
    ["https://user:pass@example.org/", ["example.org"], "example.org"],
    ["https://a.b.test:1/", ["a.b.test", "a.b.test:1", "*.b.test", "*.test"], "a.b.test:1"],
    ["https://a.b.test:2/", ["a.b.test", "a.b.test:1", "*.b.test", "*.test"], "a.b.test"],
    ["https://a.b.test/", ["*.test", "*.b.test"], "*.b.test"],
    ["https://a.b.test:1/", ["*.test:1", "*.b.test"], "*.b.test"],
    ["https://a.b.test:1/", ["*.b.test:1", "*.b.test", "a.b.test"], "a.b.test"],
    ["https://c.b.test:1/", ["*.b.test", "*.b.test:1"], "*.b.test:1"],
  ];

Deno.test("serverSettings: the most specific rule that matches decides", () => {
  for (const [url, patterns, decides] of MATCHES) {
    for (const order of [patterns, patterns.toReversed()]) {
      const rules = order.map(rule)
        .toSorted((one, other) => compareHostPatterns(one.pattern, other.pattern));
      assertEquals(serverSettings(rules, url).proxy, decides, `${url} ${order}`);
    }
  }
});

Deno.test("serverSettings: each field is that of the most specific rule that sets it", () => {
  const identity = { cert: "cert", key: "key" };
  const rules: HostRule[] = [
    { pattern: pattern("a.b.test"), settings: { proxy: "direct", identity: null } },
    { pattern: pattern("*.b.test"), settings: { proxy: "http://p.test", spacingMs: 1_000 } },
    {
      pattern: pattern("*.test"),
      settings: { identity, spacingMs: 5, perHost: 2, caCerts: ["ca"] },
    },
  ];
  assertEquals(serverSettings(rules, "https://a.b.test"), {
    proxy: "direct",
    caCerts: ["ca"],
    identity: null,
    perHost: 2,
    spacingMs: 1_000,
  });
  assertEquals(serverSettings(rules, "https://x.test"), {
    proxy: null,
    caCerts: ["ca"],
    identity,
    perHost: 2,
    spacingMs: 5,
  });
  assertEquals(serverSettings(rules, "https://test"), { proxy: null, caCerts: [], identity: null });
  assertEquals(serverSettings([], "https://a.b.test"), {
    proxy: null,
    caCerts: [],
    identity: null,
  });
});

Deno.test("property: compareHostPatterns: the order of the config has no effect", () => {
  const patterns = fc.shuffledSubarray(
    ["a.b.c", "a.b.c:1", "*.b.c", "*.b.c:1", "*.c", "*.c:1", "b.c", "x.c:1"],
  );
  fc.assert(
    fc.property(patterns, fc.constantFrom("a.b.c", "b.c", "x.c", "a.b.c:1"), (some, host) => {
      const decides = (texts: readonly string[]) =>
        serverSettings(
          texts.map(rule).toSorted((a, b) => compareHostPatterns(a.pattern, b.pattern)),
          `http://${host}`,
        ).proxy;
      assertEquals(decides(some), decides(some.toSorted()));
    }),
  );
});
