/** `--workers`: how many threads execute the tasks of a run. */

import type { Config } from "../config/config.ts";
import { CronfetchError } from "../core/errors.ts";
import type { Host } from "../core/host.ts";
import type { Execute } from "../worker/execute.ts";
import type { Flags } from "./flags.ts";

/** More threads than a machine has processors do not help. */
const MOST_WORKERS = 64;

/**
 * What executes the tasks of a run with `--workers`, by its config.
 *
 * @returns Null for this thread alone.
 * @throws {CronfetchError} `usage`: the flag has no number from 1 to {@linkcode MOST_WORKERS}.
 */
export async function executeOf(
  { workers }: Pick<Flags, "workers">,
  { openThread }: Pick<Host, "openThread">,
): Promise<((config: Config) => Execute) | null> {
  if (workers === undefined) return null;
  const threads = /^[1-9][0-9]?$/.test(workers) ? Number(workers) : Infinity;
  if (threads > MOST_WORKERS) {
    const range = `a number from 1 to ${MOST_WORKERS}`;
    throw new CronfetchError(
      "usage",
      `--workers: must be ${range}, not ${JSON.stringify(workers)}`,
    );
  }
  if (threads === 1 || !openThread) return null;
  const { executeInThreads } = await import("../fleet/threads.ts");
  return (config) => {
    if (config.store.kind === "memory") {
      throw new CronfetchError(
        "usage",
        '--workers: threads cannot share a store of the kind "memory:"; use a folder or a bucket',
      );
    }
    return executeInThreads({ threads, config, openThread });
  };
}
