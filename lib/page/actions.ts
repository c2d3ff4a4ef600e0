/** POST /actions: runs, pauses or resumes tasks for a client that has the token. */

import { type AttemptLimiter, bearerToken, isSameOrigin, isToken } from "./security.ts";
import type { PageActions, PageSource } from "./source.ts";

/** Why an action was refused. */
export interface ActionRefusal {
  readonly status: 400 | 403 | 404 | 429;
  /** A sentence. */
  readonly message: string;
  /** Whole seconds until the next attempt, with status 429. */
  readonly retryAfterSeconds?: number;
}

/** Ample for the four short fields of a form. */
const MAX_FORM_BYTES = 64 * 1024;

/**
 * Performs the action of a form with the fields `do` (`run`, `pause` or `resume`), `task` (an id;
 * absent for all), `token` (or a Bearer header) and `back` (the path to redirect to).
 *
 * @returns A redirect, or why the action was refused.
 */
export async function answerAction(
  request: Request,
  { source, actions, token, limiter }: {
    readonly source: Pick<PageSource, "task">;
    readonly actions: PageActions;
    readonly token: string | null;
    readonly limiter: AttemptLimiter;
  },
): Promise<Response | ActionRefusal> {
  if (!isSameOrigin(request)) {
    return { status: 403, message: "The request comes from another site." };
  }
  const form = await readForm(request);
  if (form === null) return { status: 400, message: "A form is expected." };
  const given = bearerToken(request.headers) ?? form.get("token");
  const retryAfterSeconds = limiter.waitSeconds();
  if (retryAfterSeconds > 0) {
    const message = `Too many wrong tokens; try again in ${retryAfterSeconds} s.`;
    return { status: 429, message, retryAfterSeconds };
  }
  if (token === null || given === null || !isToken(given, token)) {
    await limiter.recordFailure();
    return { status: 403, message: "The token is wrong." };
  }
  const task = form.get("task");
  if (task !== null && await source.task(task) === null) {
    return { status: 404, message: "The config has no such task." };
  }
  switch (form.get("do")) {
    case "run":
      await actions.runNow(task === null ? null : [task]);
      break;
    case "pause":
      await actions.pause(task);
      break;
    case "resume":
      await actions.resume(task);
      break;
    default:
      return { status: 400, message: "The action must be run, pause or resume." };
  }
  return new Response(null, { status: 303, headers: { location: redirectPath(form.get("back")) } });
}

/** Accepts paths of this server only, against open redirects; the default is the overview. */
function redirectPath(path: string | null): string {
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
