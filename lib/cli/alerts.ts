/** `alerts test`: sends a test alert to each target of the config. */

import { createRedactor } from "../config/secrets.ts";
import { CronfetchError } from "../core/errors.ts";
import type { Alert } from "../core/event.ts";
import { serverSettings } from "../core/host_rules.ts";
import { EXIT } from "../core/result.ts";
import type { AlertNotice } from "../report/alerts/changes.ts";
import { type AlertMessage, alertMessage } from "../report/alerts/message.ts";
import { type AlertSender, openAlertSender } from "../report/alerts/send.ts";
import { type TargetFailure, targetName } from "../report/send.ts";
import { abortOnSignals } from "../worker/signals.ts";
import type { CommandHost, Flags } from "./flags.ts";
import { printLines, tableFormat, writeRows } from "./output.ts";
import { prepare } from "./prepare.ts";
import { type TableColumn, tableLines } from "./table.ts";

/** What a test alert says. */
const NOTICE: AlertNotice = {
  ...{ event: "test", task: null, health: null, failures: 0, code: null, since: null },
  message: "alerts of cronfetch arrive here",
};

const COLUMNS: readonly TableColumn[] = [
  { name: "RESULT", narrow: "keep" },
  { name: "ALERT", narrow: "keep" },
  { name: "TARGET", narrow: "cut" },
  { name: "FORMAT", narrow: 1 },
  { name: "DETAILS", narrow: "wrap" },
];

/** How one target has answered. */
interface TestResult {
  /** Position in `alerts`, from 1. */
  readonly alert: number;
  /** See `targetName`. */
  readonly target: string;
  readonly format: string;
  readonly sent: boolean;
  /** Why it was not sent, or null. */
  readonly message: string | null;
  /** What to do, or null. */
  readonly hint: string | null;
}

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
  const chosen = chosenAlerts(config.alerts, flags.to);
  const redact = createRedactor(config.secrets);
  using signals = abortOnSignals(host);
  await using sender = await openAlertSender({
    host,
    settingsOf: (origin) => serverSettings(config.hosts, origin),
    redact,
    signal: signals.signal,
    // The user waits for the answer.
    retries: false,
  });
  const message = alertMessage([NOTICE], { run: null, link: config.page.publicUrl });
  const results = await Promise.all(
    chosen.map(([index, alert]) => testAlert(index + 1, alert, message, { sender, redact })),
  );
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

/** The alerts to test, with their indices. */
function chosenAlerts(
  alerts: readonly Alert[],
  to: string | undefined,
): readonly (readonly [index: number, alert: Alert])[] {
  const count = alerts.length;
  if (count === 0) {
    throw new CronfetchError("usage", "the config has no alerts", {
      hint: 'add "alerts" to it',
    });
  }
  const all = alerts.map((alert, index) => [index, alert] as const);
  if (to === undefined) return all;
  const chosen = /^[1-9]\d*$/.test(to) ? all.filter(([index]) => index + 1 === Number(to)) : [];
  if (chosen.length > 0) return chosen;
  const allowed = count === 1 ? "1, as the config has one alert" : `a number from 1 to ${count}`;
  throw new CronfetchError("usage", `--to must be ${allowed}, not ${JSON.stringify(to)}`);
}

async function testAlert(
  number: number,
  alert: Alert,
  message: AlertMessage,
  { sender, redact }: { readonly sender: AlertSender; readonly redact: (text: string) => string },
): Promise<TestResult> {
  const format = alert.kind === "webhook" ? alert.format : alert.kind;
  const facts = { alert: number, target: targetName(alert, redact), format };
  try {
    await sender.send(alert, message);
    return { ...facts, sent: true, message: null, hint: null };
  } catch (error) {
    const { message, hint } = error as TargetFailure;
    return { ...facts, sent: false, message, hint };
  }
}
