/** The page where a token is entered. */

import type { JSX } from "hono/jsx/jsx-runtime";
import { shown } from "./components.tsx";

/**
 * The form that opens a session.
 *
 * @param refusal Why the last request was refused, or null.
 * @param back The path that the login leads to.
 * @param isRequired Whether reading needs a token too.
 */
export function LoginPage({ refusal, back, isRequired }: {
  readonly refusal: string | null;
  readonly back: string;
  readonly isRequired: boolean;
}): JSX.Element {
  return (
    <div class="notice login">
      <h1>Log in</h1>
      {refusal !== null && <p class="bad" role="alert">{shown(refusal)}</p>}
      <form method="post" action="/login">
        <input type="hidden" name="back" value={back} />
        <input
          type="text"
          name="user"
          value="cronfetch"
          autocomplete="username"
          aria-label="User"
          hidden
        />
        <label for="token">Token</label>
        <input
          id="token"
          type="password"
          name="token"
          required
          autofocus
          autocomplete="current-password"
          aria-describedby="token-help"
        />
        <button type="submit">Log in</button>
      </form>
      <p id="token-help" class="faint">
        The value of <span class="code">CRONFETCH_TOKEN</span>
        {isRequired && (
          <>
            , or of <span class="code">CRONFETCH_VIEW_TOKEN</span> to read only,
          </>
        )} of the serving process. The session ends with the browser, or after a week.
      </p>
      <p>
        <a href={isRequired ? "/" : back}>{isRequired ? "Overview" : "Back"}</a>
      </p>
    </div>
  );
}
