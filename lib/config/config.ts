/** Config: what the user wrote, validated, every default filled in. */

import type { Alert } from "../core/alert.ts";
import type { DigestAlgorithm } from "../core/digest.ts";
import type { RunLimits, Task } from "../core/task.ts";
import type { Template } from "./template.ts";

/** What a run needs to know, from all files, flags and environment variables. */
export interface Config {
  /** An absolute folder, `s3://bucket/prefix`, or `memory:`. */
  readonly store: string;
  /** `kv:` or `file:` with an absolute path, `kv:` alone, `postgres://…`, or `memory:`. */
  readonly state: string;
  /** Limits of a run. */
  readonly limits: RunLimits;
  /** Failures in a row, over an hour or one interval, before a task is called unhealthy. */
  readonly alertAfter: number;
  /** Who is told about changes of health. */
  readonly alerts: readonly Alert[];
  /** Flush each file to the disk before it is published. */
  readonly sync: boolean;
  /** What the status page may do. */
  readonly page: {
    /** Give out the published files. */
    readonly downloads: boolean;
  };
  /** In the order of the files and of the tasks in them; see `tasksOf`. */
  readonly tasks: readonly TaskTemplate[];
  /** Values that must not be shown, for `createRedactor`. */
  readonly secrets: readonly string[];
  /** What is allowed and probably not meant, a line each, without secrets. */
  readonly warnings: readonly string[];
  /** Absolute paths of the files that were read. */
  readonly files: readonly string[];
}

/** A task, and what of it changes with the time of the run. */
export interface TaskTemplate {
  /** The task as of the time the config was loaded; as of every time unless it is `dated`. */
  readonly task: Task;
  /** What has to be filled in anew for each run; null if nothing has. */
  readonly dated: DatedParts | null;
}

/** The parts of a task that may hold dates. */
export interface DatedParts {
  /** What to ask for. */
  readonly url: Template;
  /** Asked in order when the URL fails. */
  readonly mirrors: readonly Template[];
  /** Null where the name comes from the URL. */
  readonly to: Template | null;
  /** Checksum files; empty where digests are written in the config, or not expected. */
  readonly checksums: readonly ChecksumTemplate[];
}

/** Where an expected digest comes from. */
export interface ChecksumTemplate {
  /** What it is a digest of. */
  readonly algorithm: DigestAlgorithm;
  /** A checksum file. */
  readonly url: Template;
  /** The file's name in it; null for its usual names. */
  readonly name: Template | null;
}
