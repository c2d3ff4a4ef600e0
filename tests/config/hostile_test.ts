import { assertEquals, assertMatch } from "@std/assert";
import leven from "leven";
import { plainCopy } from "../../lib/config/source/source.ts";
import type { ConfigInput } from "../../lib/config/input.ts";
import { loadValue } from "../../lib/config/load.ts";
import { ConfigError, formatProblem } from "../../lib/config/problem.ts";
import { createSuggester, nearest } from "../../lib/config/suggest.ts";
import { readTextAtMost } from "../../lib/core/text.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { testHost } from "../helpers/host.ts";
import { AT, errorOf, load, loadText, makeFiles, problemLinesOf } from "./loading.ts";

const TOO_DEEP = "is nested deeper than 64 levels";

/** Texts with 30,000 levels, and the offset of the first level beyond the limit. */
const DEEP: Readonly<Record<string, readonly [text: string, place: string]>> = {
  "arrays without an end": ["[".repeat(30_000), "1:65"],
  "closed arrays": [`${"[".repeat(30_000)}${"]".repeat(30_000)}`, "1:65"],
  "objects": ['{"a":'.repeat(30_000), "1:321"],
  "a value of an option": [`{"tasks":\n${"[".repeat(30_000)}`, "2:64"],
  "YAML: flow sequences": [`a: ${"[".repeat(30_000)}`, "1:131"],
  "YAML: flow maps": [`a: ${"{a: ".repeat(30_000)}`, "1:509"],
  "YAML: sequences on one line": [`a:\n  ${"- ".repeat(30_000)}x`, "2:256"],
  "YAML: explicit keys": [`a:\n  ${"? ".repeat(30_000)}x`, "2:256"],
};

Deno.test("row 142: a deeply nested config is a problem with a place, from every source", async (t) => {
  for (const [name, [text, place]] of Object.entries(DEEP)) {
    await t.step(name, async () => {
      const error = await errorOf(loadText(text));
      assertEquals(error.code, "config.syntax");
      assertEquals(error.message, `standard input:${place}: ${TOO_DEEP}`);
    });
  }
  await using folder = await temporaryFolder();
  const [deep] = DEEP["closed arrays"] ?? [""];
  await makeFiles(folder, {
    "a.json": deep,
    "b.jsonc": deep,
    "c.yaml": deep,
    "d.txt": deep,
    "e.ts": "let a = []; for (let i = 0; i < 30_000; i++) a = [a]; export default { tasks: a };",
  });
  const files = ["a.json", "b.jsonc", "c.yaml", "d.txt", "e.ts"];
  const { problems } = await errorOf(load({ cwd: folder.path, files }));
  assertEquals(problems.map(formatProblem).map((line) => line.replaceAll("[0]", "")), [
    `a.json:1:65: ${TOO_DEEP}`,
    `b.jsonc:1:65: ${TOO_DEEP}`,
    `c.yaml:1:129: ${TOO_DEEP}`,
    `e.ts: tasks ${TOO_DEEP}`,
    "d.txt:1:1: must be a URL, of at most 8000 characters",
  ]);
});

Deno.test("row 142: 64 nesting levels are accepted", async () => {
  const list = `${"[".repeat(63)}${"]".repeat(63)}`;
  const flow = await problemLinesOf(loadText(`{"x": ${list}}`));
  assertEquals(flow, ["1:2: x is not an option"]);
  assertEquals(await problemLinesOf(loadText(`x: ${list}`)), ["1:1: x is not an option"]);
});

Deno.test("createSuggester: the number of comparisons is bounded for any number of unknown words", () => {
  const counts = [1_000, 100_000].map((words) => {
    let calls = 0;
    const suggester = createSuggester((...args) => {
      calls++;
      return leven(...args);
    });
    for (let word = 0; word < words; word++) suggester.key(`retriees${word}`, "tasks[]");
    return calls;
  });
  assertEquals(counts[0], counts[1]);
  assertEquals((counts[0] ?? 0) < 100 * 100, true, `${counts[0]} comparisons`);
});

