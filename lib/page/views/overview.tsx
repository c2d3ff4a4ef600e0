/** The top of the overview: headline, totals and filters. */

import type { JSX } from "hono/jsx/jsx-runtime";
import { trimEndOf } from "../../core/text.ts";
import { formatBytes, formatCount, plural } from "../../report/format.ts";
import type { ActiveRun, RunRecord } from "../../state/run_record.ts";
import { CONDITIONS, type Filter, filterQuery, NO_FILTER } from "../filter.ts";
import { countsLabel } from "../labels.ts";
import type { Overview, TaskTotals } from "../overview.ts";
import { shown, When } from "./components.tsx";
import { useLinks } from "./links.ts";

/** Data of the overview. */
export interface OverviewFacts extends Overview {
  /** IANA name of the zone of times that belong to no task. */
  readonly timezone: string;
  readonly filter: Filter;
  readonly running: ReadonlySet<string>;
  readonly lastRun: RunRecord | null;
  /** Runs in progress in other processes. */
  readonly otherRuns: readonly ActiveRun[];
  readonly paused: boolean;
  /** When the config was last reloaded, RFC 3339, or null. */
  readonly configChangedAt: string | null;
  /** When due tasks are next looked for, RFC 3339; null if that depends on the tasks alone. */
  readonly nextCheckAt: string | null;
  /** Whether each task has a button that runs it. */
  readonly canRun: boolean;
  readonly now: Temporal.Instant;
}

/** The heading: how many tasks need attention, the totals, the last run. */
export function Headline(facts: OverviewFacts): JSX.Element {
  const { totals, lastRun, otherRuns, paused, configChangedAt, nextCheckAt, now } = facts;
  const links = useLinks();
  const clock = { now, zone: facts.timezone };
  return (
    <>
      <h1>{headlineText(facts)}</h1>
      <p class="faint">{filesText(totals)}</p>
      <p class="faint">
        {lastRun
          ? (
            <>
              The <a href={links.run(lastRun.run)}>last run</a> ended{" "}
              <When time={lastRun.finishedAt} clock={clock} />
              {lastRun.error === undefined ? `: ${countsLabel(lastRun.summary.counts)}` : (
                <>
                  {" "}
                  <span class="bad">and failed as a whole: {reasonOf(lastRun.error)}</span>
                </>
              )}.
            </>
          )
          : "No run has finished yet."}
        {otherRuns.map(({ tasks: leased, startedAt }) => (
          <>
            {" "}A run of {plural(leased, "task")} is in progress
            {startedAt !== null && (
              <>
                {" "}since <When time={startedAt} clock={clock} />
              </>
            )}.
          </>
        ))}
        {nextCheckAt !== null && (
          <>
            {" "}Due tasks run <When time={nextCheckAt} clock={clock} />.
          </>
        )}
        {configChangedAt !== null && (
          <>
            {" "}The config was changed <When time={configChangedAt} clock={clock} />.
          </>
        )}
        {paused && (
          <>
            {" "}
            <strong>All tasks are paused.</strong>
          </>
        )}
      </p>
    </>
  );
}

/** The sentence of an error within another one. */
function reasonOf(error: string): string {
  return shown(trimEndOf(error, "."));
}

/** What is worst. Tasks keep their health while whole runs fail. */
function headlineText({ totals, lastRun }: OverviewFacts): string {
  const { tasks: total, urgent, healths: { failing, new: fresh } } = totals;
  if (total === 0) return "No tasks";
  const of = (some: number) => `${formatCount(some)} of ${plural(total, "task")}`;
  if (urgent > 0) return `${of(urgent)} ${urgent === 1 ? "needs" : "need"} attention`;
  if (lastRun?.error !== undefined) return "The last run failed";
  if (failing > 0) return `${of(failing)} failed last time`;
  if (fresh === total) {
    return total === 1
      ? "The task has not run yet"
      : `None of ${formatCount(total)} tasks has run yet`;
  }
  if (fresh > 0) return `${of(fresh)} ${fresh === 1 ? "has" : "have"} not run yet`;
  return total === 1 ? "The task is fine" : `All ${formatCount(total)} tasks are fine`;
}

function filesText({ files, sizeBytes, conditions: { changed } }: TaskTotals): string {
  if (files === 0) return "No file has been published yet.";
  return `${plural(files, "file")}, ${formatBytes(sizeBytes)}; ` +
    `${changed === 0 ? "none" : formatCount(changed)} changed in the last 24 hours.`;
}

/** The number of tasks by condition, each a link that filters by it. */
export function Counts({ totals, filter }: OverviewFacts): JSX.Element {
  const link = (health: Filter["health"], count: number) => (
    <li>
      <a
        href={`/${filterQuery({ ...filter, health, page: 1 })}`}
        aria-current={filter.health === health ? "true" : undefined}
      >
        {health ?? "all"} <span class="numbers">{formatCount(count)}</span>
      </a>
    </li>
  );
  return (
    <ul class="counts" aria-label="Filter by condition">
      {link(null, totals.tasks)}
      {CONDITIONS.map((condition) => {
        const count = totals.conditions[condition];
        return count > 0 || filter.health === condition ? link(condition, count) : null;
      })}
    </ul>
  );
}

/** The form that filters by text. It keeps the rest of the filter. */
export function FilterForm({ filter }: { readonly filter: Filter }): JSX.Element {
  const others = new URLSearchParams(filterQuery({ ...filter, text: "", page: 1 }));
  return (
    <form class="filter" method="get" action="/" role="search">
      <label for="q">Name, file or URL</label>
      <input id="q" type="search" name="q" value={filter.text} maxlength={200} autocomplete="off" />
      {[...others].map(([name, value]) => <input type="hidden" name={name} value={value} />)}
      <button type="submit">Filter</button>
      {(filter.text !== "" || filter.health !== null) && (
        <a href={`/${filterQuery({ ...NO_FILTER, isDense: filter.isDense })}`}>Show all</a>
      )}
      <a href={`/${filterQuery({ ...filter, isDense: !filter.isDense, page: 1 })}`}>
        {filter.isDense ? "Roomy" : "Dense"}
      </a>
    </form>
  );
}

/** The title of the overview, with the number of tasks that need attention; `!` if the run failed. */
export function titleOf({ totals, lastRun }: Pick<OverviewFacts, "totals" | "lastRun">): string {
  if (totals.urgent > 0) return `(${formatCount(totals.urgent)}) cronfetch`;
  return lastRun?.error === undefined ? "cronfetch" : "(!) cronfetch";
}
