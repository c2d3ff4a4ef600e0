// The commands of the examples that stay, as they are written there, in a place of the test's own.

import { assertEquals, assertStringIncludes } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { parse } from "yaml";
import { parseCommand } from "../lib/cli/main.ts";
import { prepare } from "../lib/cli/prepare.ts";
import { postgresSettings } from "../lib/state/postgres/settings.ts";
import { deployApp } from "./helpers/deploy_instance.ts";
import { temporaryFolder, tree } from "./helpers/folder.ts";
import { testHost } from "./helpers/host.ts";
import { origin } from "./helpers/origin.ts";

const ROOT = fromFileUrl(new URL("..", import.meta.url)).replace(/\/$/, "");

/** The words of `ExecStart=`, continued lines included. */
function unitCommand(unit: string): string[] {
  const [, text = ""] = /^ExecStart=((?:.*\\\n)*.*)$/m.exec(unit) ?? [];
  return text.replaceAll("\\\n", " ").split(/\s+/);
}

Deno.test("examples: the command of the systemd unit runs watch with its permissions", async () => {
  await using folder = await temporaryFolder();
  await using server = origin({ "/a.txt": "a\n" });
  await Deno.writeTextFile(
    folder.file("cronfetch.json"),
    JSON.stringify({ schedule: "every 1s", tasks: [`${server.origin}/a.txt`] }),
  );
  const unit = await Deno.readTextFile(join(ROOT, "examples/systemd/cronfetch.service"));
  const words = unitCommand(unit).map((word) =>
    word.replace("/opt/cronfetch", ROOT).replace("/srv/mirror", folder.path)
  );
  assertEquals([words[0]?.replace(/.*\//, ""), words.includes("watch")], ["deno", true]);
  const child = new Deno.Command(Deno.execPath(), {
    args: words.slice(1),
    cwd: folder.path,
    env: { NO_COLOR: "1" },
    stderr: "piped",
  }).spawn();
  const output = child.output();
  let ended = false;
  output.finally(() => ended = true).catch(() => {});
  while (server.hits() < 2 && !ended) await new Promise((done) => setTimeout(done, 20));
  if (!ended) child.kill("SIGTERM");
  const { code, stderr } = await output;
  assertEquals(code, 143, new TextDecoder().decode(stderr));
  assertEquals(await tree(folder.file("downloads")), { "a.txt": "a\n" });
});

Deno.test("examples/deno-deploy: registers a cron and serves, on a read-only disk", async () => {
  await using app = await deployApp({
    cwd: join(ROOT, "examples/deno-deploy"),
    main: "examples/deno-deploy/main.ts",
    // Its files are others' and its bucket is nobody's: nothing is to be fetched.
    env: { DENO_TIMELINE: "preview/1a2b" },
  });
  await using instance = await app.start();
  assertStringIncludes(instance.log(), '2 tasks; the cron "*/15 * * * *" (UTC)');
  assertStringIncludes(instance.log(), "CRONFETCH_TIMELINES");
  const page = await instance.ask("/");
  assertEquals(page.status, 200);
  assertStringIncludes(await page.text(), "f1040.pdf");
});

/** The part of a service of `compose.yaml` that the test reads. */
interface Service {
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly stop_grace_period?: string;
}

Deno.test("examples/fleet: the commands and the config are valid with the variables", async () => {
  const folder = join(ROOT, "examples/fleet");
  const { services } = parse(await Deno.readTextFile(join(folder, "compose.yaml")), {
    merge: true,
  }) as { readonly services: Readonly<Record<string, Service>> };
  const { worker, page, s3, postgres } = services;
  for (const service of [worker, page]) {
    const { command = [], environment: env = {} } = service ?? {};
    const host = testHost({ cwd: join(folder, "config"), env });
    const { flags } = parseCommand([...command], host);
    const { config } = await prepare([], flags, host);
    const { state, store } = config;
    assertEquals([store.kind, state.kind], ["s3", "postgres"]);
    assertEquals(config.tasks.length, 3);
    if (state.kind !== "postgres") continue;
    const { host: name, user, database, password, ssl } = await postgresSettings(state, host);
    assertEquals([name, ssl], ["postgres", false]);
    assertEquals([user, database, password], [
      postgres?.environment["POSTGRES_USER"],
      postgres?.environment["POSTGRES_DB"],
      postgres?.environment["POSTGRES_PASSWORD"],
    ]);
    assertEquals([env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"]], [
      s3?.environment["ROOT_ACCESS_KEY"],
      s3?.environment["ROOT_SECRET_KEY"],
    ]);
  }
  assertEquals([worker?.command, worker?.stop_grace_period], [["work", "--grace", "20s"], "25s"]);
});
