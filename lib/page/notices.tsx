/** What the process that serves a page has to say of itself. */

import type { JSX } from "hono/jsx/jsx-runtime";
import { shown, Sign } from "./pieces.tsx";
import type { PageNotice } from "./source.ts";

/** Sentences above everything else; nothing where all is as it should be. */
export function Notices(
  { notices }: { readonly notices: readonly PageNotice[] },
): JSX.Element {
  return (
    <>
      {notices.map(({ tone, title, lines }) => (
        <div class={`banner ${tone}`}>
          <p>
            <Sign tone={tone} /> <strong>{title}</strong>
          </p>
          {lines.map((line) => <p class="reason">{shown(line)}</p>)}
        </div>
      ))}
    </>
  );
}
