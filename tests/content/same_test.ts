import { assertEquals } from "@std/assert";
import { TextReader, Uint8ArrayWriter, ZipWriter } from "@zip.js/zip.js";
import { isSame, LARGEST_JSON_BYTES } from "../../lib/content/same.ts";
import type { SameRule } from "../../lib/core/task.ts";

/** A file that is read in pieces of `pieceBytes`. */
function file(text: string, pieceBytes = 1_000) {
  const bytes = new TextEncoder().encode(text);
  return {
    sizeBytes: bytes.length,
    async *pieces() {
      for (let at = 0; at < bytes.length; at += pieceBytes) {
        yield bytes.subarray(at, at + pieceBytes);
      }
    },
  };
}

const GENERATED: SameRule = { kind: "json", ignored: ["$.generated", "$..timestamp"] };
const COMMENTS: SameRule = { kind: "lines", ignored: "^#" };

type Case = readonly [name: string, rule: SameRule, one: string, other: string, same: boolean];

const CASES: readonly Case[] = [
  ["an ignored node", GENERATED, '{"generated":1,"a":2}', '{"generated":3,"a":2}', true],
  ["another node", GENERATED, '{"generated":1,"a":2}', '{"generated":1,"a":3}', false],
  ["an ignored node that is missing", GENERATED, '{"generated":1,"a":2}', '{"a":2}', true],
  ["nodes at any depth", GENERATED, '[{"b":[{"timestamp":1}]}]', '[{"b":[{"timestamp":9}]}]', true],
  ["a value beside it", GENERATED, '[{"b":[{"timestamp":1,"c":1}]}]', '[{"b":[{"c":2}]}]', false],
  ["the order of keys", GENERATED, '{"a":1,"b":{"c":2,"d":3}}', '{"b":{"d":3,"c":2},"a":1}', true],
  ["the order of items", GENERATED, "[1,2]", "[2,1]", false],
  ["white space", GENERATED, '{"a": [1, 2]}\n', '{\n  "a":[1,2]}', true],
  ["white space in text", GENERATED, '["a b"]', '["a  b"]', false],
  ["a byte order mark", GENERATED, "\ufeff[1]", "[1]", true],
  ["an escape", GENERATED, '["\\u00e9"]', '["é"]', true],
  ["the spelling of a number", GENERATED, "[1.0, 1e3, -0.50]", "[1, 1000, -0.5]", true],
  [
    "a digit of a long number",
    GENERATED,
    "[12345678901234567890]",
    "[12345678901234567891]",
    false,
  ],
  [
    "a digit of a long fraction",
    GENERATED,
    "[0.12345678901234567]",
    "[0.12345678901234568]",
    false,
  ],
  ["a number and its text", GENERATED, "[1]", '["1"]', false],
  [
    "a long number and its text",
    GENERATED,
    "[123456789012345678]",
    '["number 123456789012345678"]',
    false,
  ],
  ["a repeated key", GENERATED, '{"a":1,"a":2}', '{"a":5,"a":2}', false],
  ["a repeated key below", GENERATED, '[{"b":{"a":1,"a":2}}]', '[{"b":{"a":2}}]', false],
  [
    "colons and quotes in texts",
    GENERATED,
    '{"a:\\"":"\\\\","b":":"}',
    '{"b":":","a:\\"":"\\\\"}',
    true,
  ],
  ["minus zero", GENERATED, "[-0]", "[0]", false],
  ["a number that is too small", GENERATED, "[1e-400]", "[2e-400]", false],
  ["a digit of a small number", GENERATED, "[1.23456789e-320]", "[1.23456788e-320]", false],
  ["a number that is too large", GENERATED, "[1e400]", "[1e401]", false],
  ["half a surrogate pair", GENERATED, '["\\ud800"]', '["\\ud801"]', false],
  ["null and a missing key", GENERATED, '{"a":null}', "{}", false],
  ["__proto__", GENERATED, '{"__proto__":1}', '{"__proto__":2}', false],
  ["a cut document", GENERATED, '{"a":1', '{"a":1', false],
  ["no JSON", GENERATED, "a,b\n", "a,c\n", false],
  ["the whole document", { kind: "json", ignored: ["$"] }, "[1]", "[2]", true],
  ["an item", { kind: "json", ignored: ["$[0]"] }, '["yesterday",1]', '["today",1]', true],
  ["another item", { kind: "json", ignored: ["$[0]"] }, '["today",1]', '["today",2]', false],
  [
    "nodes of a filter",
    { kind: "json", ignored: ["$[?@.kind=='meta']"] },
    '[{"kind":"meta","v":1},{"kind":"row"}]',
    '[{"kind":"meta","v":2},{"kind":"row"}]',
    true,
  ],
  ["no ignored node", { kind: "json", ignored: [] }, '{"a":1,"b":2}', '{"b":2,"a":1}', true],

  ["an ignored line", COMMENTS, "# 1\na\n", "# 2\na\n", true],
  ["an ignored line more", COMMENTS, "a\n", "# 1\n# 2\na\n# 3\n", true],
  ["another line", COMMENTS, "# 1\na\n", "# 1\nb\n", false],
  ["the order of lines", COMMENTS, "a\nb\n", "b\na\n", false],
  ["a line more", COMMENTS, "a\n", "a\na\n", false],
  ["the end of the last line", COMMENTS, "a\n", "a", false],
  ["CRLF", COMMENTS, "a\r\n", "a\n", false],
  ["an ignored last line without an end", COMMENTS, "a\n#", "a\n", true],
  ["a pattern in a line", COMMENTS, "a #1\n", "a #2\n", false],
  ["CRLF after ignored lines", COMMENTS, "# 1\r\na\r\n", "# 2\r\n# 3\r\na\r\n", true],
  ["CR alone", COMMENTS, "# 1\ra\r", "# 2\ra\r", true],
  ["another line after CR alone", COMMENTS, "a\r# 1\r", "b\r# 1\r", false],
  ["a comment after a CR in a line", COMMENTS, "a\r# 1\n", "b\r# 1\n", false],
  ["empty lines", { kind: "lines", ignored: "^$" }, "a\n\nb\r\n\r\n", "\na\nb\r\n", true],
  ["other lines than empty ones", { kind: "lines", ignored: "^\\s*$" }, "a\nb\n", "c\nd\n", false],
  ["the end of an ignored line", { kind: "lines", ignored: "z$" }, "az\nb\n", "cz\nb\n", true],
  [
    "a line of the matched length",
    COMMENTS,
    `${"x".repeat(16_384)}\n1\n`,
    `${"x".repeat(16_384)}\n2\n`,
    false,
  ],
  ["a moved line end", COMMENTS, "ab\nc\n", "a\nbc\n", false],
  ["a long line", COMMENTS, `${"x".repeat(100_000)}1\n`, `${"x".repeat(100_000)}2\n`, false],
  [
    "a long ignored line",
    COMMENTS,
    `#${"x".repeat(99_999)}1\na\n`,
    `#${"x".repeat(50)}2\na\n`,
    true,
  ],
  ["bytes that are no text", COMMENTS, "\u0000\u0001", "\u0000\u0002", false],
  ["an empty file", COMMENTS, "", "# 1\n", true],
];

