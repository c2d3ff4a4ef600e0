/** `status`: each task's health. Sends no request and writes nothing. */

import { createRedactor } from "../config/secrets.ts";
import type { ShownHealth } from "../core/event.ts";
import type { Host } from "../core/host.ts";
import { EXIT } from "../core/result.ts";
import { escapeControl } from "../core/text.ts";
import { plural, relativeTime, type Style } from "../report/format.ts";
import { needsAttention, type TaskHealth, taskHealth } from "../report/task_health.ts";
import type { RecentResult, RunRecord } from "../state/state.ts";
import { openExistingState } from "../worker/storage.ts";
import type { Flags } from "./flags.ts";
import { coloredColumns, paintFor, printLines, writeRows } from "./output.ts";
import { PASSIVE, prepare } from "./prepare.ts";

const HEALTH_STYLES = {
  new: "faint",
  healthy: "good",
  stale: "warning",
  failing: "warning",
  unhealthy: "bad",
} as const satisfies Record<ShownHealth, Style>;

/**
 * Shows the health of every task, or of the selected ones with their recent results, and the last
 * run.
 *
 * @param operands Ids of tasks.
 * @returns 3 if one of them is unhealthy or stale.
 */
export async function status(
  operands: readonly string[],
  flags: Flags,
  host: Host,
): Promise<number> {
  const { config, tasks, selected, at } = await prepare(operands, flags, host, PASSIVE);
  await using state = await openExistingState(config.state, host);
  const shown = tasks.filter((task) => selected?.has(task.id) ?? true);
  const records = await state.records(shown.map((task) => task.id));
  const healths = shown.map((task) => taskHealth(task, records.get(task.id), at));
  const resultsOf = (task: string) => selected ? records.get(task)?.results ?? [] : [];
  const [lastRun] = await state.runs(1);
  const redact = createRedactor(config.secrets);

  if (flags.json) {
    const rows: object[] = healths.map((health) => ({
      type: "task",
      ...health,
      ...(selected ? { results: redactedResults(resultsOf(health.task), redact) } : {}),
    }));
    await writeRows(lastRun ? [...rows, { type: "run", ...lastRun }] : rows, host);
  } else {
    const lines = coloredColumns(
      healths.map((health) => healthRow(health, at)),
      paintFor(host),
    );
    const history = healths.flatMap(({ task }) => {
      const results = redactedResults(resultsOf(task), redact);
      return results.length === 0
        ? []
        : ["", `${escapeControl(task)}:`, ...results.map((result) => resultLine(result, at))];
    });
    await printLines([
      ...lines,
      ...history,
      ...(history.length > 0 ? [""] : []),
      totalLine(healths),
      runLine(lastRun, at),
    ], host);
  }
  return healths.some(needsAttention) ? EXIT.failed : EXIT.good;
}

function redactedResults(
  results: readonly RecentResult[],
  redact: (text: string) => string,
): RecentResult[] {
  return results.map((result) => ({
    ...result,
    message: result.message === null ? null : redact(result.message),
  }));
}

function healthRow(
  { health, task, lastSuccessAt, stale, schedule, failures, due, nextDue }: TaskHealth,
  at: Temporal.Instant,
): { readonly style: Style; readonly cells: readonly string[] } {
  const success = lastSuccessAt === null
    ? "never succeeded"
    : `succeeded ${ago(lastSuccessAt, at)}`;
  const next = due ? "due now" : nextDue === null ? "not due again" : `due ${ago(nextDue, at)}`;
  return {
    style: HEALTH_STYLES[health],
    cells: [
      health,
      task,
      `${success}${stale && health !== "stale" ? " (stale)" : ""}`,
      schedule,
      failures === 0 ? "" : `${plural(failures, "failure")} in a row`,
      schedule === "manual" ? "" : next,
    ],
  };
}

function resultLine(result: RecentResult, at: Temporal.Instant): string {
  const { status, code, httpStatus, message, times } = result;
  const words = [
    times === 1 ? status : `${status}, ${times} times since ${ago(result.since, at)}`,
    code === null ? null : httpStatus === null ? code : `${code} ${httpStatus}`,
    message,
  ];
  const description = words.filter((word) => word !== null).join("; ");
  return `  ${ago(result.at, at)}: ${escapeControl(description)}`;
}

function totalLine(healths: readonly TaskHealth[]): string {
  const counts = Object.keys(HEALTH_STYLES)
    .map((health) => [health, healths.filter((one) => one.health === health).length] as const)
    .filter(([, count]) => count > 0)
    .map(([health, count]) => `${count} ${health}`);
  return [plural(healths.length, "task"), ...counts].join(", ");
}

function runLine(run: RunRecord | undefined, at: Temporal.Instant): string {
  if (!run) return "No run is recorded.";
  return `The last run ended ${ago(run.finishedAt, at)} with exit code ${run.summary.exitCode}.`;
}

function ago(time: string, now: Temporal.Instant): string {
  return relativeTime(Temporal.Instant.from(time), now);
}
