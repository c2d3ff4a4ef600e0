/** Telemetry by OpenTelemetry: spans with semantic-convention attributes, and metrics. */

import {
  type Attributes,
  type Context,
  context as contexts,
  metrics,
  propagation,
  SpanKind,
  SpanStatusCode,
  trace as traces,
} from "@opentelemetry/api";
import manifest from "../deno.json" with { type: "json" };
import type { RunEvent } from "./core/event.ts";
import type { RunSummary } from "./core/result.ts";
import type { Span, SpanEnd, SpanStart, Telemetry, Tracing } from "./core/telemetry.ts";

/** The instrumentation scope of every span and metric. */
const SCOPE = "cronfetch";

/** Seconds; from a small file of a near server to a large file of a distant one. */
const BOUNDARIES = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600];

/**
 * The telemetry of this process, through the registered provider. Instruments exist once per
 * process, so all its runs share one.
 */
export function openTelemetry(): Telemetry {
  opened ??= { trace: (...given) => below(contexts.active()).trace(...given), count: counter() };
  return opened;
}

let opened: Telemetry | undefined;

/**
 * Traces below a context. The parent is passed explicitly, because a pool may start one task from
 * within another.
 */
function below(parent: Context): Tracing {
  return {
    async trace(start, work) {
      const tracer = traces.getTracer(SCOPE, manifest.version);
      const isRequest = start.kind === "request";
      const options = {
        kind: isRequest ? SpanKind.CLIENT : SpanKind.INTERNAL,
        attributes: startAttributes(start),
      };
      const span = tracer.startSpan(isRequest ? start.method : start.kind, options, parent);
      const context = traces.setSpan(parent, span);
      let hasEnded = false;
      const ended = (end: SpanEnd) => {
        hasEnded = true;
        const { attributes, error } = endOfSpan(end);
        span.setAttributes(attributes);
        if (error === null) return;
        span.setAttribute("error.type", error.type);
        span.setStatus({ code: SpanStatusCode.ERROR, message: error.message });
      };
      const fields = () => {
        const carrier: Record<string, string> = {};
        propagation.inject(context, carrier);
        return carrier;
      };
      const inside: Span = { trace: below(context).trace, ended, fields };
      try {
        return await contexts.with(context, () => work(inside));
      } catch (error) {
        // The message of an unknown error may contain secrets.
        if (!hasEnded) span.setStatus({ code: SpanStatusCode.ERROR });
        throw error;
      } finally {
        span.end();
      }
    },
  };
}

function startAttributes(start: SpanStart): Attributes {
  switch (start.kind) {
    case "run":
      return { "cronfetch.run": start.run, "cronfetch.tasks": start.tasks };
    case "task":
      return {
        "cronfetch.run": start.run,
        "cronfetch.task": start.task,
        "cronfetch.key": start.key,
        ...requestAttributes(start.url),
      };
    case "attempt":
      return {
        "cronfetch.task": start.task,
        "cronfetch.attempt": start.attempt,
        ...requestAttributes(start.url),
        // The attribute is for repeated requests only.
        ...(start.attempt > 1 ? { "http.request.resend_count": start.attempt - 1 } : {}),
      };
    case "request":
      return requestAttributes(start.url, start.method);
    default:
      return start satisfies never;
  }
}

/** Attributes of a request, by the semantic conventions for HTTP clients. */
export function requestAttributes(url: string, method = "GET"): Attributes {
  const server = URL.canParse(url) ? new URL(url) : null;
  return {
    "http.request.method": method,
    "url.full": url,
    ...(server === null ? {} : {
      // An IPv6 address without the brackets of a URL.
      "server.address": server.hostname.replace(/^\[|\]$/g, ""),
      "server.port": Number(server.port) || (server.protocol === "https:" ? 443 : 80),
    }),
  };
}

interface SpanResult {
  readonly attributes: Attributes;
  readonly error: { readonly type: string; readonly message: string } | null;
}

function endOfSpan(end: SpanEnd): SpanResult {
  switch (end.kind) {
    case "run":
      return endOfRun(end.summary);
    case "task": {
      const { status, bytes, httpStatus, servedFrom, attempts, code, message } = end.result;
      return {
        attributes: {
          "cronfetch.status": status,
          "cronfetch.attempts": attempts.length,
          ...responseAttributes({ bytes, httpStatus, servedFrom }),
        },
        error: code === undefined ? null : { type: code, message: message ?? code },
      };
    }
    case "attempt":
      return {
        attributes: responseAttributes(end),
        error: end.code === null ? null : { type: end.code, message: end.code },
      };
    case "request":
      return endOfRequest(end);
    default:
      return end satisfies never;
  }
}

/** By the semantic conventions, a response of 4xx or 5xx is an error of the request. */
function endOfRequest(
  { code, httpStatus, remoteAddress }: Extract<SpanEnd, { readonly kind: "request" }>,
): SpanResult {
  const isRefused = httpStatus !== null && httpStatus >= 400;
  const type = isRefused ? String(httpStatus) : code;
  return {
    attributes: {
      ...(httpStatus === null ? {} : { "http.response.status_code": httpStatus }),
      ...(remoteAddress === null ? {} : { "network.peer.address": remoteAddress }),
    },
    error: type === null ? null : { type, message: type },
  };
}

function responseAttributes(
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

function endOfRun({ counts, bytes, exitCode }: RunSummary): SpanResult {
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

/** Creates the instruments, and counts events with them. */
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
    description:
      "All attempts of a task and the waits in between; tasks without a request are left out.",
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
    taskDuration.record(timings.totalMs / 1000, labels);
  };
}
