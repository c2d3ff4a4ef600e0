/** GET /metrics, for Prometheus. */

import type { RunEvent, ShownHealth } from "../core/event.ts";
import { TASK_STATUSES } from "../core/result.ts";
import type { LiveRun } from "./live.ts";
import type { Overview } from "./overview.ts";
import type { PageTask } from "./source.ts";
import type { FleetSummary } from "../state/record_index.ts";
import type { RunRecord } from "../state/state.ts";

/** The metrics of a process. */
export interface Metrics {
  /** Updates the counters by an event. */
  count(event: RunEvent): void;
  /** All metrics in Prometheus' text format 0.0.4. */
  print(current: {
    readonly overview: Overview;
    /** Null without workers that share the state. */
    readonly fleet: FleetSummary | null;
    readonly lastRun: RunRecord | null;
    readonly live: LiveRun | null;
  }): string;
  /** Media type of the text format. */
  readonly contentType: string;
}

/** A metric and its samples. */
export interface Metric {
  readonly name: string;
  readonly type: "counter" | "gauge" | "histogram";
  readonly help: string;
  readonly samples: readonly Sample[];
}

/** A value of a metric. */
export interface Sample {
  /** Appended to the name of the metric, such as `_sum` of a histogram. */
  readonly suffix?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly value: number;
}

/** In seconds: from a small file on a fast network to a large one on a slow network. */
const BUCKETS = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600];

const HEALTHS: readonly ShownHealth[] = ["new", "healthy", "stale", "failing", "unhealthy"];

/** Creates the metrics. Counters start at 0 with each process. */
export function createMetrics(version: string): Metrics {
  // A counter that appears with its first increment has no rate at that increment.
  const results = new Map(TASK_STATUSES.map((status) => [status, 0]));
  let receivedBytes = 0;
  const durations = createHistogram(BUCKETS);
  // Once a run is known, its values stay, even if the state loses its runs.
  let run: RunRecord | null = null;

  return {
    contentType: "text/plain; version=0.0.4; charset=utf-8",
    count: (event) => {
      if (event.type !== "task.finished") return;
      const { status, bytes, timings } = event.result;
      results.set(status, (results.get(status) ?? 0) + 1);
      receivedBytes += bytes;
      durations.observe(timings.totalMs / 1000);
    },
    print: ({ overview: { totals, shown, isLarge }, fleet, lastRun, live }) => {
      run = lastRun ?? run;
      // A series for each of very many tasks would be too many, and some of them have gaps.
      const tasks = isLarge ? [] : shown.items;
      const { conditions: { paused } } = totals;
      const healths = HEALTHS.map((health) => ({
        labels: { health },
        value: totals.healths[health],
      }));
      const statuses = [...results].map(([status, value]) => ({ labels: { status }, value }));
      const perTask = (valueOf: (task: PageTask) => number | null): Sample[] =>
        tasks.flatMap((task) => {
          const value = valueOf(task);
          return value === null ? [] : [{ labels: { task: task.id }, value }];
        });
      return formatMetrics([
        gauge("build_info", "Always 1; the version is a label.", [
          { labels: { version }, value: 1 },
        ]),
        gauge("tasks", "Tasks of the config by health.", healths),
        gauge("tasks_paused", "Tasks that are paused.", paused),
        gauge(
          "task_last_success_timestamp_seconds",
          "When the task last succeeded: the published file was the newest.",
          perTask(({ record }) => seconds(record?.lastSuccessAt ?? null)),
        ),
        gauge(
          "task_stale",
          "1 if the task succeeded once and came due twice since; 0 if it never succeeded.",
          perTask(({ stale }) => Number(stale)),
        ),
        gauge(
          "task_unhealthy",
          "1 if the task reached the failure threshold of alerts, whether it ever succeeded or not.",
          perTask(({ health }) => Number(health === "unhealthy")),
        ),
        gauge(
          "task_failures",
          "Failures in a row.",
          perTask(({ record }) => record?.failures ?? 0),
        ),
        gauge(
          "task_size_bytes",
          "Size of the published file.",
          perTask(({ record }) => record?.published?.sizeBytes ?? null),
        ),
        gauge(
          "task_next_due_timestamp_seconds",
          "When the task comes due.",
          perTask(({ nextDue }) => seconds(nextDue)),
        ),
        ...(fleet === null ? [] : fleetMetrics(fleet)),
        gauge("run_in_progress", "1 while this process executes a run.", Number(live !== null)),
        gauge(
          "last_run_timestamp_seconds",
          "When the last run ended.",
          seconds(run?.finishedAt ?? null) ?? 0,
        ),
        gauge("last_run_exit_code", "Exit code of the last run.", run?.summary.exitCode ?? 0),
        gauge(
          "last_run_duration_seconds",
          "How long the last run took.",
          (run?.summary.durationMs ?? 0) / 1000,
        ),
        {
          name: "cronfetch_task_results_total",
          type: "counter",
          help: "Results since the start of this process, by status.",
          samples: statuses,
        },
        {
          name: "cronfetch_received_bytes_total",
          type: "counter",
          help: "Body bytes received by results since the start of this process.",
          samples: [{ value: receivedBytes }],
        },
        {
          name: "cronfetch_task_duration_seconds",
          type: "histogram",
          help:
            "Time of a task from its start to its result; includes results that needed no request.",
          samples: durations.samples(),
        },
      ]);
    },
  };
}

