/** `alerts test`: sends a test alert to each target of the config. */

import { CronfetchError } from "../core/errors.ts";
import { EXIT } from "../core/result.ts";
import { sendTestAlerts } from "../report/alerts/test.ts";
import { abortOnSignals } from "../worker/signals.ts";
import type { CommandHost, Flags } from "./flags.ts";
import { printLines, tableFormat, writeRows } from "./output.ts";
import { prepare } from "./prepare.ts";
import { type TableColumn, tableLines } from "./table.ts";

const COLUMNS: readonly TableColumn[] = [
  { name: "RESULT", narrow: "keep" },
  { name: "ALERT", narrow: "keep" },
  { name: "TARGET", narrow: "cut" },
  { name: "FORMAT", narrow: 1 },
  { name: "DETAILS", narrow: "wrap" },
];

/**
 * Sends a test alert to the targets, and prints their results.
 *
 * @returns 3 if one target has not accepted it.
 * @throws {CronfetchError} `usage` and `config.` codes.
 */
export async function alerts(
  _operands: readonly string[],
  flags: Flags,
  host: CommandHost,
): Promise<number> {
  const { config } = await prepare([], flags, host);
  const only = onlyAlert(config.alerts.length, flags.to);
  using signals = abortOnSignals(host);
  const results = await sendTestAlerts(config, only, { host, signal: signals.signal });
  if (flags.json) await writeRows(results, host);
  else {
    const rows = results.map(({ alert, target, format, sent, message, hint }) => ({
      style: sent ? "good" as const : "bad" as const,
      cells: [
        sent ? "sent" : "failed",
        `${alert}`,
        target,
        format,
        [message, hint].filter((part) => part !== null).join("; "),
      ],
    }));
    await printLines(tableLines(COLUMNS, rows, tableFormat(host)), host);
  }
  if (signals.signal.aborted) return signals.exitCode();
  return results.every(({ sent }) => sent) ? EXIT.good : EXIT.failed;
}

/** Index of the alert that `--to` names; null for all. */
function onlyAlert(count: number, to: string | undefined): number | null {
  if (count === 0) {
    throw new CronfetchError("usage", "the config has no alerts", {
      hint: 'add "alerts" to it',
    });
  }
  if (to === undefined) return null;
  const number = /^[1-9]\d*$/.test(to) ? Number(to) : 0;
  if (number >= 1 && number <= count) return number - 1;
  const allowed = count === 1 ? "1, as the config has one alert" : `a number from 1 to ${count}`;
  throw new CronfetchError("usage", `--to must be ${allowed}, not ${JSON.stringify(to)}`);
}
