/** An OpenTelemetry collector on loopback: receives OTLP over HTTP as JSON. */

/** A value of an attribute. */
export type AttributeValue = string | number | boolean;

/** An exported span. */
export interface CollectedSpan {
  readonly traceId: string;
  readonly spanId: string;
  /** Null for a root. */
  readonly parentSpanId: string | null;
  /** The instrumentation scope. */
  readonly scope: string;
  readonly name: string;
  /** 0 is unset, 1 is ok, 2 is an error. */
  readonly status: number;
  readonly attributes: Readonly<Record<string, AttributeValue>>;
}

/** A point of a metric. */
export interface CollectedPoint {
  readonly attributes: Readonly<Record<string, AttributeValue>>;
  /** The value of a sum, or the count of a histogram. */
  readonly value: number;
}

/** A collector and what it received. */
export interface Collector extends AsyncDisposable {
  /** Environment variables of a Deno process that exports to this collector. */
  readonly environment: Readonly<Record<string, string>>;
  /** Number of requests. */
  requests(): number;
  /** Spans in the order of their starts. */
  spans(): readonly CollectedSpan[];
  /** The last points of a metric. */
  points(name: string): readonly CollectedPoint[];
  /** The unit of a metric, or null if it was not exported. */
  unitOf(name: string): string | null;
}

/** Starts a collector on a free port. */
export function startCollector(): Collector {
  let requests = 0;
  const spans: (CollectedSpan & { readonly startedAt: bigint })[] = [];
  const metrics = new Map<string, Metric>();
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (request) => {
      requests++;
      const told: Export = await request.json();
      for (const { scopeSpans } of told.resourceSpans ?? []) {
        for (const { scope, spans: some } of scopeSpans) {
          spans.push(...some.map((span) => ({
            traceId: span.traceId,
            spanId: span.spanId,
            parentSpanId: span.parentSpanId || null,
            scope: scope.name,
            name: span.name,
            status: span.status?.code ?? 0,
            attributes: attributesOf(span.attributes),
            startedAt: BigInt(span.startTimeUnixNano),
          })));
        }
      }
      for (const { scopeMetrics } of told.resourceMetrics ?? []) {
        for (const { metrics: some } of scopeMetrics) {
          for (const metric of some) metrics.set(metric.name, metric);
        }
      }
      return Response.json({});
    },
  );
  return {
    environment: {
      OTEL_DENO: "true",
      OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${server.addr.port}`,
    },
    requests: () => requests,
    spans: () =>
      spans.toSorted((a, b) => a.startedAt < b.startedAt ? -1 : 1)
        .map(({ startedAt: _, ...span }) => span),
    points: (name) => {
      const metric = metrics.get(name);
      const points = metric?.sum?.dataPoints ?? metric?.histogram?.dataPoints ?? [];
      return points.map(({ attributes, asInt, asDouble, count }) => ({
        attributes: attributesOf(attributes),
        value: Number(asInt ?? asDouble ?? count),
      }));
    },
    unitOf: (name) => metrics.get(name)?.unit ?? null,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

/** The parts of OTLP JSON that are read here. */
interface Export {
  readonly resourceSpans?: readonly {
    readonly scopeSpans: readonly {
      readonly scope: { readonly name: string };
      readonly spans: readonly {
        readonly traceId: string;
        readonly spanId: string;
        readonly parentSpanId?: string;
        readonly name: string;
        readonly startTimeUnixNano: string;
        readonly attributes: readonly Attribute[];
        readonly status?: { readonly code?: number };
      }[];
    }[];
  }[];
  readonly resourceMetrics?: readonly {
    readonly scopeMetrics: readonly { readonly metrics: readonly Metric[] }[];
  }[];
}

interface Metric {
  readonly name: string;
  readonly unit: string;
  readonly sum?: { readonly dataPoints: readonly Point[] };
  readonly histogram?: { readonly dataPoints: readonly Point[] };
}

interface Point {
  readonly attributes: readonly Attribute[];
  readonly asInt?: string;
  readonly asDouble?: number;
  readonly count?: string;
}

interface Attribute {
  readonly key: string;
  readonly value: {
    readonly stringValue?: string;
    /** A string, since JSON numbers cannot hold 64 bits. */
    readonly intValue?: string;
    readonly doubleValue?: number;
    readonly boolValue?: boolean;
  };
}

function attributesOf(attributes: readonly Attribute[]): Record<string, AttributeValue> {
  return Object.fromEntries(
    attributes.map(({ key, value }) => [
      key,
      value.stringValue ?? value.doubleValue ?? value.boolValue ?? Number(value.intValue),
    ]),
  );
}
