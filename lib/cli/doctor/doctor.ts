/** `doctor`: whether a config would run here, and which permissions it needs. */

import { errorMessage } from "../../core/text.ts";
import type { Flags } from "../flags.ts";
import { createRedactor } from "../../config/secrets.ts";
import type { BucketLocation } from "../../core/location.ts";
import { CronfetchError } from "../../core/errors.ts";
import type { Host } from "../../core/host.ts";
import { EXIT } from "../../core/result.ts";
import type { Task } from "../../core/task.ts";
import { plural, relativeTime, type Style } from "../../report/format.ts";
import { decideDue, describeSchedule } from "../../schedule/due.ts";
import { dueMemory } from "../../state/record.ts";
import type { TaskRecord } from "../../state/state.ts";
import { credentialsOf, serverOf } from "../../store/s3/settings.ts";
import { checkHosts, checkPrograms, checkState, checkStore, type Finding } from "./checks.ts";
import { HOSTNAME, PORT, TOKEN_VARIABLE } from "../page_server.ts";
import {
  bucketOf,
  type BucketRule,
  bucketRules,
  permissionFlags,
  shellQuoted,
  shortPath,
} from "./permissions.ts";
import { prepare, type Prepared } from "../prepare.ts";
import { recall } from "../recall.ts";
import { coloredColumns, paintFor, writeLines, writeRows } from "../output.ts";
import { stopOnSignals } from "../signals.ts";

const STYLES = { good: "good", note: "faint", wrong: "bad" } as const satisfies Record<
  Finding["verdict"],
  Style
>;

/**
 * Looks at everything that a run of the config relies on, without a request and
 * without leaving a trace, and prints the permission flags that it needs.
 *
 * @returns 3 if something is wrong, 130 or 143 if interrupted.
 * @throws {CronfetchError} `usage` and `config.` codes.
 */
export async function doctor(
  operands: readonly string[],
  flags: Flags,
  host: Host,
): Promise<number> {
  using stop = stopOnSignals(host);
  const variables = new Set<string>();
  const prepared = await prepareOrTell(operands, flags, listening(host, variables));
  const { config, asked } = prepared;
  const tasks = prepared.tasks.filter((task) => asked?.has(task.id) ?? true);
  const state = await checkState(config, host);
  const findings = [
    configFinding(prepared, host),
    ...secretsFinding(variables),
    await checkStore(config, host, stop.signal),
    state,
    ...await checkHosts(tasks, host, stop.signal).catch((error) => {
      if (stop.signal.aborted) return [];
      throw error;
    }),
    ...await checkPrograms(config, host),
  ];
  if (stop.signal.aborted) return stop.exitCode();
  const records = state.verdict === "wrong" ? NO_RECORDS : await recordsOf(prepared, host);
  findings.push(...scheduleFindings(tasks, records, prepared.at));

  const redact = createRedactor(config.secrets);
  const told = findings.map((finding) => ({ ...finding, message: redact(finding.message) }));
  const needed = permissionFlags({ config, tasks, variables, host });
  const permissions = needed.map(redact);
  const bucket = bucketOf(config);
  const notes = [
    ...permissionNotes(config.files, permissions.some((flag, i) => flag !== needed[i])),
    ...(bucket === null ? [] : credentialNotes(bucket, host)),
  ];
  const rules = bucket === null ? [] : bucketRules(bucket);
  if (flags.json) {
    const message = notes.join("; ");
    const row = { check: "permissions", verdict: "note", message, flags: permissions };
    await writeRows([...told, bucket === null ? row : { ...row, rules }], host);
  } else {
    const rows = told.map(({ check, verdict, message }) => ({
      style: STYLES[verdict],
      cells: [verdict, check, message],
    }));
    const command = commandLines(permissions, runArguments(prepared, flags, host).map(redact));
    const lines = coloredColumns(rows, paintFor(host));
    writeLines([
      ...lines,
      "",
      "The permissions that this config needs:",
      "",
      ...command,
      "",
      ...notes.map((note) => `${note}.`),
      ...ruleLines(rules),
    ], host);
  }
  return findings.some(({ verdict }) => verdict === "wrong") ? EXIT.failed : EXIT.good;
}

const NO_RECORDS: ReadonlyMap<string, TaskRecord> = new Map();

