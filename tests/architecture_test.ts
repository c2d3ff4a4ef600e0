import { assertEquals } from "@std/assert";
import { walk } from "@std/fs";
import { fromFileUrl, relative, SEPARATOR } from "@std/path";
import manifest from "../deno.json" with { type: "json" };
import { HOST_FILE, LONGEST_FILE, violations } from "../tools/architecture.ts";
import { LAYOUT } from "../tools/rooms.ts";

Deno.test("architecture: the repository follows the rules", async () => {
  const root = fromFileUrl(new URL("..", import.meta.url));
  const files: Record<string, string> = {};
  const skip = [/[/\\](?:\.[^/\\]+|node_modules|coverage|dist|downloads)$/];
  for await (const { path } of walk(root, { exts: [".ts", ".tsx"], includeDirs: false, skip })) {
    files[relative(root, path).replaceAll(SEPARATOR, "/")] = await Deno.readTextFile(path);
  }
  assertEquals(violations(files, manifest.imports, LAYOUT), []);
});

const PACKAGES = {
  "@std/async": "jsr:@std/async@^1",
  croner: "npm:croner@11.0.1",
  zod: "npm:zod@4.0.0",
};
/** Imports every package, so that samples need not. */
const USES = `import "@std/async"; import "croner"; import "zod";`;
/** A file of the maximum length. */
const LONG = "\n".repeat(LONGEST_FILE);

const SAMPLES:
  readonly (readonly [name: string, files: Record<string, string>, breaches: string[]])[] = [
    ["imports from lower floors", {
      "main.ts": `import { main } from "./lib/cli/main.ts";`,
      "lib/cli/main.ts":
        `export { a } from "../core/a.ts"; import "./run.ts"; import m from "../../deno.json";`,
      "lib/cli/run.ts": `import type { Flags } from "./flags.ts"; import "../worker/run.ts";`,
      "lib/worker/run.ts": `import { d } from "../download/download.ts"; import "node:path";`,
      "lib/download/download.ts":
        `import type { Store } from "../store/store.ts"; import "./attempt.ts";`,
      "lib/core/task.ts": LONG,
    }, []],
    ["an upward import", { "lib/core/task.ts": `import "../worker/run.ts";` }, [
      "lib/core/task.ts: core may not import lib/worker/run.ts",
    ]],
    [
      "an import of the same floor",
      { "lib/download/a.ts": `import { b } from "../report/b.ts";` },
      [
        "lib/download/a.ts: download may not import lib/report/b.ts",
      ],
    ],
    ["an import from outside of lib/", { "lib/worker/run.ts": `import "../../tools/source.ts";` }, [
      "lib/worker/run.ts: worker may not import tools/source.ts",
    ]],
    ["an upward import of a type", {
      "lib/worker/a.ts": `import type { Flags } from "../cli/flags.ts";`,
    }, [
      "lib/worker/a.ts: worker may not import lib/cli/flags.ts",
    ]],
    ["an upward import of an interface, in core", {
      "lib/core/a.ts": `import type { S } from "../store/store.ts";`,
    }, [
      "lib/core/a.ts: core may not import lib/store/store.ts",
    ]],
    ["an upward export", { "lib/core/a.ts": `export * as w from "../worker/run.ts";` }, [
      "lib/core/a.ts: core may not import lib/worker/run.ts",
    ]],
    ["an upward import()", { "lib/core/a.ts": `await import( "../worker/run.ts" );` }, [
      "lib/core/a.ts: core may not import lib/worker/run.ts",
    ]],
    ["an upward import type", { "lib/core/a.ts": `let a: import("../worker/run.ts").A;` }, [
      "lib/core/a.ts: core may not import lib/worker/run.ts",
    ]],
    ["an upward Worker", {
      "lib/core/a.ts":
        `new Worker(new URL("../worker/run.ts", import.meta.url), { type: "module" });`,
    }, ["lib/core/a.ts: core may not import lib/worker/run.ts"]],
    ["an import on several lines", {
      "lib/core/a.ts": `import {\n  a,\n  b,\n} from\n  '../worker/run.ts';`,
    }, [
      "lib/core/a.ts: core may not import lib/worker/run.ts",
    ]],
    ["imports in comments and strings", {
      "lib/core/a.ts":
        `// import "../worker/run.ts";\nconst a = 'import "../worker/run.ts"'; /* ${"`"} */`,
    }, []],
    ["an unknown room", { "lib/attic/a.ts": "" }, [
      "lib/attic/a.ts: there is no room attic",
    ]],
    ["an unknown package", { "lib/core/a.ts": `import "npm:left-pad@1"; import "zodiac";` }, [
      "lib/core/a.ts: npm:left-pad@1 is not an import of deno.json",
      "lib/core/a.ts: zodiac is not an import of deno.json",
    ]],
    ["a package imported by two files", {
      "lib/schedule/a.ts": `import { Cron } from "croner";`,
      "lib/schedule/b.ts": `import type { Cron } from "croner/types";`,
    }, ["croner: imported by lib/schedule/a.ts, lib/schedule/b.ts"]],
    ["a package of a room, imported by two files", {
      "lib/config/a.ts": `import * as z from "zod";`,
      "lib/config/b.ts": `import * as z from "zod";`,
    }, []],
    ["a package of a room, imported by another room", {
      "lib/config/a.ts": `import * as z from "zod";`,
      "lib/report/a.ts": `import type { Z } from "zod/mini";`,
    }, ["zod: imported by lib/config/a.ts, lib/report/a.ts"]],
    ["@std imported by two files", {
      "lib/config/a.ts": `import { pooledMap } from "@std/async";`,
      "lib/report/a.ts": `import { abortable } from "@std/async";`,
    }, []],
    ["clock and random in host.ts", { "lib/host.ts": "fetch(Date.now() + Math.random());" }, []],
    ["host names in comments and strings", {
      "lib/core/a.ts":
        "// Date.now()\nconst a = `Date.now() ${b} fetch(`; /fetch(x)/.test('Deno.env');",
    }, []],
    ["a host as an argument", {
      "lib/core/a.ts":
        "host.fetch(url); host.console.log(); prefetch(); new Date(5); clock.setTimeout();",
    }, []],
    ["an import cycle", {
      "lib/state/a.ts": `import { b } from "./b.ts";`,
      "lib/state/b.ts": `import type { C } from "./c.ts";`,
      "lib/state/c.ts": `import { a } from "./a.ts";`,
      "tools/d.ts": `import "./e.ts";`,
      "tools/e.ts": `export * from "./d.ts";`,
    }, [
      "import cycle: lib/state/a.ts, lib/state/b.ts, lib/state/c.ts",
      "import cycle: tools/d.ts, tools/e.ts",
    ]],
    ["a long file", { "lib/core/a.ts": `${LONG}\n` }, [
      `lib/core/a.ts: ${LONGEST_FILE + 1} lines, more than ${LONGEST_FILE}`,
    ]],
    ["meaningless names", {
      "lib/core/utils.ts": "",
      "lib/store/helpers/a.ts": "",
      "lib/core/url_manager.ts": "",
      "lib/core/common.ts": "",
      "lib/core/uncommon.ts": "",
    }, [
      "lib/core/utils.ts: a meaningless name",
      "lib/store/helpers/a.ts: a meaningless name",
      "lib/core/url_manager.ts: a meaningless name",
      "lib/core/common.ts: a meaningless name",
    ]],
    ["default exports", {
      "lib/core/a.ts": "export default 1;",
      "lib/core/b.ts": "export { a as default };",
    }, ["lib/core/a.ts: a default export", "lib/core/b.ts: a default export"]],
  ];