for (const [name, rule, one, other, same] of CASES) {
  Deno.test(`isSame: ${rule.kind}: ${name}: ${same ? "the same" : "different"}`, async () => {
    for (const pieceBytes of [1, 3, 1_000_000]) {
      assertEquals(await isSame(rule, file(one, pieceBytes), file(other, 1_000)), same);
      assertEquals(await isSame(rule, file(other, pieceBytes), file(one, pieceBytes)), same);
    }
  });
}

Deno.test("isSame: JSON in another encoding than UTF-8 is different", async () => {
  const latin1 = (byte: number) => ({
    sizeBytes: 5,
    async *pieces() {
      yield Uint8Array.of(0x5b, 0x22, byte, 0x22, 0x5d);
    },
  });
  assertEquals(await isSame(GENERATED, latin1(0xe8), latin1(0xe9)), false);
  assertEquals(await isSame(GENERATED, latin1(0xe9), file('["\ufffd"]')), false);
  assertEquals(await isSame(GENERATED, latin1(0x65), file('["e"]')), true);
});

Deno.test("isSame: a JSON document that is too large or too deep is different", async () => {
  const large = { ...file("[1]"), sizeBytes: LARGEST_JSON_BYTES + 1 };
  assertEquals(await isSame(GENERATED, large, large), false);
  const deep = file(`${"[".repeat(100_000)}${"]".repeat(100_000)}`);
  assertEquals(await isSame(GENERATED, deep, deep), false);
});

/** A member of a sample archive: its path, its text, its time, and how it is compressed. */
type Member = readonly [path: string, text: string, year?: number, level?: number];

async function zip(members: readonly Member[], comment = ""): Promise<Uint8Array<ArrayBuffer>> {
  const writer = new ZipWriter(new Uint8ArrayWriter(), { useWebWorkers: false });
  for (const [path, text, year = 2026, level = 6] of members) {
    const lastModDate = new Date(year, 0, 1);
    await writer.add(path, new TextReader(text), { level, lastModDate });
  }
  return new Uint8Array(await writer.close(new TextEncoder().encode(comment)));
}

function fileOf(bytes: Uint8Array, pieceBytes = 1_000) {
  return {
    sizeBytes: bytes.length,
    async *pieces() {
      for (let at = 0; at < bytes.length; at += pieceBytes) {
        yield bytes.subarray(at, at + pieceBytes);
      }
    },
  };
}

const FEED: readonly Member[] = [["stops.txt", "a,b\n1,2\n"], [
  "data/trips.txt",
  "t".repeat(5_000),
]];

