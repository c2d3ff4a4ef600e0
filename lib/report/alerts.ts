/** Alerts: changes of health, told to webhooks and programs when a run is over. */

import type { Alert, Health, Reporter, RunEvent } from "../core/event.ts";
import type { Host } from "../core/host.ts";
import type { TaskResult } from "../core/result.ts";
import { plural } from "./format.ts";

/** What an {@linkcode alertReporter} works with. */
export interface AlertReporterOptions {
  /** Who is told. */
  readonly alerts: readonly Alert[];
  readonly host: Pick<Host, "fetch" | "timers" | "execute">;
  /** Takes a sentence for people about an alert that could not be given. */
  readonly warn: (alertText: string) => void;
}

/** One piece of news. */
interface HealthChange {
  readonly task: string;
  readonly health: Health;
  readonly failures: number;
  readonly code: string | null;
  readonly message: string | null;
}

/** How long one try at a webhook, or a program, may take. */
const ATTEMPT_TIMEOUT_MS = 10_000;
/** The waiting before each further try at a webhook. */
const RETRY_DELAYS_MS = [1_000, 5_000];

/**
 * Tells of each task that has become unhealthy, and of each that has recovered
 * from that: once, because an event of it comes once. A run is one message, sent
 * when the reporter is closed. An alert that fails makes no run fail.
 */
export function alertReporter({ alerts, host, warn: complain }: AlertReporterOptions): Reporter {
  const news: HealthChange[] = [];
  let run = "";
  let last: TaskResult | null = null;

  return {
    passesOver: ["task.started", "task.retrying"],
    report: (event) => {
      run = event.run;
      // The health of a task is told right after its result.
      if (event.type === "task.finished") last = event.result;
      if (event.type !== "task.health" || !isAlerted(event)) return;
      const result = last?.task === event.task ? last : null;
      news.push({
        task: event.task,
        health: event.health,
        failures: event.failures,
        code: result?.code ?? null,
        message: result?.message ?? null,
      });
    },
    close: async () => {
      if (news.length === 0) return;
      const text = sentence(news);
      // Chat tools show `text` (Slack, Mattermost, Teams) or `content` (Discord).
      const body = JSON.stringify({ text, content: text, run, alerts: news });
      await Promise.all(alerts.map((alert) =>
        deliver(alert, body, host).catch((error) => {
          const why = error instanceof Error ? error.message : String(error);
          complain(`An alert could not be given to ${describeTarget(alert)}: ${why}`);
        })
      ));
    },
  };
}

function isAlerted({ before, health }: Extract<RunEvent, { type: "task.health" }>): boolean {
  return health === "unhealthy" || (before === "unhealthy" && health === "healthy");
}

/** The news for people: what is broken first. */
function sentence(news: readonly HealthChange[]): string {
  const unhealthy = news.filter(({ health }) => health === "unhealthy").map((item) =>
    `unhealthy: ${item.task}, ${plural(item.failures, "failure")} in a row` +
    (item.message === null ? "" : ` (${item.message})`)
  );
  const recovered = news.filter(({ health }) => health === "healthy")
    .map(({ task }) => `recovered: ${task}`);
  return ["cronfetch", ...unhealthy, ...recovered].join("\n");
}

/** Who that is, without what gives leave to write there. */
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
    if (code !== 0) throw new Error(`it ended with exit code ${code}`);
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

/** The webhook does not want it: sending it again would change nothing. */
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
  const busy = status === 408 || status === 429 || status >= 500;
  throw new (busy ? Error : WebhookRejection)(`it answered ${status}`);
}

/** Does something that must not take for ever. */
async function withTimeLimit<T>(
  { timers }: AlertReporterOptions["host"],
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const cancel = timers.after(
    ATTEMPT_TIMEOUT_MS,
    () => controller.abort(new Error(`it took longer than ${ATTEMPT_TIMEOUT_MS / 1000}s`)),
  );
  try {
    return await work(controller.signal);
  } finally {
    cancel();
  }
}
