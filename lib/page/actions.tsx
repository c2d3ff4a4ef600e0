/** The form by which a visitor with the token does something. */

import type { JSX } from "hono/jsx/jsx-runtime";
/**
 * One form with a button for each thing to do. The token is asked for each time and goes into the
 * body of a POST: there is no cookie that another page could ride on.
 *
 * @param task Null for all tasks.
 * @param back Where to go afterwards.
 * @param canPause Whether something is not paused.
 * @param canResume Whether something is.
 */
export function ActionForm({ task, back, canPause, canResume }: {
  readonly task: string | null;
  readonly back: string;
  readonly canPause: boolean;
  readonly canResume: boolean;
}): JSX.Element {
  const all = task === null ? " all" : "";
  return (
    <form class="actions" method="post" action="/actions">
      {task !== null && <input type="hidden" name="task" value={task} />}
      <input type="hidden" name="back" value={back} />
      <input
        class="hidden"
        type="text"
        name="user"
        value="cronfetch"
        autocomplete="username"
        hidden
      />
      <label for="token">Token</label>
      <input
        id="token"
        type="password"
        name="token"
        required
        autocomplete="current-password"
        aria-describedby="token-help"
      />
      <button type="submit" name="do" value="run">Run{all} now</button>
      {canPause && <button type="submit" name="do" value="pause">Pause{all}</button>}
      {canResume && <button type="submit" name="do" value="resume">Resume{all}</button>}
      <p id="token-help" class="faint">
        The value of CRONFETCH_TOKEN where this page is served. What is paused stays so until it is
        resumed, or cronfetch is started anew.
      </p>
    </form>
  );
}
