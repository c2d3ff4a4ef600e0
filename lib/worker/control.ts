/** Requests to a running watch. */

/** Collects requests for a watch, for example from the status page. They are not persisted. */
export interface WatchControl {
  /** Runs tasks after the current run, regardless of schedules and pauses. */
  runNow(tasks: Iterable<string>): void;
  /**
   * Stops scheduling a task, or all tasks including those of a reloaded config. The current run
   * continues.
   *
   * @param task Its id, or null for all.
   */
  pause(task: string | null): void;
  /**
   * Schedules tasks again: one of them, even while all others are paused, or all.
   *
   * @param task Its id, or null for all.
   */
  resume(task: string | null): void;
  /** Whether all tasks are paused. */
  isAllPaused(): boolean;
  /** Whether a task is paused, by itself or with all. */
  isPaused(task: string): boolean;
  /** Takes the ids of the tasks to run now. The caller handles all pending requests. */
  drain(): ReadonlySet<string>;
  /** Whether there was a request since the last `drain`. */
  isPending(): boolean;
  /** Calls back after each request, until the returned function is called. */
  onRequest(callback: () => void): () => void;
}

/** Creates a control without pending requests. */
export function createControl(): WatchControl {
  const listeners = new Set<() => void>();
  let requested = new Set<string>();
  let allPaused = false;
  /** Tasks whose setting is the opposite of `allPaused`. */
  const exceptions = new Set<string>();
  let isPending = false;
  const request = () => {
    isPending = true;
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
    request();
  };
  return {
    runNow: (tasks) => {
      for (const task of tasks) requested.add(task);
      request();
    },
    pause: (task) => setPaused(task, true),
    resume: (task) => setPaused(task, false),
    isAllPaused: () => allPaused && exceptions.size === 0,
    isPaused,
    drain: () => {
      const drained = requested;
      requested = new Set();
      isPending = false;
      return drained;
    },
    isPending: () => isPending,
    onRequest: (callback) => {
      const listener = () => callback();
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}