function fleetMetrics({ workers, dueTasks, oldest, largest }: FleetSummary): Metric[] {
  const sum = (field: "slices" | "tasksPerSecond") =>
    workers.reduce((total, worker) => total + worker[field], 0);
  return [
    gauge("fleet_workers", "Workers that share the state.", workers.length),
    gauge("fleet_slices", "Hosts that workers hold.", sum("slices")),
    gauge("fleet_tasks_per_second", "Tasks that the workers execute.", sum("tasksPerSecond")),
    gauge("fleet_due_tasks", "Tasks that are due and wait for a worker.", dueTasks),
    gauge(
      "fleet_oldest_due_timestamp_seconds",
      "When the first of the due tasks came due; the host is a label.",
      oldest === null ? [] : [{ labels: { host: oldest.host }, value: seconds(oldest.dueAt) ?? 0 }],
    ),
    gauge(
      "fleet_largest_due_tasks",
      "Due tasks of the host that has most: the bottleneck.",
      largest === null ? [] : [{ labels: { host: largest.host }, value: largest.tasks }],
    ),
  ];
}

/**
 * Formats metrics as Prometheus' text format 0.0.4, an empty line between two metrics.
 *
 * @param metrics Each name must occur once, and each set of labels once per metric and suffix.
 */
export function formatMetrics(metrics: readonly Metric[]): string {
  return metrics.map(({ name, type, help, samples }) =>
    [
      `# HELP ${name} ${escapeText(help)}\n`,
      `# TYPE ${name} ${type}\n`,
      ...samples.map(({ suffix = "", labels = {}, value }) =>
        `${name}${suffix}${formatLabels(labels)} ${formatNumber(value)}\n`
      ),
    ].join("")
  ).join("\n");
}

function formatLabels(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels)
    .map(([name, value]) => `${name}="${escapeText(value).replaceAll('"', '\\"')}"`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

/** Escapes a help text. A label value also needs its quotation marks escaped. */
function escapeText(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}

/** The format has Go's names for the infinities. */
function formatNumber(value: number): string {
  return String(value).replace("Infinity", "Inf").replace(/^Inf/, "+Inf");
}

function gauge(name: string, help: string, value: number | readonly Sample[]): Metric {
  const samples = typeof value === "number" ? [{ value }] : value;
  return { name: `cronfetch_${name}`, type: "gauge", help, samples };
}

/** Counts observed values by upper bound; bounds ascend and are inclusive. */
function createHistogram(bounds: readonly number[]) {
  const counts = bounds.map(() => 0);
  let sum = 0;
  let count = 0;
  return {
    observe: (value: number): void => {
      // Buckets are cumulative: a value counts in each whose bound it does not exceed.
      bounds.forEach((bound, index) => {
        if (value <= bound) counts[index] = (counts[index] ?? 0) + 1;
      });
      sum += value;
      count++;
    },
    samples: (): readonly Sample[] => [
      ...[...bounds, Infinity].map((bound, index) => ({
        suffix: "_bucket",
        labels: { le: formatNumber(bound) },
        value: counts[index] ?? count,
      })),
      { suffix: "_sum", value: sum },
      { suffix: "_count", value: count },
    ],
  };
}

function seconds(time: string | null): number | null {
  return time === null ? null : Temporal.Instant.from(time).epochMilliseconds / 1000;
}
