/** Test alerts: what each target answers to one, for `alerts test` and the status page. */

import type { AlertConfig } from "../../config/config.ts";
import { createRedactor } from "../../config/secrets.ts";
import type { Alert } from "../../core/event.ts";
import type { Host } from "../../core/host.ts";
import { serverSettings } from "../../core/host_rules.ts";
import { type TargetFailure, targetName } from "../send.ts";
import type { AlertNotice } from "./changes.ts";
import { type AlertMessage, alertMessage } from "./message.ts";
import { type AlertSender, openAlertSender } from "./send.ts";

/** The content of a test alert. */
const NOTICE: AlertNotice = {
  ...{ event: "test", task: null, health: null, failures: 0, code: null, since: null },
  message: "alerts of cronfetch arrive here",
};

/** How one target has answered. */
export interface AlertTestResult {
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
 * Sends a test alert to the targets of a config, once: the user waits for the answers.
 *
 * @param only Index of the only target; null for all.
 * @returns The results in the order of the config. They hold no secret.
 */
export async function sendTestAlerts(
  { alerts, hosts, page, secrets }: AlertConfig,
  only: number | null,
  { host, signal }: { readonly host: Host; readonly signal: AbortSignal },
): Promise<AlertTestResult[]> {
  const redact = createRedactor(secrets);
  await using sender = await openAlertSender({
    host,
    settingsOf: (origin) => serverSettings(hosts, origin),
    redact,
    signal,
    retries: false,
  });
  const message = alertMessage([NOTICE], { run: null, link: page.publicUrl });
  const chosen = [...alerts.entries()].filter(([index]) => only === null || index === only);
  return await Promise.all(
    chosen.map(([index, alert]) => testAlert(index + 1, alert, message, { sender, redact })),
  );
}

async function testAlert(
  number: number,
  alert: Alert,
  message: AlertMessage,
  { sender, redact }: { readonly sender: AlertSender; readonly redact: (text: string) => string },
): Promise<AlertTestResult> {
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
