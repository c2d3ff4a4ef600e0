/** The status page: a function from requests to responses over a `PageSource`. */

import { Hono } from "hono";
import type { Child } from "hono/jsx";
import manifest from "../../deno.json" with { type: "json" };
import { CronfetchError } from "../core/errors.ts";
import type { Clock, Timers } from "../core/host.ts";
import {
  answerAction,
  answerLogin,
  answerLogout,
  type FormRefusal,
  redirectPath,
} from "./actions.ts";
import type { ApiError } from "./api.ts";
import { addApi } from "./api_routes.ts";
import { answerAsset, assets } from "./assets.ts";
import { createComparer } from "./files.ts";
import { createBroadcast } from "./live.ts";
import { createMetrics } from "./metrics.ts";
import { addPages } from "./pages.tsx";
import type { AppContext, AppEnv, AppRequest, RefusalStatus } from "./routes.ts";
import { createAttemptLimiter, isLoopbackHost, secure, withUrl } from "./security.ts";
import { createSessions, type PageTokens, type Visitor } from "./session.ts";
import type { PageSource } from "./source.ts";
import { AlertTests, Notice, RunningRun, shown } from "./views/components.tsx";
import { Notices, page, type Section } from "./views/layout.tsx";
import { LoginPage } from "./views/login.tsx";

/** Options of {@linkcode createPage}. */
export interface PageOptions {
  /** For relative times, and the end of sessions. */
  readonly clock: Clock;
  /** For live updates and the delay after a wrong token. */
  readonly timers: Timers;
  readonly tokens: PageTokens;
  /** Whether to refuse requests whose host is no loopback name, against DNS rebinding. */
  readonly isLoopback: boolean;
}

/** A page to serve. */
export interface StatusPage {
  /** Handles a request. Never rejects. */
  readonly fetch: (request: Request) => Promise<Response>;
  /** Closes the event streams; an open one would keep the server from shutting down. */
  close(): Promise<void>;
}

