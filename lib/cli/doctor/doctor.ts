/** `doctor`: checks whether a config would run here, and which permissions it needs. */

import type { Config } from "../../config/config.ts";
import { ConfigError, describeProblem, type Problem } from "../../config/problem.ts";
import { createRedactor } from "../../config/secrets.ts";
import { hasPlaceholder } from "../../config/variables.ts";
import { CronfetchError } from "../../core/errors.ts";
import type { Host } from "../../core/host.ts";
import type { BucketLocation } from "../../core/location.ts";
import { EXIT } from "../../core/result.ts";
import type { Task } from "../../core/task.ts";
import { errorMessage } from "../../core/text.ts";
import { localTimeText } from "../../core/time.ts";
import { plural, relativeTime, type Style } from "../../report/format.ts";
import { decideDue, describeSchedule } from "../../schedule/due.ts";
import { dueMemory } from "../../state/record.ts";
import type { TaskRecord } from "../../state/state.ts";
import { type BucketAccess, bucketAccess } from "../../store/s3/access.ts";
import { abortOnSignals } from "../../worker/signals.ts";
import { openExistingState } from "../../worker/storage.ts";
import type { Flags } from "../flags.ts";
import { TOKEN_VARIABLE } from "../../page/session.ts";
import { printLines, tableFormat, writeRows } from "../output.ts";
import { HOSTNAME, PORT } from "../page_server.ts";
import { PASSIVE, prepare, type Prepared } from "../prepare.ts";
import { type TableColumn, tableLines, wrapLine } from "../table.ts";
import { checkAuth } from "./auth.ts";
import { accessNotes } from "./bucket.ts";
import {
  checkCommands,
  checkDns,
  type CheckResult,
  checkServer,
  checkState,
  checkStore,
} from "./checks.ts";
import {
  bucketOf,
  type BucketRule,
  bucketRules,
  isModule,
  permissionFlags,
  shellQuoted,
  shortPath,
} from "./permissions.ts";
import { folderOf, type ProgramCommand, programCommand, runningProgram } from "./program.ts";

const STYLES = { good: "good", note: "faint", wrong: "bad" } as const satisfies Record<
  CheckResult["verdict"],
  Style
>;

const COLUMNS: readonly TableColumn[] = [
  { name: "", narrow: "keep" },
  { name: "check", narrow: "keep" },
  { name: "result", narrow: "wrap" },
  { name: "what to do", narrow: "wrap" },
];

/** Hosts that resolve are one row if there are more of them. */
const MOST_NAMES = 4;

/** The results for people, without a row for each of many hosts. */
function mergeResolvedHosts(results: readonly CheckResult[]): CheckResult[] {
  const isResolved = ({ check, verdict }: CheckResult) => check === "host" && verdict === "good";
  const names = results.filter(isResolved).map(({ message }) => message.split(" ", 1)[0] ?? "");
  if (names.length <= MOST_NAMES) return [...results];
  const rest = names.length - MOST_NAMES;
  const shown = names.slice(0, MOST_NAMES).join(", ") + (rest > 0 ? ` and ${rest} more` : "");
  const first = results.findIndex(isResolved);
  return results.flatMap((result, index): CheckResult[] =>
    !isResolved(result)
      ? [result]
      : index === first
      ? [{ ...result, message: `${plural(names.length, "host")}: ${shown}` }]
      : []
  );
}

/**
 * Checks everything that a run of the config depends on, without sending requests for files or
 * leaving any, and prints the permission flags that it needs.
 *
 * @returns 3 if something is wrong, 130 or 143 if interrupted.
 * @throws {CronfetchError} `usage` and `config.` codes.
 */
