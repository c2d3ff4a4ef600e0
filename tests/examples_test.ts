// The commands of the examples that stay, as they are written there, in a place of the test's own.

import { assertEquals, assertStringIncludes } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { deployApp } from "./helpers/deploy_instance.ts";
import { temporaryFolder, tree } from "./helpers/folder.ts";
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
