import { assertEquals, assertMatch } from "@std/assert";
import type { ConfigInput } from "../../lib/config/input.ts";
import {
  ConfigError,
  formatPath,
  formatProblem,
  type Problem,
  quote,
} from "../../lib/config/problem.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { errorOf, load, loadText, makeFiles, problemLinesOf } from "./loading.ts";

const MISTAKES_JSONC = `{
  "store": "gs://x",
  "limits": { "concurency": 8, "perHost": 0 },
  "misfire": "onse", // a comment
  "retries": 3,
  "timezone": "Europe/Berln",
  "defaults": { "headers": { "Authorization": "Bearer \${env:NOPE}", "x y": "z" }, "sha256": "" },
  "tasks": [
    "https://example.org/a.pdf",
    "example.org/b.pdf",
    "file:///etc/passwd",
    { "url": "https://example.org/A.pdf", "expect": { "minSize": -1, "max-size": "1MB" } },
    { "url": "https://example.org/c.pdf", "schedule": "61 * * * *", "to": "../x" },
    { "url": "https://example.org/{date:yyyy}.pdf", "expect": { "sha256": { "name": 1 } } },
    { "id": "d", "timeout": { "response": "1x" } },
    7
  ]
}
`;

const DURATION = "must be a duration such as 30s, 5m or 1h30m, from 1ms to 24d";

Deno.test("row 89: all problems are reported together, with line, column and suggestion", async () => {
  await using folder = await temporaryFolder();
  await makeFiles(folder, { "x.jsonc": MISTAKES_JSONC });
  const error = await errorOf(load({ cwd: folder.path, files: ["x.jsonc"] }));
  assertEquals(error.code, "config.invalid");
  assertEquals(error.retry, "never");
  assertEquals(error.problems.map(formatProblem), [
    'x.jsonc:2:12: store must be a folder, "s3://bucket/prefix" or "memory:"; did you mean "s3://x?endpoint=https://storage.googleapis.com&region=auto"?',
    'x.jsonc:3:15: limits.concurency is not an option; did you mean "concurrency"?',
    "x.jsonc:3:43: limits.perHost must be a whole number from 1 to 1000",
    'x.jsonc:4:14: misfire must be "once" or "skip"; did you mean "once"?',
    'x.jsonc:5:3: retries is not an option; did you mean "defaults.retry.attempts"?',
    'x.jsonc:6:15: timezone must be an IANA time zone such as "Europe/Berlin"; ' +
    'did you mean "Europe/Berlin"?',
    "x.jsonc:7:47: defaults.headers.Authorization needs the environment variable NOPE, " +
    "which is not set; set it, for example: export NOPE=…",
    'x.jsonc:7:76: defaults.headers["x y"] is not a valid header name',
    'x.jsonc:7:83: defaults.sha256 is not an option; did you mean "expect.sha256"?',
    "x.jsonc:10:5: tasks[1] must be an absolute http or https URL; " +
    'did you mean "https://example.org/b.pdf"?',
    'x.jsonc:11:5: tasks[2] must be an http or https URL, not "file:"',
    'x.jsonc:12:5: tasks[3] writes "A.pdf", which differs only in case from the file of ' +
    'tasks[0] (x.jsonc:9:5); give one of them another "to"; some file systems ignore case',
    "x.jsonc:12:66: tasks[3].expect.minSize must be a size such as 512B, 10MB or 10MiB, " +
    "from 0B to 1000TB",
    'x.jsonc:12:70: tasks[3].expect.max-size is not an option; did you mean "maxSize"?',
    'x.jsonc:13:56: tasks[4].schedule has minute "61", must be within 0-59',
    'x.jsonc:13:75: tasks[4].to must be a file inside the store, without .. in its path; did you mean "x"?',
    'x.jsonc:14:41: tasks[5].url contains the date part "yyyy", which is unknown; did you mean "{date:YYYY}"?',
    "x.jsonc:14:75: tasks[5].expect.sha256.url is missing",
    "x.jsonc:14:85: tasks[5].expect.sha256.name must be the file's name in the checksum file",
    "x.jsonc:15:5: tasks[6].url is missing",
    `x.jsonc:15:43: tasks[6].timeout.response ${DURATION}`,
    "x.jsonc:16:5: tasks[7] must be a URL, or an object with a url",
  ]);
});

Deno.test("row 89: problems in YAML have lines and columns", async () => {
  const text = `tasks:
  - url: https://example.org/a
    timeout:
      idle: 5
  - https://example.org/b
  - url: ftp://example.org/c
    kep: 1
`;
  assertEquals(await problemLinesOf(loadText(text)), [
    `4:13: tasks[0].timeout.idle ${DURATION}; did you mean "5s"?`,
    '6:10: tasks[2].url must be an http or https URL, not "ftp:"',
    '7:5: tasks[2].kep is not an option; did you mean "keep"?',
  ]);
});

