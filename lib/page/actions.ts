/** The forms of the page: login, logout, and the actions on tasks. */

import { isSameOrigin, isSentByPage } from "./security.ts";
import type { Permission, Sessions, TokenRefusal } from "./session.ts";
import type { AlertTestResult } from "../report/alerts/test.ts";
import type { PageActions, PageSource } from "./source.ts";

/** Why a form was refused. */
export interface FormRefusal {
  readonly status: TokenRefusal["status"] | 400 | 404;
  /** A sentence. */
  readonly message: string;
  /** Whole seconds until the next attempt, with status 429. */
  readonly retryAfterSeconds?: number;
  /** Where a login leads to; absent if a login does not help. */
  readonly back?: string;
}

/** Ample for the short fields of the forms. */
const MAX_FORM_BYTES = 64 * 1024;

const OTHER_SITE: FormRefusal = { status: 403, message: "The request comes from another site." };
const NO_FORM: FormRefusal = { status: 400, message: "A form is expected." };

/**
 * Performs the action of a form with the fields `do` (`run`, `pause`, `resume` or `test-alerts`),
 * `task` (an id; absent for all) and `back` (the path to redirect to). It requires a session, the
 * field `token`, or a Bearer header.
 *
 * @returns A redirect, the results of test alerts, or why the action was refused.
 */
export async function answerAction(
  request: Request,
  { source, actions, sessions }: {
    readonly source: Pick<PageSource, "task">;
    readonly actions: PageActions;
    readonly sessions: Sessions;
  },
): Promise<Response | readonly AlertTestResult[] | FormRefusal> {
  if (!isSameOrigin(request)) return OTHER_SITE;
  const form = await readForm(request);
  if (form === null) return NO_FORM;
  const back = redirectPath(form.get("back"));
  const refusal = await refusalOf(request, form.get("token"), sessions);
  if (refusal !== null) return { ...refusal, back };
  const task = form.get("task");
  if (task !== null && await source.task(task) === null) {
    return { status: 404, message: "The config has no such task." };
  }
  const { pausing } = actions;
  const action = form.get("do");
  if (action === "test-alerts") return await actions.testAlerts();
  if (action === "run") await actions.runNow(task === null ? null : [task]);
  else if (action === "pause" && pausing !== null) await pausing.pause(task);
  else if (action === "resume" && pausing !== null) await pausing.resume(task);
  else {
    const known = pausing === null ? "run or test-alerts" : "run, pause, resume or test-alerts";
    return { status: 400, message: `The action must be ${known}.` };
  }
  return redirect(back);
}

/** Why a client may not use actions; null if it may. */
async function refusalOf(
  request: Request,
  token: string | null,
  sessions: Sessions,
): Promise<TokenRefusal | null> {
  const given = await sessions.bearerOf(request);
  if (given !== null && "status" in given) return given;
  let permission: Permission | TokenRefusal = given?.permission ?? "none";
  if (given === null && token !== null) permission = await sessions.check(token);
  if (typeof permission !== "string") return permission;
  // Browsers add a cookie to requests that other sites cause, so the origin must be certain.
  if (permission === "none" && isSentByPage(request)) {
    permission = sessions.visitorOf(request).permission;
  }
  if (permission === "control") return null;
  return given === null && token === null
    ? { status: 403, message: "Log in to run, pause and resume tasks." }
    : { status: 403, message: "This token allows to read only." };
}

/**
 * Opens a session for a form with the fields `token` and `back`.
 *
 * @returns A redirect with the cookie, or why the login was refused.
 */
export async function answerLogin(
  request: Request,
  sessions: Sessions,
): Promise<Response | FormRefusal> {
  if (!isSameOrigin(request)) return OTHER_SITE;
  const form = await readForm(request);
  if (form === null) return NO_FORM;
  const back = redirectPath(form.get("back"));
  const checked = await sessions.check(form.get("token") ?? "");
  return typeof checked === "string"
    ? redirect(back, sessions.open(checked, request))
    : { ...checked, back };
}

/** Closes the session of a request. */
export function answerLogout(request: Request, sessions: Sessions): Response | FormRefusal {
  return isSameOrigin(request) ? redirect("/", sessions.close(request)) : OTHER_SITE;
}

function redirect(location: string, cookie?: string): Response {
  const headers = new Headers({ location });
  if (cookie !== undefined) headers.set("set-cookie", cookie);
  return new Response(null, { status: 303, headers });
}

/** Accepts paths of this server only, against open redirects; the default is the overview. */
export function redirectPath(path: string | null): string {
  return path !== null && /^\/(?![/\\])[\x21-\x7e]*$/.test(path) ? path : "/";
}

async function readForm(request: Request): Promise<URLSearchParams | null> {
  const [type] = (request.headers.get("content-type") ?? "").split(";");
  if (type?.trim().toLowerCase() !== "application/x-www-form-urlencoded") return null;
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  for await (const chunk of request.body ?? []) {
    bytes += chunk.length;
    if (bytes > MAX_FORM_BYTES) return null;
    text += decoder.decode(chunk, { stream: true });
  }
  return new URLSearchParams(text);
}
