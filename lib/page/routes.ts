/** What the routes of the page share. */

import type { Context, Hono } from "hono";
import type { Child } from "hono/jsx";
import type { Clock } from "../core/host.ts";
import { idBehind } from "./assets.ts";
import type { Comparer } from "./files.ts";
import type { Broadcast } from "./live.ts";
import type { Metrics } from "./metrics.ts";
import type { Visitor } from "./session.ts";
import type { PageSource, PageTask } from "./source.ts";
import type { ActionAccess } from "./views/components.tsx";
import type { Section } from "./views/layout.tsx";

/** The variables of a request. */
export interface AppEnv {
  readonly Variables: { visitor: Visitor };
}

/** The server of the page. */
export type App = Hono<AppEnv>;

/** A request and its response. */
export type AppRequest = Context<AppEnv>;

/** Statuses of refused requests. */
export type RefusalStatus = 400 | 401 | 403 | 404 | 405 | 421 | 429 | 500 | 503;

/** What the routes use. */
export interface AppContext {
  readonly source: PageSource;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly broadcast: Broadcast;
  readonly version: string;
  /** Renders a page. */
  readonly layout: (c: AppRequest, title: string, section: Section, content: Child) => string;
  /** Responds with an error, as HTML or as JSON below `/api`. */
  readonly refuse: (c: AppRequest, status: RefusalStatus, message: string) => Response;
  readonly compare: Comparer;
  /** Which actions a client gets. */
  readonly actionAccess: (c: AppRequest) => ActionAccess;
  /** Whether a client that was admitted may still read: its session may have ended since. */
  readonly mayRead: (c: AppRequest) => boolean;
  /** Ids of the running tasks. */
  readonly running: () => ReadonlySet<string>;
}

/** The message of a 404 for a task. */
export const NO_TASK = "The config has no such task.";

/** The message of a 404 for a run. */
export const NO_RUN = "There is no such run in the state.";

/** The task that a path names; null if there is none. */
export async function taskBehind(
  prefix: string,
  c: AppRequest,
  source: Pick<PageSource, "task">,
): Promise<PageTask | null> {
  const id = idBehind(prefix, c.req.url);
  return id === null ? null : await source.task(id);
}