Deno.test("row 89: problems in lists and arguments have a line or an argument number", async () => {
  const list = "# one\nhttps://example.org/a\n\n  nonsense\nhttps://example.com/a";
  assertEquals(await problemLinesOf(loadText(list, { urls: ["https://example.net/x", "a.b/c"] })), [
    "4:3: must be an absolute http or https URL",
    '5:1: writes the same file as standard input:2:1, "a"; give one of them another "to", ' +
    'or all of them "to": "{host}/"',
    'argument 2: must be an absolute http or https URL, not "a.b/c"; did you mean "https://a.b/c"?',
  ]);
});

Deno.test("row 89: a syntax error is the only problem of its file", async () => {
  const error = await errorOf(loadText('{ "tasks": [ "https://a/" "https://b/" ], "x": 1 }'));
  assertEquals(error.code, "config.syntax");
  assertEquals(error.message, "standard input:1:26: a comma is missing; add it here");
});

Deno.test("ConfigError: has the code of the first problem", async () => {
  const table: [string, string][] = [
    ['{"x": 1, "keep": 1}', "config.unknown-key"],
    ['{"sync": 1, "x": 1}', "config.invalid"],
    ['{"tasks": ["https://h/${env:NOPE}"]}', "config.missing-secret"],
    ['{"tasks": ["https://h/a", "https://g/a"]}', "config.collision"],
    ["{", "config.syntax"],
  ];
  for (const [text, code] of table) assertEquals((await errorOf(loadText(text))).code, code);
});

Deno.test("loadConfig: a config that is not an object is one problem", async () => {
  for (const text of ["[1]", "---\n5", '--- "text"']) {
    assertEquals(
      (await problemLinesOf(loadText(text)))[0]?.replace(/^[\d:]+ /, ""),
      [
        "must be an object of options",
      ][0],
    );
  }
});

const URLS: readonly (readonly [url: string, problem: string])[] = [
  ["file:///etc/passwd", 'must be an http or https URL, not "file:"'],
  ["javascript:alert(1)", 'must be an http or https URL, not "javascript:"'],
  ["data:text/plain,x", 'must be an http or https URL, not "data:"'],
  ["ftp://example.org/x", 'must be an http or https URL, not "ftp:"'],
  ["/relative", "must be an absolute http or https URL"],
  ["example.org", 'must be an absolute http or https URL; did you mean "https://example.org"?'],
  ["https://", "must be an absolute http or https URL"],
  ["https://[::1", "must be an absolute http or https URL"],
  ["https://example.org:99999/", "must be an absolute http or https URL"],
];

Deno.test("row 91: only http and https URLs are accepted for files, mirrors and checksums", async () => {
  for (const [url, problem] of URLS) {
    const task = {
      url,
      to: "x",
      mirrors: [url],
      expect: { sha256: { url, name: "x" } },
    };
    const problems = await problemLinesOf(loadText(JSON.stringify({ tasks: [task] }, null, 1)));
    assertEquals(problems.map((text) => text.replace(/^\d+:\d+: /, "")), [
      `tasks[0].url ${problem}`,
      `tasks[0].mirrors[0] ${problem}`,
      `tasks[0].expect.sha256.url ${problem}`,
    ]);
  }
});

const A_URL = "https://example.org/a";

const MISSING: readonly (readonly [task: object, path: string])[] = [
  [{ url: "https://example.org/a?t=${env:NOPE}" }, "url"],
  [{ url: A_URL, mirrors: [A_URL, "https://m/${env:NOPE}"] }, "mirrors[1]"],
  [{ url: A_URL, headers: { authorization: "Bearer ${env:NOPE}" } }, "headers.authorization"],
  [
    { url: A_URL, expect: { sha256: { url: "https://s/${env:NOPE}", name: "x" } } },
    "expect.sha256.url",
  ],
];

Deno.test("row 92: a missing secret is a problem that names the variable", async () => {
  for (const [task, path] of MISSING) {
    const error = await errorOf(loadText(JSON.stringify({ tasks: [task] })));
    assertEquals(error.problems.map(({ code, path }) => [code, path]), [
      ["config.missing-secret", `tasks[0].${path}`],
    ]);
    assertMatch(error.message, /needs the environment variable NOPE, which is not set/);
  }
});

