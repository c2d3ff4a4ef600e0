import { assertEquals } from "@std/assert";
import { walk } from "@std/fs";
import { fromFileUrl, relative, SEPARATOR } from "@std/path";
import manifest from "../deno.json" with { type: "json" };
import { LONGEST_FILE, type Picture, violations, WORLD_FILE } from "../tools/architecture.ts";

/** The house: each room, the rooms below it, and what may be known of those beside it. */
const PICTURE: Picture = {
  rooms: {
    main: ["cli", "deploy", "host"],
    mod: ["run", "host", "config", "schedule", "store", "state", "report", "core"],
    cli: ["commands", "completions", "core"],
    // A command may speak of what a download leaves: verify knows older versions by their names.
    commands: [
      "worker",
      "page_source",
      "standing",
      "page",
      "config",
      "schedule",
      "download",
      "store",
      "state",
      "report",
      "core",
    ],
    deploy: [
      "worker",
      "page_source",
      "page",
      "config",
      "schedule",
      "store",
      "state",
      "report",
      "core",
    ],
    run: ["worker", "host", "config", "schedule", "store", "state", "report", "core"],
    worker: ["tally", "config", "schedule", "download", "store", "state", "report", "core"],
    page_source: ["standing", "page", "config", "store", "state", "core"],
    standing: ["schedule", "state", "core"],
    // A web page is a report, too, and says things in the same words.
    page: ["report", "core"],
    report: ["core"],
    config: ["core"],
    schedule: ["core"],
    download: ["content", "core"],
    content: ["core"],
    store: ["core"],
    state: ["core"],
    completions: ["core"],
    tally: ["core"],
    // Loaded only where somebody listens.
    host: ["telemetry", "core"],
    telemetry: ["core"],
    core: [],
  },
  interfaces: {
    "lib/store/store.ts": ["page", "report", "config", "schedule", "download", "state"],
    "lib/state/state.ts": ["page", "report", "config", "schedule", "download", "store"],
    "lib/cli.ts": ["commands"],
  },
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
    ["a tidy house", {
      "main.ts": `import { main } from "./lib/cli.ts";`,
      "lib/cli.ts":
        `export { a } from "./core/a.ts"; import "./cli.ts"; import m from "../deno.json";`,
      "lib/commands/run.ts": `import type { Flags } from "../cli.ts"; import "../worker.ts";`,
      "lib/worker.ts": `import { d } from "./download/download.ts"; import "node:path";`,
      "lib/download/download.ts":
        `import type { Store } from "../store/store.ts"; import "./attempt.ts";`,
      "lib/core/task.ts": LONG,
    }, []],
    ["a way up", { "lib/core/task.ts": `import "../worker.ts";` }, [
      "lib/core/task.ts: core may not import lib/worker.ts",
    ]],
    ["a way across", { "lib/download/a.ts": `import { b } from "../report/b.ts";` }, [
      "lib/download/a.ts: download may not import lib/report/b.ts",
    ]],
    ["a way past the command line", { "main.ts": `import "./lib/worker.ts";` }, [
      "main.ts: main may not import lib/worker.ts",
    ]],
    ["a way out", { "lib/worker.ts": `import "../tools/source.ts";` }, [
      "lib/worker.ts: worker may not import tools/source.ts",
    ]],
    ["an interface imported for more than its types", {
      "lib/report/a.ts": `import { open } from "../state/state.ts";`,
    }, ["lib/report/a.ts: report may not import lib/state/state.ts"]],
    ["a way back", { "lib/commands/a.ts": `import { main } from "../cli.ts";` }, [
      "lib/commands/a.ts: commands may not import lib/cli.ts",
    ]],
    ["an interface in core", { "lib/core/a.ts": `import type { S } from "../store/store.ts";` }, [
      "lib/core/a.ts: core may not import lib/store/store.ts",
    ]],
    ["a driver imported as a type", {
      "lib/report/a.ts": `import type { F } from "../store/folder.ts";`,
    }, ["lib/report/a.ts: report may not import lib/store/folder.ts"]],
    ["a way by export", { "lib/core/a.ts": `export * as w from "../worker.ts";` }, [
      "lib/core/a.ts: core may not import lib/worker.ts",
    ]],
    ["a way by import()", { "lib/core/a.ts": `await import( "../worker.ts" );` }, [
      "lib/core/a.ts: core may not import lib/worker.ts",
    ]],
    ["a way by a type", { "lib/core/a.ts": `let a: import("../worker.ts").A;` }, [
      "lib/core/a.ts: core may not import lib/worker.ts",
    ]],
    ["a way by a Worker", {
      "lib/core/a.ts": `new Worker(new URL("../worker.ts", import.meta.url), { type: "module" });`,
    }, ["lib/core/a.ts: core may not import lib/worker.ts"]],
    ["an import on many lines", {
      "lib/core/a.ts": `import {\n  a,\n  b,\n} from\n  '../worker.ts';`,
    }, [
      "lib/core/a.ts: core may not import lib/worker.ts",
    ]],
    ["no import at all", {
      "lib/core/a.ts": `// import "../worker.ts";\nconst a = 'import "../worker.ts"'; /* ${"`"} */`,
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
