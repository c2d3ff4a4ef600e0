/** Notices for tests of alerts. */

import type { AlertEvent, AlertNotice } from "../../../lib/report/alerts/changes.ts";

/** A notice about a task. */
export function notice(
  event: AlertEvent,
  task: string | null,
  change: Partial<AlertNotice> = {},
): AlertNotice {
  return {
    ...{ event, task, health: "healthy", failures: 0 },
    ...{ code: null, message: null, since: "2026-01-15T06:00:00Z" },
    ...change,
  };
}

/** An unhealthy task after three failures. */
export function unhealthy(task: string, message = "the server answered 404"): AlertNotice {
  return notice("unhealthy", task, {
    ...{ health: "unhealthy", failures: 3, code: "http.status", message },
  });
}