const FORGED: readonly (readonly [task: object, env: Record<string, string>, message: string])[] = [
  [{ url: "https://h/a\nb" }, {}, "url must not contain control characters"],
  [{ url: "https://h/a?t=${env:T}" }, { T: "x\r\ny" }, "url must not contain control characters"],
  [{ url: "https://h/\u001b[2J" }, {}, "url must not contain control characters"],
  [
    { url: A_URL, headers: { "x-a": "b\r\nx-c: d" } },
    {},
    "headers.x-a must not contain control characters",
  ],
  [
    { url: A_URL, headers: { "x-a": "${env:T}" } },
    { T: "token\n" },
    "headers.x-a must not begin or end with white space or a line break",
  ],
  [
    { url: A_URL, headers: { "x-a": "ключ" } },
    {},
    "headers.x-a must not contain characters outside Latin-1",
  ],
  [{ url: A_URL, headers: { "x\n": "b" } }, {}, 'headers["x\\n"] is not a valid header name'],
  [{ url: A_URL, headers: { "": "b" } }, {}, 'headers[""] is not a valid header name'],
  [
    { url: A_URL, headers: { Range: "bytes=0-" } },
    {},
    "headers.Range is a header that cronfetch sets itself",
  ],
  [
    { url: A_URL, headers: { "X-A": "1", "x-a": "2" } },
    {},
    "headers.x-a is a duplicate; header names are case-insensitive",
  ],
  [{ url: A_URL, id: "a\u001b[2Jb" }, {}, "id must not contain control characters"],
  // What a state cannot hold would make every run fail.
  [
    { url: A_URL, id: "a\ud800" },
    {},
    "id must be well-formed Unicode; it has half of a surrogate pair",
  ],
  [{ url: A_URL, id: "日".repeat(334) }, {}, "id must have at most 1000 bytes; it has 1002"],
  [{ url: A_URL, "x\u001b[2J": 1 }, {}, '["x\\u001b[2J"] is not an option'],
];

Deno.test("row 93: control characters are problems, and escaped in messages", async () => {
  for (const [task, env, message] of FORGED) {
    const problems = await problemLinesOf(loadText(JSON.stringify({ tasks: [task] }), { env }));
    const dot = message.startsWith("[") ? "" : ".";
    assertEquals(problems.map((text) => text.replace(/^\d+:\d+: /, "")), [
      `tasks[0]${dot}${message}`,
    ]);
    // deno-lint-ignore no-control-regex -- that none of these is left is the test
    assertEquals(/[\x00-\x1f]/.test(problems.join("")), false);
  }
});

const SECRET_LINES: readonly (readonly [line: string, shown: string, column: number])[] = [
  [
    '{"url": "https://h/{${env:T}}", "to": "x"}',
    '{"tasks": [{"url": "https://h/{${env:T}}", "to": "x"}]}',
    20,
  ],
  [
    '{"url": "https://h/a", "headers": {"authorization": "Bearer hunter2"}, "x": 1}',
    '{"tasks": [{"url": "https://h/a", "headers": {"authorization": "***"}, "x": 1}]}',
    72,
  ],
  [
    '{"url": "https://me:hunter2@h/a", "x": 1}',
    '{"tasks": [{"url": "https://***@h/a", "x": 1}]}',
    39,
  ],
  [
    '{"url": "https://h/a?token=hunter2", "x": 1}',
    '{"tasks": [{"url": "https://h/a?token=***", "x": 1}]}',
    45,
  ],
  [
    '{"url": "https://h/a", "headers": {"authorization": "Bearer $TOKEN"}, "x": 1}',
    '{"tasks": [{"url": "https://h/a", "headers": {"authorization": "Bearer $TOKEN"}, "x": 1}]}',
    82,
  ],
];

Deno.test("row 90: secrets in the shown lines of a config are redacted, after a syntax error too", async () => {
  for (const [task, text, column] of SECRET_LINES) {
    const given = { env: { T: "hunter2" } };
    const { excerpt } = (await errorOf(loadText(`{"tasks": [${task}]}`, given))).problems[0] ?? {};
    assertEquals([excerpt?.text, excerpt?.column], [text, column]);
    const broken = await errorOf(loadText(`{"tasks": [${task}] "x"}`, given));
    assertEquals(JSON.stringify(broken.problems).includes("hunter2"), false, task);
  }
});

Deno.test("row 90: secrets in messages are redacted", async () => {
  const error = await errorOf(loadText(
    JSON.stringify({ tasks: [{ url: "https://h/{${env:T}}", to: "x" }] }),
    { env: { T: "hunter" } },
  ));
  assertEquals(error.message.includes("hunter"), false);
  assertMatch(error.message, /contains "\{\*\*\*\}"/);
});

