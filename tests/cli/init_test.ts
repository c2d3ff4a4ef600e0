import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { INITIAL_CONFIG } from "../../lib/cli/init.ts";
import { main } from "../helpers/command_line.ts";
import { tasksOf } from "../../lib/config/config.ts";
import { loadConfig } from "../../lib/config/load.ts";
import { locationText } from "../../lib/core/location.ts";
import { AT, loadText } from "../config/loading.ts";
import { type TemporaryFolder, temporaryFolder, tree } from "../helpers/folder.ts";
import { testHost } from "../helpers/host.ts";
import { COMMANDS } from "./import/commands.ts";

const URLS = ["https://example.org/a.csv", "https://example.org/b.csv"];

/** Runs `init` in a folder. Returns its exit code and its messages. */
async function runInit(
  folder: TemporaryFolder,
  args: readonly string[],
  options: { readonly stdin?: string } = {},
): Promise<readonly [exitCode: number, text: string]> {
  const host = testHost({ cwd: folder.path, env: { HOME: "/home/me" }, ...options });
  const exitCode = await main(["init", ...args], host);
  assertEquals(host.stdout.text, "");
  return [exitCode, host.stderr.text];
}

/** The tasks of a config in a folder, as `ID -> KEY`. Every variable has a value. */
async function tasksIn(folder: TemporaryFolder, file: string): Promise<string[]> {
  const env = (name: string) => name.startsWith("CRONFETCH_") ? undefined : "a-secret-value";
  const host = { ...testHost({ cwd: folder.path }), env };
  const request = { files: [file], urls: [], overrides: {}, at: AT };
  return tasksOf(await loadConfig(request, host), AT).map(({ url, key }) => `${url} -> ${key}`);
}

Deno.test("init: the initial config loads unchanged", async () => {
  const config = await loadText(INITIAL_CONFIG);
  assertEquals(tasksOf(config, AT).map(({ key }) => key), ["f1040.pdf"]);
  assertEquals(locationText(config.store), "/start/downloads");
});

Deno.test("init: the commented-out task of the initial config loads", async () => {
  const [before = "", after = ""] = INITIAL_CONFIG.split("// A task with more options.");
  const task = after.replaceAll(/^ *\/\/ /gm, "").replace(/^.*$/m, "");
  const text = `${before.trimEnd()},${task}`;
  const config = await loadText(text, { env: { RATES_TOKEN: "hunter2" } });
  assertEquals(tasksOf(config, AT).map(({ id }) => id), ["f1040.pdf", "rates"]);
});

Deno.test("init FILE URL: each format loads, with the schema that it names", async (t) => {
  for (const extension of ["jsonc", "json", "yaml", "yml", "ts", "txt"]) {
    await t.step(extension, async () => {
      await using folder = await temporaryFolder();
      const file = `config.${extension}`;
      const [exitCode, text] = await runInit(folder, [URLS[0] ?? "", file, ...URLS]);
      assertEquals(exitCode, 0, text);
      assertMatch(text, new RegExp(`^Wrote ${file} with 2 tasks`));
      // A program resolves the package; a checkout does in its own folder.
      if (extension === "ts") {
        const mod = new URL("../../lib/mod.ts", import.meta.url).href;
        const written = await Deno.readTextFile(folder.file(file));
        assertStringIncludes(written, ' from "@cronfetch/cronfetch";');
        await Deno.writeTextFile(folder.file(file), written.replace("@cronfetch/cronfetch", mod));
      }
      assertEquals(await tasksIn(folder, file), [
        "https://example.org/a.csv -> a.csv",
        "https://example.org/b.csv -> b.csv",
      ]);
      const hasSchema = extension !== "ts" && extension !== "txt";
      const files = await tree(folder.path);
      assertEquals(Object.keys(files), hasSchema ? [file, "cronfetch.schema.json"] : [file]);
      if (!hasSchema) return;
      assertMatch(files[file] ?? "", /\$schema"?[=:] ?"?\.\/cronfetch\.schema\.json/);
      const schema = JSON.parse(await Deno.readTextFile(folder.file("cronfetch.schema.json")));
      assertEquals(schema, JSON.parse(await Deno.readTextFile("cronfetch.schema.json")));
    });
  }
});

