/** Sends messages to the targets of alerts, with time limits and retries. */

import type { Alert } from "../../core/event.ts";
import {
  openSender,
  type SenderOptions,
  type Target,
  TargetFailure,
  targetFailure,
} from "../send.ts";
import { alertPayload } from "./formats.ts";
import type { AlertMessage } from "./message.ts";

/** Limit of one request to a webhook, and of a command. */
const ATTEMPT_TIMEOUT_MS = 10_000;
/** Delays before the retries of a webhook. */
const RETRY_DELAYS_MS = [1_000, 5_000];
/** Longest `Retry-After` that is waited for; after a longer one, the next evaluation tries again. */
const LONGEST_PAUSE_MS = 10_000;

/** How long sending takes at most, in milliseconds. */
export const LONGEST_SENDING_MS: number = (RETRY_DELAYS_MS.length + 1) * ATTEMPT_TIMEOUT_MS +
  RETRY_DELAYS_MS.length * LONGEST_PAUSE_MS;

/** Sends messages. Disposal closes its connections. */
export interface AlertSender extends AsyncDisposable {
  /**
   * Sends a message to a target, and retries temporary failures.
   *
   * @throws {TargetFailure} The target did not accept it.
   */
  send(alert: Alert, message: AlertMessage): Promise<void>;
}

/** What sending uses. */
export interface AlertSenderOptions extends Omit<SenderOptions, "timeoutMs"> {
  /** Whether temporary failures are retried. Default: true. */
  readonly retries?: boolean;
}

/** Opens a sender. Connections are opened by the first message. */
export async function openAlertSender(
  { retries = true, ...options }: AlertSenderOptions,
): Promise<AlertSender> {
  const { host: { timers }, redact, signal } = options;
  const sender = await openSender({ ...options, timeoutMs: ATTEMPT_TIMEOUT_MS });
  const deliver = async (alert: Alert, message: AlertMessage): Promise<void> => {
    const payload = alertPayload(message, alert.kind === "webhook" ? alert.format : "json");
    const target: Target = alert;
    if (target.kind === "command") return await sender.send(target, payload);
    for (const delayMs of [...(retries ? RETRY_DELAYS_MS : []), null]) {
      try {
        return await sender.send(target, payload);
      } catch (error) {
        if (delayMs === null || !(error instanceof TargetFailure) || !error.isTemporary) {
          throw error;
        }
        const pauseMs = Math.max(delayMs, error.pauseMs ?? 0);
        if (pauseMs > LONGEST_PAUSE_MS) throw error;
        await timers.sleep(pauseMs, signal);
      }
    }
  };
  return {
    send: async (alert, message) => {
      try {
        await deliver(alert, message);
      } catch (error) {
        throw targetFailure(error, redact);
      }
    },
    [Symbol.asyncDispose]: () => sender[Symbol.asyncDispose](),
  };
}