Deno.test("nearest: only words of similar length are compared", () => {
  const compared: string[] = [];
  const record = (a: string, b: string, options: { readonly maxDistance: number }) => {
    compared.push(b);
    return leven(a, b, options);
  };
  assertEquals(nearest("onse", ["a", "once", "skipping", "x".repeat(1_000_000)], record), "once");
  assertEquals(compared, ["once"]);
  assertEquals(nearest("y".repeat(1_000_000), ["y", "z".repeat(1_000_000)], record), null);
  assertEquals(compared, ["once"]);
});

Deno.test("row 142: of 100,000 tasks with one problem each, 10,000 are listed and the others counted", async () => {
  const kinds: Readonly<Record<string, (index: number) => string>> = {
    "an unknown key": (index) => `{"url":"https://e.org/${index}","frob":1}`,
    "a missing URL": () => "{}",
    "a wrong type": () => "7",
    "a time zone": (index) => `{"url":"https://e.org/${index}","timezone":"Europe/Berln${index}"}`,
    "a schedule": (index) => `{"url":"https://e.org/${index}","schedule":"${index}"}`,
    "a URL": (index) => `"e.org/${index}"`,
  };
  for (const [kind, task] of Object.entries(kinds)) {
    const tasks = Array.from({ length: 100_000 }, (_, index) => task(index));
    const error = await errorOf(loadText(`{"tasks":[\n${tasks.join(",\n")}]}`));
    assertEquals(error.problems.length, 10_000, kind);
    assertEquals(error.problems.at(-1)?.line, 10_001, kind);
    const last = error.message.split("\n").at(-1) ?? "";
    assertMatch(last, /^and [0-9]+ more of this kind, up to line 10001; /, kind);
    assertMatch(last, /; the other 90000 tasks were not checked$/, kind);
    // Suggestions end after a number of searches, and each schedule has its own.
    assertEquals(error.message.split("\n").length <= 220, true, kind);
  }
});

Deno.test("row 142: 100,000 unknown keys and 100,000 tasks of one file are counted", async () => {
  const keys = Array.from({ length: 100_000 }, (_, index) => `"frob${index}": 1`);
  const yaml = Array.from({ length: 20_000 }, (_, index) => `frob${index}: 1`);
  const task = '"https://e.org/x"';
  const texts: readonly (readonly [text: string, more: string])[] = [
    [`{${keys.join(",")}}`, "and 90000 more"],
    [yaml.join("\n"), "and 10000 more"],
    [`{"tasks":[${Array(100_000).fill(task).join(",")}]}`, "and 89999 more"],
    [`{${Array(100_000).fill('"store": 1').join(",")}}`, "and 89999 more"],
    [Array(20_000).fill("store: 1").join("\n"), "and 9999 more"],
  ];
  for (const [text, more] of texts) {
    const error = await errorOf(loadText(text));
    assertEquals(error.message.split("\n").at(-1), more);
    assertEquals(error.problems.length, 10_000);
  }
});