Deno.test("init: the commands that it prints find the config", async () => {
  await using folder = await temporaryFolder();
  const table: [file: string, option: string][] = [
    ["cronfetch.yaml", ""],
    ["cronfetch.json", " -c cronfetch.json"],
    ["my list.txt", " -c 'my list.txt'"],
  ];
  for (const [file, option] of table) {
    const [, text] = await runInit(folder, [file, ...URLS]);
    assertStringIncludes(text, `Next: cronfetch plan${option} shows`);
  }
});

Deno.test("init FILE: a config without URLs has an example, in each format", async () => {
  for (const extension of ["jsonc", "json", "yaml", "ts", "txt"]) {
    await using folder = await temporaryFolder();
    assertEquals((await runInit(folder, [`c.${extension}`]))[0], 0);
    const text = await Deno.readTextFile(folder.file(`c.${extension}`));
    assertStringIncludes(text, "https://www.irs.gov/pub/irs-pdf/f1040.pdf");
  }
});

Deno.test("init URL: the config has comments", async () => {
  await using folder = await temporaryFolder();
  await runInit(folder, URLS.slice(1));
  assertEquals(
    await Deno.readTextFile(folder.file("cronfetch.jsonc")),
    `{
  // For completion and checks in editors.
  "$schema": "./cronfetch.schema.json",

  // Where files are stored.
  "store": "./downloads",

  // A cron expression of 5 fields, "every 30m", or "manual".
  "schedule": "0 6 * * *",
  "timezone": "UTC",

  // The files to keep: URLs, or objects with a url and more options.
  "tasks": [
    "https://example.org/b.csv"
  ]
}
`,
  );
});

Deno.test("init URL: equal names get the first part of the URL that differs", async () => {
  const groups: readonly (readonly [urls: readonly string[], keys: readonly string[]])[] = [
    [["https://h.example/a/x.csv", "https://h.example/b/x.csv"], ["a/x.csv", "b/x.csv"]],
    [["https://a.example/x.csv", "https://b.example/X.csv"], [
      "a.example/x.csv",
      "b.example/X.csv",
    ]],
    [["https://h.example/get?id=1", "https://h.example/get?id=2"], ["1/get", "2/get"]],
    [
      ["https://a.example/1/x", "https://b.example/1/x", "https://a.example/2/x"],
      ["a.example/1/x", "b.example/1/x", "a.example/2/x"],
    ],
  ];
  for (const [urls, keys] of groups) {
    await using folder = await temporaryFolder();
    const [exitCode, text] = await runInit(folder, [...urls, "https://h.example/other"]);
    assertEquals(exitCode, 0, text);
    const tasks = await tasksIn(folder, "cronfetch.jsonc");
    assertEquals(tasks, [
      ...urls.map((url, index) => `${url} -> ${keys[index]}`),
      "https://h.example/other -> other",
    ]);
  }
});

Deno.test("init: nothing is written after a mistake", async () => {
  const mistakes: readonly (readonly [args: readonly string[], message: RegExp])[] = [
    [["config"], /config needs one of the extensions \.jsonc, \.json, \.yaml/],
    [["a.json", "b.json"], /init writes one file, not a\.json and b\.json too/],
    [["ftp://h.example/a"], /tasks\[0\].* must be an http or https URL/],
    [["https://h.example/?a", "https://h.example/?b"], /writes the same file/],
    [["--import", "missing.sh"], /"missing\.sh": neither a file nor a command of curl or wget/],
    [["--import", "curl -T a https://h.example/"], /no file to download\n.*line 1: -T: cronfetch/],
    [["--import", "wget -O a.csv https://h.example/b", "list.txt"], /\(\.txt\) cannot contain/],
  ];
  for (const [args, message] of mistakes) {
    await using folder = await temporaryFolder();
    const [exitCode, text] = await runInit(folder, args);
    assertEquals(exitCode, 2, args.join(" "));
    assertMatch(text, message);
    assertEquals(await tree(folder.path), {});
  }
});

