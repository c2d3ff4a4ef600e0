/** What only some configs need, loaded before they are validated. */

import type { PatternEngine } from "../core/pattern.ts";
import type { HostReader } from "./hosts.ts";
import type {
  DateReader,
  ExpectationReader,
  RequestReader,
  ScheduleReader,
  StepReader,
} from "./scope.ts";
import type { ConfigPart } from "./source/source.ts";

/** A module that is loaded only for a config with `alerts` or `page`. */
export type AlertReader = Pick<typeof import("./alerts.ts"), "readAlert" | "readPageUrl">;

/** Modules and files that a config needs. */
export interface Preloaded {
  /** Null if no source has a pattern. */
  readonly patterns: PatternEngine | null;
  /** Returns the schema of a task that is an object; null if there is none. */
  readonly schemaOf: ReturnType<typeof import("./schema/narrow.ts").narrowTaskSchemas> | null;
  /** Null if no source has expectations. */
  readonly expectations: ExpectationReader | null;
  /** Null if no source has a schedule or a time zone. */
  readonly schedules: ScheduleReader | null;
  /** Null if no source has an option of a content step. */
  readonly steps: StepReader | null;
  /** Null if no source has `auth`. */
  readonly auth: typeof import("./auth.ts") | null;
  /** Null if no source has a method or a body. */
  readonly requests: RequestReader | null;
  /** Null if no source has a list. */
  readonly lists: typeof import("./list.ts") | null;
  /** Null if no source has `dates`. */
  readonly dates: DateReader | null;
  /** Null if no source has `hosts`. */
  readonly readHosts: HostReader | null;
  /** Null if no source has `alerts` or `page`. */
  readonly readAlerts: AlertReader | null;
}

/**
 * Loads the modules for the options of a config, and the files that `hosts` names.
 *
 * @param beforeRead Called with the absolute path of each file before it is read.
 */
export async function preload(
  sources: readonly ConfigPart[],
  beforeRead: (path: string) => void = () => {},
): Promise<Preloaded> {
  const names = namesOf(sources);
  const has = (...wanted: readonly string[]) => wanted.some((name) => names.has(name));
  return {
    patterns: has("expect", "same", "transform", "from") && sources.some(hasPattern)
      ? await (await import("../core/pattern.ts")).loadPatternEngine()
      : null,
    schemaOf: has("url", "from") ? (await import("./schema/narrow.ts")).narrowTaskSchemas() : null,
    expectations: has("expect", "from") ? await import("./expectations.ts") : null,
    schedules: has("schedule", "timezone", "from") ? await import("./schedule.ts") : null,
    steps: has("same", "transform", "unpack", "onChange")
      ? await import("./content_steps.ts")
      : null,
    auth: has("auth") ? await import("./auth.ts") : null,
    requests: has("method", "body") ? await import("./read_request.ts") : null,
    lists: has("from") ? await import("./list.ts") : null,
    dates: has("dates") ? await import("./dates.ts") : null,
    readHosts: has("hosts")
      ? await (await import("./hosts.ts")).openHostReader(sources, beforeRead)
      : null,
    readAlerts: has("alerts", "page") ? await import("./alerts.ts") : null,
  };
}

/** The objects that may have options of a task: the config, its `defaults`, and its tasks. */
function* layersOf({ value }: ConfigPart): Generator<unknown> {
  yield value;
  yield field(value, "defaults");
  const tasks = field(value, "tasks");
  if (Array.isArray(tasks)) yield* tasks;
}

/** Names of all options in sources, below no other option. */
function namesOf(sources: readonly ConfigPart[]): ReadonlySet<string> {
  const names = new Set<string>();
  for (const source of sources) {
    for (const layer of layersOf(source)) {
      if (typeof layer !== "object" || layer === null) continue;
      for (const name of Object.keys(layer)) names.add(name);
    }
  }
  return names;
}

function hasPattern(source: ConfigPart): boolean {
  return layersOf(source).some((layer) =>
    typeof field(field(layer, "expect"), "matches") === "string" ||
    typeof field(field(layer, "same"), "lines") === "string" ||
    typeof field(field(layer, "from"), "links") === "string" ||
    field(field(layer, "from"), "expect") !== undefined ||
    typeof field(field(field(layer, "transform"), "expect"), "matches") === "string"
  );
}

function field(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
}
