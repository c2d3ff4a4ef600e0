/** `status`: each task's health. Sends no request and writes nothing. */

import { createRedactor, redactUrl } from "../../config/secrets.ts";
import type { Host } from "../../core/host.ts";
import { EXIT } from "../../core/result.ts";
import { nextDueTimes } from "../../schedule/due.ts";
import { plural } from "../../report/format.ts";
import { shortReason } from "../../report/reason.ts";
import { needsAttention, taskHealth } from "../../report/task_health.ts";
import { dueMemory } from "../../state/record.ts";
import type { FamilyMember, RunRecord } from "../../state/state.ts";
import { openExistingState } from "../../worker/storage.ts";
import type { Flags } from "../flags.ts";
import { printLines, storeText, tableFormat, writeRows } from "../output.ts";
import { DUE_TIMES } from "../plan.ts";
import { PASSIVE, prepare } from "../prepare.ts";
import { wrapLine } from "../table.ts";
import {
  hasProblem,
  overviewLines,
  relativeText,
  sortStandings,
  type TaskStanding,
} from "./overview.ts";
import { detailLines, type TaskFacts } from "./task_details.ts";

/**
 * Shows the health of every task and the last run, or the details of the selected tasks.
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
  const asked = tasks.filter((task) => selected?.has(task.id) ?? true);
  const records = await state.records(asked.map((task) => task.id));
  const all = asked.map((task): TaskStanding => {
    const record = records.get(task.id);
    return { task, record, health: taskHealth(task, record, at) };
  });
  const standings = flags.failing ? all.filter(hasProblem) : all;
  const redact = createRedactor(config.secrets);
  const families = selected ? await state.members(selected) : NO_FAMILIES;
  const factsOf = (standing: TaskStanding): TaskFacts => ({
    ...standing,
    url: redactUrl(redact(standing.task.url)),
    family: families.get(standing.task.id) ?? [],
    redact,
    now: at,
  });
  const facts = standings.map(factsOf);
  const [lastRun] = flags.json || !selected ? await state.runs(1) : [];
  if (flags.json) {
    const rows = facts.map((fact) => ({ ...rowOf(fact), ...(selected ? detailsOf(fact) : {}) }));
    await writeRows(lastRun ? [...rows, { type: "run", ...lastRun }] : rows, host);
  } else if (selected) {
    const place = `${storeText(config.store, host)}/`;
    const format = tableFormat(host);
    const blocks = facts.map((fact) => detailLines(fact, place, format));
    await printLines(blocks.flatMap((lines, index) => index === 0 ? lines : ["", ...lines]), host);
  } else {
    const format = tableFormat(host);
    const isComplete = flags.all || flags.failing;
    const table = overviewLines(sortStandings(standings), isComplete, { at, redact }, format);
    const none = flags.failing && standings.length === 0
      ? [`No problem: none of ${plural(all.length, "task")} is unhealthy, failing or stale.`]
      : [];
    const end = [...none, runLine(lastRun, at)].flatMap((line) => wrapLine(line, format));
    await printLines([...table, ...end], host);
  }
  return standings.some(({ health }) => needsAttention(health)) ? EXIT.failed : EXIT.good;
}

const NO_FAMILIES: ReadonlyMap<string, FamilyMember[]> = new Map();

/** The row of a task for `--json`. */
function rowOf({ record, health, redact }: TaskFacts) {
  const failed = record?.results.find(({ status }) => status === "failed");
  const reason = health.failures > 0 && failed ? shortReason(failed) : null;
  return {
    type: "task",
    ...health,
    changedAt: record?.publishedAt ?? null,
    reason: reason === null ? null : redact(reason),
  };
}

/** What `--json` adds for a task that is named. */
function detailsOf({ task, record, family, url, redact, now }: TaskFacts) {
  return {
    url,
    key: record?.published?.key ?? task.key,
    published: record?.published ?? null,
    nextDueTimes: nextDueTimes(task, dueMemory(record), now, DUE_TIMES),
    family,
    results: (record?.results ?? []).map((result) => ({
      ...result,
      message: result.message === null ? null : redact(result.message),
    })),
  };
}

function runLine(run: RunRecord | undefined, at: Temporal.Instant): string {
  if (!run) return "No run is recorded.";
  return `The last run ended ${relativeText(run.finishedAt, at)} ` +
    `with exit code ${run.summary.exitCode}.`;
}