Deno.test("row 142: very long lines, keys and values are problems with short messages", async () => {
  const long = "x".repeat(1_000_000);
  const cases: readonly (readonly [text: string, problem: RegExp])[] = [
    [`{"store": "${long}"}`, /^1:11: store must be .*, of at most 1000 characters$/],
    [`{"${long}": 1}`, /^1:2: \["x{60}…"\] is not an option$/],
    [
      `{"tasks": [{"${long}": 1, "url": "https://e.org/a"}]}`,
      /^1:13: tasks\[0\]\["x{60}…"\] is not/,
    ],
    [`{"tasks": ["https://e.org/${long}"]}`, /^1:12: tasks\[0\] must be a URL, of at most 8000/],
    [`{"defaults": {"headers": {"${long}": "\\u0001"}}}`, /^1:\d+: defaults\.headers\["?x{60}…/],
    [`{"a": 1, "a": "${long}", "${long}": 1, "${long}": 1}`, /^1:10: duplicate key "a"$/],
    [`https://e.org/${long}`, /^1:1: must be a URL, of at most 8000 characters$/],
    [`store: ${long}`, /^1:8: store must be .*, of at most 1000 characters$/],
    [`misfire: ${long}`, /^1:10: misfire must be "once" or "skip"$/],
    [long, /^1:1: must be a URL/],
  ];
  for (const [text, problem] of cases) {
    const [first = ""] = await problemLinesOf(loadText(text));
    assertMatch(first, problem);
    assertEquals(first.length < 300, true);
  }
});

Deno.test("row 142: more than 32 MiB are rejected, from a file or standard input", async () => {
  const text = `{"store": "${"x".repeat(50_000_000)}"}`;
  const expected = "is larger than 32 MiB, the maximum size of a config";
  assertEquals(await problemLinesOf(loadText(text)), [` ${expected}`]);
  await using folder = await temporaryFolder();
  const files = ["a.json", "b.yaml", "c.txt", "d.ts"];
  await makeFiles(folder, Object.fromEntries(files.map((file) => [file, text])));
  const { problems } = await errorOf(load({ cwd: folder.path, files }));
  assertEquals(problems.map(formatProblem), files.map((file) => `${file}: ${expected}`));
});

Deno.test("readTextAtMost: an endless source is read to the limit, and split characters are joined", async () => {
  let reads = 0;
  const endless = {
    read: (buffer: Uint8Array) => {
      reads++;
      buffer.fill(0, 0, 1_000);
      return Promise.resolve(1_000);
    },
  };
  assertEquals(await readTextAtMost(endless, 9_999), null);
  assertEquals(reads, 10);
  const bytes = [...new TextEncoder().encode("é!")];
  const split = {
    read: (buffer: Uint8Array) => {
      const byte = bytes.shift();
      if (byte !== undefined) buffer[0] = byte;
      return Promise.resolve(byte === undefined ? null : 1);
    },
  };
  assertEquals(await readTextAtMost(split, 3), "é!");
});

Deno.test("row 142: NUL bytes and UTF-16 are problems with a place", async () => {
  const problem = "a NUL byte; is this text in UTF-8?";
  const texts = ["{\0}", '{"a": "\0"}', "store: \0", "https://e.org/\0", "\0"];
  for (const text of texts) {
    const column = text.indexOf("\0") + 1;
    assertEquals(await problemLinesOf(loadText(text)), [`1:${column}: ${problem}`]);
  }
  await using folder = await temporaryFolder();
  const utf16 = new Uint8Array(new Uint16Array([..."\ufeff{}"].map((c) => c.charCodeAt(0))).buffer);
  await Deno.writeFile(folder.file("a.json"), utf16);
  const { message } = await errorOf(load({ cwd: folder.path, files: ["a.json"] }));
  assertEquals(message, `a.json:1:4: ${problem}`);
});

/** `depth` lists of ten aliases of the list before. */
function bomb(depth: number): string {
  const lists = Array.from({ length: depth }, (_, index) => {
    const entry = index === 0 ? "x" : `*a${index - 1}`;
    return `a${index}: &a${index} [${Array(10).fill(entry).join(", ")}]`;
  });
  return lists.join("\n");
}

Deno.test("row 142: readYaml: aliases are resolved within limits", async () => {
  const many = `a: &a x\nb: [${Array(5_001).fill("*a").join(", ")}]`;
  const each = Array.from({ length: 5_001 }, (_, index) => `- &n${index} x\n- *n${index}`);
  const loop = "a: &a [*a]";
  const cases: readonly (readonly [text: string, problem: RegExp])[] = [
    [bomb(9), /^1:1: excessive alias count/],
    [many, /^2:\d+: contains more than 5000 aliases$/],
    [`tasks:\n${each.join("\n")}`, /^10003:3: contains more than 5000 aliases$/],
    [loop, /^1:\d+: /],
  ];
  for (const [text, problem] of cases) {
    const [first = ""] = await problemLinesOf(loadText(text));
    assertMatch(first, problem);
  }
  const shared = `x: &x\n  url: https://e.org/a\n  kep: 1\ntasks: [${
    Array(900).fill("*x").join()
  }]`;
  const error = await errorOf(loadText(shared));
  assertEquals(error.problems.slice(0, 2).map(({ line, column }) => [line, column]), [[1, 1], [
    3,
    3,
  ]]);
});

const ownProto = (value: unknown) => JSON.parse(`{"__proto__": ${JSON.stringify(value)}}`);

Deno.test("row 142: __proto__ is an unknown key, in every format and at every depth", async () => {
  const tasks = [{ url: "https://e.org/a", ...ownProto(1) }];
  const text =
    '{"__proto__": {"store": "x"}, "tasks": [{"url": "https://e.org/a", "__proto__": {}}]}';
  const yaml = "__proto__: {store: x}\ntasks: [{url: 'https://e.org/a', __proto__: {}}]";
  assertEquals((await problemLinesOf(loadText(text)))[0], "1:2: __proto__ is not an option");
  assertMatch(
    (await problemLinesOf(loadText(text)))[1] ?? "",
    /^1:68: tasks\[0\]\.__proto__ is not an/,
  );
  assertEquals((await problemLinesOf(loadText(yaml))).length, 2);
  assertEquals((await valueProblems({ tasks })).length, 1);
  assertEquals(Object.hasOwn(Object.prototype, "store"), false);
});

async function valueProblems(value: unknown): Promise<string[]> {
  const request = { at: AT };
  try {
    await loadValue(value as ConfigInput, request, testHost({ cwd: "/start" }));
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map(formatProblem);
  }
}

const throwing = {
  get url(): string {
    throw new Error("not now");
  },
};

const cyclic: { tasks: unknown[]; defaults?: unknown } = { tasks: [] };
cyclic.tasks.push(cyclic);
cyclic.defaults = cyclic.tasks;

const trap = () => {
  throw Object.create(null);
};

const VALUES: readonly (readonly [value: unknown, problem: string])[] = [
  [cyclic, "config: tasks[0] contains itself"],
  [{ tasks: [throwing] }, "config: tasks[0] cannot be read: not now"],
  [{ tasks: new Proxy([], { get: trap }) }, "config: tasks cannot be read: for an unknown reason"],
  [new Proxy({}, { ownKeys: trap }), "config: cannot be read: for an unknown reason"],
  [{ tasks: new Array(4e9) }, "config: tasks has more than 5000000 entries"],
  [{ tasks: [Symbol("x"), () => {}] }, "config: tasks[0] must be a URL, or an object with a url"],
  [
    { limits: { concurrency: 1n } },
    "config: limits.concurrency must be a whole number from 1 to 1000",
  ],
  [new Map(), ""],
];

Deno.test("row 142: loadValue: an unreadable object is a problem with its path", async () => {
  for (const [value, problem] of VALUES) {
    assertEquals((await valueProblems(value))[0] ?? "", problem);
  }
});

Deno.test("plainCopy: getters run once, shared objects are copied once", () => {
  let calls = 0;
  const counted = {
    get url() {
      return `https://e.org/${++calls}`;
    },
  };
  let shared: unknown = "x";
  for (let level = 0; level < 50; level++) shared = [shared, shared];
  const { value, problems } = plainCopy({ tasks: [counted, counted], shared });
  assertEquals([calls, problems], [1, []]);
  const [first, second] = (value as { tasks: unknown[] }).tasks;
  assertEquals([first, first === second], [{ url: "https://e.org/1" }, true]);
});

Deno.test("row 142: a module that throws or exports an unreadable value is a problem", async () => {
  await using folder = await temporaryFolder();
  const modules: Readonly<Record<string, string>> = {
    "a.ts": "const a: { x?: unknown } = {}; a.x = a; export default { tasks: [a] };",
    "b.ts": 'export default { get tasks() { throw new Error("no tasks"); } };',
    "c.ts": "throw Object.create(null);",
    "d.ts": "const f = (): void => f(); f();",
    "e.ts": "export const tasks = [];",
    "f.ts": "export default Promise.reject(1).catch(() => 7);",
  };
  await makeFiles(folder, modules);
  for (const again of [false, true]) {
    for (const file of Object.keys(modules)) {
      const error = await errorOf(load({ cwd: folder.path, files: [file], reload: again }));
      assertMatch(error.message, new RegExp(`^${file}: .`), `${file} ${error.message}`);
    }
  }
});
