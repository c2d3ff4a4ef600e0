import { assertEquals } from "@std/assert";
import type { ConfigInput } from "../../lib/config/input.ts";
import { loadInput, problemLinesOf } from "./loading.ts";

const url = "https://example.org/a";

Deno.test("same: one rule, for all tasks or for one", async () => {
  const { tasks } = await loadInput({
    defaults: { same: { zip: true } },
    tasks: [
      `${url}.zip`,
      { url: `${url}.json`, same: { json: ["$.a", "$..b"] } },
      { url: `${url}.txt`, same: { lines: "^#" } },
      { url: `${url}.csv`, same: null },
    ],
  });
  assertEquals(tasks.map(({ task }) => task.same), [
    { kind: "zip" },
    { kind: "json", ignored: ["$.a", "$..b"] },
    { kind: "lines", ignored: "^#" },
    null,
  ]);
});

const PROBLEMS: readonly (readonly [ConfigInput, string])[] = [
  [{ defaults: { same: {} } }, "defaults.same must have either zip, json or lines"],
  [{ defaults: { same: { zip: false } } }, "defaults.same must have either zip, json or lines"],
  [
    { tasks: [{ url, same: { zip: true, lines: "^#" } }] },
    "tasks[0].same must have either zip, json or lines",
  ],
  [
    { tasks: [{ url, same: { json: ["$.a", "b"] } }] },
    "tasks[0].same.json[1] must be a JSONPath (RFC 9535) such as",
  ],
  [
    { tasks: [{ url, same: { lines: "(?=a)" } }] },
    "tasks[0].same.lines may not hold a lookahead",
  ],
];

Deno.test("same: problems name the option", async () => {
  for (const [config, start] of PROBLEMS) {
    const lines = await problemLinesOf(loadInput(config));
    assertEquals(
      lines.map((line) => line.slice(line.indexOf(start)).startsWith(start)),
      [true],
      `${lines}`,
    );
  }
});

Deno.test("onChange: the list of a task replaces that of defaults, and that one the config's", async () => {
  const { tasks } = await loadInput({
    onChange: [{ command: ["top"] }],
    tasks: [`${url}`, { url: `${url}b`, onChange: [] }, {
      url: `${url}c`,
      onChange: [{ webhook: "https://hooks.example.org/secret", headers: { "X-A": "b" } }],
    }],
  });
  const command = { kind: "command", command: ["top"], cwd: "/start", env: {} } as const;
  assertEquals(tasks.map(({ task }) => task.onChange), [
    [command],
    [],
    [{ kind: "webhook", url: "https://hooks.example.org/secret", headers: { "x-a": "b" } }],
  ]);
});

const HOOK_PROBLEMS: readonly (readonly [ConfigInput, string])[] = [
  [{ onChange: [{}] }, "onChange[0] must have either a webhook or a command"],
  [
    { defaults: { onChange: [{ command: ["a"], webhook: "https://x.example/" }] } },
    "defaults.onChange[0] must have either a webhook or a command",
  ],
  [{ onChange: [{ command: [] }] }, "onChange[0].command must name a program"],
  [
    { onChange: [{ command: ["a"], headers: { a: "b" } }] },
    "onChange[0].headers is for a webhook",
  ],
  [
    { tasks: [{ url, onChange: [{ webhook: "https://x.example/", env: { A: "b" } }] }] },
    "tasks[0].onChange[0].env is for a command",
  ],
  [{ onChange: [{ webhook: "ftp://x.example/" }] }, "onChange[0].webhook "],
  [
    { onChange: [{ command: ["a"], env: { "A B": "b" } }] },
    "onChange[0].env.A B is no name of an environment variable",
  ],
  [
    { onChange: [{ command: ["a"], env: { A: "${env:UNSET}" } }] },
    "onChange[0].env.A needs the environment variable UNSET",
  ],
];

Deno.test("onChange: problems name the option, and are reported once", async () => {
  for (const [config, start] of HOOK_PROBLEMS) {
    const lines = await problemLinesOf(loadInput({ tasks: [`${url}a`, `${url}b`], ...config }));
    assertEquals(
      lines.map((line) => line.replaceAll('["A B"]', ".A B")).map((line) => line.includes(start)),
      [true],
      `${lines}`,
    );
  }
});

Deno.test("unpack: true has the defaults of every option, and a folder has no slash", async () => {
  const { tasks } = await loadInput({
    tasks: [
      { url: `${url}.zip`, unpack: true },
      { url: `${url}.tgz`, unpack: { to: "data/rates/", include: ["*.csv"], maxSize: "1MB" } },
      { url: `${url}.tar`, unpack: { to: "./", archive: false } },
    ],
  });
  const defaults = { include: [], strip: 0, to: null, archive: true, maxSizeBytes: 10_000_000_000 };
  assertEquals(tasks.map(({ task }) => task.unpack), [
    defaults,
    { ...defaults, to: "data/rates", include: ["*.csv"], maxSizeBytes: 1_000_000 },
    { ...defaults, to: "", archive: false },
  ]);
});

Deno.test("unpack: problems name the option", async () => {
  const problems: [unpack: object, start: string][] = [
    [{ to: "/rates" }, "tasks[0].unpack.to must be relative"],
    [{ to: "../rates" }, "tasks[0].unpack.to must be a file inside the store"],
    [{ to: "a//b" }, "tasks[0].unpack.to must not contain an empty part"],
    [{ to: ".git" }, "tasks[0].unpack.to may not be written"],
    [{ strip: -1 }, "tasks[0].unpack.strip must be"],
    [{ include: [] }, "tasks[0].unpack.include must have a glob"],
    [{ include: "*.csv" }, "tasks[0].unpack must be true, or an object of options"],
  ];
  for (const [unpack, start] of problems) {
    const [line = ""] = await problemLinesOf(loadInput({ tasks: [{ url, unpack }] }));
    assertEquals(line.includes(start), true, `${line}, not ${start}`);
  }
});
