/** `plan`: what would run, and why. No network, and nothing is written. */

import { escapeControl } from "../core/text.ts";
import type { Flags } from "./flags.ts";
import { createRedactor, redactUrl } from "../config/secrets.ts";
import type { Host } from "../core/host.ts";
import { locationText } from "../core/location.ts";
import { EXIT } from "../core/result.ts";
import type { Plan } from "../core/task.ts";
import { alignColumns, plural } from "../report/format.ts";
import { describeSchedule, makePlan } from "../schedule/due.ts";
import { planWith, prepare, type Prepared } from "./prepare.ts";
import { recall } from "./recall.ts";
import { writeLines, writeRows } from "./output.ts";

/** Shows each task of the config: whether it would run, why, and where its file would go. */
export async function plan(
  operands: readonly string[],
  flags: Flags,
  host: Host,
): Promise<number> {
  const prepared = await prepare(operands, flags, host);
  const { entries } = await planOf(prepared, flags, host);
  const redactSecrets = createRedactor(prepared.config.secrets);
  const rows = entries.map(({ task, included, reason }) => ({
    task: task.id,
    included,
    reason,
    schedule: describeSchedule(task.schedule, task.timezone),
    url: redactUrl(redactSecrets(task.url)),
    key: task.key,
  }));
  if (flags.json) {
    await writeRows(rows, host);
    return EXIT.good;
  }
  const lines = alignColumns(
    rows.map((row) =>
      [row.included ? "run" : "-", row.task, row.reason, `${row.url} -> ${row.key}`]
        .map(escapeControl)
    ),
  );
  const running = rows.filter((row) => row.included).length;
  const total = `${running} of ${plural(rows.length, "task")}`;
  writeLines([...lines, `${total} would run, into ${locationText(prepared.config.store)}`], host);
  return EXIT.good;
}

/** The plan, by a state that is opened only where schedules need it. */
async function planOf(
  prepared: Prepared,
  flags: Pick<Flags, "due">,
  host: Host,
): Promise<Plan> {
  const { tasks, asked, at, config } = prepared;
  if (!flags.due) return makePlan({ tasks, asked, due: null, at });
  await using state = await recall(config.state, host);
  return await planWith(prepared, flags, state);
}
