/**
 * What follows the last task of a run: dates are closed, and the manifest is written. Loaded only by a
 * run that has one of them.
 */

import type { Config } from "../config/config.ts";
import { createUrlRedactor } from "../config/secrets.ts";
import { CronfetchError } from "../core/errors.ts";
import type { Host } from "../core/host.ts";
import type { Plan } from "../core/task.ts";
import type { State } from "../state/state.ts";
import type { Store } from "../store/store.ts";
import { LEASE_MS } from "./leases.ts";

/** What {@linkcode upkeepError} uses. */
export interface UpkeepContext {
  readonly host: Pick<Host, "clock">;
  readonly state: State;
  readonly store: Store;
  /** Id of the run. */
  readonly run: string;
  /** Ends the run. */
  readonly signal: AbortSignal;
}

/** Closes dates and writes the manifest. Returns why one of them failed, or null. */
export async function upkeepError(
  config: Pick<Config, "tasks" | "manifest" | "secrets">,
  plan: Plan,
  context: UpkeepContext,
): Promise<CronfetchError | null> {
  return await errorOf("closing dates", () => closeEnded(config, plan, context)) ??
    await errorOf("writing the manifest", () => writeFiles(config, plan, context));
}

/** Runs work, and returns its error with what it did, or null. */
async function errorOf(doing: string, work: () => Promise<void>): Promise<CronfetchError | null> {
  try {
    await work();
    return null;
  } catch (error) {
    if (!(error instanceof CronfetchError)) throw error;
    const { code, message, retry } = error;
    return new CronfetchError(code, `${doing}: ${message}`, { cause: error, retry });
  }
}

async function closeEnded(
  { tasks }: Pick<Config, "tasks">,
  plan: Plan,
  { host: { clock }, state, run }: UpkeepContext,
): Promise<void> {
  // Without a task, the run has no leases to release.
  const isIdle = plan.entries.every(({ included }) => !included);
  if (isIdle || !tasks.some(({ dates }) => dates !== undefined)) return;
  const { closeDates } = await import("../lists/close_dates.ts");
  await closeDates(tasks, plan, { state, run, at: clock.now(), leaseMs: LEASE_MS });
}

/** Writes the manifest, whose module is loaded on demand. */
async function writeFiles(
  { tasks, manifest, secrets }: Pick<Config, "tasks" | "manifest" | "secrets">,
  { entries }: Plan,
  { state, store, signal }: UpkeepContext,
): Promise<void> {
  if (!manifest || signal.aborted) return;
  const { writeManifest } = await import("./manifest.ts");
  const redact = createUrlRedactor(secrets);
  await writeManifest(entries.map(({ task }) => task), tasks, { state, store, signal, redact });
}
