/** What is derived from a task: the items of a list, and the dates of a task with `dates`. */

import type { Child } from "hono/jsx";
import type { JSX } from "hono/jsx/jsx-runtime";
import type { DateStatus } from "../../lists/date_report.ts";
import { formatCount, plural } from "../../report/format.ts";
import type { PageDates, PageMonth, PageTask } from "../model.ts";
import { type Clock, Fact, shown, When } from "./components.tsx";
import { useLinks } from "./links.ts";

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

/** How dates are drawn, so that colour is not needed to distinguish them. */
const MARKS: Readonly<Record<DateStatus, string>> = {
  ok: "✓",
  failed: "✕",
  pending: "?",
  missing: "–",
};

/** Months that are drawn. */
const MOST_MONTHS = 24;

/** The calendar of a task with dates: a strip per month, each date a link to its page. */
export function Calendar(
  { task, dates }: { readonly task: PageTask; readonly dates: PageDates },
): JSX.Element {
  const { months, since, until, older } = dates;
  const omitted = months.length - MOST_MONTHS;
  return (
    <section aria-label="Dates">
      <h2>Dates</h2>
      <p>
        {task.note}, from {since} to {until}
        {older > 0 && `; ${plural(older, "closed date")} before that`}
      </p>
      {omitted > 0 && <p class="faint">{plural(omitted, "earlier month")} not shown</p>}
      <div class="calendar">
        {months.slice(-MOST_MONTHS).map((month) => (
          <Month id={task.id} month={month} {...{ since, until }} />
        ))}
      </div>
      <p class="legend faint">
        {Object.entries(MARKS).map(([status, mark]) => (
          <span>
            <span class={`day ${status}`} aria-hidden="true">{mark}</span> {status}
          </span>
        ))}
        <span>
          <span class="day" aria-hidden="true">·</span> no file expected
        </span>
      </p>
    </section>
  );
}

/** The days of a month; its label names the gaps. */
function Month({ id, month: { month, days, label }, since, until }: {
  readonly id: string;
  readonly month: PageMonth;
  readonly since: string;
  readonly until: string;
}) {
  const links = useLinks();
  return (
    <div class="month" role="group" aria-label={`${month}: ${label}`}>
      <span class="numbers" aria-hidden="true">{month}</span>
      {days.map((day, index) => {
        if (day === null) {
          const date = `${month}-${`${index + 1}`.padStart(2, "0")}`;
          const isOutside = date < since || date > until;
          return <span class="day" aria-hidden="true">{isOutside ? "" : "·"}</span>;
        }
        const { date, status } = day;
        const [name, words] = [`day ${status}`, `${date}: ${status}`];
        const path = links.task(`${id}@${date}`);
        return path === undefined
          ? <span class={name} title={words} aria-hidden="true">{MARKS[status]}</span>
          : <a class={name} href={path} title={words} aria-label={words}>{MARKS[status]}</a>;
      })}
    </div>
  );
}
