import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { commandNames, parseCommand } from "../../lib/cli/main.ts";
import { EXAMPLES } from "../../lib/cli/examples.ts";
import { main } from "../helpers/command_line.ts";
import { temporaryFolder, tree } from "../helpers/folder.ts";
import { testHost } from "../helpers/host.ts";

const HELP_OF = [
  "run",
  "plan",
  "status",
  "serve",
  "verify",
  "doctor",
  "alerts",
  "state",
  "init",
  "schema",
  "completions",
];

Deno.test("help: on stdout, exit 0, for the program and each command", async () => {
  for (const args of [["-h"], ["--help"], ...HELP_OF.map((name) => [name, "--help"])]) {
    const host = testHost();
    assertEquals(await main(args, host), 0, args.join(" "));
    assertStringIncludes(host.stdout.text, "Usage: cronfetch");
    assertEquals(host.stderr.text, "");
    for (const line of host.stdout.text.split("\n")) {
      assertEquals(line.length <= 80, true, `wider than a terminal: ${line}`);
    }
  }
});

Deno.test("--version: the version of deno.json and the commit, instead of a command", async () => {
  const { version } = JSON.parse(await Deno.readTextFile("deno.json"));
  for (const args of [["--version"], ["-V"], ["run", "-V"], ["-V", "unknown"]]) {
    const host = testHost();
    assertEquals(await main(args, host), 0);
    assertMatch(host.stdout.text, /^cronfetch [0-9.]+(?:\+[0-9a-z.-]+)?\n$/, args.join(" "));
    assertStringIncludes(host.stdout.text, ` ${version}`);
    assertEquals(host.stderr.text, "");
  }
});

Deno.test("no command: help, and exit 2", async () => {
  const host = testHost();
  assertEquals(await main([], host), 2);
  assertStringIncludes(host.stderr.text, "Usage: cronfetch");
});

Deno.test("init: a config that is valid, never over an existing file", async () => {
  await using folder = await temporaryFolder();
  const host = testHost({ cwd: folder.path });
  assertEquals(await main(["init"], host), 0);
  const files = ["cronfetch.jsonc", "cronfetch.schema.json"];
  assertEquals(Object.keys(await tree(folder.path)), files);
  assertEquals(await main(["plan"], host), 0);
  assertEquals(await main(["init"], host), 2);
  assertMatch(host.stderr.text, /already exists\nhint: --force replaces it/);
  assertEquals(await main(["init", "--force"], host), 0);
  assertEquals(await main(["init", "other.jsonc"], host), 0);
  assertEquals(await main(["init", "no/such/folder.jsonc"], host), 2);
});

Deno.test("plan: prints what would run and where to, without requests or writes", async () => {
  await using folder = await temporaryFolder();
  await Deno.writeTextFile(
    folder.file("cronfetch.yaml"),
    "tasks:\n  - https://x.example/a.pdf\n  - { id: b, url: 'https://x.example/b', to: sub/b.txt }\n",
  );
  const host = testHost({ cwd: folder.path });
  assertEquals(await main(["plan", "--json"], host), 0);
  const rows = host.stdout.text.trimEnd().split("\n").map((line) => JSON.parse(line));
  assertEquals(rows.map(({ task, included, key }) => [task, included, key]), [
    ["a.pdf", true, "a.pdf"],
    ["b", true, "sub/b.txt"],
  ]);
  assertEquals(await main(["plan", "b"], host), 0);
  assertMatch(host.stdout.text, /1 of 2 tasks would run/);
  assertEquals(Object.keys(await tree(folder.path)), ["cronfetch.yaml"]);
});

Deno.test("plan --due: reads the state, and creates none", async () => {
  await using folder = await temporaryFolder();
  await Deno.writeTextFile(
    folder.file("cronfetch.json"),
    JSON.stringify({ schedule: "every 1h", tasks: ["https://x.example/a.pdf"] }),
  );
  for (const args of [["plan", "--due"], ["run", "-n", "--due"]]) {
    const host = testHost({ cwd: folder.path });
    assertEquals(await main(args, host), 0);
    assertEquals(host.stderr.text, "");
    assertMatch(host.stdout.text, /1 of 1 task would run/);
    assertEquals(Object.keys(await tree(folder.path)), ["cronfetch.json"]);
  }
});

