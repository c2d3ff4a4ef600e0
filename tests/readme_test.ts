import { assert, assertEquals } from "@std/assert";
import { parse } from "yaml";
import type { Flags } from "../lib/cli/flags.ts";
import { parseCommand } from "../lib/cli/main.ts";
import { fileReporters, reportRequests } from "../lib/cli/reporters.ts";
import { addressOf } from "../lib/cli/page_server.ts";
import { loadConfig } from "../lib/config/load.ts";
import { readOverrides } from "../lib/config/overrides.ts";
import type { Problem } from "../lib/config/problem.ts";
import { parseDuration } from "../lib/config/schema/fields.ts";
import { EXIT } from "../lib/core/result.ts";
import { dirname, join } from "@std/path";
import { bucketRules } from "../lib/cli/doctor/permissions.ts";
import { S3_VARIABLES } from "../lib/store/s3/settings.ts";
import { NO_FILTER } from "../lib/page/filter.ts";
import { createMetrics } from "../lib/page/metrics.ts";
import { overviewOf } from "../lib/page/overview.ts";
import { eventJsonSchema } from "../lib/report/event_schema.ts";
import { BLOCKS, refreshed, WRITTEN } from "../tools/readme.ts";
import { temporaryFolder } from "./helpers/folder.ts";
import { testHost } from "./helpers/host.ts";

const README = await Deno.readTextFile("README.md");

/** The README and every page of the docs, by path. */
const PAGES = new Map([["README.md", README]]);
for await (const { name, isFile } of Deno.readDir("docs")) {
  if (!isFile) continue;
  PAGES.set(`docs/${name}`, await Deno.readTextFile(`docs/${name}`));
}

/** The same and CONTRIBUTING.md, by path. */
const ALL_PAGES = new Map([
  ...PAGES,
  ["CONTRIBUTING.md", await Deno.readTextFile("CONTRIBUTING.md")] as const,
]);

/** The fenced blocks of a language, of all pages. */
function fenced(language: string): string[] {
  const pattern = new RegExp("```" + language + "\n([^]*?)```", "g");
  return [...PAGES.values()].flatMap((page) =>
    [...page.matchAll(pattern)].map((found) => found[1] ?? "")
  );
}

Deno.test("pages: generated blocks are current", async () => {
  for (const path of WRITTEN) {
    const page = ALL_PAGES.get(path) ?? "";
    assertEquals(page, await refreshed(page), "`deno task readme` updates them");
  }
  for (const [path, page] of ALL_PAGES) {
    const blocks = Object.keys(BLOCKS).filter((name) => page.includes(`<!-- ${name} -->`));
    assert(blocks.length === 0 || WRITTEN.includes(path), path);
  }
  for (const name of Object.keys(BLOCKS)) {
    assert([...ALL_PAGES.values()].some((page) => page.includes(`<!-- ${name} -->`)), name);
  }
});

/** The modules that stand for configs, which have a default export. */
const MODULES = fenced("ts").filter((text) => text.includes("export default"));

/** The files that configs name, and what they hold in the test. */
const CERTIFICATES = [
  ["tls/ca.pem", "authority.crt"],
  ["tls/client.pem", "good.crt"],
  ["tls/client.key", "good.key"],
] as const;

Deno.test("pages: every config loads", async () => {
  const mod = new URL("../lib/mod.ts", import.meta.url).href;
  const examples = [
    ...fenced("jsonc").map((text) => ["cronfetch.jsonc", text] as const),
    ...fenced("text").map((text) => ["urls.txt", text] as const),
    ...fenced("yaml").filter((text) => "tasks" in parse(text))
      .map((text) => ["cronfetch.yaml", text] as const),
    ...MODULES.map((text) => ["cronfetch.ts", text.replace("@cronfetch/cronfetch", mod)] as const),
  ];
  assert(examples.length >= 15, `${examples.length}`);
  assertEquals(new Set(examples.map(([name]) => name)).size, 4);
  for (const [name, text] of examples) {
    await using folder = await temporaryFolder();
    await Deno.writeTextFile(folder.file(name), text);
    await Deno.mkdir(folder.file("tls"));
    for (const [path, fixture] of CERTIFICATES) {
      await Deno.copyFile(`tests/fixtures/tls/${fixture}`, folder.file(path));
    }
    await Deno.mkdir(folder.file("secrets"));
    await Deno.writeTextFile(folder.file("secrets/rates_token"), "secret\n");
    const names = [
      "RATES_TOKEN",
      "RATES_KEY",
      "PROXY_PASSWORD",
      "CHAT_HOOK",
      "PASSWORD",
      "CLIENT_SECRET",
    ];
    const env = Object.fromEntries(names.map((name) => [name, "secret"]));
    const host = testHost({ cwd: folder.path, env });
    const config = await loadConfig({
      files: [name],
      urls: [],
      overrides: {},
      at: host.clock.now(),
    }, host);
    assert(config.tasks.length > 0);
  }
});

