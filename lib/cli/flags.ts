/** The flags of the command line, and the type of a command. */

import type { Host } from "../core/host.ts";

/** Flags as the command line gives them; values are still text. */
export interface Flags {
  readonly config: readonly string[];
  readonly only: readonly string[];
  readonly due: boolean;
  readonly dryRun: boolean;
  readonly json: boolean;
  readonly quiet: boolean;
  readonly verbose: boolean;
  /** `junit=FILE` each. */
  readonly report: readonly string[];
  readonly output?: string;
  readonly state?: string;
  readonly timeout?: string;
  readonly deadline?: string;
  readonly retries?: string;
  readonly maxConcurrency?: string;
  readonly hostConcurrency?: string;
  readonly limitRate?: string;
  readonly maxFilesize?: string;
  readonly allowPrivate?: boolean;
  readonly port?: string;
  readonly hostname?: string;
  readonly event: boolean;
  /** `run`: ignore validators; `init`: replace the file. */
  readonly force: boolean;
  readonly fix: boolean;
  readonly view: boolean;
  readonly grace?: string;
}

/** What a command does: its arguments and flags in, the exit code out. */
export type Action = (args: readonly string[], flags: Flags, host: Host) => Promise<number>;

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
  force: false,
  fix: false,
  view: false,
};