Deno.test("status, plan, verify, run -n: need no secrets, and show where they belong", async () => {
  await using folder = await temporaryFolder();
  const url = "https://x.example/a.csv?user=${env:NAME}";
  const headers = { authorization: "Bearer ${env:TOKEN}" };
  await Deno.writeTextFile(
    folder.file("cronfetch.json"),
    JSON.stringify({ tasks: [{ url, headers }] }),
  );
  for (const args of [["plan"], ["plan", "--json"], ["run", "-n"], ["plan", "--due"]]) {
    const host = testHost({ cwd: folder.path });
    assertEquals(await main(args, host), 0);
    assertStringIncludes(host.stdout.text, url);
    assertEquals(
      host.stderr.text,
      "warning: TOKEN is not set; a run needs this secret\n" +
        "warning: NAME is not set; a run needs this secret\n",
    );
    const env = { NAME: "somebody", TOKEN: "hush-hush" };
    const complete = testHost({ cwd: folder.path, env });
    assertEquals(await main(args, complete), 0);
    assertStringIncludes(complete.stdout.text, url.replace("${env:NAME}", "***"));
    assertEquals(complete.stderr.text, "");
  }
  for (const args of [["status"], ["status", "a.csv"], ["verify"], ["verify", "--fix"]]) {
    const host = testHost({ cwd: folder.path });
    assertEquals(await main(args, host), 0);
    assertEquals(host.stderr.text, "");
  }
  const host = testHost({ cwd: folder.path });
  assertEquals(await main(["run"], host), 2);
  assertStringIncludes(host.stderr.text, "NAME");
});

Deno.test("schema: prints the committed schemas", async () => {
  const table: [args: string[], file: string][] = [
    [["schema"], "cronfetch.schema.json"],
    [["schema", "--event"], "cronfetch.events.schema.json"],
    [["schema", "--change"], "cronfetch.change.schema.json"],
  ];
  for (const [args, file] of table) {
    const host = testHost();
    assertEquals(await main(args, host), 0);
    assertEquals(JSON.parse(host.stdout.text), JSON.parse(await Deno.readTextFile(file)));
  }
});

Deno.test("completions: a script for each shell", async () => {
  for (const shell of ["bash", "zsh", "fish"]) {
    const host = testHost();
    assertEquals(await main(["completions", shell], host), 0);
    for (const word of ["run", "--max-concurrency", "completions"]) {
      assertStringIncludes(host.stdout.text, word.replace(/^--/, ""));
    }
  }
});

Deno.test("help COMMAND and version: as --help and --version", async () => {
  const table: [words: string[], options: string[]][] = [
    [["help"], ["--help"]],
    [["help", "run"], ["run", "--help"]],
    [["version"], ["--version"]],
  ];
  for (const [words, options] of table) {
    const [one, other] = [testHost(), testHost()];
    assertEquals([await main(words, one), await main(options, other)], [0, 0]);
    assertEquals(one.stdout.text, other.stdout.text);
  }
});

Deno.test("help: the examples of each command are valid, and run", async () => {
  assertEquals(Object.keys(EXAMPLES).toSorted(), commandNames(testHost()).toSorted());
  for (const [command, examples] of Object.entries(EXAMPLES)) {
    assertEquals(examples.length >= 2, true, command);
    for (const [example] of examples) {
      await using folder = await temporaryFolder();
      const host = testHost({ cwd: folder.path });
      const text = example.replace(/^source <\((.*)\)$/, "$1").replace(/ (?:>|&&) .*$/, "");
      const args = [...text.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, word]) =>
        quoted ?? word ?? ""
      );
      assertEquals(args.shift(), "cronfetch", example);
      assertEquals(parseCommand(args, host).operands.includes("cronfetch"), false);
      if (command !== "init") await Deno.writeTextFile(folder.file("cronfetch.jsonc"), CONFIG);
      // These send requests or do not end; the others run as they are.
      if (command === "run") args.push("--dry-run");
      if (UNENDING.includes(command)) continue;
      if (example.includes("postgres:")) continue;
      assertEquals(await main(args, host), 0, `${example}: ${host.stderr.text}`);
    }
  }
});

/** Commands that send requests, do not end, or need a server. */
const UNENDING = ["watch", "serve", "alerts", "doctor", "work", "workers"];

const CONFIG = '{ "state": "memory:", "tasks": ["https://example.org/rates.csv"] }';
