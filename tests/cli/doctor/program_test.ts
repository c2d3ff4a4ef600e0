import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import manifest from "../../../deno.json" with { type: "json" };
import {
  librarySpecifier,
  programCommand,
  type RunningProgram,
} from "../../../lib/cli/doctor/program.ts";
import { temporaryFolder, tree } from "../../helpers/folder.ts";
import { origin } from "../../helpers/origin.ts";
import { CONFIG, MAIN } from "../../helpers/program.ts";

const ignore = Deno.build.os === "windows";

Deno.test({ name: "programCommand: for each kind of installation", ignore }, () => {
  const features = ["--unstable-kv", "--unstable-cron"];
  const jsr = `jsr:${manifest.name}@${manifest.version}/cli`;
  const table: [name: string, program: Partial<RunningProgram>, words: string[]][] = [
    ["a checkout", { mainModule: "file:///opt/cronfetch/main.ts" }, [
      "--config=/opt/cronfetch/deno.json",
      "/opt/cronfetch/main.ts",
    ]],
    ["a bundle in a folder with a space", { mainModule: "file:///my%20tools/dist/main.js" }, [
      "--config=/my tools/dist/deno.json",
      "/my tools/dist/main.js",
    ]],
    ["JSR", { mainModule: `jsr:${manifest.name}/cli` }, [...features, jsr]],
    ["JSR, resolved", { mainModule: `https://jsr.io/${manifest.name}/0.1.0/main.ts` }, [
      ...features,
      jsr,
    ]],
    ["another server", { mainModule: "https://example.org/main.js" }, [
      ...features,
      "https://example.org/main.js",
    ]],
  ];
  for (const [name, program, words] of table) {
    for (const [isOnPath, deno] of [[true, "deno"], [false, "/n m/deno"]] as const) {
      const given = { mainModule: "", execPath: "/n m/deno", isCompiled: false, isOnPath };
      const { before, takesPermissions, after } = programCommand({ ...given, ...program });
      const start = [deno, "run", "--quiet", "--no-prompt"];
      assertEquals([...before, ...after], [...start, ...words], name);
      assertEquals(takesPermissions, true);
    }
  }
  const compiled = {
    mainModule: "file:///tmp/deno-compile-cronfetch/main.js",
    execPath: "/usr/bin/cronfetch",
    isCompiled: true,
    isOnPath: false,
  };
  const command = { before: ["/usr/bin/cronfetch"], takesPermissions: false, after: [] };
  assertEquals(programCommand(compiled), command);
});

Deno.test("librarySpecifier: the name of the package on npm or elsewhere, or its specifier on JSR", () => {
  const jsr = `jsr:${manifest.name}@${manifest.version}`;
  const table: [mainModule: string, specifier: string][] = [
    ["file:///opt/cronfetch/main.ts", manifest.name],
    ["file:///opt/cronfetch/dist/main.js", manifest.name],
    ["file:///usr/lib/node_modules/cronfetch/dist/main.js", "cronfetch"],
    [`jsr:${manifest.name}/cli`, jsr],
    [`https://jsr.io/${manifest.name}/0.1.0/main.ts`, jsr],
  ];
  for (const [mainModule, specifier] of table) {
    assertEquals(librarySpecifier(mainModule), specifier);
  }
});

const decoder = new TextDecoder();

/** Runs a command, and returns standard output. */
async function execute(
  command: string,
  args: readonly string[],
  options: { readonly cwd: string; readonly env: Record<string, string> },
): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(command, {
    ...options,
    args: [...args],
    stdin: "null",
  }).output();
  assertEquals(code, 0, decoder.decode(stderr));
  return decoder.decode(stdout);
}

/** The command that doctor has printed: from `cd` to the line that ends it. */
function printedCommand(text: string): string {
  const [command] = /^cd (?:.*\\\n)+.*$/m.exec(text) ?? [];
  if (command === undefined) throw new Error(`no command: ${text}`);
  return command;
}

Deno.test({ name: "doctor: the printed command runs, from any folder", ignore }, async (t) => {
  await using folder = await temporaryFolder();
  await using server = origin({ "/a.txt": "a\n", "/large": "b".repeat(1_000_000) });
  const place = folder.file("it's mine");
  const elsewhere = folder.file("elsewhere");
  await Deno.mkdir(place);
  await Deno.mkdir(elsewhere);
  // Not the one of the program: it has none of the features that cronfetch needs.
  for (const path of [place, elsewhere]) await Deno.writeTextFile(join(path, "deno.json"), "{}\n");
  const urls = JSON.stringify([`${server.origin}/a.txt`, `${server.origin}/large`]);
  const configs = {
    "cronfetch.yaml": `tasks: ${urls}\n`,
    "cronfetch.ts": `import { defineConfig } from "${manifest.name}";\n` +
      `export default defineConfig({ tasks: ${urls} });\n`,
  };
  const args = ["--quiet", "--no-prompt", "-A", `--config=${CONFIG}`, MAIN, "doctor"];
  // A link, as package managers make for a version; or no `deno` besides the one of the package.
  const bin = folder.file("bin");
  await Deno.mkdir(bin);
  // Deno.symlink needs access to all files.
  await execute("ln", ["-s", Deno.execPath(), join(bin, "deno")], { cwd: bin, env: {} });
  const real = await Deno.realPath(Deno.execPath());
  for (
    const [name, path, start, file] of [
      ["deno is on PATH", bin, "\ndeno run ", "cronfetch.yaml"],
      ["deno is elsewhere", elsewhere, `\n${real} run `, "cronfetch.yaml"],
      ["a config in TypeScript", bin, "\ndeno run ", "cronfetch.ts"],
    ] as const
  ) {
    await t.step(name, async () => {
      await Deno.writeTextFile(join(place, file), configs[file]);
      const env = { PATH: path, NO_COLOR: "1", GITHUB_ACTIONS: "" };
      const text = await execute(Deno.execPath(), ["run", ...args], { cwd: place, env });
      const command = printedCommand(text);
      assertStringIncludes(command, start);
      await execute("/bin/sh", ["-c", command], { cwd: elsewhere, env });
      const files = await tree(join(place, "downloads"));
      assertEquals([Object.keys(files), files["a.txt"]], [["a.txt", "large"], "a\n"]);
      await Deno.remove(join(place, "downloads"), { recursive: true });
      await Deno.remove(join(place, ".cronfetch"), { recursive: true });
      await Deno.remove(join(place, file));
    });
  }
});