Deno.test("violations: reports each violation of the samples", async (t) => {
  for (const [name, files, breaches] of SAMPLES) {
    await t.step(name, () => {
      assertEquals(violations({ ...files, "tests/a_test.ts": USES }, PACKAGES, LAYOUT), breaches);
    });
  }
  await t.step("an unused package", () => {
    const breaches = ["@std/async: in deno.json, but not imported"];
    const files = { "tests/a_test.ts": `import "croner"; import "zod";` };
    assertEquals(violations(files, PACKAGES, LAYOUT), breaches);
  });
});

const HOST_SAMPLES: readonly (readonly [source: string, name: string])[] = [
  ["await fetch(url);", "fetch"],
  ["const real = globalThis.fetch;", "globalThis"],
  ["Deno.connect({ port });", "Deno.connect"],
  ["Deno.env.get(name);", "Deno.env"],
  ["Deno.exit(1);", "Deno.exit"],
  ["Deno.exitCode = 1;", "Deno.exit"],
  ["Deno.stderr.writeSync(bytes);", "Deno.stdin, stdout or stderr"],
  ["Deno.cron(name, schedule, run);", "Deno.cron"],
  ["Deno.addSignalListener(signal, stop);", "signals"],
  ["console.log(text);", "console"],
  ["`${Date.now()}`;", "Date.now"],
  ["new Date();", "new Date()"],
  ["new Date;", "new Date()"],
  ["Temporal.Now.instant();", "Temporal.Now"],
  ["performance.now();", "performance.now"],
  ["setTimeout(callback);", "a timer"],
  ["const later = setInterval;", "a timer"],
  ["AbortSignal.timeout(1000);", "a timer"],
  ["Math\n  .random();", "Math.random"],
  ["crypto.randomUUID();", "crypto's random"],
  ["crypto.getRandomValues(bytes);", "crypto's random"],
  [`import { delay } from "@std/async";`, "delay of @std/async"],
  [`import * as async from "@std/async";`, "* of @std/async"],
  [`import * as timers from "node:timers";`, "* of node:timers"],
];

Deno.test("violations: reports each use of the host outside of host.ts", async (t) => {
  for (const [source, name] of HOST_SAMPLES) {
    await t.step(source, () => {
      const files = { "lib/core/a.ts": source, "tests/a_test.ts": USES };
      assertEquals(violations(files, PACKAGES, LAYOUT), [
        `lib/core/a.ts: ${name} belongs in ${HOST_FILE}`,
      ]);
    });
  }
});