export async function doctor(
  operands: readonly string[],
  flags: Flags,
  host: Host,
): Promise<number> {
  using signals = abortOnSignals(host);
  const { signal } = signals;
  const variables = new Set<string>();
  const { prepared, missing } = await prepareOrReport(
    operands,
    flags,
    recordingEnv(host, variables),
  );
  const { config, selected } = prepared;
  const tasks = prepared.tasks.filter(({ id, url }) =>
    // The host of a placeholder does not exist.
    (selected?.has(id) ?? true) && !(missing.length > 0 && hasPlaceholder(new URL(url).origin))
  );
  const state = await checkState(config, host);
  const results = [
    configResult(prepared, host),
    ...(missing.length > 0 ? missing : secretsResult(variables, config, host)),
    ...await checkStoreAndServer(config, host, signal),
    state,
    ...await checkDns(tasks, config.hosts, host, signal).catch((error) => {
      if (signal.aborted) return [];
      throw error;
    }),
    ...await checkAuth(config, tasks, host, signal),
    ...await checkCommands(config, tasks, host),
  ];
  if (signal.aborted) return signals.exitCode();
  const records = state.verdict === "wrong" ? NO_RECORDS : await recordsOf(prepared, host);
  results.push(...scheduleResults(tasks, records, prepared.at));

  const redact = createRedactor(config.secrets);
  const redacted = results.map(({ hint, ...result }): CheckResult => ({
    ...result,
    message: redact(result.message),
    ...(hint !== undefined && { hint: redact(hint) }),
  }));
  const bucket = bucketOf(config);
  const access = bucket === null ? null : await accessOf(bucket, host);
  const running = await runningProgram(host);
  const programFolder = folderOf(running);
  const database = config.state.kind !== "postgres"
    ? null
    : (await import("../../state/postgres/settings.ts")).postgresAccess(config.state, host);
  const needed = permissionFlags({
    ...{ config, tasks, variables, access, database, programFolder, host },
  });
  const permissions = needed.map(redact);
  const notes = [
    ...permissionNotes(config.files, permissions.some((flag, i) => flag !== needed[i])),
    ...(access === null ? [] : accessNotes(access)),
  ];
  const rules = bucket === null ? [] : bucketRules(bucket);
  const program = programCommand(running);
  const run = ["run", ...runArguments(prepared, flags, host).map(redact)];
  if (flags.json) {
    const message = notes.join("; ");
    const command = commandWords(program, permissions, run);
    const row = {
      check: "permissions",
      verdict: "note",
      message,
      flags: permissions,
      command,
      folder: host.cwd(),
    };
    await writeRows([...redacted, bucket === null ? row : { ...row, rules }], host);
  } else {
    const rows = mergeResolvedHosts(redacted).map(({ check, verdict, message, hint }) => ({
      style: STYLES[verdict],
      cells: [verdict, check, message, hint ?? ""],
    }));
    const format = tableFormat(host);
    const lines = tableLines(COLUMNS, rows, format);
    await printLines([
      ...lines,
      "",
      ...permissionLines(program, permissions, run, host.cwd()),
      "",
      ...notes.flatMap((note) => wrapLine(`${note}.`, format)),
      ...ruleLines(rules),
    ], host);
  }
  return results.some(({ verdict }) => verdict === "wrong") ? EXIT.failed : EXIT.good;
}

/** The server is tried only if the store is usable. */
async function checkStoreAndServer(
  config: Config,
  host: Host,
  signal: AbortSignal,
): Promise<CheckResult[]> {
  const store = await checkStore(config, host, signal);
  if (store.verdict === "wrong" || signal.aborted) return [store];
  return [store, ...await checkServer(config, host, signal)];
}

const NO_RECORDS: ReadonlyMap<string, TaskRecord> = new Map();

/** A host that records the names of the environment variables it is read for. */
function recordingEnv(host: Host, variables: Set<string>): Host {
  return {
    ...host,
    env: (name) => {
      variables.add(name);
      return host.env(name);
    },
  };
}

/**
 * Prepares. Missing secrets are results, and the other checks continue without them. With `--json`,
 * any other invalid config is written as a row before the error is thrown.
 */
async function prepareOrReport(
  operands: readonly string[],
  flags: Flags,
  host: Host,
): Promise<{ readonly prepared: Prepared; readonly missing: readonly CheckResult[] }> {
  try {
    return { prepared: await prepare(operands, flags, host), missing: [] };
  } catch (error) {
    // Standard input can be read only once.
    const isMissing = error instanceof ConfigError && !flags.config.includes("-") &&
      error.problems.every(({ code }) => code === "config.missing-secret");
    if (isMissing) {
      const prepared = await prepare(operands, flags, host, PASSIVE);
      return { prepared, missing: error.problems.map(missingSecret) };
    }
    if (flags.json && error instanceof CronfetchError && error.code.startsWith("config.")) {
      await writeRows([{ check: "config", verdict: "wrong", message: errorMessage(error) }], host);
    }
    throw error;
  }
}

function missingSecret(problem: Problem): CheckResult {
  const message = describeProblem(problem);
  const hint = problem.hint === null ? {} : { hint: problem.hint };
  return { check: "secrets", verdict: "wrong", message, ...hint };
}

async function recordsOf(
  { config, tasks }: Prepared,
  host: Host,
): Promise<ReadonlyMap<string, TaskRecord>> {
  // The minifier of the bundle would lose a `using` here.
  const state = await openExistingState(config.state, host, config.historyMs);
  try {
    return await state.records(tasks.map((task) => task.id));
  } finally {
    await state[Symbol.asyncDispose]();
  }
}

function configResult({ config, tasks }: Prepared, host: Host): CheckResult {
  const files = config.files.map((file) => shortPath(file, host.cwd()));
  const where = files.length === 0 ? "the config" : files.join(" and ");
  const verdict = tasks.length === 0 ? "note" : "good";
  const message = `${where}: ${plural(tasks.length, "task")}`;
  const hint = tasks.length === 0 ? { hint: "add tasks" } : {};
  return { check: "config", verdict, message, ...hint };
}

