/** Output for GitHub Actions: groups and annotations in the log, a job summary, and outputs. */

import type { Reporter, RunEvent } from "../core/event.ts";
import type { Host } from "../core/host.ts";
import { type RunSummary, TASK_STATUSES, type TaskResult } from "../core/result.ts";
import { errorMessage, escapeControl } from "../core/text.ts";
import { formatCount, plural, truncate } from "./format.ts";
import { addRow, noRows, SUMMARY_LIMIT_BYTES, summaryText } from "./github_summary.ts";
import { isWritten, resultReason } from "./lines.ts";
import type { WorkflowLog } from "./workflow_log.ts";

/** Options of {@linkcode githubReporter}. */
export interface GithubOptions {
  /** The log of the step. */
  readonly log: WorkflowLog;
  readonly host: Pick<Host, "appendFile" | "fileSize" | "random">;
  /** `$GITHUB_STEP_SUMMARY`, the file of the job summary; null for none. */
  readonly summaryFile: string | null;
  /** `$GITHUB_OUTPUT`, the file of the outputs; null for none. */
  readonly outputFile: string | null;
  /** Further outputs, by name. */
  readonly outputs: Readonly<Record<string, string>>;
  /** Returns where a task is in the repository, for its annotation; null if it is unknown. */
  readonly placeOf: (task: string) => RepositoryPlace | null;
  /** Whether the output of the run is in a collapsed group. */
  readonly group: boolean;
}

/** A line of a file. */
export interface RepositoryPlace {
  /** Path from the root of the repository. */
  readonly file: string;
  /** From 1. */
  readonly line: number;
}

/** GitHub shows at most this many errors of a step. */
const ANNOTATIONS = 10;

/** Maximum width of titles and messages of annotations. */
const LONGEST_TITLE = 200;
const LONGEST_SENTENCE = 1_000;

/**
 * Reports a run to GitHub Actions. It must receive events before the console reporter on the same
 * log, whose lines then are in the group and whose summary follows it. Files are written on `close`;
 * a failed write is logged and does not fail the run.
 *
 * @param options The log and the files.
 */
export function githubReporter(options: GithubOptions): Reporter {
  const { log } = options;
  const rows = noRows();
  const changed = jsonList();
  const files = jsonList();
  const failed: TaskResult[] = [];
  let failures = 0;
  let hookFailures = 0;
  let grouped = false;
  let summary: RunSummary | null = null;

  function endGroup(): void {
    if (grouped) log.command("endgroup");
    grouped = false;
  }

  return {
    report: (event) => {
      switch (event.type) {
        case "run.started":
          grouped = options.group;
          if (grouped) log.command("group", `cronfetch: ${plural(event.tasks, "task")}`);
          break;
        case "task.finished": {
          const { result } = event;
          addRow(rows, result);
          if (isWritten(result.status)) {
            changed.add(result.key);
            files.add(fileOf(result));
          }
          if (result.status === "failed" && failures++ < ANNOTATIONS) failed.push(result);
          break;
        }
        case "run.finished":
          endGroup();
          summary = event.summary;
          annotate(failed, failures, options);
          break;
        case "task.started":
        case "task.retrying":
        case "task.health":
        case "task.gone":
          break;
        case "hook.finished":
          if (event.status === "delivered" || hookFailures++ >= ANNOTATIONS) break;
          warnOfHook(event, options);
          break;
        default:
          event satisfies never;
      }
    },
    close: async () => {
      endGroup();
      if (summary === null) return;
      const run = summary;
      const { summaryFile, outputFile, outputs, host } = options;
      const allOutputs = { ...outputsOf(run, changed, files), ...outputs };
      if (outputFile !== null) {
        const text = outputText(allOutputs, `cronfetch-${host.random.name()}`);
        await writeOrLog("The outputs", log, () => host.appendFile(outputFile, text));
        if (changed.omitted() > 0) {
          const left = `${formatCount(changed.omitted())} of the changed keys`;
          log.write(`${left} were left out of the output \`changed\`, which would be too long.\n`);
        }
      }
      if (summaryFile !== null) {
        await writeOrLog("The job summary", log, async () => {
          // The limit applies to the whole file, which earlier commands may have written to.
          const sizeBytes = await host.fileSize(summaryFile);
          const start = sizeBytes === 0 ? "" : "\n\n";
          const room = SUMMARY_LIMIT_BYTES - sizeBytes - start.length;
          const text = summaryText(run, rows, room);
          if (text === null) throw new Error("no space is left in the summary of this step");
          await host.appendFile(summaryFile, start + text);
        });
      }
    },
  };
}

