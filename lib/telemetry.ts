/** Telemetry by OpenTelemetry: spans with semantic-convention attributes, and metrics. */

import {
  type Attributes,
  type Context,
  context as contexts,
  metrics,
  SpanStatusCode,
  trace as traces,
} from "@opentelemetry/api";
import manifest from "../deno.json" with { type: "json" };
import type { RunEvent } from "./core/event.ts";
import type { RunSummary } from "./core/result.ts";
import type { Span, Stretch, StretchEnd, Telemetry, Tracing } from "./core/telemetry.ts";

/** The instrumentation scope of every span and metric. */
const SCOPE = "cronfetch";

/** From a small file near by to a large one far away, in seconds. */
const BOUNDARIES = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600];

/**
 * The telemetry of this process, by whatever provider is registered. Instruments exist once a
 * process, so all runs of it share one.
 */
export function openTelemetry(): Telemetry {
  opened ??= { trace: (...given) => below(contexts.active()).trace(...given), count: counter() };
  return opened;
}

let opened: Telemetry | undefined;

/**
 * Traces below a context. It is told and not looked up, because a pool may start
 * one task from within another.
 */
function below(parent: Context): Tracing {
  return {
    async trace(stretch, work) {
      const tracer = traces.getTracer(SCOPE, manifest.version);
      const span = tracer.startSpan(stretch.kind, { attributes: beginning(stretch) }, parent);
      const context = traces.setSpan(parent, span);
      let hasEnded = false;
      const ended = (end: StretchEnd) => {
        hasEnded = true;
        const { attributes, error } = ending(end);
        span.setAttributes(attributes);
        if (error === null) return;
        span.setAttribute("error.type", error.type);
        span.setStatus({ code: SpanStatusCode.ERROR, message: error.message });
      };
      const inside: Span = { trace: below(context).trace, ended };
      try {
        return await contexts.with(context, () => work(inside));
      } catch (error) {
        // What the error says may hold anything.
        if (!hasEnded) span.setStatus({ code: SpanStatusCode.ERROR });
        throw error;
      } finally {
        span.end();
      }
    },
  };
}

function beginning(stretch: Stretch): Attributes {
  switch (stretch.kind) {
    case "run":
      return { "cronfetch.run": stretch.run, "cronfetch.tasks": stretch.tasks };
    case "task":
      return {
        "cronfetch.run": stretch.run,
        "cronfetch.task": stretch.task,
        "cronfetch.key": stretch.key,
        ...asked(stretch.url),
      };
    case "attempt":
      return {
        "cronfetch.task": stretch.task,
        "cronfetch.attempt": stretch.attempt,
        ...asked(stretch.url),
        // Only of a request that was sent before.
        ...(stretch.attempt > 1 ? { "http.request.resend_count": stretch.attempt - 1 } : {}),
      };
    default:
      return stretch satisfies never;
  }
}

/** What the semantic conventions for HTTP clients say about a request. */
export function asked(url: string): Attributes {
  const server = URL.canParse(url) ? new URL(url) : null;
  return {
    "http.request.method": "GET",
    "url.full": url,
    ...(server === null ? {} : {
      // An address of IPv6 without the brackets that it has in a URL.
      "server.address": server.hostname.replace(/^\[|\]$/g, ""),
      "server.port": Number(server.port) || (server.protocol === "https:" ? 443 : 80),
    }),
  };
}

interface Ending {
  readonly attributes: Attributes;
  readonly error: { readonly type: string; readonly message: string } | null;
}

function ending(end: StretchEnd): Ending {
  switch (end.kind) {
    case "run":
      return endOfRun(end.summary);
    case "task": {
      const { status, bytes, httpStatus, servedFrom, attempts, code, message } = end.result;
      return {
        attributes: {
          "cronfetch.status": status,
          "cronfetch.attempts": attempts.length,
          ...answered({ bytes, httpStatus, servedFrom }),
        },
        error: code === undefined ? null : { type: code, message: message ?? code },
      };
    }
    case "attempt":
      return {
        attributes: answered(end),
        error: end.code === null ? null : { type: end.code, message: end.code },
      };
    default:
      return end satisfies never;
  }
}

function answered(
  { bytes, httpStatus, servedFrom }: {
    readonly bytes: number;
    readonly httpStatus: number | null;
    readonly servedFrom: string | null;
  },
): Attributes {
  return {
    "cronfetch.bytes": bytes,
    ...(httpStatus === null ? {} : { "http.response.status_code": httpStatus }),
    ...(servedFrom === null ? {} : { "cronfetch.served_from": servedFrom }),
  };
}

function endOfRun({ counts, bytes, exitCode }: RunSummary): Ending {
  const results = Object.entries(counts).map(([status, count]) =>
    [`cronfetch.results.${status}`, count] as const
  );
  return {
    attributes: {
      "cronfetch.exit_code": exitCode,
      "cronfetch.bytes": bytes,
      ...Object.fromEntries(results),
    },
    error: exitCode === 0
      ? null
      : { type: `exit.${exitCode}`, message: `the run ended with exit code ${exitCode}` },
  };
}

/** Makes the instruments, and counts events by them. */
function counter(): (event: RunEvent) => void {
  const meter = metrics.getMeter(SCOPE, manifest.version);
  const results = meter.createCounter("cronfetch.task.results", {
    description: "Results by status.",
    unit: "{result}",
  });
  const received = meter.createCounter("cronfetch.task.received", {
    description: "Body bytes received by results.",
    unit: "By",
  });
  const seconds = { unit: "s", advice: { explicitBucketBoundaries: BOUNDARIES } };
  const taskDuration = meter.createHistogram("cronfetch.task.duration", {
    description: "Work on a task, waiting left out; tasks that needed no request are left out too.",
    ...seconds,
  });
  const runDuration = meter.createHistogram("cronfetch.run.duration", {
    description: "From the start of a run to its end.",
    ...seconds,
  });
  return (event) => {
    if (event.type === "run.finished") {
      const { durationMs, exitCode } = event.summary;
      runDuration.record(durationMs / 1000, { "cronfetch.exit_code": exitCode });
    }
    if (event.type !== "task.finished") return;
    const { status, code, bytes, timings, attempts } = event.result;
    const labels = {
      "cronfetch.status": status,
      ...(code === undefined ? {} : { "error.type": code }),
    };
    results.add(1, labels);
    received.add(bytes, { "cronfetch.status": status });
    if (attempts.length === 0) return;
    const { responseMs, bodyMs, publishMs } = timings;
    taskDuration.record((responseMs + bodyMs + publishMs) / 1000, labels);
  };
}
