/** What flags and environment variables set. */

import type * as z from "zod/mini";
import type { Host } from "../core/host.ts";
import { type OverrideName, OVERRIDES } from "./input.ts";
import { variable } from "./variables.ts";
import type { Options } from "./options.ts";
import { type Problem, quote } from "./problem.ts";
import { VALUE_SCHEMAS } from "./schema.ts";
import { redactUrl } from "./secrets.ts";

/** Values of flags, as the command line contains them; a path is relative to the working folder. */
export type Overrides = { readonly [Name in OverrideName]?: string | undefined };

/** A value and who set it: a flag or a variable. */
export interface Override<Value> {
  /** As the config would have it. */
  readonly value: Value;
  /** The flag or the variable, for complaints. */
  readonly source: string;
}

/** The overrides as values. Units: milliseconds and bytes. Null: nobody set it. */
export interface OverrideValues {
  /** Where files go, as text. */
  readonly store: Override<string> | null;
  /** Where is remembered what was fetched, as text. */
  readonly state: Override<string> | null;
  /** Of an attempt. */
  readonly timeout: Override<number | null> | null;
  /** Tasks worked on at once. */
  readonly concurrency: number | null;
  /** Tasks worked on at once for one host. */
  readonly perHost: number | null;
  /** Attempts after the first one. */
  readonly retries: number | null;
  /** Bytes a second; the value null is no limit. */
  readonly rate: Override<number | null> | null;
  /** Of a file; the value null is no limit. */
  readonly maxSize: Override<number | null> | null;
  /** Of the run, in milliseconds; the value null is no limit. */
  readonly deadline: Override<number | null> | null;
  /** Whether public hosts may lead to private addresses. */
  readonly allowPrivate: boolean | null;
}

/** Nobody set anything. */
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

/** Reads the overrides; flags come before environment variables. Adds mistakes to `problems`. */
export function readOverrides(
  flags: Overrides,
  host: Pick<Host, "env">,
  problems: Problem[],
): OverrideValues {
  const read = <Value>(
    name: OverrideName,
    schema: () => z.ZodMiniType<Value | undefined>,
    prepare: (text: string) => unknown = (text) => text,
  ): Override<Value> | null => {
    const names = OVERRIDES[name];
    const flag = flags[name];
    const text = flag ?? variable(names.variable, host);
    if (text === undefined) return null;
    const source = flag === undefined ? names.variable : names.flag;
    const parsed = schema().safeParse(prepare(text));
    if (parsed.success && parsed.data !== undefined) return { value: parsed.data, source };
    const sentence = parsed.error?.issues[0]?.message ?? "";
    problems.push(overrideProblem(source, `${sentence}, not ${quote(redactUrl(text))}`));
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

/** Makes the function that gives every task what flags and variables say. */
export function createOverride(
  values: OverrideValues,
  share: <Value extends object>(value: Value) => Value,
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
      : share({ ...options.timeouts, attemptMs: timeout.value }),
    retry: retries === null ? options.retry : share({ ...options.retry, attempts: retries + 1 }),
    expect: maxSize === null
      ? options.expect
      : share({ ...options.expect, maxSizeBytes: maxSize.value }),
  });
}

/** A mistake in a flag or a variable. */
export function overrideProblem(source: string, message: string): Problem {
  return { code: "config.invalid", source, line: null, column: null, path: "", message };
}

function toNumber(text: string): unknown {
  return /^[0-9]+$/.test(text) ? Number(text) : NaN;
}

function toBoolean(text: string): unknown {
  return text === "true" ? true : text === "false" ? false : text;
}

/** `none` is how a flag says what null says in a file. */
function toNullable(text: string): unknown {
  return text === "none" ? null : text;
}

function toNumberOrNull(text: string): unknown {
  return /^[0-9]+$/.test(text) ? Number(text) : toNullable(text);
}
