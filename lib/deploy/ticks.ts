/** The ticks of an instance: one at a time, each started by a call of the platform. */

import type { Config } from "../config/config.ts";
import { CronfetchError } from "../core/errors.ts";
import type { Progress, Reporter, RunEvent } from "../core/event.ts";
import type { Host } from "../core/host.ts";
import { bugMessage, escapeControl } from "../core/text.ts";
import { consoleReporter, plainDisplay } from "../report/console.ts";
import { painter } from "../report/format.ts";
import type { SharedStorage } from "../worker/storage.ts";
import { alertingOnFailure } from "../worker/run.ts";
import { runTick } from "../worker/tick.ts";

/** What ticks use. */
export interface TicksContext {
  readonly config: Config;
  readonly host: Host;
  /** Disposed of with the ticks. */
  readonly storage: SharedStorage;
  /** Ends the current run, and prevents further ones. */
  readonly stop: AbortSignal;
  /** The exit code of a run that `stop` has ended. */
  readonly interruptedExitCode: () => number;
  /** Logs a sentence about an error outside of the tasks. */
  readonly log: (sentence: string) => void;
}

/** The ticks of an instance. Disposal waits for the current one and closes the storage. */
export interface Ticks extends AsyncDisposable {
  /**
   * Runs what is due, and some tasks regardless of their schedules. Never rejects. A call during a
   * tick waits for that tick: what is left is still due at the next call. Requested tasks run in
   * another tick after it.
   *
   * @param requested Ids of tasks.
   */
  run(requested?: Iterable<string>): Promise<void>;
  /** Numbers of the current run, updated as it proceeds. */
  readonly progress: Progress;
  /** Calls the listener with each event, until the returned function is called. */
  subscribe(listener: (event: RunEvent) => void): () => void;
}

/** Prepares ticks. Nothing is opened yet. */
export function createTicks(context: TicksContext): Ticks {
  const { config, host, storage, stop, interruptedExitCode, log } = context;
  const progress: Progress = { bytes: 0, running: new Map() };
  const listeners = new Set<(event: RunEvent) => void>();
  const retryAt = new Map<string, Temporal.Instant>();
  /** Ids of tasks that were requested since the current tick began. */
  const pending = new Set<string>();
  let current: Promise<void> | null = null;

  const openReporters = (): Reporter[] => [
    {
      report: (event) => {
        for (const listener of listeners) listener(event);
      },
      close: () => Promise.resolve(),
    },
    consoleReporter({
      display: plainDisplay(host.stderr),
      output: host.stderr,
      paint: painter(false),
      verbosity: "normal",
      idColumns: 0,
      destination: { store: null, showsPaths: false },
    }),
  ];

  const tick = async (requested: ReadonlySet<string>): Promise<void> => {
    const opened = await alertingOnFailure(
      { config, host, signal: stop, state: null },
      () => storage.open(),
    );
    const now = host.clock.now();
    for (const [task, until] of retryAt) {
      if (Temporal.Instant.compare(until, now) <= 0) retryAt.delete(task);
    }
    const ticked = await runTick(
      { config, selected: null, requested, isPaused: () => false, retryAt },
      {
        ...{ host, storage: opened, trigger: "deploy", progress, signal: stop },
        ...{ interruptedExitCode, openReporters },
      },
    );
    switch (ticked.kind) {
      case "idle":
        return;
      case "ran":
        if (ticked.outcome.unsaved) log(ticked.outcome.unsaved.message);
        for (const [task, until] of ticked.retryAt) retryAt.set(task, until);
        return;
      case "failed":
        throw ticked.error;
      default:
        ticked satisfies never;
    }
  };

  const tickLogged = async (requested: ReadonlySet<string>): Promise<void> => {
    try {
      if (!stop.aborted) await tick(requested);
    } catch (error) {
      log(`${describeError(error)}; the next call tries again`);
    }
  };

  const runAll = async (): Promise<void> => {
    do {
      const requested = new Set(pending);
      pending.clear();
      await tickLogged(requested);
    } while (pending.size > 0);
    current = null;
  };

  return {
    run: (requested = []) => {
      for (const id of requested) pending.add(id);
      return current ??= runAll();
    },
    progress,
    subscribe: (listener) => {
      const own = (event: RunEvent) => listener(event);
      listeners.add(own);
      return () => void listeners.delete(own);
    },
    [Symbol.asyncDispose]: async () => {
      await current;
      await storage[Symbol.asyncDispose]();
    },
  };
}

/** The message of an error; the stack of a bug. */
export function describeError(error: unknown): string {
  if (error instanceof CronfetchError) return error.message;
  return escapeControl(bugMessage(error));
}
