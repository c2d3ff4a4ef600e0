/** The watch: runs ticks, sleeps in between, and reloads the config, until it is stopped. */

import type { Config } from "../config/config.ts";
import type { ConfigSource } from "../config/load.ts";
import { CronfetchError } from "../core/errors.ts";
import type { Progress, Reporter } from "../core/event.ts";
import type { Host } from "../core/host.ts";
import { earlier, isBefore } from "../core/time.ts";
import { sliceMs, type Wake } from "../schedule/due.ts";
import type { WatchControl } from "./control.ts";
import type { Execute } from "./execute.ts";
import { alertingOnFailure } from "./run.ts";
import { startGrace } from "./signals.ts";
import type { SharedStorage } from "./storage.ts";
import { type DueSnapshot, type Overrun, runTick } from "./tick.ts";

/** What a watch runs. */
export interface WatchTarget {
  readonly config: Config;
  /** Ids of the only tasks to consider, or null for all. */
  readonly selected: ReadonlySet<string> | null;
}

/** What a watch emits besides the events of its runs. */
export type WatchEvent =
  /** A config is in force: the first one, or a changed one. */
  | {
    readonly kind: "started" | "reloaded";
    readonly target: WatchTarget;
    readonly snapshot: DueSnapshot;
  }
  /** A changed config is invalid, or its state cannot be opened; the last one stays in force. */
  | { readonly kind: "refused"; readonly error: CronfetchError }
  /** Nothing is due before `wake`; null for never. Emitted once for each time. */
  | {
    readonly kind: "waiting";
    readonly wake: Wake | null;
    readonly at: Temporal.Instant;
    /** Ids of the tasks whose last run failed. */
    readonly failing: readonly string[];
  }
  /** A tick failed, or its state could not be written. Emitted once while the error persists. */
  | { readonly kind: "failing"; readonly error: CronfetchError }
  /** Ticks succeed again. */
  | { readonly kind: "recovered" }
  /** Tasks were running at their next scheduled times, which are skipped. */
  | { readonly kind: "overran"; readonly tasks: readonly Overrun[] }
  /** The watch was stopped during a run. */
  | { readonly kind: "stopping"; readonly graceMs: number };

/** What a watch uses. */
export interface WatchContext {
  readonly host: Host;
  readonly configs: ConfigSource<WatchTarget>;
  readonly control: WatchControl;
  /** Of the first config; replaced when a changed config names another location. */
  readonly storage: SharedStorage;
  /** Updated during a run. */
  readonly progress: Progress;
  /** Creates the reporters of one run, which closes them. */
  readonly openReporters: (
    target: WatchTarget,
  ) => readonly Reporter[] | Promise<readonly Reporter[]>;
  readonly emit: (event: WatchEvent) => void;
  /** What executes the tasks, by the config; null or absent for this thread. */
  readonly executeFor?: ((config: Config) => Execute) | null;
  /** Ends the watch. */
  readonly stop: AbortSignal;
  /** The exit code of a run that `stop` has ended. */
  readonly interruptedExitCode: () => number;
  /** How long a run may continue after `stop`, in milliseconds. */
  readonly graceMs: number;
}

/** Delay of the next tick after a failed one, in milliseconds. */
const FAILURE_MS = 60_000;

/** Records are read again after this time: another program may have made a task due. */
const RECHECK_MS = 10 * 60_000;

/**
 * Runs what is due, sleeps until more is due, and applies changes of the config, until `stop` is
 * aborted. At most one run is active at a time.
 *
 * @throws {CronfetchError} The state of the first config cannot be opened. Later errors are
 * emitted, and the watch continues.
 */
export async function watchTasks(context: WatchContext): Promise<void> {
  const { host, host: { clock }, configs, control, storage, stop } = context;
  const { config } = configs.first;
  await alertingOnFailure({ config, host, signal: stop, state: null }, () => storage.open());
  using watch = createWatch(context);
  while (!stop.aborted) {
    const until = await watch.tick();
    for (let last = clock.now(); !stop.aborted && !control.isPending();) {
      const now = clock.now();
      if (isBefore(now, last)) {
        watch.discardRetries();
        break;
      }
      if (await watch.reload() || !isBefore(now, until)) break;
      last = now;
      await sleep(sliceMs(until, now), context);
    }
  }
}

/** The state of a watch between its ticks. */
interface Watch extends Disposable {
  /** Runs what is due. Returns the latest time of the next tick. */
  tick(): Promise<Temporal.Instant>;
  /** Applies a change of the config. Returns whether a tick must follow. */
  reload(): Promise<boolean>;
  /** Forgets postponements, which are too long after the clock was set back. */
  discardRetries(): void;
}

