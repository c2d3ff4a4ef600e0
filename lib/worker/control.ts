/** What somebody may ask of a watch while it goes on: a status page, say. */

import type { Timers } from "../core/host.ts";

/** Takes wishes, and tells the watch of them. Nothing of it outlives the process. */
export interface WatchControl {
  /** Runs tasks as soon as no run is under way, whatever their schedules say, and paused or not. */
  runNow(tasks: Iterable<string>): void;
  /**
   * Runs a task no longer by its schedule, or none of them, new ones of an edited config
   * included. A run that is under way goes on.
   *
   * @param task Its id, or null for all.
   */
  pause(task: string | null): void;
  /**
   * Runs what is due again: a task, even while all others are paused, or all of them.
   *
   * @param task Its id, or null for all.
   */
  resume(task: string | null): void;
  /** Whether all tasks are paused. */
  isAllPaused(): boolean;
  /** Whether a task is paused, by itself or with all. */
  isPaused(task: string): boolean;
  /** The tasks asked for. Whoever takes them sees to them, and to the rest of what is wished. */
  take(): ReadonlySet<string>;
  /** Whether something was wished since the last `take`. */
  hasWish(): boolean;
  /** Calls back at each wish, until the returned function is called. */
  onWish(callback: () => void): () => void;
}

/** A control without a wish. */
export function createControl(): WatchControl {
  const listeners = new Set<() => void>();
  let wanted = new Set<string>();
  let allPaused = false;
  /** Those of which the contrary is true. */
  const exceptions = new Set<string>();
  let wished = false;
  const wish = () => {
    wished = true;
    for (const listener of listeners) listener();
  };
  const isPaused = (task: string) => allPaused !== exceptions.has(task);
  const setPaused = (task: string | null, value: boolean) => {
    if (task === null) {
      if (allPaused === value && exceptions.size === 0) return;
      allPaused = value;
      exceptions.clear();
    } else {
      if (isPaused(task) === value) return;
      if (allPaused === value) exceptions.delete(task);
      else exceptions.add(task);
    }
    wish();
  };
  return {
    runNow: (tasks) => {
      for (const task of tasks) wanted.add(task);
      wish();
    },
    pause: (task) => setPaused(task, true),
    resume: (task) => setPaused(task, false),
    isAllPaused: () => allPaused && exceptions.size === 0,
    isPaused,
    take: () => {
      const taken = wanted;
      wanted = new Set();
      wished = false;
      return taken;
    },
    hasWish: () => wished,
    onWish: (callback) => {
      const listener = () => callback();
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}

/** Follows a signal, later. */
export interface Grace extends Disposable {
  /** Aborted with the same reason, once the grace is over. */
  readonly signal: AbortSignal;
}

/**
 * Begins the grace once `stop` is aborted.
 *
 * @param graceMs How long it is, in milliseconds; 0 is none.
 * @param begun Called when it begins.
 */
export function graceAfter(
  stop: AbortSignal,
  graceMs: number,
  timers: Timers,
  begun: () => void,
): Grace {
  const controller = new AbortController();
  const end = () => controller.abort(stop.reason);
  let cancel = () => {};
  const begin = () => {
    begun();
    if (graceMs === 0) end();
    else cancel = timers.after(graceMs, end);
  };
  stop.addEventListener("abort", begin);
  if (stop.aborted) begin();
  return {
    signal: controller.signal,
    [Symbol.dispose]: () => {
      cancel();
      stop.removeEventListener("abort", begin);
    },
  };
}
