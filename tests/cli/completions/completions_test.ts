import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { stripVTControlCharacters } from "node:util";
import { temporaryFolder } from "../../helpers/folder.ts";
import { main } from "../../helpers/command_line.ts";
import { workspace } from "../workspace.ts";
import { completionScript } from "../../../lib/cli/completions/completions.ts";
import type { CommandSpec, Shell } from "../../../lib/cli/completions/spec.ts";

const AWKWARD = `The "file", or 'none': [a] or {b}; $HOME \`x\` 100% \\back`;

const SPEC: CommandSpec = {
  name: "cronfetch",
  options: [
    {
      flags: ["-c", "--config"],
      description: AWKWARD,
      takesValue: true,
      file: true,
      selectsConfig: true,
    },
    { flags: ["--json"], description: "One line an event", takesValue: false },
    {
      flags: ["--color"],
      description: "When to colour",
      takesValue: true,
      values: ["always", "auto", "never"],
    },
  ],
  commands: [
    {
      name: "run",
      description: "Fetch what's due: now [or later]",
      options: [
        { flags: ["--due"], description: "Due ones alone", takesValue: false },
        {
          flags: ["--only"],
          description: "Those of a status",
          takesValue: true,
          values: ["failed", "deferred"],
        },
        { flags: ["--note"], description: "Any text", takesValue: true },
      ],
      arguments: { file: true },
    },
    { name: "watch", description: "Stay", options: [] },
    {
      name: "status",
      description: "Health",
      options: [
        { flags: ["--of"], description: "A task", takesValue: true, tasks: true },
        { flags: ["-f", "--from"], description: "Config", takesValue: true, selectsConfig: true },
      ],
      arguments: { tasks: true },
    },
    {
      name: "completions",
      description: "Print this",
      options: [],
      arguments: { values: ["bash", "zsh", "fish"] },
    },
  ],
};

/** Files in the folder. */
const FILES = ["list.txt", "run"];

/** Lines up to the cursor, and the candidates offered there. */
const CASES: readonly (readonly [line: string, offered: readonly string[]])[] = [
  ["cronfetch ", ["completions", "run", "status", "watch"]],
  ["cronfetch r", ["run"]],
  ["cronfetch x", []],
  ["cronfetch --", ["--color", "--config", "--json"]],
  ["cronfetch --color ", ["always", "auto", "never"]],
  ["cronfetch --color a", ["always", "auto"]],
  ["cronfetch --color=a", ["always", "auto"]],
  ["cronfetch --color=", ["always", "auto", "never"]],
  ["cronfetch --config li", ["list.txt"]],
  ["cronfetch --config=li", ["list.txt"]],
  ["cronfetch -c li", ["list.txt"]],
  ["cronfetch --config run ", ["completions", "run", "status", "watch"]],
  ["cronfetch --config=run ", ["completions", "run", "status", "watch"]],
  ["cronfetch --config a:run ", ["completions", "run", "status", "watch"]],
  ["cronfetch --json run --d", ["--due"]],
  ["cronfetch --color auto run --d", ["--due"]],
  ["cronfetch run --", ["--color", "--config", "--due", "--json", "--note", "--only"]],
  ["cronfetch run --color n", ["never"]],
  ["cronfetch run --only ", ["deferred", "failed"]],
  ["cronfetch run --only=f", ["failed"]],
  ["cronfetch run --note ", []],
  ["cronfetch run --note x li", ["list.txt"]],
  ["cronfetch run li", ["list.txt"]],
  ["cronfetch run -- --d", []],
  ["cronfetch watch ", []],
  ["cronfetch watch --d", []],
  ["cronfetch completions ", ["bash", "fish", "zsh"]],
  ["cronfetch completions bash z", ["zsh"]],
];

/** Bash splits a URL into three words; fish offers files after a colon by default. */
const BASH_FILES = [":odd"];
const BASH_CASES: typeof CASES = [
  ["cronfetch run https:", []],
  ["cronfetch run https://li", []],
];

/** What a shell offers at the end of a line. */
interface Answer {
  readonly offered: readonly string[];
  readonly shown: string;
}

