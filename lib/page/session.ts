/** Access to the page and its actions: tokens, and the sessions that they open. */

import { createHmac } from "node:crypto";
import { type Environment, variable } from "../config/variables.ts";
import type { Clock } from "../core/host.ts";
import { type AttemptLimiter, bearerToken, isToken, isUnguessable } from "./security.ts";

/** The tokens of a page. */
export interface PageTokens {
  /** Required by actions; null makes the page read-only. Also allows to read. */
  readonly control: string | null;
  /** Required to read; null lets everyone read. */
  readonly view: string | null;
}

/** The environment variable of {@linkcode PageTokens.control}. */
export const TOKEN_VARIABLE = "CRONFETCH_TOKEN";
/** The environment variable of {@linkcode PageTokens.view}. */
export const VIEW_TOKEN_VARIABLE = "CRONFETCH_VIEW_TOKEN";

/** Reads the tokens from the environment. */
export function readTokens(host: Environment): PageTokens {
  return {
    control: variable(TOKEN_VARIABLE, host) ?? null,
    view: variable(VIEW_TOKEN_VARIABLE, host) ?? null,
  };
}

/** What a client may do; each includes the one before. */
export type Permission = "none" | "read" | "control";

/** What a client may do, and how it showed that. */
export interface Visitor {
  readonly permission: Permission;
  /** Whether the permission comes from a session cookie, which browsers send by themselves. */
  readonly hasSession: boolean;
}

/** Why a token was rejected. */
export interface TokenRefusal {
  readonly status: 403 | 429;
  /** A sentence. */
  readonly message: string;
  /** Whole seconds until the next attempt, with status 429. */
  readonly retryAfterSeconds?: number;
}

/** Checks tokens, and opens and closes sessions. */
export interface Sessions {
  /** What the cookie of a request allows; without one, what everyone may do. */
  visitorOf(request: Request): Visitor;
  /** What the Bearer header of a request allows (RFC 6750), or why it was refused. Null without. */
  bearerOf(request: Request): Promise<Visitor | TokenRefusal | null>;
  /** What a token allows. A wrong one is counted, and refused after a delay. */
  check(token: string): Promise<Permission | TokenRefusal>;
  /** The `Set-Cookie` header of a new session. */
  open(permission: Permission, request: Request): string;
  /** Revokes the session of a request; returns the `Set-Cookie` header that removes it. */
  close(request: Request): string;
}

/** Age at which a session ends, even if the browser is never closed. */
const SESSION_MS = 7 * 24 * 60 * 60_000;

/**
 * Creates the sessions of a page. A cookie holds the permission and its end, signed with the token:
 * instances of one app accept each other's sessions, a restart keeps them, and another token ends
 * them.
 */
export function createSessions(
  tokens: PageTokens,
  { clock, limiter }: {
    readonly clock: Pick<Clock, "now">;
    readonly limiter: AttemptLimiter;
  },
): Sessions {
  /** Signatures of closed sessions, and when they end by themselves. Of this process only. */
  const revoked = new Map<string, number>();
  const nowMs = () => clock.now().epochMilliseconds;
  const everyone: Permission = tokens.view === null ? "read" : "none";

  const sessionOf = (request: Request): Session | null => {
    const session = parseSession(cookieOf(request));
    if (session === null || session.endMs <= nowMs() || revoked.has(session.signature)) return null;
    const token = tokens[KEYS[session.permission]];
    return token !== null && isToken(session.signature, sign(session, token)) ? session : null;
  };

  const permissionOf = (given: string): Permission => {
    // Both comparisons are made, so that the time does not show which token a guess was compared to.
    const isControl = tokens.control !== null && isToken(given, tokens.control);
    const isView = tokens.view !== null && isToken(given, tokens.view);
    return isControl ? "control" : isView ? "read" : "none";
  };

  const check = async (given: string): Promise<Permission | TokenRefusal> => {
    const retryAfterSeconds = limiter.waitSeconds();
    const permission = permissionOf(given);
    if (permission !== "none" && (retryAfterSeconds === 0 || isUnguessable(given))) {
      return permission;
    }
    if (retryAfterSeconds > 0) {
      const message = `Too many wrong tokens; try again in ${retryAfterSeconds} s.`;
      return { status: 429, message, retryAfterSeconds };
    }
    await limiter.recordFailure();
    return { status: 403, message: "The token is wrong." };
  };

  return {
    check,
    visitorOf: (request) => {
      const session = sessionOf(request);
      return { permission: session?.permission ?? everyone, hasSession: session !== null };
    },
    bearerOf: async (request) => {
      const token = bearerToken(request.headers);
      if (token === null) return null;
      const checked = await check(token);
      return typeof checked === "string" ? { permission: checked, hasSession: false } : checked;
    },
    open: (permission, request) => {
      if (permission === "none") throw new TypeError("a session without permission");
      const content = { permission, endMs: nowMs() + SESSION_MS };
      const signature = sign(content, tokens[KEYS[permission]] ?? "");
      return cookie(request, `${permission}.${content.endMs}.${signature}`);
    },
    close: (request) => {
      const session = sessionOf(request);
      for (const [signature, endMs] of revoked) if (endMs <= nowMs()) revoked.delete(signature);
      if (session !== null) revoked.set(session.signature, session.endMs);
      return `${cookie(request, "")}; Max-Age=0`;
    },
  };
}

/** The content of a cookie. */
interface Session {
  readonly permission: "read" | "control";
  /** Milliseconds since the epoch. */
  readonly endMs: number;
  readonly signature: string;
}

/** The token that signs each permission. */
const KEYS = { read: "view", control: "control" } as const;

function sign({ permission, endMs }: Omit<Session, "signature">, token: string): string {
  return createHmac("sha256", token).update(`cronfetch session ${permission} ${endMs}`)
    .digest("base64url");
}

function parseSession(value: string | null): Session | null {
  const [permission, end, signature, ...rest] = (value ?? "").split(".");
  if (permission !== "read" && permission !== "control") return null;
  if (!/^\d{1,15}$/.test(end ?? "") || !signature || rest.length > 0) return null;
  return { permission, endMs: Number(end), signature };
}

/**
 * The name of the cookie. Browsers send a cookie to every port of a host (RFC 6265, section 8.5), so
 * each page on a machine has its own. The prefix keeps other hosts of the domain, and pages without
 * TLS, from replacing it (RFC 6265bis, section 4.1.3.2).
 */
function cookieName(request: Request): string {
  const prefix = isOverTls(request) ? "__Host-" : "";
  return `${prefix}cronfetch-session-${new URL(request.url).port || "0"}`;
}

function isOverTls(request: Request): boolean {
  return new URL(request.url).protocol === "https:" ||
    // Of several proxies, the first one has the client's connection.
    request.headers.get("x-forwarded-proto")?.split(",")[0]?.trim().toLowerCase() === "https";
}

function cookieOf(request: Request): string | null {
  const prefix = `${cookieName(request)}=`;
  const pair = (request.headers.get("cookie") ?? "").split(";").map((one) => one.trim())
    .find((one) => one.startsWith(prefix));
  return pair?.slice(prefix.length) ?? null;
}

/** Without `Max-Age`, so that the session ends with the browser's. */
function cookie(request: Request, value: string): string {
  const attributes = `Path=/; HttpOnly; SameSite=Strict${isOverTls(request) ? "; Secure" : ""}`;
  return `${cookieName(request)}=${value}; ${attributes}`;
}
