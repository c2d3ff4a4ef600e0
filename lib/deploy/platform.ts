/** What Deno Deploy tells a program by its environment, and what does not work there. Pure. */

import type { Config } from "../config/config.ts";
import { locationText } from "../core/location.ts";
import { type Environment, variable } from "../config/variables.ts";

/** Whether this process was started by Deno Deploy. */
export function isOnDeploy(host: Environment): boolean {
  return ["DENO_DEPLOYMENT_ID", "DENO_DEPLOY"].some((name) => variable(name, host) !== undefined);
}

/** Which of an app's deployments this is. */
export interface Timeline {
  /** `production`, `git-branch/…` or the like; null where the platform tells none. */
  readonly name: string | null;
  /** Whether files are fetched and published here. */
  readonly publishes: boolean;
}

/** The only timeline that publishes unless somebody says otherwise. */
const PRODUCTION = "production";

/**
 * Reads the timeline (`DENO_TIMELINE`). Crons come on each of them, and they may share a bucket.
 * `CRONFETCH_TIMELINES` names those that publish, with commas between them; `*` is all.
 */
export function readTimeline(host: Environment): Timeline {
  const name = variable("DENO_TIMELINE", host) ?? null;
  const told = variable("CRONFETCH_TIMELINES", host) ?? PRODUCTION;
  const allowed = told.split(",").map((one) => one.trim());
  const publishes = allowed.includes("*") || (name !== null && allowed.includes(name));
  return { name, publishes };
}

/** Why a store is of no use on the platform, as a sentence; null if it is. */
export function complaintAboutStore(store: Config["store"]): string | null {
  if (store.kind !== "folder") return null;
  return `opening the store: the folder ${store.path} is on a disk that Deno Deploy gives to one ` +
    "instance and takes away with it, so files would be lost there; use a bucket, by " +
    '"store": "s3://bucket/prefix" in the config or by CRONFETCH_STORE';
}

/** What is lost on the platform with each instance, as sentences. */
export function warningsAbout({ store, state }: Pick<Config, "store" | "state">): string[] {
  const warnings: string[] = [];
  if (store.kind === "memory") {
    warnings.push(
      'Files in "memory:" are lost with this instance; "s3://bucket/prefix" keeps them',
    );
  }
  if (state.kind !== "kv" || state.path !== null) {
    warnings.push(
      `What is remembered in ${
        locationText(state)
      } is lost with this instance; "kv:" without a path is ` +
        "the database that Deno Deploy assigns to the app",
    );
  }
  return warnings;
}
