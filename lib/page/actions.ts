/** What a visitor with the token asks to be done. */

import { type AttemptLimiter, bearerToken, isSameOrigin, isToken } from "./security.ts";
import type { PageActions, PageSource } from "./source.ts";

/** Why nothing was done. */
export interface ActionRefusal {
  readonly status: 400 | 403 | 404 | 429;
  /** A sentence. */
  readonly words: string;
  /** When it may be tried again, in whole seconds, with status 429. */
  readonly retryAfterSeconds?: number;
}

/** A form is a few names and a token. */
const MAX_FORM_BYTES = 64 * 1024;

/**
 * Does what a form asks for: `do` (`run`, `pause` or `resume`), `task` (an id; absent for all),
 * `token` (or as a Bearer header), `back` (where to go afterwards).
 *
 * @returns The way back, or why nothing was done.
 */
export async function answerAction(
  request: Request,
  { source, actions, token, brake }: {
    readonly source: Pick<PageSource, "task">;
    readonly actions: PageActions;
    readonly token: string | null;
    readonly brake: AttemptLimiter;
  },
): Promise<Response | ActionRefusal> {
  if (!isSameOrigin(request)) {
    return { status: 403, words: "This was asked for by a page from elsewhere." };
  }
  const form = await readForm(request);
  if (form === null) return { status: 400, words: "A form was expected." };
  const given = bearerToken(request.headers) ?? form.get("token");
  const retryAfterSeconds = brake.waitSeconds();
  if (retryAfterSeconds > 0) {
    const words = `There were too many wrong tokens. Try again in ${retryAfterSeconds} s.`;
    return { status: 429, words, retryAfterSeconds };
  }
  if (token === null || given === null || !isToken(given, token)) {
    await brake.wrong();
    return { status: 403, words: "The token is not the right one." };
  }
  const task = form.get("task");
  if (task !== null && await source.task(task) === null) {
    return { status: 404, words: "The config has no such task." };
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
      return { status: 400, words: "Either run, pause or resume can be asked for." };
  }
  return new Response(null, { status: 303, headers: { location: wayBack(form.get("back")) } });
}

/** A path of ours; anything else is the overview. */
function wayBack(asked: string | null): string {
  return asked !== null && /^\/(?![/\\])[\x21-\x7e]*$/.test(asked) ? asked : "/";
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
