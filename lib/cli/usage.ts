/** Errors of the command line, with the command or option that was probably meant. */

import { nearest } from "../config/suggest.ts";
import { CronfetchError } from "../core/errors.ts";
import type { CommandSpec, SubcommandSpec } from "./completions/spec.ts";
import type { ParseStop } from "./program.ts";

/** Commands of other programs, with the command line that corresponds to each. */
const COMMAND_SYNONYMS: Readonly<Record<string, readonly string[]>> = {
  "run": [
    ...["fetch", "sync", "download", "get", "pull", "update", "refresh", "mirror", "exec", "go"],
    ...["once", "once-off", "trigger", "apply", "execute", "retry", "rerun", "start-now", "now"],
  ],
  "status": ["list", "ls", "show", "info", "tasks", "ps", "stat", "state", "health", "log"],
  "status TASK": ["logs", "history", "inspect", "describe"],
  "plan": ["test", "dry-run", "dryrun", "preview", "diff", "next", "validate", "lint"],
  "verify": ["check", "checksum", "audit", "fsck"],
  "verify --fix": ["fix", "repair", "heal"],
  "doctor": ["diagnose", "diag", "env", "debug", "permissions", "config"],
  "watch": ["daemon", "start", "loop", "schedule", "cron", "follow", "up", "monitor"],
  "serve": ["server", "web", "ui", "page", "dashboard", "http", "open"],
  "init": ["new", "create", "add", "setup", "generate", "import", "convert"],
  "completions": ["completion", "complete", "autocomplete"],
  "alerts test": ["alert", "notify", "test-alert"],
  "schema": ["jsonschema", "json-schema"],
  "--version": ["ver", "about"],
};

/** Options of other programs, with the options that correspond to each. */
const OPTION_SYNONYMS: Readonly<Record<string, readonly string[]>> = {
  "--max-concurrency": [
    ...["--concurrency", "--parallel", "--jobs", "-j", "--transfers"],
    ...["--max-concurrent", "--max-parallel", "--parallel-max", "-Z", "-p"],
  ],
  "--workers": ["--threads", "--processes", "--cores"],
  "--host-concurrency": ["--per-host", "--max-connections-per-host", "--max-connection-per-server"],
  "--output": [
    ...["--dest", "--destination", "--dir", "--directory", "--out", "--output-dir", "--target"],
    ...["--store", "--to", "-O", "--output-document", "-P", "--directory-prefix", "-d", "--into"],
  ],
  "--config": ["--file", "-f", "--conf", "--cfg", "--configuration", "-i", "--input-file"],
  "--only": ["--task", "-t", "--id", "--filter", "--include", "--name", "--select", "--tasks"],
  "--quiet": ["--silent", "-s", "--no-verbose", "-nv", "--no-progress"],
  "--verbose": ["--debug", "--trace", "-vv", "-vvv"],
  "--dry-run": ["--dry", "--dryrun", "--simulate", "--noop", "--no-op", "--just-print"],
  "--force": ["--overwrite", "--refresh", "--no-cache", "--reload", "-f", "--clobber", "-B"],
  "--timeout": ["--max-time", "-m", "--time-limit", "-T", "--attempt-timeout"],
  "--deadline": ["--run-timeout", "--max-runtime", "--total-timeout"],
  "--retries": ["--retry", "--tries", "--max-retries", "--attempts", "--max-tries"],
  "--limit-rate": ["--rate", "--bwlimit", "--max-rate", "--rate-limit", "--max-download-limit"],
  "--max-filesize": ["--max-size", "--quota", "--max-bytes"],
  "--hostname": ["--host", "--listen", "--bind", "--address", "--addr", "-H"],
  "--state": ["--db", "--database", "--state-file", "--cache", "--session"],
  "--json": ["--ndjson", "--jsonl", "--format", "--output-format"],
  "--view": ["--read-only", "--readonly", "--no-run"],
  "--fix": ["--repair", "--heal"],
  "--failing": ["--failed", "--unhealthy", "--errors"],
  "--due": ["--scheduled", "--if-due", "--when-due"],
  "--report": ["--junit", "--html", "--summary"],
};

