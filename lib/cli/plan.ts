/** `plan`: what would run, and why. Sends no request and writes nothing. */

import { createRedactor, redactUrl } from "../config/secrets.ts";
import type { Host } from "../core/host.ts";
import { locationText } from "../core/location.ts";
import { EXIT } from "../core/result.ts";
import { escapeControl } from "../core/text.ts";
import { alignColumns, formatCount, plural } from "../report/format.ts";
import { describeSchedule } from "../schedule/due.ts";
import { openExistingState } from "../worker/storage.ts";
import type { Flags } from "./flags.ts";
import { printLines, writeRows } from "./output.ts";
import { PASSIVE, planTasks, prepare } from "./prepare.ts";

/** Shows for each task whether it would run, why, and where its file would be stored. */
export async function plan(
  operands: readonly string[],
  flags: Flags,
  host: Host,
): Promise<number> {
  const prepared = await prepare(operands, flags, host, PASSIVE);
  await using state = flags.due ? await openExistingState(prepared.config.state, host) : null;
  const { entries } = await planTasks(prepared, state);
  for (const name of prepared.config.unsetSecrets) {
    host.stderr.write(`warning: ${name} is not set; a run needs this secret\n`);
  }
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
  const total = `${formatCount(running)} of ${plural(rows.length, "task")}`;
  await printLines(
    [...lines, `${total} would run, into ${locationText(prepared.config.store)}`],
    host,
  );
  return EXIT.good;
}