/** Programs that a page may call besides ours. */
const PROGRAMS = [
  "alias",
  "cd",
  "curl",
  "deno",
  "docker",
  "export",
  "git",
  "mkdir",
  "npm",
  "npx",
  "test",
];

/** Those that start cronfetch, followed by its arguments. */
const LAUNCHERS = ["deno", "docker", "npx"];

/** The commands of a block of shell, in words; a word in single quotes is one. */
function commandsOf(block: string): string[][] {
  const lines = block.replaceAll("\\\n", " ").split("\n").map((line) =>
    line.replace(/^(?:\S+ ){5}(?= )/, "").replace(/(?:^|\s)#.*$/, "")
  );
  return lines.flatMap((line) => line.split(/\|\||&&|\|/))
    .map((text) => text.replace(/>\s*\S+/, "").trim())
    .map((text) => text.match(/'[^']*'|\S+/g) ?? [""])
    .map((words) => words.slice(words.findIndex((word) => !/^[A-Z_]+=/.test(word))))
    .filter(([program]) => program !== "");
}

Deno.test("pages: every cronfetch command is valid", async () => {
  const commands = [...fenced("sh"), ...fenced("crontab")].flatMap(commandsOf);
  const ours = commands.flatMap((words) => {
    const [program = ""] = words;
    if (program === "cronfetch") return [words.slice(1)];
    assert(PROGRAMS.includes(program), words.join(" "));
    const at = LAUNCHERS.includes(program) && words[1] !== "install"
      ? words.findIndex((word) => /^(?:.*\/)?(?:cronfetch|main\.ts)$/.test(word))
      : -1;
    return at < 0 ? [] : [words.slice(at + 1)];
  });
  assert(ours.length > 40, `${ours.length}`);
  for (const args of ours) {
    const host = testHost({ cwd: "/srv" });
    try {
      await checkValues(parseCommand(args, host).flags);
    } catch (error) {
      throw new Error(`cronfetch ${args.join(" ")}`, { cause: error });
    }
  }
});

/** Reads the values of flags as the commands do. */
async function checkValues(flags: Flags): Promise<void> {
  const host = testHost({ cwd: "/srv" });
  const problems: Problem[] = [];
  readOverrides({ ...flags, store: flags.output, allowPrivate: undefined }, host, problems);
  assertEquals(problems, []);
  addressOf(flags);
  await fileReporters(reportRequests(flags.report, host.cwd()), host);
  assert(flags.grace === undefined || parseDuration(flags.grace) !== null);
}

Deno.test("pages: events match their schema", () => {
  const { oneOf } = eventJsonSchema() as {
    oneOf: { properties: Record<string, { const?: string }>; required: string[] }[];
  };
  const lines = fenced("ndjson").flatMap((block) => block.trimEnd().split("\n"));
  assert(lines.length > 2);
  for (const line of lines) {
    const event = JSON.parse(line);
    const schema = oneOf.find(({ properties }) => properties["type"]?.const === event.type);
    assertEquals(Object.keys(event), Object.keys(schema?.properties ?? {}));
  }
});

Deno.test("docs: list every metric and attribute, and no others", async () => {
  const page = PAGES.get("docs/operating.md") ?? "";
  const request = { filter: NO_FILTER, perPage: 1, running: new Set<string>() };
  const overview = overviewOf([], request, Temporal.Now.instant());
  const fleet = { workers: [], dueTasks: 0, oldest: null, largest: null };
  const printed = createMetrics("1").print({ overview, fleet, lastRun: null, live: null });
  const metrics = new Set([...printed.matchAll(/^# TYPE (\S+)/gm)].map((found) => found[1]));
  const named = new Set([...page.matchAll(/\bcronfetch_\w+/g)].map((found) => found[0]));
  assertEquals([...named].sort(), [...metrics].sort());

  const source = await Deno.readTextFile("lib/telemetry.ts");
  const told = [...source.matchAll(/["`]((?:cronfetch|http|url|server|error)\.[\w.]+)/g)]
    .map((found) => found[1] ?? "");
  assert(told.length > 15);
  const known = page.replace("results.STATUS", "results.");
  for (const name of told) assert(known.includes(`\`${name}`), name);
  for (const [, name = ""] of known.matchAll(/`(cronfetch\.[\w.]+)`/g)) {
    assert(told.includes(name), name);
  }
});

Deno.test("docs: the Prometheus rules use existing metrics", () => {
  const rules = fenced("yaml").map((text) => parse(text)).filter((value) => "groups" in value)
    .flatMap(({ groups }) => groups.flatMap(({ rules }: { rules: object[] }) => rules));
  assertEquals(rules.map(({ expr }) => expr), [
    "cronfetch_task_stale == 1",
    "cronfetch_task_unhealthy == 1",
  ]);
});

Deno.test("README: has at most 200 lines", () => {
  assert(README.trimEnd().split("\n").length <= 200);
});

Deno.test("README: begins with the commands for a checkout", () => {
  const [checkout = ""] = README.match(/```sh\n[^]*?```/) ?? [];
  assertEquals(checkout.split("\n").slice(1, -1), [
    "git clone https://github.com/cronfetch/cronfetch && cd cronfetch",
    "npx -y deno@2.9.6 task --node-modules-dir=manual demo",
    "npx -y deno@2.9.6 task test",
  ]);
});

Deno.test("docs: list every exit code", () => {
  const page = PAGES.get("docs/cli.md") ?? "";
  for (const code of Object.values(EXIT)) assert(page.includes(`| ${code} `), String(code));
});

Deno.test("pages: every linked file and heading exists", async () => {
  for (const [path, page] of PAGES) {
    const links = [...page.matchAll(/\]\(([^):]+)\)/g)].map((found) => found[1] ?? "");
    assert(links.length > 0, path);
    for (const link of links) {
      const [file = "", heading] = link.split("#");
      const target = file === "" ? path : join(dirname(path), file);
      await Deno.stat(target);
      if (heading === undefined) continue;
      const text = await Deno.readTextFile(target);
      assert(headings(text).includes(heading), `${path}: ${link}`);
    }
  }
});

/** The anchors of a page on GitHub: of its headings, and those written as `<a id="…">`. */
function headings(page: string): string[] {
  const prose = page.replace(/```[^]*?```/g, "");
  return [
    ...[...prose.matchAll(/^#+ (.*)$/gm)].map(([, text = ""]) =>
      text.toLowerCase().replace(/[^\w -]/g, "").replaceAll(" ", "-")
    ),
    ...[...prose.matchAll(/^<a id="([^"]+)"><\/a>$/gm)].map(([, id = ""]) => id),
  ];
}

Deno.test("pages: the alias works in a folder with a space", async () => {
  await using folder = await temporaryFolder();
  const checkout = folder.file("a checkout");
  await Deno.mkdir(checkout);
  const aliases = fenced("sh").flatMap((block) => block.match(/^alias .*$/gm) ?? []);
  assert(aliases.length >= 2);
  for (const alias of aliases) {
    const script = `deno() { printf '%s\\n' "$@"; }\nnpx() { deno "$@"; }\n${alias}\n` +
      "eval \"$(alias cronfetch | sed 's/^alias //; s/^cronfetch=//; s/^/eval /')\"";
    const { stdout } = await new Deno.Command("sh", { args: ["-c", script], cwd: checkout })
      .output();
    const words = new TextDecoder().decode(stdout).split("\n");
    assert(words.some((word) => word.endsWith("/a checkout/deno.json")), words.join(" | "));
  }
});

Deno.test("docs: the index lists every page", () => {
  const index = PAGES.get("docs/README.md") ?? "";
  for (const path of PAGES.keys()) {
    if (path === "docs/README.md") continue;
    assert(index.includes(`(${path.startsWith("docs/") ? path.slice(5) : `../${path}`})`), path);
  }
});

Deno.test("docs: list the access rules of doctor and the variables of the store", async () => {
  const page = await Deno.readTextFile("docs/stores.md");
  for (const { resource, actions } of bucketRules({ ...BUCKET, bucket: "bucket" })) {
    const row = page.split("\n").find((line) => line.startsWith(`| \`${resource}\``));
    assertEquals(row?.match(/s3:\w+/g)?.join(), actions.join());
  }
  for (const name of S3_VARIABLES) assert(page.includes(`\`${name}\``), name);
});

const BUCKET = { kind: "s3", prefix: "prefix", endpoint: null, region: null } as const;

Deno.test("pages: every deno task exists", async () => {
  const { tasks } = JSON.parse(await Deno.readTextFile("deno.json"));
  const text = [...PAGES.values()].join("\n") + await Deno.readTextFile("CONTRIBUTING.md");
  const named = [
    ...text.matchAll(/deno(?:@[\d.]+)? task (?:--quiet )?(?:--config \S+ )?([a-z]+(?::[a-z]+)?)/g),
  ]
    .map((found) => found[1] ?? "");
  assert(named.length > 4);
  for (const name of named) assert(name in tasks, name);
});
