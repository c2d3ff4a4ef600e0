/** The page of a process that could not start, such as one with an invalid config. */

import { Hono } from "hono";
import manifest from "../../deno.json" with { type: "json" };
import type { Clock } from "../core/host.ts";
import type { ApiError } from "./api.ts";
import type { StatusPage } from "./app.tsx";
import { answerAsset, assets } from "./assets.ts";
import { secure, withUrl } from "./security.ts";
import { page } from "./views/layout.tsx";
import { Notice, shown } from "./views/components.tsx";

/** Why the process could not start. */
export interface ErrorPageContent {
  /** A short phrase. */
  readonly title: string;
  /** A sentence each. Holds no secret. */
  readonly reasons: readonly string[];
}

/**
 * Creates a page that shows only the error. Every response has status 503, so that monitors detect
 * it.
 */
export function createErrorPage(
  { title, reasons }: ErrorPageContent,
  { clock }: { readonly clock: Pick<Clock, "now"> },
): StatusPage {
  const app = new Hono();
  app.use(async (c, next) => {
    await next();
    secure(c.res.headers);
  });
  // 204 stops a browser from reconnecting its EventSource.
  app.get("/events", (c) => c.body(null, 204));
  app.get("/healthz", (c) => c.text(`${title}\n`, 503));
  app.get("/robots.txt", (c) => c.text("User-agent: *\nDisallow: /\n"));
  app.get("/:asset", async (c, next) => answerAsset(c.req.param("asset")) ?? await next());
  app.all("/api/*", (c) => {
    const error = `${title}: ${reasons.join("; ")}`;
    return c.json({ error } satisfies ApiError, 503);
  });
  app.all("*", (c) => {
    const content = (
      <Notice title={title} isPage>
        {reasons.map((reason) => <p>{shown(reason)}</p>)}
      </Notice>
    );
    const login = { state: "none", back: "/" } as const;
    const context = { version: manifest.version, assets, now: clock.now(), login };
    return c.html(page({ title: `${title} · cronfetch`, section: null, context, content }), 503);
  });
  return {
    fetch: withUrl((request) => app.fetch(request)),
    close: () => Promise.resolve(),
  };
}