async function output(command: string, args: string[], env: Record<string, string>, cwd: string) {
  const { stdout, stderr } = await new Deno.Command(command, { args, env, cwd }).output();
  assertEquals(new TextDecoder().decode(stderr), "");
  return new TextDecoder().decode(stdout);
}

/** Completes lines in a shell that has sourced the script. */
type Ask = (script: string, lines: readonly string[], cwd: string) => Promise<Answer[]>;

/** Calls the function like bash, which splits words at `=` and `:`. */
const askBash: Ask = (script, lines, cwd) =>
  Promise.all(lines.map(async (line) => {
    const words = line.split(" ").flatMap((word) =>
      word === "" ? [""] : word.split(/([=:])/).filter((part) => part !== "")
    );
    const code =
      `set -u; eval "$SCRIPT"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _cronfetch; set +u
      for each in "\${COMPREPLY[@]}"; do echo "$each"; done`;
    const args = ["--norc", "--noprofile", "-c", code, "bash", ...words];
    const shown = await output("bash", args, { SCRIPT: script }, cwd);
    return { offered: shown.split("\n").filter((each) => each !== "").toSorted(), shown };
  }));

const askFish: Ask = (script, lines, cwd) =>
  Promise.all(lines.map(async (line) => {
    const args = ["--no-config", "-c", "echo $SCRIPT | source; complete -C $LINE"];
    const shown = await output("fish", args, { SCRIPT: script, LINE: line }, cwd);
    const offered = shown.split("\n").filter((each) => each !== "")
      .map((each) => each.split("\t", 1)[0]?.replace(/^--\w+=/, "") ?? "");
    return { offered: offered.toSorted(), shown };
  }));

/**
 * zsh completes only within its line editor, which needs a terminal: one zsh runs another one in a
 * pseudo terminal, enters each line into its editor, and requests the list.
 */