/** Creates the page. It subscribes to the source until it is closed. */
export function createPage(source: PageSource, options: PageOptions): StatusPage {
  const { clock, timers, tokens, isLoopback } = options;
  const metrics = createMetrics(manifest.version);
  const closing = new AbortController();
  const limiter = createAttemptLimiter({ clock, timers, closing: closing.signal });
  const sessions = createSessions(tokens, { clock, limiter });
  const broadcast = createBroadcast(source, {
    clock,
    timers,
    render: (run) =>
      `${(
        <RunningRun
          run={run}
          progress={source.progress}
          rateOf={broadcast.rateOf}
          nowMs={clock.monotonicMs()}
        />
      )}`,
    listener: metrics.count,
  });
  const hasActions = tokens.control !== null && source.actions !== null;
  const hasLogin = hasActions || tokens.view !== null;

  const layout = (c: AppRequest, title: string, section: Section, content: Child) => {
    const { permission, hasSession } = visitorOf(c);
    const state = hasSession ? "in" : hasLogin ? "out" : "none";
    const login = { state, back: backTo(c) } as const;
    return page({
      title,
      section,
      context: { version: manifest.version, assets, now: clock.now(), login },
      content: (
        <>
          <div id="notices" role="status" data-live>
            {permission !== "none" && <Notices notices={source.notices()} />}
          </div>
          {content}
        </>
      ),
    });
  };

  const refuse = (c: AppRequest, status: RefusalStatus, message: string) => {
    const { pathname } = new URL(c.req.url);
    if (pathname.startsWith("/api/")) return c.json({ error: message } satisfies ApiError, status);
    if (FOR_PROGRAMS.has(pathname)) return c.text(`${message}\n`, status);
    const content = (
      <Notice title={TITLES[status]} isPage>
        <p>{shown(message)}</p>
        <p>
          <a href="/">All tasks</a>
        </p>
      </Notice>
    );
    return c.html(layout(c, `${TITLES[status]} · cronfetch`, null, content), status);
  };

  const loginPage = (c: AppRequest, refusal: string | null, back: string) =>
    layout(
      c,
      "Log in · cronfetch",
      null,
      (
        <LoginPage refusal={refusal} back={back} isRequired={tokens.view !== null} />
      ),
    );

  /** Answers a refused form, with a login if that helps. */
  const refuseForm = (c: AppRequest, refusal: FormRefusal) => {
    const { status, message, retryAfterSeconds, back } = refusal;
    if (retryAfterSeconds !== undefined) c.header("retry-after", `${retryAfterSeconds}`);
    return back === undefined
      ? refuse(c, status, message)
      : c.html(loginPage(c, message, back), status);
  };

  const app = new Hono<AppEnv>();

  app.use(async (c, next) => {
    const { hostname, pathname } = new URL(c.req.url);
    c.set("visitor", sessions.visitorOf(c.req.raw));
    if (isLoopback && !isLoopbackHost(hostname)) {
      c.res = refuse(c, 421, "This page is served for localhost and loopback addresses only.");
    } else if (tokens.view === null || PUBLIC_PATHS.has(pathname)) {
      await next();
    } else {
      const bearer = await sessions.bearerOf(c.req.raw);
      if (bearer !== null && "permission" in bearer) c.set("visitor", bearer);
      if (bearer !== null && "status" in bearer) c.res = refuseReading(c, bearer);
      else if (visitorOf(c).permission !== "none") await next();
      else c.res = refuseReading(c, { status: 401, message: "Log in to see this page." });
    }
    secure(c.res.headers);
  });

  /** Refuses a request without permission to read. Programs get the reason, people a login. */
  const refuseReading = (
    c: AppRequest,
    { status, message, retryAfterSeconds }: {
      readonly status: 401 | 403 | 429;
      readonly message: string;
      readonly retryAfterSeconds?: number;
    },
  ): Response => {
    if (status === 401) c.header("www-authenticate", 'Bearer realm="cronfetch"');
    if (retryAfterSeconds !== undefined) c.header("retry-after", `${retryAfterSeconds}`);
    const { pathname } = new URL(c.req.url);
    if (pathname.startsWith("/api/") || FOR_PROGRAMS.has(pathname)) {
      return refuse(c, status, message);
    }
    return c.html(loginPage(c, status === 401 ? null : message, backTo(c)), status);
  };

  const context: AppContext = {
    ...{ source, clock, metrics, broadcast, layout, refuse },
    compare: createComparer(source, { clock, timers, closing: closing.signal }),
    version: manifest.version,
    actionAccess: (c) => {
      if (source.actions === null) return "absent";
      if (tokens.control === null) return "unconfigured";
      return visitorOf(c).permission === "control" ? "available" : "login";
    },
    mayRead: (c) => !visitorOf(c).hasSession || sessions.visitorOf(c.req.raw).hasSession,
    running: () => new Set(source.progress.running.keys()),
  };
  addPages(app, context);
  addApi(app, context);

  app.get("/login", (c) => {
    if (!hasLogin) return refuse(c, 404, NO_PAGE);
    return c.html(loginPage(c, null, redirectPath(c.req.query("back") ?? null)));
  });

  app.post("/login", async (c) => {
    if (!hasLogin) return refuse(c, 404, NO_PAGE);
    const answer = await answerLogin(c.req.raw, sessions);
    return answer instanceof Response ? answer : refuseForm(c, answer);
  });

  app.post("/logout", (c) => {
    const answer = answerLogout(c.req.raw, sessions);
    return answer instanceof Response ? answer : refuseForm(c, answer);
  });

  app.post("/actions", async (c) => {
    if (!hasActions || source.actions === null) return refuse(c, 404, NO_PAGE);
    const { actions } = source;
    const answer = await answerAction(c.req.raw, { source, actions, sessions });
    if (answer instanceof Response) {
      broadcast.changed();
      return answer;
    }
    if ("status" in answer) return refuseForm(c, answer);
    return c.html(layout(c, "Test alerts · cronfetch", null, <AlertTests results={answer} />));
  });

  app.get("/robots.txt", (c) => c.text("User-agent: *\nDisallow: /\n"));

  app.get("/:asset", async (c, next) => answerAsset(c.req.param("asset")) ?? await next());

  app.all("*", (c) => {
    const { method } = c.req;
    const { pathname } = new URL(c.req.url);
    const allowed = (hasActions && pathname === "/actions") || pathname === "/logout"
      ? "POST"
      : hasLogin && pathname === "/login"
      ? "GET, HEAD, POST"
      : "GET, HEAD";
    const isKnown = allowed !== "GET, HEAD";
    if (!isKnown && ["GET", "HEAD"].includes(method)) return refuse(c, 404, NO_PAGE);
    c.header("allow", allowed);
    return refuse(c, 405, `${method} is not supported here.`);
  });

  app.onError((error, c) => {
    // The message of an unexpected error may contain anything, secrets included.
    if (!(error instanceof CronfetchError)) return refuse(c, 500, "This is a bug in cronfetch.");
    // The message may name paths.
    const { pathname } = new URL(c.req.url);
    const isStranger = pathname === "/healthz" && visitorOf(c).permission === "none";
    return refuse(c, 503, isStranger ? "The state is unavailable." : `${error.message}.`);
  });

  return {
    fetch: withUrl((request) => app.fetch(request)),
    close: () => {
      closing.abort();
      broadcast.close();
      return Promise.resolve();
    },
  };
}

/** The visitor of a request; without permission before the middleware has run. */
function visitorOf(c: AppRequest): Visitor {
  return c.get("visitor") ?? { permission: "none", hasSession: false };
}

/** The path that a login leads back to. */
function backTo(c: AppRequest): string {
  const { pathname, search } = new URL(c.req.url);
  return c.req.method === "GET" && pathname !== "/login" ? redirectPath(pathname + search) : "/";
}

/** Paths that need no token: they show nothing, or a login. */
const PUBLIC_PATHS: ReadonlySet<string> = new Set([
  ...["/login", "/logout", "/actions", "/healthz", "/robots.txt"],
  ...["/style.css", "/live.js", "/icon.svg"],
]);

/** Paths whose clients expect no HTML. */
const FOR_PROGRAMS: ReadonlySet<string> = new Set(["/metrics", "/events", "/healthz"]);

const NO_PAGE = "There is no such page.";

const TITLES: Readonly<Record<RefusalStatus, string>> = {
  400: "Bad request",
  401: "Log in",
  403: "Not allowed",
  404: "Not found",
  405: "Method not allowed",
  421: "Wrong host",
  429: "Too many attempts",
  500: "Internal error",
  503: "Unavailable",
};
