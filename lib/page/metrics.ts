/** GET /metrics, for Prometheus. */

import { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { RunEvent, ShownHealth } from "../core/event.ts";
import { TASK_STATUSES } from "../core/result.ts";
import type { LiveRun } from "./live.ts";
import type { PageTask } from "./source.ts";
import type { RunRecord } from "../state/state.ts";

/** The metrics of a process. */
export interface Metrics {
  /** Updates the counters by an event. */
  count(event: RunEvent): void;
  /** All metrics in Prometheus' text format 0.0.4. */
  print(current: {
    readonly tasks: readonly PageTask[];
    readonly lastRun: RunRecord | null;
    readonly live: LiveRun | null;
  }): Promise<string>;
  /** Media type of the text format. */
  readonly contentType: string;
}

/** In seconds: from a small file on a fast network to a large one on a slow network. */
const BUCKETS = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600];

const HEALTHS: readonly ShownHealth[] = ["new", "healthy", "stale", "failing", "unhealthy"];

/** Creates the metrics. Counters start at 0 with each process. */
export function createMetrics(version: string): Metrics {
  const registry = new Registry();
  const registers = [registry];
  const gauge = <Label extends string>(name: string, help: string, ...labelNames: Label[]) =>
    new Gauge<Label>({ name: `cronfetch_${name}`, help, labelNames, registers });

  gauge("build_info", "Always 1; the version is a label.", "version").set({ version }, 1);
  const tasks = gauge("tasks", "Tasks of the config by health.", "health");
  const paused = gauge("tasks_paused", "Tasks that are paused.");
  const success = gauge(
    "task_last_success_timestamp_seconds",
    "When the task last succeeded: the published file was the newest.",
    "task",
  );
  const stale = gauge(
    "task_stale",
    "1 if the task succeeded once and came due twice since; 0 if it never succeeded.",
    "task",
  );
  const unhealthy = gauge(
    "task_unhealthy",
    "1 if the task reached the failure threshold of alerts, whether it ever succeeded or not.",
    "task",
  );
  const failures = gauge("task_failures", "Failures in a row.", "task");
  const size = gauge("task_size_bytes", "Size of the published file.", "task");
  const next = gauge("task_next_due_timestamp_seconds", "When the task comes due.", "task");
  const running = gauge("run_in_progress", "1 while this process executes a run.");
  const lastRun = gauge("last_run_timestamp_seconds", "When the last run ended.");
  const lastExit = gauge("last_run_exit_code", "Exit code of the last run.");
  const lastDuration = gauge("last_run_duration_seconds", "How long the last run took.");
  const results = new Counter({
    name: "cronfetch_task_results_total",
    help: "Results since the start of this process, by status.",
    labelNames: ["status"],
    registers,
  });
  const bytes = new Counter({
    name: "cronfetch_received_bytes_total",
    help: "Body bytes received by results since the start of this process.",
    registers,
  });
  const durations = new Histogram({
    name: "cronfetch_task_duration_seconds",
    help: "Time spent on a task, without queueing; includes results that needed no request.",
    buckets: BUCKETS,
    registers,
  });
  // A counter that appears with its first increment has no rate at that increment.
  for (const status of TASK_STATUSES) results.inc({ status }, 0);

  return {
    contentType: registry.contentType,
    count: (event) => {
      if (event.type !== "task.finished") return;
      const { status, bytes: received, timings } = event.result;
      results.inc({ status });
      bytes.inc(received);
      durations.observe((timings.responseMs + timings.bodyMs + timings.publishMs) / 1000);
    },
    print: async (current) => {
      for (const metric of [success, stale, unhealthy, failures, size, next]) metric.reset();
      for (const health of HEALTHS) {
        tasks.set({ health }, current.tasks.filter((task) => task.health === health).length);
      }
      paused.set(current.tasks.filter((task) => task.paused).length);
      for (const { id: task, record, stale: isStale, health, nextDue } of current.tasks) {
        stale.set({ task }, isStale ? 1 : 0);
        unhealthy.set({ task }, health === "unhealthy" ? 1 : 0);
        failures.set({ task }, record?.failures ?? 0);
        if (record?.lastSuccessAt) success.set({ task }, seconds(record.lastSuccessAt));
        if (record?.published) size.set({ task }, record.published.sizeBytes);
        if (nextDue !== null) next.set({ task }, seconds(nextDue));
      }
      running.set(current.live === null ? 0 : 1);
      if (current.lastRun) {
        lastRun.set(seconds(current.lastRun.finishedAt));
        lastExit.set(current.lastRun.summary.exitCode);
        lastDuration.set(current.lastRun.summary.durationMs / 1000);
      }
      return await registry.metrics();
    },
  };
}

function seconds(time: string): number {
  return Temporal.Instant.from(time).epochMilliseconds / 1000;
}