function complaintOf({ message, hint }: Problem): string {
  return hint === null ? message : `${message}; ${hint}`;
}

const COLLISIONS: readonly (readonly [tasks: ConfigInput["tasks"], problem: string])[] = [
  [
    ["https://h/a.csv", "https://g/a.csv?x"],
    'writes the same file as tasks[0] (standard input:1:11), "a.csv"; give one of them another "to", ' +
    'or all of them "to": "{host}/"',
  ],
  [
    ["https://h/a.csv", { url: "https://g/x", to: "A.CSV" }],
    'writes "A.CSV", which differs only in case from the file of tasks[0] (standard input:1:11); give one of them ' +
    'another "to"; some file systems ignore case',
  ],
  [
    ["https://h/%C3%BC", { url: "https://g/x", to: "u\u0308" }],
    'writes the same file as tasks[0] (standard input:1:11), "ü"; give one of them another "to"',
  ],
  [
    [{ url: "https://h/x", to: "a" }, { url: "https://g/x", to: "A/b" }],
    'writes "A/b", which needs a folder where tasks[0] (standard input:1:11) writes a file; ' +
    'give one of them another "to"',
  ],
  [
    [{ url: "https://h/x", to: "{date:YYYY}" }, { url: "https://g/x", to: "2026" }],
    'writes the same file as tasks[0] (standard input:1:11), "2026"; give one of them another "to"',
  ],
  [
    [{ url: "https://h/x", id: "one", to: "a" }, { url: "https://g/x", id: "one", to: "b" }],
    'has the id "one" of tasks[0] (standard input:1:11); give one of them another "id"',
  ],
  [
    [{ url: "https://h/x", to: "a/{name}" }, { url: "https://g/x", to: "a/{name}" }],
    'has the id "a/{name}" of tasks[0] (standard input:1:11); give one of them another "id"',
  ],
];

Deno.test("row 76: two tasks with one file or one ID are a problem that names both", async () => {
  for (const [tasks, problem] of COLLISIONS) {
    const error = await errorOf(loadText(JSON.stringify({ tasks })));
    const found = error.problems.map((one) => [one.code, one.path, complaintOf(one)]);
    assertEquals(found, [["config.collision", "tasks[1]", problem]]);
  }
});

Deno.test("row 76: a folder conflicts with the file in its place, before or after it", async () => {
  const tasks = [{ url: "https://h/x", to: "a/b/c" }, { url: "https://g/x", to: "a/b" }];
  const [problem, ...others] = (await errorOf(loadText(JSON.stringify({ tasks })))).problems;
  assertEquals(others, []);
  assertEquals(problem?.path, "tasks[0]");
});

Deno.test("row 76: findConflicts: similar keys do not conflict", async () => {
  const to = ["a", "ab", "b/a", "b/ab", "c/{name}", "d/{name}"];
  const tasks = to.map((name) => ({ url: "https://h/x", to: name }));
  assertEquals((await loadText(JSON.stringify({ tasks }))).tasks.length, to.length);
});

Deno.test("ConfigError: the message counts many problems of one kind, the error has all", () => {
  const problem: Problem = {
    code: "config.invalid",
    source: "x",
    line: 1,
    column: 2,
    path: "",
    message: "is wrong",
    hint: null,
    excerpt: null,
  };
  const problems = Array.from({ length: 25 }, (_, index) => ({ ...problem, line: index + 1 }));
  const error = new ConfigError([problem, ...problems.slice(1)]);
  assertEquals(error.problems.length, 25);
  assertEquals(error.message.split("\n"), [
    "x:1:2: is wrong",
    "x:2:2: is wrong",
    "x:3:2: is wrong",
    "x:4:2: is wrong",
    "x:5:2: is wrong",
    "and 20 more of this kind, up to line 25",
  ]);
  const hint = 'did you mean "y"?';
  const other = { ...problem, path: "a", message: 'has "z"', hint };
  const both = new ConfigError([problem, other]);
  assertEquals(both.message, 'x:1:2: is wrong\nx:1:2: a has "z"; did you mean "y"?');
});

Deno.test("row 93: quote and formatPath: control characters are escaped", () => {
  assertEquals(quote("a\u001b[2J\n\u202e\ud800"), '"a\\u{1b}[2J\\n\\u{202e}\\u{d800}"');
  assertEquals(quote("x".repeat(100)), `"${"x".repeat(60)}…"`);
  assertEquals(formatPath(["a", 0, "b-c", "d e", "\n", "f.g"]), 'a[0].b-c["d e"]["\\n"]["f.g"]');
});
