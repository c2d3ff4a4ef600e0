/** The outcomes of a run, from its events. */

import { TASK_STATUSES, type TaskStatus } from "../../lib/core/result.ts";

/** The outcome of a task. */
export interface Outcome {
  readonly task: string;
  readonly status: TaskStatus;
  /** Key of its file. */
  readonly key: string;
  /** Size of the file; null if it is unknown. */
  readonly sizeBytes: number | null;
  /** Size of the file that it replaced, or null. */
  readonly previousSizeBytes: number | null;
}

/**
 * Parses the NDJSON of `run --json`. Other events and an incomplete last line are ignored.
 */
export function outcomesOf(ndjson: string): Outcome[] {
  return ndjson.split("\n").flatMap((line) => {
    const event = parse(line);
    if (!isObject(event) || event.type !== "task.finished" || !isObject(event.result)) return [];
    const { task, key, sizeBytes, previousSizeBytes } = event.result;
    const status = TASK_STATUSES.find((known) =>
      isObject(event.result) && known === event.result.status
    );
    if (typeof task !== "string" || typeof key !== "string" || status === undefined) return [];
    const sizes = {
      sizeBytes: numberOrNull(sizeBytes),
      previousSizeBytes: numberOrNull(previousSizeBytes),
    };
    return [{ task, status, key, ...sizes }];
  });
}

/** Whether the file in the store has changed. */
export function isChanged({ status }: Outcome): boolean {
  return status === "created" || status === "updated";
}

function numberOrNull(value: unknown): number | null {
  return typeof value === "number" ? value : null;
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}
