import { assertEquals } from "@std/assert";
import { readJson } from "../../../lib/config/source/json.ts";
import { readList } from "../../../lib/config/source/read.ts";
import { createLineFinder, type ParsedText } from "../../../lib/config/source/source.ts";
import { readYaml } from "../../../lib/config/source/yaml.ts";

/** Problems as `line:column message`. */
function problemLines(text: string, { problems }: ParsedText): string[] {
  const positionOf = createLineFinder(text);
  return problems.map(({ message, hint = null, ...range }) => {
    const { line, column } = positionOf(range);
    return `${line}:${column} ${message}${hint === null ? "" : `; ${hint}`}`;
  });
}

const VALUES: readonly (readonly [text: string, value: unknown])[] = [
  ['{"a":[1,-2.5e3,true,false,null,"\\u00e9\\n"],"b":{}}', {
    a: [1, -2500, true, false, null, "é\n"],
    b: {},
  }],
  ["[[],[{}]]", [[], [{}]]],
  ['"text"', "text"],
];

Deno.test("readJson: returns the value of a JSON text", () => {
  for (const [text, value] of VALUES) {
    for (const comments of [false, true]) {
      const document = readJson(text, comments);
      assertEquals(document.problems, []);
      assertEquals(document.value, value);
    }
  }
});

Deno.test("readJson: __proto__ is an ordinary key", () => {
  const { value } = readJson('{"__proto__": {"polluted": true}}', true);
  assertEquals(Object.keys(value as object), ["__proto__"]);
  assertEquals((value as { polluted?: unknown }).polluted, undefined);
});

const COMMENTED = '{ // one\n "a": 1, /* two */\n "b": [1, 2,],\n}';

Deno.test("readJson: comments and trailing commas only in JSONC", () => {
  assertEquals(readJson(COMMENTED, true).value, { a: 1, b: [1, 2] });
  assertEquals(readJson(COMMENTED, true).problems, []);
  assertEquals(problemLines(COMMENTED, readJson(COMMENTED, false)), [
    "1:3 comments are not allowed in JSON; rename the file to .jsonc",
  ]);
  assertEquals(readJson("[1,]", false).problems.length, 1);
});

const BROKEN_JSON: readonly (readonly [text: string, problem: string])[] = [
  ["", "1:1 expected a value"],
  ["{", "1:2 expected a }"],
  ['{"a" 1}', "1:6 expected a colon"],
  ['{"a": 1\n "b": 2}', "2:2 expected a comma"],
  ["{a: 1}", "1:2 expected a value; text needs double quotes"],
  ["{\"a\": 'x'}", "1:7 expected a value; text needs double quotes"],
  ['{"a": "x\n"}', "1:7 unterminated text"],
  ['{"a": "\\x"}', "1:7 invalid escape"],
  ['{"a": }', "1:7 expected a value"],
  ["[1] 2", "1:5 unexpected text after the end"],
];

Deno.test("row 89: readJson: a syntax error has line and column", () => {
  for (const [text, problem] of BROKEN_JSON) {
    assertEquals(problemLines(text, readJson(text, true)), [problem], JSON.stringify(text));
  }
});

Deno.test("row 89: readJson: a duplicate key is an error", () => {
  const text = '{"a": 1, "b": {"c": 1,\n"c": 2}, "a": 3}';
  assertEquals(problemLines(text, readJson(text, true)), [
    '2:1 duplicate key "c"',
    '2:10 duplicate key "a"',
  ]);
});

const BROKEN_YAML: readonly (readonly [text: string, problem: RegExp])[] = [
  ["a: [1", /^\d+:\d+ /],
  ["a: 1\na: 2", /^2:1 duplicate key "a"$/],
  ["a: 1\n---\nb: 2", /^\d+:\d+ /],
  ["a: *nobody", /^1:\d+ /],
  ["a: &x [1]\nb: {? [c] : d}", /^2:/],
];