/** A warning annotation for a change that a hook has not received; the file is published. */
function warnOfHook(
  { task, hook, message, status }: Extract<RunEvent, { type: "hook.finished" }>,
  { log, placeOf }: Pick<GithubOptions, "log" | "placeOf">,
): void {
  const what = status === "expired" ? "was given up" : "has failed";
  const title = truncate(escapeControl(`cronfetch: the hook of ${task} ${what}`), LONGEST_TITLE);
  const sentence = escapeControl(`${hook}: ${message ?? status}`);
  log.command("warning", truncate(sentence, LONGEST_SENTENCE), {
    ...placeFields(placeOf(task)),
    title,
  });
}

function placeFields(place: RepositoryPlace | null): Record<string, string> {
  return place === null ? {} : { file: place.file, line: `${place.line}` };
}

/** One error annotation per failure; beyond the limit the last one counts the others. */
function annotate(
  failed: readonly TaskResult[],
  failures: number,
  { log, placeOf }: Pick<GithubOptions, "log" | "placeOf">,
): void {
  const shown = failures > ANNOTATIONS ? failed.slice(0, ANNOTATIONS - 1) : failed;
  for (const result of shown) {
    const sentence = truncate(escapeControl(resultReason(result) ?? ""), LONGEST_SENTENCE);
    const title = truncate(escapeControl(`cronfetch: ${result.task} failed`), LONGEST_TITLE);
    log.command("error", sentence, { ...placeFields(placeOf(result.task)), title });
  }
  if (failures > shown.length) {
    const others = plural(failures - shown.length, "more task");
    log.command("error", `${others} failed; see the job summary`, { title: "cronfetch" });
  }
}

async function writeOrLog(
  what: string,
  log: WorkflowLog,
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work();
  } catch (error) {
    const why = errorMessage(error);
    log.write(`${what} could not be written: ${escapeControl(why)}\n`);
  }
}

/** Outputs are limited to 1 MB per job in UTF-16 (two bytes a unit); this leaves room for others. */
const LONGEST_LISTS = 400_000;

/** A list of values as JSON, which is cut at a length. */
export interface JsonList {
  /** Adds a value. */
  add(value: unknown): void;
  /**
   * The list in JSON.
   *
   * @param length Most characters. Default: 400,000.
   */
  json(length?: number): string;
  /** Number of values that are never in the list. */
  omitted(): number;
}

/** Creates an empty list. */
function jsonList(): JsonList {
  const listed: string[] = [];
  let length = 2;
  let omitted = 0;
  return {
    add: (value) => {
      const text = JSON.stringify(value);
      // Once a value is omitted all later ones are, so that the list is a prefix.
      if (omitted > 0 || length + text.length + 1 > LONGEST_LISTS) omitted++;
      else {
        listed.push(text);
        length += text.length + 1;
      }
    },
    json: (most = LONGEST_LISTS) => {
      let end = 0;
      let room = most - 2;
      while (end < listed.length && (room -= (listed[end]?.length ?? 0) + 1) >= 0) end++;
      return `[${listed.slice(0, end).join(",")}]`;
    },
    omitted: () => omitted,
  };
}

/** An entry of the output `files`. */
function fileOf({ key, status, sizeBytes, previousSizeBytes }: TaskResult): unknown {
  return { key, status, sizeBytes, previousSizeBytes };
}

/**
 * The outputs of a run, by name: the counts, the exit code, and the keys and sizes of what changed.
 *
 * @param files Cut first, if both lists are too long.
 */
function outputsOf(
  summary: RunSummary,
  changed: JsonList,
  files: JsonList,
): Record<string, string> {
  const counts = TASK_STATUSES.map((status) => [status, `${summary.counts[status]}`] as const);
  const keys = changed.json();
  return {
    ...Object.fromEntries(counts),
    "changed": keys,
    "files": files.json(LONGEST_LISTS - keys.length),
    "exit-code": `${summary.exitCode}`,
  };
}

/**
 * Outputs in the multiline format, the only one in which a value cannot start another output.
 *
 * @param outputs Values by name.
 * @param delimiter An unguessable line, so that no value can contain it.
 */
export function outputText(outputs: Readonly<Record<string, string>>, delimiter: string): string {
  return Object.entries(outputs)
    .map(([name, value]) => `${name}<<${delimiter}\n${value}\n${delimiter}\n`)
    .join("");
}
