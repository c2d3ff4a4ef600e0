/** What the environment of Deno Deploy reports, and which storage is unusable there. Pure. */

import type { Config } from "../config/config.ts";
import { type Environment, variable } from "../config/variables.ts";
import { locationText } from "../core/location.ts";

/** Whether this process runs on Deno Deploy. */
export function isOnDeploy(host: Environment): boolean {
  return ["DENO_DEPLOYMENT_ID", "DENO_DEPLOY"].some((name) => variable(name, host) !== undefined);
}

/** Which deployment of an app this is. */
export interface Timeline {
  /** `production`, `git-branch/…` or the like; null if it is not set. */
  readonly name: string | null;
  /** Whether files are fetched and published here. */
  readonly publishes: boolean;
}

/** The only timeline that publishes by default. */
const PRODUCTION = "production";

/**
 * Reads the timeline (`DENO_TIMELINE`). The platform calls the cron on every timeline, and they
 * may share a bucket. `CRONFETCH_TIMELINES` lists those that publish, separated by commas; `*` is
 * all.
 */
export function readTimeline(host: Environment): Timeline {
  const name = variable("DENO_TIMELINE", host) ?? null;
  const list = variable("CRONFETCH_TIMELINES", host) ?? PRODUCTION;
  const allowed = list.split(",").map((one) => one.trim());
  const publishes = allowed.includes("*") || (name !== null && allowed.includes(name));
  return { name, publishes };
}

/** Why a store is unusable on the platform, as a sentence; null if it is usable. */
export function invalidStore(store: Config["store"]): string | null {
  if (store.kind !== "folder") return null;
  return `opening the store: the folder ${store.path} is on the temporary disk of one instance, ` +
    "where Deno Deploy deletes files; use a bucket: " +
    '"store": "s3://bucket/prefix" in the config, or CRONFETCH_STORE';
}

/** What is lost with an instance, as sentences. */
export function storageWarnings({ store, state }: Pick<Config, "store" | "state">): string[] {
  const warnings: string[] = [];
  if (store.kind === "memory") {
    warnings.push(
      'Files in "memory:" are lost with this instance; "s3://bucket/prefix" keeps them',
    );
  }
  if (state.kind !== "postgres" && (state.kind !== "kv" || state.path !== null)) {
    warnings.push(
      `The state in ${locationText(state)} is lost with this instance; "kv:" without a path is ` +
        'the database that Deno Deploy assigns to the app, and "postgres:" one that is attached',
    );
  }
  return warnings;
}
