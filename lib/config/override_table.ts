/** The flags and environment variables that override options of a config. */

import { DEFAULTS } from "./input.ts";

/** How an option is overridden. */
export interface OverrideRow {
  readonly flag: string;
  /** The environment variable. */
  readonly variable: string;
  /** Path of the option in the config. */
  readonly option: string;
  /** The default in the terms of the flag, for help. */
  readonly default: string;
}

/** Every option that a flag and an environment variable override. */
export const OVERRIDES = {
  store: override("--output", "CRONFETCH_STORE", "store", DEFAULTS.store),
  state: override("--state", "CRONFETCH_STATE", "state", DEFAULTS.state),
  timeout: override(
    "--timeout",
    "CRONFETCH_TIMEOUT",
    "timeout.attempt",
    "no limit while bytes arrive",
  ),
  maxConcurrency: override(
    "--max-concurrency",
    "CRONFETCH_MAX_CONCURRENCY",
    "limits.concurrency",
    `${DEFAULTS.limits.concurrency}`,
  ),
  hostConcurrency: override(
    "--host-concurrency",
    "CRONFETCH_HOST_CONCURRENCY",
    "limits.perHost",
    `${DEFAULTS.limits.perHost}`,
  ),
  // The flag counts the attempts after the first.
  retries: override(
    "--retries",
    "CRONFETCH_RETRIES",
    "retry.attempts",
    `${DEFAULTS.retry.attempts - 1}`,
  ),
  limitRate: override("--limit-rate", "CRONFETCH_LIMIT_RATE", "limits.rate", "no limit"),
  maxFilesize: override("--max-filesize", "CRONFETCH_MAX_FILESIZE", "expect.maxSize", "no limit"),
  deadline: override(
    "--deadline",
    "CRONFETCH_DEADLINE",
    "limits.deadline",
    DEFAULTS.limits.deadline,
  ),
  allowPrivate: override(
    "--allow-private",
    "CRONFETCH_ALLOW_PRIVATE",
    "allowPrivate",
    `${DEFAULTS.allowPrivate}`,
  ),
} as const;

/** An option that a flag and an environment variable override. */
export type OverrideName = keyof typeof OVERRIDES;

function override(flag: string, variable: string, option: string, standard: string): OverrideRow {
  return { flag, variable, option, default: standard };
}