/** The variables and files of secrets. They have values. */
function secretsResult(
  variables: ReadonlySet<string>,
  { secretFiles }: Pick<Config, "secretFiles">,
  host: Host,
): CheckResult[] {
  const names = [...variables].filter((name) => !name.startsWith("CRONFETCH_"));
  const files = secretFiles.map((file) => shortPath(file, host.cwd()));
  const messages = [
    ...(names.length === 0 ? [] : [`${names.join(", ")}: set`]),
    ...(files.length === 0 ? [] : [`${files.join(", ")}: readable`]),
  ];
  if (messages.length === 0) return [];
  return [{ check: "secrets", verdict: "good", message: messages.join("; ") }];
}

/** One result per schedule: its tasks, and when the next one is due. */
function scheduleResults(
  tasks: readonly Task[],
  records: ReadonlyMap<string, TaskRecord>,
  at: Temporal.Instant,
): CheckResult[] {
  const groups = Map.groupBy(tasks, (task) => describeSchedule(task.schedule, task.timezone));
  return [...groups].map(([schedule, group]): CheckResult => {
    const decisions = group.map((task) => decideDue(task, dueMemory(records.get(task.id)), at));
    const due = decisions.filter((decision) => decision.due).length;
    const [next] = decisions.flatMap(({ nextDue }) => nextDue ?? []).sort(Temporal.Instant.compare);
    const words = [
      plural(group.length, "task"),
      ...(due === 0 ? [] : [`${due} due now`]),
      next
        ? `next due ${relativeTime(next, at)} (${localTimeText(next, group[0]?.timezone ?? "UTC")})`
        : "not due by a schedule",
    ];
    return { check: "schedule", verdict: "good", message: `${schedule}: ${words.join(", ")}` };
  });
}

/** The access rules of a bucket, for its administrator. */
function ruleLines(rules: readonly BucketRule[]): string[] {
  if (rules.length === 0) return [];
  return [
    "",
    "The bucket's access rules must allow:",
    "",
    ...rules.flatMap(({ resource, actions }) => [
      `  on ${resource}`,
      ...actions.map((action) => `    ${action}`),
    ]),
  ];
}

/** What the bucket needs; null if Deno may not read the files that would show it. */
async function accessOf(bucket: BucketLocation, host: Host): Promise<BucketAccess | null> {
  try {
    return await bucketAccess(bucket, host);
  } catch (error) {
    // The check of the store has reported it.
    if (error instanceof Deno.errors.NotCapable || error instanceof CronfetchError) return null;
    throw error;
  }
}

/** The arguments of `run` for the same config. */
function runArguments(
  { config }: Prepared,
  { config: given, only, output, state, allowPrivate }: Flags,
  host: Host,
): string[] {
  const files = given.length > 0 ? given : config.files.map((file) => shortPath(file, host.cwd()));
  return [
    ...files.flatMap((file) => ["-c", file]),
    ...only.flatMap((task) => ["--only", task]),
    ...(output === undefined ? [] : ["-o", output]),
    ...(state === undefined ? [] : ["--state", state]),
    ...(allowPrivate === true ? ["--allow-private"] : []),
  ];
}

/** The words of the command that runs the config with its permissions only. */
function commandWords(
  { before, takesPermissions, after }: ProgramCommand,
  permissions: readonly string[],
  run: readonly string[],
): string[] {
  return [...before, ...(takesPermissions ? permissions : []), ...after, ...run];
}

/** The command for a POSIX shell, from any folder, with one flag per line. */
function permissionLines(
  { before, takesPermissions, after }: ProgramCommand,
  permissions: readonly string[],
  run: readonly string[],
  folder: string,
): string[] {
  const quoted = (words: readonly string[]) => words.map(shellQuoted).join(" ");
  // Relative paths in flags, and those of alert commands, start at the current folder.
  const enter = `cd ${quoted([folder])} &&`;
  const flags = permissions.map((flag) => `  ${quoted([flag])}`);
  if (!takesPermissions) {
    return [
      "This program was compiled with fixed permissions. It runs this config with:",
      "",
      `${enter} ${quoted([...before, ...after, ...run])}`,
      "",
      "The permissions that this config needs, for deno compile:",
      "",
      ...flags,
    ];
  }
  const lines = [enter, quoted(before), ...flags, `  ${quoted([...after, ...run])}`];
  return [
    "A run with only the permissions that this config needs:",
    "",
    ...lines.map((line, index) => index === lines.length - 1 ? line : `${line} \\`),
  ];
}

/** Permissions that only `serve` needs. */
const SERVE_NOTE = `serve also needs ${HOSTNAME}:${PORT} in --allow-net ` +
  `and ${TOKEN_VARIABLE} in --allow-env`;

/** Permissions that the config does not determine. */
function permissionNotes(files: readonly string[], redacted: boolean): string[] {
  return [
    "Add the hosts of redirects to --allow-net",
    SERVE_NOTE,
    ...(redacted ? ["Each *** is a redacted secret"] : []),
    ...(files.some(isModule)
      ? ["Add the other modules that a TypeScript config imports to --allow-read"]
      : []),
  ];
}