/** What to do instead of an option that has no equivalent. */
const OPTION_ADVICE: readonly (readonly [options: readonly string[], advice: string])[] = [
  [
    ["--log-level", "--loglevel", "-l", "--level"],
    "--verbose shows more, --quiet only failures",
  ],
  [["--color", "--no-color", "--colour"], "set NO_COLOR=1 or FORCE_COLOR=1"],
  [
    ["--header", "-H", "--user", "-u", "--bearer", "--cookie", "-b"],
    'set "headers" of a task in the config: cronfetch init --import converts a curl command',
  ],
  [["--proxy", "-x"], 'set HTTPS_PROXY, or "proxy" of a host in the config'],
  [
    ["--insecure", "-k", "--no-check-certificate", "--cacert", "--cert"],
    'set "caFile" or "certFile" of a host in the config',
  ],
  [
    ["--cron", "--schedule", "--interval", "--every"],
    'set "schedule" in the config, and run cronfetch watch',
  ],
  [["--daemon", "-D", "--detach", "--loop"], "run cronfetch watch"],
  [["--log", "--log-file", "--logfile"], "redirect standard error: 2>> FILE"],
  [["--cwd", "-C", "--chdir"], "select the config with --config FILE"],
  [["--url", "--uri"], "write the URL without an option: cronfetch run URL"],
  [["--yes", "-y", "--non-interactive"], "cronfetch asks nothing; leave it out"],
  [
    ["--sha256", "--checksum", "--hash"],
    'set "expect": { "sha256": "…" } of a task in the config',
  ],
  [["--delete", "--prune"], "cronfetch removes no files of removed tasks; delete them yourself"],
];

/**
 * Returns the error of an invalid command line, with a hint.
 *
 * @param error As thrown by the parser of the arguments.
 * @param args The arguments.
 * @param spec The commands and their options.
 */
export function usageError(
  { code, message }: Pick<ParseStop, "code" | "message">,
  args: readonly string[],
  spec: CommandSpec,
): CronfetchError {
  const command = spec.commands.find(({ name }) => args.includes(name));
  const [, quoted = ""] = /'([^']*)'/.exec(message) ?? [];
  switch (code) {
    case "commander.unknownCommand":
      return usage(`unknown command ${JSON.stringify(quoted)}`, commandHint(quoted, args, spec));
    case "commander.unknownOption": {
      const [option = ""] = quoted.split("=", 1);
      return usage(
        `unknown option ${JSON.stringify(option)}`,
        optionHint(option, command, spec),
      );
    }
    case "commander.optionMissingArgument": {
      const words = quoted.split(" ");
      const name = words.find(isLong) ?? quoted;
      const value = words.at(-1)?.replaceAll(/[<>]/g, "") ?? "";
      return usage(`option ${JSON.stringify(name)} needs a value`, valueHint(name, value));
    }
    case "commander.conflictingOption": {
      const names = [...message.matchAll(/--[\w-]+/g)].map(([name]) => JSON.stringify(name));
      return usage(`options ${names.join(" and ")} exclude each other`, "leave one of them out");
    }
    case "commander.excessArguments":
      return usage(
        `${command?.name ?? "cronfetch"} takes no argument ${operandsOf(args, command).join(" ")}`,
        helpHint(command),
      );
    case "commander.missingArgument":
    case "commander.invalidArgument": {
      const [, values] = /Allowed choices are ([\w, ]{1,200})/.exec(message) ?? [];
      const allowed = values ?? command?.arguments?.values?.join(", ");
      const found = values === undefined ? "" : `, not ${JSON.stringify(quoted)}`;
      const words = allowed?.split(", ") ?? [];
      const what = words.length === 0
        ? "an argument"
        : words.length === 1
        ? `the argument ${JSON.stringify(allowed)}`
        : `one of ${allowed}`;
      const guess = words.length === 1 ? allowed : values && nearest(quoted, words);
      return usage(
        `${command?.name ?? "cronfetch"} needs ${what}${found}`,
        guess ? meant(`cronfetch ${command?.name} ${guess}`) : helpHint(command),
      );
    }
    default:
      return usage(message.replace(/^error: /, "").replaceAll("'", '"'), helpHint(command));
  }
}

