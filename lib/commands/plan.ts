/** `plan`: what would run, and why. No network, and nothing is written. */

import type { Flags } from "../cli.ts";
import { createRedactor, redactUrl } from "../config/secrets.ts";
import type { Host } from "../core/host.ts";
import { EXIT } from "../core/result.ts";
import { describeSchedule } from "../schedule/due.ts";
import { columns, escapeControl, plural } from "../report/format.ts";
import { planFor } from "./plan_for.ts";
import { prepare } from "./prepare.ts";

/** Shows each task of the config: whether it would run, why, and where its file would go. */
export async function plan(
  operands: readonly string[],
  flags: Flags,
  host: Host,
): Promise<number> {
  const prepared = await prepare(operands, flags, host);
  const { entries } = await planFor(prepared, flags, host);
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
    for (const row of rows) {
      if (!host.stdout.write(`${JSON.stringify(row)}\n`)) break;
    }
    return EXIT.good;
  }
  const lines = columns(
    rows.map((row) =>
      [row.included ? "run" : "-", row.task, row.reason, `${row.url} -> ${row.key}`]
        .map(escapeControl)
    ),
  );
  const running = rows.filter((row) => row.included).length;
  const total = `${running} of ${
    plural(rows.length, "task")
  } would run, into ${prepared.config.store}`;
  host.stderr.write(`${[...lines, total].join("\n")}\n`);
  return EXIT.good;
}