const askZsh: Ask = async (script, lines, cwd) => {
  const setup = `
    autoload -Uz compinit; compinit -D -u; eval "$SCRIPT"
    zle-line-init() {
      for BUFFER in "\${(@f)LINES_TO_ASK}"; do
        CURSOR=$#BUFFER; zle -I; print LISTED:; zle list-choices; zle -R
      done
      exit
    }
    zle -N zle-line-init`;
  const code = `zmodload zsh/zpty; zpty inner zsh -f -i; zpty -w inner 'eval "$SETUP"'
    while zpty -r inner piece; do print -rn -- $piece; done`;
  const env = { SCRIPT: script, LINES_TO_ASK: lines.join("\n"), SETUP: setup, TERM: "xterm" };
  const drawn = await output("zsh", ["-f", "-c", code], env, cwd);
  return drawn.split("LISTED:").slice(1).map((listed) => {
    // The list is between the end of the line and the escape sequence that moves back up.
    const [, list = ""] = /\r\r\n\p{Cc}\[J([^]*?)\p{Cc}\[\d*A/u.exec(listed) ?? [];
    const shown = stripVTControlCharacters(list).replaceAll("\r", "");
    const offered = shown.split("\n").flatMap((row) =>
      (row.split(" -- ", 1)[0] ?? "").split(/\s+/)
    );
    return { offered: offered.filter((each) => each !== "").toSorted(), shown };
  });
};

const SHELLS = { bash: askBash, zsh: askZsh, fish: askFish } as const satisfies Record<Shell, Ask>;

function isInstalled(shell: Shell): boolean {
  try {
    return new Deno.Command(shell, { args: ["-c", "exit"] }).outputSync().success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

for (const shell of ["bash", "zsh", "fish"] as const) {
  const ask = SHELLS[shell];
  const script = completionScript(shell, SPEC);
  const cases = shell === "bash" ? [...CASES, ...BASH_CASES] : CASES;
  const files = shell === "bash" ? [...FILES, ...BASH_FILES] : FILES;
  // In CI, a missing shell is a failure.
  const needed = Deno.env.get("CI") !== undefined && Deno.build.os !== "windows";
  const ignore = !needed && !isInstalled(shell);

  Deno.test({
    name: `completion in ${shell} offers what can stand at the cursor`,
    ignore,
    fn: async () => {
      const folder = await Deno.makeTempDir();
      try {
        for (const file of files) await Deno.writeTextFile(join(folder, file), "");
        const answers = await ask(script, cases.map(([line]) => line), folder);
        assertEquals(answers.length, cases.length);
        for (const [index, [line, offered]] of cases.entries()) {
          assertEquals(answers[index]?.offered, offered, line);
        }
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    },
  });

  Deno.test({
    name: `completion in ${shell} works for a program without options or commands`,
    ignore,
    fn: async () => {
      const bare = completionScript(shell, { name: "cronfetch", options: [], commands: [] });
      const [answer] = await ask(bare, ["cronfetch "], ".");
      assertEquals(answer?.offered, []);
    },
  });

  // Bash shows no descriptions.
  if (shell === "bash") continue;
  Deno.test({
    name: `completion in ${shell} shows descriptions as they are`,
    ignore,
    fn: async () => {
      const [options, commands] = await ask(script, ["cronfetch --", "cronfetch "], ".");
      assertStringIncludes(options?.shown ?? "", AWKWARD);
      assertStringIncludes(commands?.shown ?? "", "Fetch what's due: now [or later]");
    },
  });
}

/** Lines with an id of a task at the cursor, and what is offered for the configs of `PROGRAM`. */
const TASK_CASES: readonly (readonly [line: string, offered: readonly string[]])[] = [
  ["cronfetch status ", ["plain.csv", "rates-usd"]],
  ["cronfetch status r", ["rates-usd"]],
  ["cronfetch status x", []],
  ["cronfetch status plain.csv ra", ["rates-usd"]],
  ["cronfetch status --of p", ["plain.csv"]],
  ["cronfetch status -f other.json ", ["other"]],
  ["cronfetch status --from other.json o", ["other"]],
  ["cronfetch status --from=other.json o", ["other"]],
  ["cronfetch --config other.json status ", ["other"]],
  ["cronfetch status -f wrong.json ", []],
];

/** Prints tasks as the program does. */
const PROGRAM = `#!/bin/sh
case "$*" in
  "completions "*" --tasks") printf 'rates-usd\\nplain.csv\\n' ;;
  "completions "*" --tasks -c other.json") echo other ;;
  *) echo "wrong: $*" >&2; exit 2 ;;
esac
`;

for (const shell of ["bash", "zsh", "fish"] as const) {
  Deno.test({
    name: `completion in ${shell} offers the ids of the tasks of the selected config`,
    ignore: !isInstalled(shell),
    fn: async () => {
      await using folder = await temporaryFolder();
      const program = folder.file("cronfetch");
      await Deno.writeTextFile(program, PROGRAM);
      await Deno.chmod(program, 0o755);
      const lines = TASK_CASES.map(([line]) => line.replace(/^cronfetch/, program));
      const script = completionScript(shell, SPEC);
      // zsh and fish look up completions by the name of the program without its folder.
      const answers = await SHELLS[shell](script, lines, folder.path);
      for (const [index, [line, offered]] of TASK_CASES.entries()) {
        assertEquals(answers[index]?.offered, offered, line);
      }
    },
  });
}

Deno.test("completions --tasks: the ids of the tasks, without secrets; commands that take them", async () => {
  await using at = await workspace({
    tasks: ["https://x.example/a.csv", {
      id: "two words",
      url: "https://x.example/${env:NO}",
      to: "b",
    }],
  });
  for (const shell of ["bash", "zsh", "fish"]) {
    const host = at.host();
    assertEquals(await main(["completions", shell, "--tasks"], host), 0);
    assertEquals(host.stdout.text, "a.csv\ntwo words\n");
    const named = at.host();
    assertEquals(await main(["completions", shell, "--tasks", "-c", "none.json"], named), 2);
    assertEquals(named.stdout.text, "");
  }
  const host = at.host();
  await main(["completions", "fish"], host);
  const names = host.stdout.text.split("\n").filter((line) =>
    line.includes("-a '(__cronfetch_tasks)'")
  )
    .map((line) => /_at \\'(\w+)\\'/.exec(line)?.[1]);
  assertEquals([...new Set(names)].toSorted(), [
    ...["doctor", "plan", "run", "serve", "status", "verify", "watch"],
  ]);
});
