import { assert, assertEquals } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { temporaryFolder } from "./helpers/folder.ts";
import { origin } from "./helpers/origin.ts";
import { IS_BUNDLE, MAIN } from "./helpers/program.ts";

const ROOT = new URL("../", import.meta.url);
const DIST = new URL("dist/", ROOT);

/** What takes part in other runs and commands, and has to be loaded by them alone. */
const ELSEWHERE = [
  /^lib\/(?:deploy(?!\/platform)|telemetry)\b/,
  /^lib\/page\//,
  /^lib\/cli\/(?!(?:flags|main|output|prepare|program|reporters|run|signals)\.ts$)/,
  /^lib\/config\/(?:expectations|read_request|schedule|source\/yaml)\.ts$/,
  /^lib\/config\/schema\/(?:json_schema|narrow)\.ts$/,
  /^lib\/(?:core\/pattern\.ts$|cron\/)/,
  /^lib\/report\/(?:alerts|event_schema|github\w*|junit|ndjson|workflow_log)\.ts$/,
  /^lib\/state\/file(?!_lock)\w*\.ts$/,
  /^lib\/schedule\/(?:deploy_cron|due)\.ts$/,
  /^lib\/(?:state|store)\/memory\.ts$/,
  /^lib\/store\/(?:folder\/writer\.ts$|s3\/)/,
];

/** All packages that a plain run loads, theirs included; each is a few milliseconds of every start. */
const PACKAGES = [
  "commander",
  "filename-reserved-regex",
  "filenamify",
  "ipaddr.js",
  "jsonc-parser",
  "leven",
  "pretty-bytes",
  "pretty-ms",
  "zod",
];

/** Each module is about a quarter of a millisecond of every start. */
const MOST_MODULES = 141;

/** Options of a config that a plain run makes schemas of; a whole config has three times as many. */
const MOST_OPTIONS = 22;

/** What coverage tells of a module. */
interface Module {
  readonly url: string;
  readonly functions: readonly {
    readonly functionName: string;
    readonly ranges: readonly [{ readonly count: number }];
  }[];
}

/** The modules that a run of one file loads. */
async function loadedByRun(): Promise<Module[]> {
  await using folder = await temporaryFolder();
  await using server = origin({ "/a.txt": "a\n" });
  await Deno.writeTextFile(
    folder.file("cronfetch.jsonc"),
    `{ "tasks": ["${server.origin}/a.txt"], } // as people write it`,
  );
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    // Coverage is told of every module that was run.
    args: [
      ...["run", "--quiet", "-A", `--coverage=${folder.file("coverage")}`],
      ...[MAIN, "run", "-q"],
    ],
    cwd: folder.path,
    env: { NO_COLOR: "1", GITHUB_ACTIONS: "" },
  }).output();
  assertEquals([code, new TextDecoder().decode(stderr)], [0, ""]);
  assertEquals(await Deno.readTextFile(folder.file("downloads/a.txt")), "a\n");
  const modules: Module[] = [];
  for await (const { name } of Deno.readDir(folder.file("coverage"))) {
    modules.push(JSON.parse(await Deno.readTextFile(join(folder.file("coverage"), name))));
  }
  return modules;
}

/** Most bytes of the bundle's modules that a plain run loads. */
const MOST_BUNDLE_BYTES = 450_000;

/** Most modules of the bundle that a plain run loads; the others are in `base.js` and `run_base.js`. */
const MOST_BUNDLE_MODULES = 12;

/**
 * Modules of Node that a plain run of the bundle may load: those that the stand-ins for `@std/path`
 * consist of. Any other one loads more of Node's layer, which takes 15 to 25 ms of every start.
 */
const NODE_MODULES = ["node:path", "node:url"];

Deno.test({
  name: "run: the bundle loads few bytes, and no module of Node",
  ignore: !IS_BUNDLE,
  async fn() {
    const paths = (await loadedByRun()).map(({ url }) => url)
      .filter((url) => url.startsWith(DIST.href)).map(fromFileUrl);
    const texts = await Promise.all(paths.map((path) => Deno.readTextFile(path)));
    const sizeBytes = texts.reduce((sum, text) => sum + text.length, 0);
    assert(sizeBytes > 100_000 && sizeBytes <= MOST_BUNDLE_BYTES, `${sizeBytes} bytes`);
    assert(paths.length <= MOST_BUNDLE_MODULES, `${paths.length} modules`);
    const nodeModules = texts.flatMap((text) =>
      [...text.matchAll(/(?:\bfrom|\bimport) ?"(node:[\w/]+)"/g)].map(([, name = ""]) => name)
    );
    assertEquals(nodeModules.filter((name) => !NODE_MODULES.includes(name)), []);
  },
});

Deno.test({
  name: "run: loads only the listed modules",
  ignore: IS_BUNDLE,
  fn: checkModules,
});

async function checkModules(): Promise<void> {
  const modules = await loadedByRun();
  const urls = modules.map(({ url }) => url).toSorted();
  const ours = urls.filter((url) => url.startsWith(`${ROOT.href}lib/`))
    .map((url) => url.slice(ROOT.href.length));
  const packages = urls.filter((url) => !url.startsWith(ROOT.href)).map((url) =>
    /\/npm\/[^/]+\/((?:@[^/]+\/)?[^/]+)\//.exec(url)?.[1]
  )
    .filter((name) => name !== undefined);
  assert(ours.includes("lib/cli/run.ts") && ours.length > 50, `${ours.length}`);
  assertEquals(ours.filter((path) => ELSEWHERE.some((pattern) => pattern.test(path))), []);
  assertEquals(packages.filter((name) => !PACKAGES.includes(name)), []);
  assertEquals(urls.filter((url) => url.includes("/v4/classic/")), [], "import zod/mini");
  assert(ours.length <= MOST_MODULES, `${ours.length} modules`);

  const fields = modules.find(({ url }) => url === `${ROOT.href}lib/config/schema/fields.ts`);
  const option = fields?.functions.find(({ functionName }) => functionName === "option");
  const options = option?.ranges[0].count ?? 0;
  assert(options > 0 && options <= MOST_OPTIONS, `${options} options`);
}
