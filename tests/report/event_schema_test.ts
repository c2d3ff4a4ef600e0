import { assert, assertEquals } from "@std/assert";
import { z } from "zod";
import { ERROR_CODES, type ErrorCode } from "../../lib/core/errors.ts";
import type { RunEvent } from "../../lib/core/event.ts";
import { EXIT, TASK_STATUSES } from "../../lib/core/result.ts";
import {
  EVENT_KEYS,
  type EventJsonSchema,
  eventJsonSchema,
} from "../../lib/report/event_schema.ts";
import { event, finished, summary } from "./fakes.ts";

const CODES = Object.keys(ERROR_CODES) as ErrorCode[];

/** Events with every field. */
const FULL = finished("a", "deferred", {
  code: "http.status",
  message: "Asked too often",
  servedFrom: null,
  sha256: "0123456789abcdef".repeat(4),
  sizeBytes: 3,
  previousSizeBytes: 2,
  partialBytes: 65_536,
  members: { created: 1, updated: 2, unchanged: 3 },
  httpStatus: null,
  attempts: [{ code: "net.reset", httpStatus: null, delayMs: 0.5 }],
  notBefore: "2026-01-02T03:05:00Z",
  warnings: ["lengthUnknown"],
});

const HOOK = { type: "hook.finished", task: "a", change: "1", hook: "load" } as const;

const REAL: RunEvent[] = [
  event({ type: "run.started", tasks: 0 }),
  event({ type: "task.started", task: "a", url: "https://example.org/" }),
  ...CODES.map((code) => event({ type: "task.retrying", task: "a", attempt: 2, code, delayMs: 1 })),
  ...CODES.map((code) => finished("a", "failed", { code })),
  event({ type: "task.gone", task: "a/b", list: "a" }),
  event({ type: "task.health", task: "a", before: "failing", health: "unhealthy", failures: 3 }),
  ...TASK_STATUSES.map((status) => finished("a", status)),
  event({ ...HOOK, status: "delivered", code: null, message: null, retryAt: null }),
  event({
    ...{ ...HOOK, status: "failed", code: "hook.failed", message: "exit code 1" },
    retryAt: "2026-01-02T03:05:00Z",
  }),
  FULL,
  ...Object.values(EXIT).map((exitCode) =>
    event({ type: "run.finished", summary: summary(exitCode, { created: 1 }) })
  ),
  { ...event({ type: "run.started", tasks: 1 }), time: "2026-01-02T03:04:05.123456789Z" },
];

/** The schema without additional properties, so that unknown fields are errors. */
function closed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closed);
  if (typeof schema !== "object" || schema === null) return schema;
  const entries = Object.entries(schema).map(([key, value]) => [key, closed(value)]);
  const copy = Object.fromEntries(entries);
  return "properties" in copy ? { ...copy, additionalProperties: false } : copy;
}

function validator(schema: unknown): z.ZodType {
  return z.fromJSONSchema(schema as Parameters<typeof z.fromJSONSchema>[0]);
}

function keysIn(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(keysIn);
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => [key, ...keysIn(inner)]);
}

Deno.test("eventJsonSchema: every event is valid and has no further field", () => {
  const schema = validator(closed(eventJsonSchema()));
  for (const given of REAL) {
    const { success, error } = schema.safeParse(given);
    assert(success, `${JSON.stringify(given)}: ${error?.message}`);
  }
});

Deno.test("eventJsonSchema: every field occurs in an event", () => {
  assertEquals(new Set(EVENT_KEYS), new Set(REAL.flatMap(keysIn)));
  assertEquals(EVENT_KEYS.slice(0, 3), ["type", "time", "run"]);
});

Deno.test("eventJsonSchema: later versions may add fields", () => {
  const schema = validator(eventJsonSchema());
  assert(schema.safeParse({ ...REAL[0], later: 1 }).success);
});

Deno.test("eventJsonSchema: rejects other values", () => {
  const schema = validator(eventJsonSchema());
  const { result } = FULL as Extract<RunEvent, { type: "task.finished" }>;
  const cases: unknown[] = [
    {},
    { type: "run.started", tasks: 1 },
    { ...REAL[0], type: "run.paused" },
    { ...REAL[0], tasks: -1 },
    { ...REAL[0], tasks: 1.5 },
    { ...REAL[0], time: "yesterday" },
    { ...FULL, result: { ...result, status: "lost" } },
    { ...FULL, result: { ...result, code: "net.unknown" } },
    { ...FULL, result: { ...result, sha256: "ABC" } },
    { ...FULL, result: { ...result, key: null } },
    { ...FULL, result: { ...result, warnings: ["other"] } },
    { ...FULL, result: { ...result, timings: {} } },
    event({ type: "run.finished", summary: summary(77) }),
  ];
  for (const value of cases) assert(!schema.safeParse(value).success, JSON.stringify(value));
});

Deno.test("eventJsonSchema: every field has a description", () => {
  const undescribed = ({ properties = {} }: { properties?: Record<string, EventJsonSchema> }) =>
    Object.entries(properties)
      .filter(([, property]) =>
        !["description", "const", "$ref"].some((keyword) => keyword in property)
      )
      .map(([key]) => key);
  const { oneOf, $defs } = eventJsonSchema() as {
    oneOf: EventJsonSchema[];
    $defs: Record<string, EventJsonSchema>;
  };
  assertEquals([...oneOf, ...Object.values($defs)].flatMap(undescribed), []);
});

Deno.test("eventJsonSchema: equals cronfetch.events.schema.json", async () => {
  const published = await Deno.readTextFile(
    new URL("../../cronfetch.events.schema.json", import.meta.url),
  );
  assertEquals(JSON.parse(published), eventJsonSchema());
});