function usage(message: string, hint: string): CronfetchError {
  return new CronfetchError("usage", message, { hint });
}

function meant(text: string): string {
  return `did you mean ${JSON.stringify(text)}?`;
}

function helpHint(command: SubcommandSpec | undefined): string {
  return command === undefined
    ? "cronfetch --help lists the commands"
    : `cronfetch help ${command.name} shows its options and examples`;
}

function commandHint(word: string, args: readonly string[], { commands }: CommandSpec): string {
  const rest = args.slice(args.indexOf(word) + 1).join(" ");
  if (word.includes("://")) return meant(`cronfetch run ${args.join(" ")}`);
  if (/\.(?:jsonc?|ya?ml|ts|txt)$/i.test(word)) return meant(`cronfetch run -c ${word}`);
  const synonym = keyOf(word.toLowerCase(), COMMAND_SYNONYMS);
  const name = nearest(word, commands.map((one) => one.name));
  // "ls" is a synonym; one wrong letter of a command is no synonym.
  if (synonym === null) return name === null ? helpHint(undefined) : meant(`cronfetch ${name}`);
  if (["list", "ls", "show"].includes(word.toLowerCase())) {
    return 'did you mean "cronfetch status" (the health of tasks), or "cronfetch plan" (what would run)?';
  }
  // The other words are likely to be operands of the command too.
  const operands = synonym === "run" && rest !== "" ? ` ${rest}` : "";
  return meant(`cronfetch ${synonym}${operands}`);
}

function optionHint(
  option: string,
  command: SubcommandSpec | undefined,
  { commands }: CommandSpec,
): string {
  const known = command?.options.flatMap(({ flags }) => flags) ?? [];
  const synonyms = Object.keys(OPTION_SYNONYMS).filter((name) =>
    OPTION_SYNONYMS[name]?.includes(option)
  );
  const synonym = synonyms.find((name) => known.includes(name));
  if (synonym !== undefined) return meant(synonym);
  const advice = OPTION_ADVICE.find(([options]) => options.includes(option))?.[1];
  if (advice !== undefined) return advice;
  const near = option.startsWith("--") ? nearest(option, known.filter(isLong)) : null;
  if (near !== null) return meant(near);
  const others = commands.filter(({ options }) =>
    options.some(({ flags }) => [option, ...synonyms].some((name) => flags.includes(name)))
  );
  if (others.length === 0) return helpHint(command);
  const names = others.map(({ name }) => name);
  const last = names.pop();
  return `it is an option of ${names.length === 0 ? last : `${names.join(", ")} and ${last}`}`;
}

/** What a missing value may look like. */
function valueHint(name: string, value: string): string {
  const sample = VALUE_SAMPLES[value];
  return sample === undefined ? `write ${name} ${value}` : `for example: ${name} ${sample}`;
}

const VALUE_SAMPLES: Readonly<Record<string, string>> = {
  "DURATION": "30s",
  "SIZE": "10MB",
  "N": "4",
  "FILE": "cronfetch.jsonc",
  "STORE": "./downloads",
  "STATE": "file:state.json",
  "KIND=FILE": "junit=results.xml",
};

function operandsOf(args: readonly string[], command: SubcommandSpec | undefined): string[] {
  return args.filter((arg) => arg !== command?.name && !arg.startsWith("-"))
    .map((arg) => JSON.stringify(arg));
}

function isLong(flag: string): boolean {
  return flag.startsWith("--");
}

function keyOf(
  word: string,
  table: Readonly<Record<string, readonly string[]>>,
): string | null {
  return Object.keys(table).find((name) => table[name]?.includes(word)) ?? null;
}
