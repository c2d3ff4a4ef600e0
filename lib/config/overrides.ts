/** Options overridden by flags and environment variables. */

import type * as z from "zod/mini";
import type { Host } from "../core/host.ts";
import { type OverrideName, OVERRIDES } from "./override_table.ts";
import { variable } from "./variables.ts";
import type { Options } from "./options.ts";
import {
  type Complaint,
  partsOf,
  placeWithoutLine,
  type Problem,
  quote,
  withHint,
} from "./problem.ts";
import { suggestValue } from "./schema/fields.ts";
import { VALUE_SCHEMAS } from "./schema/schema.ts";
import { redactUrl } from "./secrets.ts";

/** Values of flags, as the command line contains them; a path is relative to the working folder. */
export type Overrides = { readonly [Name in OverrideName]?: string | undefined };

/** A value and its origin. */
export interface Override<Value> {
  /** As in a validated config. */
  readonly value: Value;
  /** The flag or the variable, for problems. */
  readonly source: string;
}

/** Validated overrides. Units: milliseconds and bytes. Null: not overridden. */
export interface OverrideValues {
  /** Unparsed location. */
  readonly store: Override<string> | null;
  /** Unparsed location. */
  readonly state: Override<string> | null;
  /** Of an attempt; the value null is no limit. */
  readonly timeout: Override<number | null> | null;
  /** Tasks in progress at a time. */
  readonly concurrency: number | null;
  /** Tasks in progress at a time for one host. */
  readonly perHost: number | null;
  /** Attempts after the first. */
  readonly retries: number | null;
  /** Bytes per second; the value null is no limit. */
  readonly rate: Override<number | null> | null;
  /** Of a file; the value null is no limit. */
  readonly maxSize: Override<number | null> | null;
  /** Of the run; the value null is no limit. */
  readonly deadline: Override<number | null> | null;
  /** Whether a public host may redirect or resolve to a private address. */
  readonly allowPrivate: boolean | null;
}

/** No option is overridden. */
export const NO_OVERRIDES: OverrideValues = {
  store: null,
  state: null,
  timeout: null,
  concurrency: null,
  perHost: null,
  retries: null,
  rate: null,
  maxSize: null,
  deadline: null,
  allowPrivate: null,
};

/** Values whose form the message does not show. */
const SAMPLES: Readonly<Partial<Record<OverrideName, string>>> = {
  maxConcurrency: "16",
  hostConcurrency: "4",
  retries: "3",
};

/** Validates the overrides; flags take precedence over variables. Adds to `problems`. */
export function readOverrides(
  flags: Overrides,
  host: Pick<Host, "env">,
  problems: Problem[],
): OverrideValues {
  const read = <Value>(
    name: OverrideName,
    schema: () => z.ZodMiniType<Value | undefined>,
    convert: (text: string) => unknown = (text) => text,
  ): Override<Value> | null => {
    const names = OVERRIDES[name];
    const flag = flags[name];
    const text = flag ?? variable(names.variable, host);
    if (text === undefined) return null;
    const source = flag === undefined ? names.variable : names.flag;
    const parsed = schema().safeParse(convert(text));
    if (parsed.success && parsed.data !== undefined) return { value: parsed.data, source };
    const sentence = parsed.error?.issues[0]?.message ?? "";
    const found = `${sentence}, not ${quote(redactUrl(text))}`;
    const guess = flagHint(suggestValue(sentence, text));
    const sample = SAMPLES[name];
    const hint = sample === undefined
      ? null
      : `for example: ${source}${flag === undefined ? "=" : " "}${sample}`;
    problems.push(overrideProblem(source, withHint(found, guess ?? hint)));
    return null;
  };
  return {
    store: read("store", VALUE_SCHEMAS.store),
    state: read("state", VALUE_SCHEMAS.state),
    timeout: read("timeout", VALUE_SCHEMAS.timeout, toNullable),
    concurrency: read("maxConcurrency", VALUE_SCHEMAS.concurrency, toNumber)?.value ?? null,
    perHost: read("hostConcurrency", VALUE_SCHEMAS.perHost, toNumber)?.value ?? null,
    retries: read("retries", VALUE_SCHEMAS.retries, toNumber)?.value ?? null,
    rate: read("limitRate", VALUE_SCHEMAS.rate, toNumberOrNull),
    maxSize: read("maxFilesize", VALUE_SCHEMAS.maxSize, toNumberOrNull),
    deadline: read("deadline", VALUE_SCHEMAS.deadline, toNullable),
    allowPrivate: read("allowPrivate", VALUE_SCHEMAS.allowPrivate, toBoolean)?.value ?? null,
  };
}

/** Creates a function that applies the overrides to the options of a task. */
export function createOverride(
  values: OverrideValues,
  intern: <Value extends object>(value: Value) => Value,
): (options: Options) => Options {
  const { timeout, retries, maxSize, allowPrivate } = values;
  if ([timeout, retries, maxSize, allowPrivate].every((value) => value === null)) {
    return (options) => options;
  }
  return (options) => ({
    ...options,
    allowPrivate: allowPrivate ?? options.allowPrivate,
    timeouts: timeout === null
      ? options.timeouts
      : intern({ ...options.timeouts, attemptMs: timeout.value }),
    retry: retries === null ? options.retry : intern({ ...options.retry, attempts: retries + 1 }),
    expect: maxSize === null
      ? options.expect
      : intern({ ...options.expect, maxSizeBytes: maxSize.value }),
  });
}

/** A hint for a flag, whose value has no quotes. */
function flagHint(hint: string | null): string | null {
  return hint?.replaceAll('"', "") ?? null;
}

/** A problem of a flag or a variable. */
export function overrideProblem(source: string, complaint: Complaint): Problem {
  return { ...placeWithoutLine(source), code: "config.invalid", ...partsOf(complaint) };
}

function toNumber(text: string): unknown {
  return /^[0-9]+$/.test(text) ? Number(text) : NaN;
}

function toBoolean(text: string): unknown {
  return text === "true" ? true : text === "false" ? false : text;
}

/** Converts `none`, the value of a flag for null. */
function toNullable(text: string): unknown {
  return text === "none" ? null : text;
}

function toNumberOrNull(text: string): unknown {
  return /^[0-9]+$/.test(text) ? Number(text) : toNullable(text);
}
