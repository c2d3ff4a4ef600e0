/** The flags of the command line, and the type of a command. */

import type { Host } from "../core/host.ts";
import type { WorkflowLog } from "../report/workflow_log.ts";

/**
 * The flags of all commands, their values still as text. One type instead of one per command,
 * since half of them are shared; a command takes only those that its options define.
 */
export interface Flags {
  readonly config: readonly string[];
  readonly only: readonly string[];
  readonly due: boolean;
  readonly dryRun: boolean;
  readonly json: boolean;
  readonly quiet: boolean;
  readonly verbose: boolean;
  /** `junit=FILE` or `html=FILE` each. */
  readonly report: readonly string[];
  readonly output?: string;
  readonly state?: string;
  readonly timeout?: string;
  readonly deadline?: string;
  readonly retries?: string;
  readonly maxConcurrency?: string;
  /** Number of threads. */
  readonly workers?: string;
  readonly hostConcurrency?: string;
  readonly limitRate?: string;
  readonly maxFilesize?: string;
  readonly allowPrivate?: boolean;
  /** Whether hooks are invoked. Default: true. */
  readonly hooks?: boolean;
  readonly port?: string;
  readonly hostname?: string;
  readonly event: boolean;
  /** `schema`: print that of the document that hooks receive. */
  readonly change: boolean;
  /** `run`: ignore validators; `init`: replace the file. */
  readonly force: boolean;
  /** `run`: the first date of a backfill. */
  readonly since?: string;
  /** `run`: the last date of a backfill. */
  readonly until?: string;
  /** A command line of curl or wget, or a file. */
  readonly import?: string;
  readonly fix: boolean;
  /** `completions`: print the ids of the tasks. */
  readonly tasks: boolean;
  /** `status`: only tasks with a problem. */
  readonly failing: boolean;
  /** `status`: every task. */
  readonly all: boolean;
  /** `status`: the run whose results are shown. */
  readonly run?: string;
  readonly view: boolean;
  readonly grace?: string;
  /** `work`: tasks in progress at a time. */
  readonly concurrency?: string;
  /** `work`: a glob of the hosts to claim. */
  readonly hosts?: string;
  /** `work`: name of the worker. */
  readonly name?: string;
  /** `work`: end when nothing is due. */
  readonly once: boolean;
  /** `work`: whether to plan for the fleet. */
  readonly plan: boolean;
  /** `workers`: name of the workers that end. */
  readonly drain?: string;
  /** `alerts test`: position of the only alert, from 1. */
  readonly to?: string;
  /** `text` or `json`. */
  readonly logFormat?: string;
}

/** The host of a command. */
export interface CommandHost extends Host {
  /** The log of the GitHub Actions step, which `stderr` writes to; null elsewhere. */
  readonly workflow: WorkflowLog | null;
}

/** Performs a command with its operands and flags. Returns the exit code. */
export type Action = (
  operands: readonly string[],
  flags: Flags,
  host: CommandHost,
) => Promise<number>;

export const NO_FLAGS: Flags = {
  config: [],
  only: [],
  due: false,
  dryRun: false,
  json: false,
  quiet: false,
  verbose: false,
  report: [],
  event: false,
  change: false,
  force: false,
  fix: false,
  tasks: false,
  failing: false,
  all: false,
  view: false,
  once: false,
  plan: true,
};

/** What `state` does. */
export const STATE_ACTIONS = ["migrate", "check", "copy"] as const;
