/** Executes the tasks of a run, or of a part of it, in this thread. */

import { abortable } from "@std/async";
import type { Config } from "../config/config.ts";
import { createUrlRedactor } from "../config/secrets.ts";
import type { Host } from "../core/host.ts";
import { serverSettings } from "../core/host_rules.ts";
import type { Task } from "../core/task.ts";
import type { DownloadOutcome } from "../download/download.ts";
import { openTransport } from "../http/transport.ts";
import { gather, type Slot } from "../schedule/pool.ts";
import type { RunTransport } from "./authorized_transport.ts";
import { hostOf } from "./parking.ts";
import { createTaskRunner, type TaskRunner, type TaskRunnerContext } from "./task.ts";

/** What executes tasks. The run has opened the store, leased the tasks, and saves the outcomes. */
export interface ExecutionContext extends Omit<TaskRunnerContext, "transport" | "redact"> {
  readonly config:
    & TaskRunnerContext["config"]
    & Pick<Config, "auth" | "hosts" | "secrets">;
  /** The tasks to execute, also those that are not leased. */
  readonly tasks: readonly Task[];
  /** Waits for further tasks, as the pool does. Default: there are none. */
  readonly more?: () => Promise<readonly Task[] | null>;
  /** Milliseconds since the start of the run. */
  readonly elapsedMs: () => number;
  /** A promise that the reporters accept events again; null if they do. */
  readonly room: () => Promise<void> | null;
  /**
   * Receives the outcome of each task, once; and, of a task that was executed in this thread, what
   * sends further requests of it.
   */
  readonly settle: (
    task: Task,
    outcome: DownloadOutcome,
    continueTask?: ContinueTask,
  ) => Promise<void> | void;
}

/**
 * Sends another request of a task that has its outcome, under the same limits of its host: a further
 * page of a list. Emits no `task.started`.
 *
 * @throws The reason of the run's signal, once that is aborted.
 */
export type ContinueTask = (task: Task) => Promise<DownloadOutcome>;

/**
 * Executes tasks. Each is settled once, those not started before the end of the run as cancelled.
 *
 * @throws {CronfetchError} `state.` codes: a record cannot be read.
 */
export type Execute = (context: ExecutionContext) => Promise<void>;

/** The {@linkcode Execute} of this thread. */
export async function executeTasks(context: ExecutionContext): Promise<void> {
  const { host, config, limits, signal, elapsedMs, settle, more } = context;
  await using opened = await openRunTransport(config, host, signal);
  const runner = createTaskRunner({
    ...context,
    transport: opened.transport,
    redact: opened.redact,
  });
  const pending = await gather(context.tasks, {
    limits,
    groupOf: hostOf,
    limitsOf: ({ url }) => ({ ...limits, ...serverSettings(config.hosts, url) }),
    work: (task, slot) => executeTask(task, slot, runner, context),
    signal,
    timers: host.timers,
    clock: host.clock,
    ...(more && { more }),
  });
  for (const task of pending) await settle(task, runner.cancelTask(task, elapsedMs()));
}

/** Executes a task whose turn has come, once the reporters accept events, and settles it. */
export async function executeTask(
  task: Task,
  slot: Slot,
  runner: TaskRunner,
  { signal, elapsedMs, room, settle }: Pick<
    ExecutionContext,
    "signal" | "elapsedMs" | "room" | "settle"
  >,
): Promise<void> {
  for (let wait = room(); wait && !signal.aborted; wait = room()) {
    await abortable(wait, signal).catch(() => {});
  }
  if (signal.aborted) return await settle(task, runner.cancelTask(task, elapsedMs()));
  const outcome = await runner.runTask(task, slot, elapsedMs());
  const settled = settle(task, outcome, async (next) => {
    await slot.space();
    return await runner.runTask(next, slot, elapsedMs(), true);
  });
  if (settled) await settled;
}

/** Opens the transport of a run, which sends the credentials of the config. */
export async function openRunTransport(
  config: Pick<Config, "auth" | "hosts" | "secrets">,
  host: Host,
  signal: AbortSignal,
): Promise<RunTransport> {
  const settingsOf = (origin: string) => serverSettings(config.hosts, origin);
  if (config.auth.length > 0) {
    const { openAuthorizedTransport } = await import("./authorized_transport.ts");
    return await openAuthorizedTransport(config, settingsOf, { host, signal });
  }
  const redact = createUrlRedactor(config.secrets);
  return { ...await openTransport(host, settingsOf, redact), redact };
}
