/** `status`: how each task fares. No network, and nothing is written. */

import { escapeControl } from "../core/text.ts";
import type { Flags } from "./flags.ts";
import { createRedactor } from "../config/secrets.ts";
import type { ShownHealth } from "../core/event.ts";
import type { Host } from "../core/host.ts";
import { EXIT } from "../core/result.ts";
import { plural, relativeTime, type Style } from "../report/format.ts";
import type { RecentResult, RunRecord } from "../state/state.ts";
import { prepare } from "./prepare.ts";
import { recall } from "./recall.ts";
import { coloredColumns, paintFor, writeLines, writeRows } from "./output.ts";
import { needsAttention, type TaskHealth, taskHealth } from "../report/task_health.ts";

const HEALTH_STYLES = {
  new: "faint",
  healthy: "good",
  stale: "warning",
  failing: "warning",
  unhealthy: "bad",
} as const satisfies Record<ShownHealth, Style>;

/**
 * Shows the health of every task, or of those asked for with their recent
 * results, and the last run.
 *
 * @param operands Ids of tasks.
 * @returns 3 if one of them is unhealthy, or was fine so long ago that it is stale.
 */
export async function status(
  operands: readonly string[],
  flags: Flags,
  host: Host,
): Promise<number> {
  const { config, tasks, asked, at } = await prepare(operands, flags, host);
  await using state = await recall(config.state, host);
  const shown = tasks.filter((task) => asked?.has(task.id) ?? true);
  const records = await state.records(shown.map((task) => task.id));
  const standings = shown.map((task) => taskHealth(task, records.get(task.id), at));
  const resultsOf = (task: string) => asked ? records.get(task)?.results ?? [] : [];
  const [lastRun] = await state.runs(1);
  const redact = createRedactor(config.secrets);

  if (flags.json) {
    const rows: object[] = standings.map((standing) => ({
      type: "task",
      ...standing,
      ...(asked ? { results: redactedResults(resultsOf(standing.task), redact) } : {}),
    }));
    await writeRows(lastRun ? [...rows, { type: "run", ...lastRun }] : rows, host);
  } else {
    const lines = coloredColumns(
      standings.map((standing) => standingRow(standing, at)),
      paintFor(host),
    );
    const history = standings.flatMap(({ task }) => {
      const results = redactedResults(resultsOf(task), redact);
      return results.length === 0
        ? []
        : ["", `${escapeControl(task)}:`, ...results.map((result) => resultLine(result, at))];
    });
    writeLines([
      ...lines,
      ...history,
      ...(history.length > 0 ? [""] : []),
      totalLine(standings),
      runLine(lastRun, at),
    ], host);
  }
  return standings.some(needsAttention) ? EXIT.failed : EXIT.good;
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

function standingRow(
  standing: TaskHealth,
  at: Temporal.Instant,
): { readonly style: Style; readonly cells: readonly string[] } {
  const { health, task, lastSuccessAt, stale, schedule, failures, due, nextDue } = standing;
  const success = lastSuccessAt === null ? "never good" : `good ${ago(lastSuccessAt, at)}`;
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
  const said = words.filter((word) => word !== null).join("; ");
  return `  ${ago(result.at, at)}: ${escapeControl(said)}`;
}

function totalLine(standings: readonly TaskHealth[]): string {
  const counts = Object.keys(HEALTH_STYLES)
    .map((health) => [health, standings.filter((one) => one.health === health).length] as const)
    .filter(([, count]) => count > 0)
    .map(([health, count]) => `${count} ${health}`);
  return [plural(standings.length, "task"), ...counts].join(", ");
}

function runLine(run: RunRecord | undefined, at: Temporal.Instant): string {
  if (!run) return "No run is remembered.";
  return `The last run ended ${ago(run.finishedAt, at)} with exit code ${run.summary.exitCode}.`;
}

function ago(time: string, now: Temporal.Instant): string {
  return relativeTime(Temporal.Instant.from(time), now);
}