function createWatch(context: WatchContext): Watch {
  const { host, configs, control, storage, stop, emit } = context;
  const { clock } = host;
  let target = configs.first;
  /** The event to emit with the next snapshot. */
  let announcement: "started" | "reloaded" | null = "started";
  const retryAt = new Map<string, Temporal.Instant>();
  let lastWake: string | null = null;
  let lastFailure: string | null = null;
  let isRunning = false;

  const emitStopping = () => {
    if (isRunning) emit({ kind: "stopping", graceMs: context.graceMs });
  };
  const grace = startGrace(stop, context.graceMs, host.timers, emitStopping);

  const emitFailure = (error: CronfetchError | null) => {
    if (!error && lastFailure !== null) emit({ kind: "recovered" });
    if (error && error.message !== lastFailure) emit({ kind: "failing", error });
    lastFailure = error?.message ?? null;
  };

  const emitWaiting = (snapshot: DueSnapshot) => {
    const wake = wakeText(snapshot);
    if (wake !== lastWake) {
      const { at, failing } = snapshot;
      emit({ kind: "waiting", wake: snapshot.wake, at, failing });
    }
    lastWake = wake;
  };

  const onSnapshot = (snapshot: DueSnapshot) => {
    if (announcement) {
      emit({ kind: announcement, target, snapshot });
      // If nothing is due, this event includes the next wake.
      if (snapshot.due === 0) lastWake = wakeText(snapshot);
    }
    announcement = null;
    isRunning = snapshot.due > 0;
    if (stop.aborted) emitStopping();
  };

  const tick = async (): Promise<Temporal.Instant> => {
    const now = clock.now();
    for (const [task, until] of retryAt) if (!isBefore(now, until)) retryAt.delete(task);
    // Opened before requests are drained, which a failure would lose.
    const opened = await alertingOnFailure(
      { config: target.config, host, signal: grace.signal, state: null },
      () => storage.open(),
    );
    const ticked = await runTick(
      { ...target, requested: control.drain(), isPaused: control.isPaused, retryAt },
      {
        host,
        storage: opened,
        trigger: "watch",
        progress: context.progress,
        signal: grace.signal,
        interruptedExitCode: context.interruptedExitCode,
        openReporters: () => context.openReporters(target),
        ...(context.executeFor && { execute: context.executeFor(target.config) }),
        onSnapshot,
      },
    );
    isRunning = false;
    switch (ticked.kind) {
      case "failed":
        throw ticked.error;
      case "idle":
        emitFailure(null);
        emitWaiting(ticked.snapshot);
        return earlier(ticked.snapshot.wake?.at ?? null, now.add({ milliseconds: RECHECK_MS }));
      case "ran":
        emitFailure(ticked.outcome.unsaved);
        if (ticked.overran.length > 0) emit({ kind: "overran", tasks: ticked.overran });
        for (const [task, until] of ticked.retryAt) retryAt.set(task, until);
        // More tasks may be due by the end of the run.
        return clock.now();
      default:
        return ticked satisfies never;
    }
  };

  return {
    tick: async () => {
      try {
        return await tick();
      } catch (error) {
        if (!(error instanceof CronfetchError)) throw error;
        emitFailure(error);
        return clock.now().add({ milliseconds: FAILURE_MS });
      }
    },
    reload: async () => {
      let next: WatchTarget | null = null;
      try {
        next = await configs.changed(stop);
        if (!next) return false;
        await storage.replace(next.config);
        target = next;
        announcement = "reloaded";
        return true;
      } catch (error) {
        if (stop.aborted) return false;
        if (!(error instanceof CronfetchError)) throw error;
        emit({ kind: "refused", error });
        // The tick reopens the last storage, which was closed for the new one.
        return next !== null;
      }
    },
    discardRetries: () => retryAt.clear(),
    [Symbol.dispose]: () => grace[Symbol.dispose](),
  };
}

/** Sleeps until the time is over, a request arrives, or the watch is stopped. */
async function sleep(
  durationMs: number,
  { host: { timers }, control, stop }: WatchContext,
): Promise<void> {
  // Either may have happened while the config was checked.
  if (stop.aborted || control.isPending()) return;
  const woken = new AbortController();
  const wake = () => woken.abort();
  const unsubscribe = control.onRequest(wake);
  stop.addEventListener("abort", wake);
  try {
    await timers.sleep(durationMs, woken.signal);
  } catch (error) {
    if (!woken.signal.aborted) throw error;
  } finally {
    unsubscribe();
    stop.removeEventListener("abort", wake);
  }
}

function wakeText({ wake }: DueSnapshot): string {
  return wake ? `${wake.at} ${wake.task}` : "";
}
