import { assertEquals } from "@std/assert";
import { walk } from "@std/fs";
import { fromFileUrl, relative, SEPARATOR } from "@std/path";
import manifest from "../deno.json" with { type: "json" };
import { LONGEST_FILE, type Picture, violations, WORLD_FILE } from "../tools/architecture.ts";

/** The floors of `lib/`; CONTRIBUTING.md shows them. */
const PICTURE: Picture = {
  floors: [
    ["main", "mod"],
    ["run"],
    // Only the entry points use the real world; every other room gets a `Host`.
    ["host"],
    ["telemetry"],
    ["cli", "deploy"],
    ["worker"],
    ["download", "lists", "page", "report"],
    ["http", "content", "store", "state", "schedule", "config"],
    ["cron"],
    ["core"],
  ],
  // A web page is a report, too, and uses the same words and formats.
  beside: { page: ["report"] },
  spoken: { hono: "page", zod: "config" },
};

Deno.test("the house keeps the rules", async () => {
  const root = fromFileUrl(new URL("..", import.meta.url));
  const files: Record<string, string> = {};
  const skip = [/[/\\](?:\.[^/\\]+|node_modules|coverage|downloads)$/];
  for await (const { path } of walk(root, { exts: [".ts", ".tsx"], includeDirs: false, skip })) {
    files[relative(root, path).replaceAll(SEPARATOR, "/")] = await Deno.readTextFile(path);
  }
  assertEquals(violations(files, manifest.imports, PICTURE), []);
});

