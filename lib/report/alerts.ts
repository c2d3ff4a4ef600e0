/** Alerts: changes of health, sent to webhooks and commands at the end of a run. */

import type { Alert, Health, Reporter, RunEvent } from "../core/event.ts";
import type { Host } from "../core/host.ts";
import type { TaskResult } from "../core/result.ts";
import { withTimeout } from "../core/time.ts";
import { errorMessage } from "../core/text.ts";
import { plural } from "./format.ts";

/** Options of {@linkcode alertReporter}. */
export interface AlertReporterOptions {
  /** Where alerts are sent. */
  readonly alerts: readonly Alert[];
  readonly host: Pick<Host, "fetch" | "timers" | "execute">;
  /** Logs a sentence about a failed alert. */
  readonly warn: (sentence: string) => void;
}

/** A change of health, as sent in the body of a webhook. */
interface HealthChange {
  readonly task: string;
  readonly health: Health;
  readonly failures: number;
  readonly code: string | null;
  readonly message: string | null;
}

/** Timeout of one request to a webhook, and of a command. */
const ATTEMPT_TIMEOUT_MS = 10_000;
/** Delays before the retries of a webhook. */
const RETRY_DELAYS_MS = [1_000, 5_000];

/**
 * Sends one message per run, on `close`, about the tasks that became unhealthy or recovered from
 * that. A failed alert is logged and does not fail the run.
 */
export function alertReporter({ alerts, host, warn: complain }: AlertReporterOptions): Reporter {
  const changes: HealthChange[] = [];
  let run = "";
  let last: TaskResult | null = null;

  return {
    report: (event) => {
      run = event.run;
      // The event with a task's health follows the one with its result.
      if (event.type === "task.finished") last = event.result;
      if (event.type !== "task.health" || !isAlerted(event)) return;
      const result = last?.task === event.task ? last : null;
      changes.push({
        task: event.task,
        health: event.health,
        failures: event.failures,
        code: result?.code ?? null,
        message: result?.message ?? null,
      });
    },
    close: async () => {
      if (changes.length === 0) return;
      const text = alertText(changes);
      // Chat tools show `text` (Slack, Mattermost, Teams) or `content` (Discord).
      const body = JSON.stringify({ text, content: text, run, alerts: changes });
      await Promise.all(alerts.map((alert) =>
        deliver(alert, body, host).catch((error) => {
          complain(`Sending an alert to ${describeTarget(alert)} failed: ${errorMessage(error)}`);
        })
      ));
    },
  };
}

function isAlerted({ before, health }: Extract<RunEvent, { type: "task.health" }>): boolean {
  return health === "unhealthy" || (before === "unhealthy" && health === "healthy");
}

/** The message: unhealthy tasks first, then recovered ones. */
function alertText(changes: readonly HealthChange[]): string {
  const unhealthy = changes.filter(({ health }) => health === "unhealthy")
    .map(({ task, failures, message }) =>
      `unhealthy: ${task}, ${plural(failures, "failure")} in a row` +
      (message === null ? "" : ` (${message})`)
    );
  const recovered = changes.filter(({ health }) => health === "healthy")
    .map(({ task }) => `recovered: ${task}`);
  return ["cronfetch", ...unhealthy, ...recovered].join("\n");
}

/** The target of an alert, without the path of a webhook, which is often its secret. */
function describeTarget(alert: Alert): string {
  return alert.kind === "webhook"
    ? `the webhook at ${new URL(alert.url).host}`
    : `the command ${alert.command[0]}`;
}

async function deliver(
  alert: Alert,
  body: string,
  host: AlertReporterOptions["host"],
): Promise<void> {
  if (alert.kind === "command") {
    const code = await withTimeLimit(host, (signal) => host.execute(alert.command, body, signal));
    if (code !== 0) throw new Error(`exit code ${code}`);
    return;
  }
  for (const delayMs of [...RETRY_DELAYS_MS, null]) {
    try {
      return await post(alert, body, host);
    } catch (error) {
      if (delayMs === null || error instanceof WebhookRejection) throw error;
      await host.timers.sleep(delayMs, new AbortController().signal);
    }
  }
}

/** A response that a retry would not change. */
class WebhookRejection extends Error {}

async function post(
  { url, headers }: Extract<Alert, { kind: "webhook" }>,
  body: string,
  host: AlertReporterOptions["host"],
): Promise<void> {
  const response = await withTimeLimit(host, (signal) =>
    host.fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body,
      redirect: "manual",
      signal,
    }));
  await response.body?.cancel();
  const { status } = response;
  if (status < 300) return;
  const isTemporary = status === 408 || status === 429 || status >= 500;
  throw new (isTemporary ? Error : WebhookRejection)(`the server answered ${status}`);
}

/** Aborts `work` after {@linkcode ATTEMPT_TIMEOUT_MS}. */
function withTimeLimit<T>(
  { timers }: AlertReporterOptions["host"],
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const noResult = () => new Error(`no result after ${ATTEMPT_TIMEOUT_MS / 1000}s`);
  return withTimeout(timers, ATTEMPT_TIMEOUT_MS, work, noResult);
}
