/** The passes of an instance: one at a time, each set off by a call of the platform. */

import type { Config } from "../config/config.ts";
import { CronfetchError } from "../core/errors.ts";
import type { Progress, Reporter, RunEvent } from "../core/event.ts";
import type { Host } from "../core/host.ts";
import { bugMessage, escapeControl } from "../core/text.ts";
import { alertReporter } from "../report/alerts.ts";
import { consoleReporter } from "../report/console.ts";
import type { State } from "../state/state.ts";
import { runPass } from "../worker/tick.ts";
import { openPlaces, type Places } from "../worker/storage.ts";

/** What passes work with. */
export interface PassesContext {
  readonly config: Config;
  readonly host: Host;
  /** Breaks off the run that is under way, and lets no other begin. */
  readonly stop: AbortSignal;
  /** The exit code of a run that `stop` has broken off. */
  readonly interruptedExitCode: () => number;
  /** Told what goes wrong outside of the tasks, in one sentence. */
  readonly say: (sentence: string) => void;
}

/** The passes of an instance. Disposing of it waits for the one that is under way. */
export interface Passes extends AsyncDisposable {
  /**
   * Runs what is due. Never rejects. While a pass is under way, waits for the end of that one
   * instead: what is left is due still at the next call.
   */
  pass(): Promise<void>;
  /**
   * The state, opened when it is first wanted; once that has failed, the next one tries again.
   *
   * @throws {CronfetchError} `config.invalid`, and `state.` and `store.` codes.
   */
  state(): Promise<State>;
  /** The numbers that move, of the run that is under way. */
  readonly progress: Progress;
  /** Tells of events as they happen, until the returned function is called. */
  subscribe(listener: (event: RunEvent) => void): () => void;
}

/** Prepares passes. Nothing is opened yet. */
export function createPasses(context: PassesContext): Passes {
  const { config, host, stop, interruptedExitCode, say } = context;
  const progress: Progress = { bytes: 0, running: new Map() };
  const listeners = new Set<(event: RunEvent) => void>();
  const leftUntil = new Map<string, Temporal.Instant>();
  let opening: Promise<Places> | null = null;
  let underWay: Promise<void> | null = null;

  const places = (): Promise<Places> => {
    if (opening === null) {
      opening = openPlaces(config, host);
      opening.catch(() => opening = null);
    }
    return opening;
  };

  const openReporters = (): Reporter[] => [
    {
      report: (event) => {
        for (const listener of listeners) listener(event);
      },
      close: () => Promise.resolve(),
    },
    consoleReporter({
      output: host.stderr,
      progress,
      clock: host.clock,
      timers: host.timers,
      color: false,
      verbosity: "normal",
    }),
    alertReporter({ alerts: config.alerts, host, warn: say }),
  ];

  const makePass = async (): Promise<void> => {
    const { state, openStore } = await places();
    const now = host.clock.now();
    for (const [task, until] of leftUntil) {
      if (Temporal.Instant.compare(until, now) <= 0) leftUntil.delete(task);
    }
    const made = await runPass(
      { config, asked: null, wanted: new Set(), isPaused: () => false, leftUntil },
      { host, state, progress, signal: stop, interruptedExitCode, openStore, openReporters },
    );
    switch (made.kind) {
      case "idle":
        return;
      case "ran":
        if (made.outcome.unsaved) say(made.outcome.unsaved.message);
        for (const [task, until] of made.leftUntil) leftUntil.set(task, until);
        return;
      case "failed":
        throw made.error;
      default:
        made satisfies never;
    }
  };

  const tellingPass = async (): Promise<void> => {
    try {
      if (!stop.aborted) await makePass();
    } catch (error) {
      say(`${wordsOf(error)}; the next call tries again`);
    } finally {
      underWay = null;
    }
  };

  return {
    pass: () => underWay ??= tellingPass(),
    state: async () => (await places()).state,
    progress,
    subscribe: (listener) => {
      const own = (event: RunEvent) => listener(event);
      listeners.add(own);
      return () => void listeners.delete(own);
    },
    [Symbol.asyncDispose]: async () => {
      await underWay;
      // What could not be opened needs no closing.
      const opened = await opening?.catch(() => null);
      await opened?.[Symbol.asyncDispose]();
    },
  };
}

/** What went wrong, as a sentence; of a bug, with the place where it is. */
export function wordsOf(error: unknown): string {
  if (error instanceof CronfetchError) return error.message;
  return escapeControl(bugMessage(error));
}