const ZIP_CASES: readonly (readonly [name: string, other: readonly Member[], same: boolean])[] = [
  ["the same members", FEED, true],
  ["other times", FEED.map(([path, text]) => [path, text, 2020] as const), true],
  ["another order", FEED.toReversed(), true],
  ["another compression", FEED.map(([path, text]) => [path, text, 2026, 0] as const), true],
  ["one changed byte", [["stops.txt", "a,b\n1,3\n"], FEED[1] ?? ["", ""]], false],
  ["a longer member", [["stops.txt", "a,b\n1,2\n\n"], FEED[1] ?? ["", ""]], false],
  ["a renamed member", [["stop.txt", "a,b\n1,2\n"], FEED[1] ?? ["", ""]], false],
  ["one member less", FEED.slice(1), false],
  ["one member more", [...FEED, ["empty.txt", ""]], false],
  [
    "exchanged contents",
    [["stops.txt", "t".repeat(5_000)], ["data/trips.txt", "a,b\n1,2\n"]],
    false,
  ],
  ["another folder", [["stops.txt", "a,b\n1,2\n"], ["trips.txt", "t".repeat(5_000)]], false],
];

for (const [name, other, same] of ZIP_CASES) {
  Deno.test(`isSame: zip: ${name}: ${same ? "the same" : "different"}`, async () => {
    const [one, two] = [await zip(FEED), await zip(other, "a comment")];
    for (const pieceBytes of [1, 1_000_000]) {
      assertEquals(await isSame({ kind: "zip" }, fileOf(one, pieceBytes), fileOf(two)), same);
      assertEquals(await isSame({ kind: "zip" }, fileOf(two), fileOf(one, pieceBytes)), same);
    }
  });
}

Deno.test("isSame: zip: the directory alone does not decide", async () => {
  // Two texts with one CRC-32.
  const [one, other] = [
    await zip([["a", "plumless", 2026, 0]]),
    await zip([["a", "buckeroo", 2026, 0]]),
  ];
  assertEquals(await isSame({ kind: "zip" }, fileOf(one), fileOf(one)), true);
  assertEquals(await isSame({ kind: "zip" }, fileOf(one), fileOf(other)), false);
  const damaged = one.with(new TextDecoder("latin1").decode(one).indexOf("plumless"), 0);
  assertEquals(await isSame({ kind: "zip" }, fileOf(one), fileOf(damaged)), false);
  assertEquals(await isSame({ kind: "zip" }, fileOf(damaged), fileOf(damaged)), false);
});

Deno.test("isSame: zip: what is no archive, cut or encrypted is different", async () => {
  const archive = await zip(FEED);
  const writer = new ZipWriter(new Uint8ArrayWriter(), { useWebWorkers: false });
  await writer.add("a.txt", new TextReader("a"), { password: "secret" });
  const encrypted = new Uint8Array(await writer.close());
  const texts = [new TextEncoder().encode("no archive"), new Uint8Array(0)];
  for (const bytes of [...texts, archive.slice(0, -1), archive.slice(0, 100), encrypted]) {
    assertEquals(await isSame({ kind: "zip" }, fileOf(bytes), fileOf(bytes)), false);
  }
});

/** An archive whose member `from` is called `to`; both are one letter. */
function renamed(archive: Uint8Array<ArrayBuffer>, from: string, to: string) {
  const name = from.charCodeAt(0);
  const isName = (byte: number, at: number) =>
    byte === name && [30, 46].some((length) => archive[at - length] === 0x50);
  return archive.map((byte, at) => isName(byte, at) ? to.charCodeAt(0) : byte);
}

Deno.test("isSame: zip: an archive that programs read differently is different", async () => {
  const [one, other] = [await zip([["a", "1"]]), await zip([["a", "2"]])];
  const twice = renamed(await zip([["a", "1"], ["b", "2"]]), "b", "a");
  const swapped = renamed(await zip([["b", "2"], ["a", "1"]]), "b", "a");
  const join = (...parts: Uint8Array[]) => new Uint8Array(parts.flatMap((part) => [...part]));
  const end = new TextEncoder().encode("end");
  const fewer = (await zip([["a", "1"], ["b", "2"]])).with(-12, 1).with(-14, 1);
  const pairs: [name: string, one: Uint8Array, other: Uint8Array][] = [
    ["members with one name", twice, swapped],
    ["an archive before another", join(one, other), join(other, other)],
    ["bytes before it", join(end, one), one],
    ["bytes behind it", join(one, end), one],
    ["a member that is not counted", fewer, one],
  ];
  for (const [name, one, other] of pairs) {
    assertEquals(await isSame({ kind: "zip" }, fileOf(one), fileOf(other)), false, name);
  }
});

Deno.test("isSame: zip: of a large archive only its end is kept", async () => {
  const large: readonly Member[] = [["large.bin", "x".repeat(20_000_000), 2026, 0], ...FEED];
  const [one, two] = [await zip(large), await zip(large.toReversed())];
  assertEquals(await isSame({ kind: "zip" }, fileOf(one, 65_536), fileOf(two, 65_536)), true);
  const other = await zip([["large.bin", `${"x".repeat(19_999_999)}y`, 2026, 0], ...FEED]);
  assertEquals(await isSame({ kind: "zip" }, fileOf(one, 65_536), fileOf(other, 65_536)), false);
});
