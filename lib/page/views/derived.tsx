/** What is derived from a task: the items of a list, those that are gone, and those that are left out. */

import type { Child } from "hono/jsx";
import type { JSX } from "hono/jsx/jsx-runtime";
import { formatCount } from "../../report/format.ts";
import type { PageTask } from "../source.ts";
import { type Clock, Fact, shown, When } from "./components.tsx";

/** Items that are listed: of those that are gone, and of those that are left out. */
const MOST_ITEMS = 20;

/** The section of a list's page; the document of a list is not a file. */
export function Items(
  { task: { note, items }, clock }: { readonly task: PageTask; readonly clock: Clock },
): JSX.Element {
  return (
    <section aria-label="Items">
      <h2>Items</h2>
      {items === undefined ? <p class="faint">The list has not been read yet.</p> : (
        <dl>
          <Fact name="Items">{note}</Fact>
          <Listed
            name="Gone"
            texts={items.gone.map(({ task, goneSince }) => (
              <>
                {shown(task)}, <When time={goneSince} clock={clock} />
              </>
            ))}
          />
          <Listed name="Left out" texts={items.leftOut.map(shown)} />
        </dl>
      )}
    </section>
  );
}

function Listed({ name, texts }: { readonly name: string; readonly texts: readonly Child[] }) {
  if (texts.length === 0) return null;
  const rest = texts.length - MOST_ITEMS;
  return (
    <Fact name={name}>
      {texts.slice(0, MOST_ITEMS).map((text) => <div>{text}</div>)}
      {rest > 0 && <div class="faint">and {formatCount(rest)} more</div>}
    </Fact>
  );
}
