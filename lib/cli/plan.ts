/** `plan`: what would run, and why. Sends no request and writes nothing. */

import { createRedactor, redactUrl } from "../config/secrets.ts";
import type { Host } from "../core/host.ts";
import { shownKey } from "../core/key.ts";
import { EXIT } from "../core/result.ts";
import { escapeControl } from "../core/text.ts";
import { localTimeText } from "../core/time.ts";
import { formatCount, plural } from "../report/format.ts";
import { describeSchedule, nextDueTimes } from "../schedule/due.ts";
import { dueMemories } from "../state/record.ts";
import { openExistingState } from "../worker/storage.ts";
import type { Flags } from "./flags.ts";
import { printLines, storeText, tableFormat, writeRows } from "./output.ts";
import { PASSIVE, planTasks, prepare } from "./prepare.ts";
import { type TableColumn, tableLines, wrapLine } from "./table.ts";

/** Due times shown for each task. */
export const DUE_TIMES = 3;

const COLUMNS: readonly TableColumn[] = [
  { name: "", narrow: "keep" },
  { name: "task", narrow: "cut" },
  { name: "reason", narrow: "wrap", least: 48 },
  { name: "next due", narrow: 1 },
  { name: "file", narrow: 2 },
  { name: "url", narrow: 3 },
];

/** Shows for each task whether it would run, why, and where its file would be stored. */
export async function plan(
  operands: readonly string[],
  flags: Flags,
  host: Host,
): Promise<number> {
  const prepared = await prepare(operands, flags, host, PASSIVE);
  const { config, tasks, selected, at } = prepared;
  await using state = await openExistingState(config.state, host, config.historyMs);
  const memoryOf = await dueMemories(tasks, state);
  const { entries } = await planTasks(prepared, flags.due ? state : null);
  for (const name of config.unsetSecrets) {
    const fault = name.startsWith("file:")
      ? `the file ${name.slice("file:".length)} has no readable secret`
      : `${name} is not set`;
    host.stderr.write(`warning: ${escapeControl(fault)}; a run needs this secret\n`);
  }
  // Computing the times of 100,000 tasks takes a while, and the table has one of each.
  const dueTimes = flags.json || selected ? DUE_TIMES : 1;
  const redactSecrets = createRedactor(config.secrets);
  const rows = entries.map(({ task, included, reason }) => ({
    task: task.id,
    included,
    reason,
    schedule: describeSchedule(task.schedule, task.timezone),
    nextDue: nextDueTimes(task, memoryOf(task), at, dueTimes),
    timezone: task.timezone,
    url: redactUrl(redactSecrets(task.url)),
    key: shownKey(task.key),
    ...(task.origin && { origin: task.origin }),
  }));
  if (flags.json) {
    await writeRows(rows.map(({ timezone: _, ...row }) => row), host);
    return EXIT.good;
  }
  const shown = rows.map((row) => ({
    ...row,
    times: row.nextDue.map((time) => localTimeText(time, row.timezone)),
  }));
  const format = tableFormat(host);
  const table = tableLines(
    COLUMNS,
    shown.filter(({ task }) => selected?.has(task) ?? true).map((
      { included, task, reason, times: [next = ""], key, url },
    ) => ({
      style: included ? "good" : "faint",
      // A reason may contain the time.
      cells: [included ? "run" : "-", task, reason, reason.includes(next) ? "" : next, key, url],
    })),
    format,
  );
  // The dates of a backfill are due once.
  const details = shown.filter(({ task }) => flags.since === undefined && selected?.has(task))
    .flatMap(({ task, schedule, times }) => [
      "",
      `${escapeControl(task)}: ${schedule}`,
      ...times.map((time) => `  due ${time}`),
    ]);
  const running = rows.filter((row) => row.included).length;
  const total = `${formatCount(running)} of ${plural(rows.length, "task")}`;
  const end = `${total} would run, into ${storeText(config.store, host)}`;
  const gap = details.length > 0 ? [""] : [];
  await printLines([...table, ...details, ...gap, ...wrapLine(end, format)], host);
  return EXIT.good;
}
