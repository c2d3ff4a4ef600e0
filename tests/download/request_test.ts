import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { ErrorCode } from "../../lib/core/errors.ts";
import {
  decideRedirect,
  isRedirect,
  MAX_HOPS,
  MAX_LOCATION_LENGTH,
} from "../../lib/download/request.ts";

const FROM = "https://a.example/dir/file?x=1";

Deno.test("decideRedirect follows", () => {
  const table: [location: string, url: string][] = [
    ["/other", "https://a.example/other"],
    ["other", "https://a.example/dir/other"],
    ["?y=2", "https://a.example/dir/file?y=2"],
    ["//b.example/x", "https://b.example/x"],
    ["https://b.example/x", "https://b.example/x"],
    ["https://b.example/x#part", "https://b.example/x"],
    // Row 177: one field with a comma, and bytes outside ASCII.
    ["/files/Report, March 2024.pdf", "https://a.example/files/Report,%20March%202024.pdf"],
    ["/t\xc3\xa9/x", "https://a.example/t%C3%A9/x"],
    ["/t%C3%A9/x", "https://a.example/t%C3%A9/x"],
    ["/latin-\xe9?q=\xe9", "https://a.example/latin-%E9?q=%E9"],
    ["//b\xc3\xbccher.example/x", "https://xn--bcher-kva.example/x"],
    ["/\u4e2d", "https://a.example/%E4%B8%AD"],
  ];
  for (const [location, url] of table) {
    assertEquals(decideRedirect([FROM], location), { kind: "follow", url });
  }
});

Deno.test("decideRedirect refuses", () => {
  const table: [name: string, visited: string[], location: string | null, code: ErrorCode][] = [
    ["row 44: no Location", [FROM], null, "http.protocol"],
    ["row 44: an empty Location", [FROM], "", "http.protocol"],
    ["row 22: two Locations", [FROM], "/a\n/b", "http.protocol"],
    ["row 41: file:", [FROM], "file:///etc/passwd", "http.protocol"],
    ["row 41: javascript:", [FROM], "javascript:alert(1)", "http.protocol"],
    ["row 41: ftp:", [FROM], "ftp://a.example/x", "http.protocol"],
    ["no URL at all", [FROM], "https://", "http.protocol"],
    ["row 39: https to http", [FROM], "http://a.example/x", "redirect.insecure"],
    [
      "row 39: https to http, later in the chain",
      [FROM, "https://b.example/"],
      "http://b.example/x",
      "redirect.insecure",
    ],
    ["row 38: to itself", [FROM], FROM, "redirect.loop"],
    ["row 38: to itself but for the fragment", [FROM], `${FROM}#again`, "redirect.loop"],
    [
      "row 38: to an earlier one",
      ["http://a.example/1", "http://a.example/2"],
      "/1",
      "redirect.loop",
    ],
  ];
  for (const [name, visited, location, code] of table) {
    const decision = decideRedirect(visited, location);
    assertEquals(decision.kind === "refuse" && decision.code, code, name);
  }
});

Deno.test(`decideRedirect follows at most ${MAX_HOPS} redirects`, () => {
  const visited = ["http://a.example/0"];
  for (let hop = 1; hop <= MAX_HOPS; hop++) {
    const decision = decideRedirect(visited, `/${hop}`);
    assertEquals(decision.kind, "follow");
    visited.push(`http://a.example/${hop}`);
  }
  const decision = decideRedirect(visited, "/one-more");
  assertEquals(decision.kind === "refuse" && decision.code, "redirect.loop");
});

Deno.test("row 133: decideRedirect: a repeated URL is a loop only since the cookies last changed", () => {
  const visited = ["http://a.example/1", "http://a.example/2", "http://a.example/3"];
  const table: [changedAt: number, location: string, kind: string][] = [
    [0, "/1", "refuse"],
    [1, "/1", "follow"],
    [1, "/2", "refuse"],
    [3, "/1", "follow"],
    [3, "/3", "follow"],
  ];
  for (const [changedAt, location, kind] of table) {
    assertEquals(
      decideRedirect(visited, location, changedAt).kind,
      kind,
      `${changedAt} ${location}`,
    );
  }
  const many = Array.from({ length: MAX_HOPS + 1 }, () => "http://a.example/1");
  assertEquals(decideRedirect(many, "/1", many.length).kind, "refuse");
});

Deno.test("row 134: decideRedirect refuses a Location over 8,000 characters, and cuts it in the message", () => {
  const longest = `/${"?".repeat(MAX_LOCATION_LENGTH - 1)}`;
  assertEquals(decideRedirect([FROM], longest).kind, "follow");
  for (const location of [`${longest}?`, `/${"?".repeat(80_000)}`, "a".repeat(1_000_000)]) {
    const decision = decideRedirect([FROM], location);
    assert(decision.kind === "refuse" && decision.code === "http.protocol");
    assert(decision.message.length < 350, decision.message);
  }
});

Deno.test("row 43: decideRedirect drops userinfo in a Location", () => {
  assertEquals(decideRedirect([FROM], "https://user:secret@b.example/x"), {
    kind: "follow",
    url: "https://b.example/x",
  });
});

Deno.test("property: decideRedirect follows only http(s) URLs without userinfo, never from https to http", () => {
  const location = fc.oneof(
    fc.webUrl({ withFragments: true, withQueryParameters: true }),
    fc.string(),
    fc.webPath(),
  );
  fc.assert(fc.property(fc.webUrl({ validSchemes: ["http", "https"] }), location, (from, to) => {
    const decision = decideRedirect([new URL(from).href], to);
    if (decision.kind === "refuse") return;
    const url = new URL(decision.url);
    assert(url.protocol === "https:" || url.protocol === "http:");
    assert(!(from.startsWith("https:") && url.protocol === "http:"));
    assertEquals([url.username, url.password, url.hash], ["", "", ""]);
    assert(decision.url !== new URL(from).href);
  }));
});

Deno.test("isRedirect: 301, 302, 303, 307 and 308", () => {
  const found = Array.from({ length: 200 }, (_, index) => 300 + index).filter(isRedirect);
  assertEquals(found, [301, 302, 303, 307, 308]);
});
