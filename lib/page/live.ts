/** What goes on at this moment: the running run, followed by its events. */

import type { RunEvent } from "../core/event.ts";

/** A run that goes on. */
export interface LiveRun {
  /** Its id. */
  readonly run: string;
  /** RFC 3339 in UTC. */
  readonly startedAt: string;
  /** Tasks in it. */
  readonly tasks: number;
  /** Those that have a result. */
  readonly finished: number;
  /** Those of them that failed. */
  readonly failed: number;
}

/** The run after an event; null when none goes on. Pure. */
export function afterEvent(run: LiveRun | null, event: RunEvent): LiveRun | null {
  switch (event.type) {
    case "run.started":
      return {
        run: event.run,
        startedAt: event.time,
        tasks: event.tasks,
        finished: 0,
        failed: 0,
      };
    case "run.finished":
      return null;
    case "task.finished": {
      if (run === null) return null;
      const failed = run.failed + (event.result.status === "failed" ? 1 : 0);
      return { ...run, finished: run.finished + 1, failed };
    }
    case "task.started":
    case "task.retrying":
    case "task.health":
      return run;
    default:
      return event satisfies never;
  }
}