Deno.test("row 89: readYaml: a syntax error has line and column", () => {
  for (const [text, problem] of BROKEN_YAML) {
    const [first = ""] = problemLines(text, readYaml(text));
    assertEquals(problem.test(first), true, `${JSON.stringify(text)}: ${first}`);
  }
});

Deno.test("readYaml: anchors are resolved within limits", () => {
  const text = "a: &x\n  b: 1\nc: *x\nyes: no\n";
  assertEquals(readYaml(text).value, { a: { b: 1 }, c: { b: 1 }, yes: "no" });
  const bomb = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" +
    [..."bcdefg"].map((name, index) =>
      `${name}: &${name} [${Array(10).fill(`*${"abcdef"[index]}`).join(",")}]\n`
    ).join("");
  assertEquals(readYaml(bomb).problems.length, 1);
});

const JSON_TEXT = `{
  "tasks": [
    "one",
    { "url": "x",
      "expect": { "minSize": "1KB" } }
  ],
  "tasks2": {}
}`;

const YAML_TEXT = `tasks:
  - one
  - url: x
    expect:
      minSize: 1KB
shared: &s
  deep: 1
used: *s
empty:
`;

type Row = readonly [path: PropertyKey[], part: "key" | "value", position: string];

const JSON_PLACES: readonly Row[] = [
  [[], "value", "1:1"],
  [["tasks"], "key", "2:3"],
  [["tasks"], "value", "2:12"],
  [["tasks", 0], "value", "3:5"],
  [["tasks", 1, "expect", "minSize"], "key", "5:19"],
  [["tasks", 1, "expect", "minSize"], "value", "5:30"],
  [["tasks", 1, "expect", "absent"], "value", "5:17"],
  [["tasks", 1, "expect", "absent"], "key", "5:17"],
  [["tasks", 0, "url"], "value", "3:5"],
  [["tasks", 9], "value", "2:12"],
  [["nothing", "here"], "value", "1:1"],
];

const YAML_PLACES: readonly Row[] = [
  [[], "value", "1:1"],
  [["tasks"], "key", "1:1"],
  [["tasks", 0], "value", "2:5"],
  [["tasks", 1, "expect", "minSize"], "key", "5:7"],
  [["tasks", 1, "expect", "minSize"], "value", "5:16"],
  [["tasks", 1, "expect", "absent"], "value", "5:7"],
  [["tasks", 9], "value", "2:3"],
  [["used", "deep"], "value", "7:9"],
  [["nothing"], "value", "1:1"],
];

Deno.test("row 89: locate: the offset of a key or a value, or of the enclosing object", () => {
  const documents: [string, ParsedText, readonly Row[]][] = [
    [JSON_TEXT, readJson(JSON_TEXT, true), JSON_PLACES],
    [YAML_TEXT, readYaml(YAML_TEXT), YAML_PLACES],
  ];
  for (const [text, { locate }, rows] of documents) {
    const positionOf = createLineFinder(text);
    for (const [path, part, position] of rows) {
      const { line, column } = positionOf(locate(path, part) ?? { offset: NaN });
      assertEquals(`${line}:${column}`, position, `${part} of ${path.join(".")}`);
    }
  }
});

Deno.test("readList: one URL per line, without comments and blank lines", () => {
  const document = readList("# comment\r\n\r\nhttps://a/\r\n  https://b/#c  \nlast");
  assertEquals(document.value, { tasks: ["https://a/", "https://b/#c", "last"] });
  assertEquals(
    [0, 1, 2, 3].map((index) => document.locate(["tasks", index], "value")?.offset ?? null),
    [
      13,
      27,
      42,
      null,
    ],
  );
  assertEquals(readList("").value, { tasks: [] });
});

Deno.test("createLineFinder: LF, CRLF and CR end a line", () => {
  const positionOf = createLineFinder("a\nbc\r\nd\re");
  const positions = [0, 1, 2, 3, 4, 6, 8].map((offset) => {
    const { line, column } = positionOf({ offset });
    return `${line}:${column}`;
  });
  assertEquals(positions, ["1:1", "1:2", "2:1", "2:2", "2:3", "3:1", "4:1"]);
});
