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