const PACKAGES = {
  "@std/async": "jsr:@std/async@^1",
  croner: "npm:croner@11.0.1",
  zod: "npm:zod@4.0.0",
};
/** Uses every package, so that none is missed where nothing is said about them. */
const USES = `import "@std/async"; import "croner"; import "zod";`;
/** The longest file the rules allow. */
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
    ["a way up", { "lib/core/task.ts": `import "../worker/run.ts";` }, [
      "lib/core/task.ts: core may not import lib/worker/run.ts",
    ]],
    ["a way across", { "lib/download/a.ts": `import { b } from "../report/b.ts";` }, [
      "lib/download/a.ts: download may not import lib/report/b.ts",
    ]],
    ["a way out", { "lib/worker/run.ts": `import "../../tools/source.ts";` }, [
      "lib/worker/run.ts: worker may not import tools/source.ts",
    ]],
    ["a way back", { "lib/worker/a.ts": `import type { Flags } from "../cli/flags.ts";` }, [
      "lib/worker/a.ts: worker may not import lib/cli/flags.ts",
    ]],
    ["an interface in core", { "lib/core/a.ts": `import type { S } from "../store/store.ts";` }, [
      "lib/core/a.ts: core may not import lib/store/store.ts",
    ]],
    ["a way by export", { "lib/core/a.ts": `export * as w from "../worker/run.ts";` }, [
      "lib/core/a.ts: core may not import lib/worker/run.ts",
    ]],
    ["a way by import()", { "lib/core/a.ts": `await import( "../worker/run.ts" );` }, [
      "lib/core/a.ts: core may not import lib/worker/run.ts",
    ]],
    ["a way by a type", { "lib/core/a.ts": `let a: import("../worker/run.ts").A;` }, [
      "lib/core/a.ts: core may not import lib/worker/run.ts",
    ]],
    ["a way by a Worker", {
      "lib/core/a.ts":
        `new Worker(new URL("../worker/run.ts", import.meta.url), { type: "module" });`,
    }, ["lib/core/a.ts: core may not import lib/worker/run.ts"]],
    ["an import on many lines", {
      "lib/core/a.ts": `import {\n  a,\n  b,\n} from\n  '../worker/run.ts';`,
    }, [
      "lib/core/a.ts: core may not import lib/worker/run.ts",
    ]],
    ["no import at all", {
      "lib/core/a.ts":
        `// import "../worker/run.ts";\nconst a = 'import "../worker/run.ts"'; /* ${"`"} */`,
    }, []],
    ["a room of nobody", { "lib/attic/a.ts": "" }, [
      "lib/attic/a.ts: the design has no room called attic",
    ]],
    ["a package of nobody", { "lib/core/a.ts": `import "npm:left-pad@1"; import "zodiac";` }, [
      "lib/core/a.ts: npm:left-pad@1 is not an import of deno.json",
      "lib/core/a.ts: zodiac is not an import of deno.json",
    ]],
    ["a package in two places", {
      "lib/schedule/a.ts": `import { Cron } from "croner";`,
      "lib/schedule/b.ts": `import type { Cron } from "croner/types";`,
    }, ["croner: imported by lib/schedule/a.ts, lib/schedule/b.ts"]],
    ["a package at home, in two places", {
      "lib/config/a.ts": `import * as z from "zod";`,
      "lib/config/b.ts": `import * as z from "zod";`,
    }, []],
    ["the same package in another room", {
      "lib/config/a.ts": `import * as z from "zod";`,
      "lib/report/a.ts": `import type { Z } from "zod/mini";`,
    }, ["zod: imported by lib/config/a.ts, lib/report/a.ts"]],
    ["@std in two places", {
      "lib/config/a.ts": `import { pooledMap } from "@std/async";`,
      "lib/report/a.ts": `import { abortable } from "@std/async";`,
    }, []],
    ["time and chance in host.ts", { "lib/host.ts": "fetch(Date.now() + Math.random());" }, []],
    ["the world in comments and strings", {
      "lib/core/a.ts":
        "// Date.now()\nconst a = `Date.now() ${b} fetch(`; /fetch(x)/.test('Deno.env');",
    }, []],
    ["the world as an argument", {
      "lib/core/a.ts":
        "host.fetch(url); host.console.log(); prefetch(); new Date(5); clock.setTimeout();",
    }, []],
    ["a long file", { "lib/core/a.ts": `${LONG}\n` }, [
      `lib/core/a.ts: ${LONGEST_FILE + 1} lines, more than ${LONGEST_FILE}`,
    ]],
    ["names that say nothing", {
      "lib/core/utils.ts": "",
      "lib/store/helpers/a.ts": "",
      "lib/core/url_manager.ts": "",
      "lib/core/common.ts": "",
      "lib/core/uncommon.ts": "",
    }, [
      "lib/core/utils.ts: a name that says nothing",
      "lib/store/helpers/a.ts: a name that says nothing",
      "lib/core/url_manager.ts: a name that says nothing",
      "lib/core/common.ts: a name that says nothing",
    ]],
    ["default exports", {
      "lib/core/a.ts": "export default 1;",
      "lib/core/b.ts": "export { a as default };",
    }, ["lib/core/a.ts: a default export", "lib/core/b.ts: a default export"]],
  ];

Deno.test("the rules are kept and broken where they should be", async (t) => {
  for (const [name, files, breaches] of SAMPLES) {
    await t.step(name, () => {
      assertEquals(violations({ ...files, "tests/a_test.ts": USES }, PACKAGES, PICTURE), breaches);
    });
  }
  await t.step("an import of nobody", () => {
    const breaches = ["@std/async: in deno.json, but nowhere imported"];
    const files = { "tests/a_test.ts": `import "croner"; import "zod";` };
    assertEquals(violations(files, PACKAGES, PICTURE), breaches);
  });
});

const WORLDLY: readonly (readonly [source: string, name: string])[] = [
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

Deno.test("each piece of the world is seen", async (t) => {
  for (const [source, name] of WORLDLY) {
    await t.step(source, () => {
      const files = { "lib/core/a.ts": source, "tests/a_test.ts": USES };
      assertEquals(violations(files, PACKAGES, PICTURE), [
        `lib/core/a.ts: ${name} belongs in ${WORLD_FILE}`,
      ]);
    });
  }
});