Deno.test("init --import: reports what was not converted, and names secrets without their values", async () => {
  await using folder = await temporaryFolder();
  const command =
    "curl -k --retry 2 -H 'Authorization: Bearer s3cr3t-t0ken' https://h.example/a -O";
  const [exitCode, text] = await runInit(folder, ["--import", command]);
  assertEquals(exitCode, 0, text);
  assertEquals(
    text,
    `Wrote cronfetch.jsonc with 1 task, and cronfetch.schema.json for editors.
warning: line 1: -k: cronfetch always verifies certificates; trust a private authority by hosts.caFile
hint: set H_EXAMPLE_AUTHORIZATION in the environment: the header authorization for h.example
Next: cronfetch plan shows what would run, cronfetch run downloads.
`,
  );
  const written = await Deno.readTextFile(folder.file("cronfetch.jsonc"));
  assertStringIncludes(written, "Bearer ${env:H_EXAMPLE_AUTHORIZATION}");
  assert(!written.includes("s3cr3t"));
});

Deno.test("init --import: a file, standard input, and URLs besides", async () => {
  await using folder = await temporaryFolder();
  await Deno.writeTextFile(folder.file("get.sh"), "curl -o x.csv https://h.example/a\n");
  assertEquals((await runInit(folder, ["--import", "get.sh", URLS[1] ?? ""]))[0], 0);
  assertEquals(await tasksIn(folder, "cronfetch.jsonc"), [
    "https://h.example/a -> x.csv",
    "https://example.org/b.csv -> b.csv",
  ]);
  const stdin = "https://h.example/1\nhttps://h.example/2\n";
  const [exitCode, text] = await runInit(folder, ["--import", "-", "list.txt"], { stdin });
  assertEquals([exitCode, text.split("\n").slice(0, 2)], [0, [
    "Wrote list.txt with 2 tasks.",
    "Next: cronfetch plan -c list.txt shows what would run, cronfetch run -c list.txt downloads.",
  ]]);
  assertEquals(await Deno.readTextFile(folder.file("list.txt")), stdin);
});

Deno.test("init --import: an invalid task is left out, and the others are kept", async () => {
  await using folder = await temporaryFolder();
  const script = `curl -O https://h.example/a.csv
curl -O https://h.example/never.csv
curl -o 'con.txt' 'https://h.example/b?token=s3cr3t'
curl -H 'bad header: x' -O https://h.example/c.csv
curl -o c.csv 'https://'
`;
  await Deno.writeTextFile(folder.file("get.sh"), script);
  const [exitCode, text] = await runInit(folder, ["--import", "get.sh"]);
  assertEquals(exitCode, 0, text);
  assertEquals(await tasksIn(folder, "cronfetch.jsonc"), [
    "https://h.example/a.csv -> a.csv",
    "https://h.example/never.csv -> never.csv",
    "https://h.example/c.csv -> c.csv",
  ]);
  assertMatch(
    text,
    /warning: .*token=\*\*\*": to .*"con\.txt", which is not a safe/,
  );
  assertMatch(text, /warning: line 4: -H: bad header is not a valid header name/);
  assertMatch(text, /warning: "https:\/\/": url must be an absolute http or https URL/);
  assert(!text.includes("s3cr3t"));
});

Deno.test("init --import: what follows an unclosed quote is shown in part", async () => {
  await using folder = await temporaryFolder();
  const commands = `curl -O https://h.example/a\ncurl -O 'https://h.example/b\n${
    "c ".repeat(1_000)
  }`;
  await Deno.writeTextFile(folder.file("get.sh"), commands);
  const [code, text] = await runInit(folder, ["--import", "get.sh"]);
  assertEquals(code, 0, text);
  const [warning = ""] = text.split("\n").filter((line) => line.startsWith("warning: "));
  assertMatch(
    warning,
    /^warning: "https:\/\/h\.example\/b\\nc c .*…": url must not contain control/,
  );
  assertEquals(warning.length < 150, true, warning);
});

Deno.test("init --import: the config of every command line loads", async () => {
  let count = 0;
  for (const [command, { tasks, hosts }] of COMMANDS) {
    // Certificates have to exist when a config is loaded.
    if ((tasks as unknown[]).length === 0 || JSON.stringify(hosts ?? "").includes("File")) continue;
    await using folder = await temporaryFolder();
    for (const file of ["c.jsonc", "c.yaml"]) {
      const [exitCode, text] = await runInit(folder, [file, "--import", command]);
      assertEquals(exitCode, 0, text);
      assertEquals((await tasksIn(folder, file)).length, (tasks as unknown[]).length, command);
      count++;
    }
  }
  assert(count > 80, `${count}`);
});