/** A host that notes which environment variables are asked for. */
function listening(host: Host, variables: Set<string>): Host {
  return {
    ...host,
    env: (name) => {
      variables.add(name);
      return host.env(name);
    },
  };
}

/** Prepares; for programs, a config that cannot be used is a finding as well as an error. */
async function prepareOrTell(
  operands: readonly string[],
  flags: Flags,
  host: Host,
): Promise<Prepared> {
  try {
    return await prepare(operands, flags, host);
  } catch (error) {
    if (flags.json && error instanceof CronfetchError && error.code.startsWith("config.")) {
      const check = error.code === "config.missing-secret" ? "secrets" : "config";
      await writeRows([{ check, verdict: "wrong", message: errorMessage(error) }], host);
    }
    throw error;
  }
}

async function recordsOf(
  { config, tasks }: Prepared,
  host: Host,
): Promise<ReadonlyMap<string, TaskRecord>> {
  await using state = await recall(config.state, host);
  return await state.records(tasks.map((task) => task.id));
}

function configFinding({ config, tasks }: Prepared, host: Host): Finding {
  const files = config.files.map((file) => shortPath(file, host.cwd()));
  const where = files.length === 0 ? "the config" : files.join(" and ");
  const verdict = tasks.length === 0 ? "note" : "good";
  return { check: "config", verdict, message: `${where}: ${plural(tasks.length, "task")}` };
}

/** All of them have a value, or there would be no config. */
function secretsFinding(variables: ReadonlySet<string>): Finding[] {
  const names = [...variables].filter((name) => !name.startsWith("CRONFETCH_"));
  if (names.length === 0) return [];
  return [{ check: "secrets", verdict: "good", message: `${names.join(", ")}: set` }];
}

/** One finding a schedule: how many tasks have it, and what comes next. */
function scheduleFindings(
  tasks: readonly Task[],
  records: ReadonlyMap<string, TaskRecord>,
  at: Temporal.Instant,
): Finding[] {
  const groups = Map.groupBy(tasks, (task) => describeSchedule(task.schedule, task.timezone));
  return [...groups].map(([schedule, group]): Finding => {
    const decisions = group.map((task) => decideDue(task, dueMemory(records.get(task.id)), at));
    const due = decisions.filter((decision) => decision.due).length;
    const [next] = decisions.flatMap(({ nextDue }) => nextDue ?? []).sort(Temporal.Instant.compare);
    const words = [
      plural(group.length, "task"),
      ...(due === 0 ? [] : [`${due} due now`]),
      next ? `next due ${relativeTime(next, at)} (${next})` : "never due by itself",
    ];
    return { check: "schedule", verdict: "good", message: `${schedule}: ${words.join(", ")}` };
  });
}

/** What a person who writes the access rules of a bucket needs to know. */
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

/** What the flags do not cover where credentials or the region come from elsewhere. */
function credentialNotes(bucket: BucketLocation, host: Host): string[] {
  return [
    ...(credentialsOf(host) === null
      ? [
        "Credentials that are not in the environment need --allow-sys, --allow-env and --allow-read",
      ]
      : []),
    ...(serverOf(bucket, host) === null
      ? ["The region is not set: the server of the bucket has to be added to --allow-net"]
      : []),
  ];
}

/** What stands behind `run` to run the same config again. */
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

/** A command for a POSIX shell, a flag a line. */
function commandLines(permissions: readonly string[], run: readonly string[]): string[] {
  const program = ["main.ts", "run", ...run].map(shellQuoted).join(" ");
  const lines = [
    "deno run",
    ...permissions.map((flag) => `  ${shellQuoted(flag)}`),
    `  ${program}`,
  ];
  return lines.map((line, index) => index === lines.length - 1 ? line : `${line} \\`);
}

/** What a run does not need. */
const SERVE_NOTE = `Serving the status page needs ${HOSTNAME}:${PORT} in --allow-net ` +
  `and ${TOKEN_VARIABLE} in --allow-env as well`;

/** What the flags cannot tell. */
function permissionNotes(files: readonly string[], redacted: boolean): string[] {
  const modules = files.some((file) => file.toLowerCase().endsWith(".ts"));
  return [
    "A host that one of these redirects to has to be added to --allow-net",
    SERVE_NOTE,
    ...(redacted ? ["Each *** stands for a secret"] : []),
    ...(modules ? ["What a config in TypeScript imports has to be added to --allow-read"] : []),
  ];
}
