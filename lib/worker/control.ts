/** What somebody may ask of a watch while it goes on: a status page, say. */

/** Takes wishes, and tells the watch of them. */
export interface WatchControl {
  /** Runs tasks as soon as no run is under way, whatever their schedules say. */
  runNow(tasks: Iterable<string>): void;
  /** Runs nothing any more but what `runNow` asks for. A run that is under way goes on. */
  pause(): void;
  /** Runs what is due again. */
  resume(): void;
  /** Whether it is paused. */
  isPaused(): boolean;
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
  let paused = false;
  let wished = false;
  const wish = () => {
    wished = true;
    for (const listener of listeners) listener();
  };
  const setPaused = (value: boolean) => {
    if (paused === value) return;
    paused = value;
    wish();
  };
  return {
    runNow: (tasks) => {
      for (const task of tasks) wanted.add(task);
      wish();
    },
    pause: () => setPaused(true),
    resume: () => setPaused(false),
    isPaused: () => paused,
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
