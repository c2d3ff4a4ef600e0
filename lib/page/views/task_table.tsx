/** The table of tasks, and the parts of a task that its page shows too. */

import type { Child } from "hono/jsx";
import type { JSX } from "hono/jsx/jsx-runtime";
import { shownKey } from "../../core/key.ts";
import { formatBytes, plural } from "../../report/format.ts";
import {
  type Filter,
  filterQuery,
  FIRST_DESCENDING,
  isRunning,
  sizeOf,
  type SortColumn,
} from "../filter.ts";
import { ageShare, changedAt, problemOf, sentence } from "../labels.ts";
import { recentOutcomes } from "../../state/outcomes.ts";
import type { PageTask } from "../source.ts";
import {
  AgeBar,
  Badge,
  type Clock,
  HealthBadge,
  NEARLY_STALE,
  Notice,
  Pager,
  shown,
  When,
} from "./components.tsx";
import { useLinks } from "./links.ts";
import type { OverviewFacts } from "./overview.tsx";
import { Strip, StripLegend } from "./strip.tsx";

/** Id of the form that the buttons of the table belong to. */
const RUN_FORM = "run-form";

/** The table of tasks, or why it is empty. */
export function TaskTable(facts: OverviewFacts): JSX.Element {
  const { filter, canRun } = facts;
  if (facts.totals.tasks === 0) {
    return (
      <Notice title="The config has no tasks">
        <p>Add a URL to its list of tasks, and this page shows the health of the task.</p>
      </Notice>
    );
  }
  if (facts.shown.total === 0) {
    return (
      <Notice title="No task matches">
        <p>
          None of the {plural(facts.totals.tasks, "task")} matches the filter.{" "}
          <a href="/">Show all</a>
        </p>
      </Notice>
    );
  }
  return (
    <>
      {canRun && (
        <form id={RUN_FORM} method="post" action="/actions">
          <input type="hidden" name="do" value="run" />
          <input type="hidden" name="back" value={`/${filterQuery(filter)}`} />
        </form>
      )}
      <table class={filter.isDense ? "tasks dense" : "tasks"} role="table">
        <caption>{caption(facts)}</caption>
        <thead role="rowgroup">
          <tr role="row">
            <SortHeader filter={filter} column="task" isSortable={!facts.isLarge}>Task</SortHeader>
            <SortHeader filter={filter} column="health" isSortable={!facts.isLarge}>
              Health
            </SortHeader>
            <th role="columnheader" scope="col">Last results</th>
            <SortHeader filter={filter} column="changed" isSortable>Changed</SortHeader>
            <SortHeader filter={filter} column="success" isSortable={!facts.isLarge}>
              Last success
            </SortHeader>
            <SortHeader filter={filter} column="due" isSortable={!facts.isLarge}>
              Next due
            </SortHeader>
            <SortHeader filter={filter} column="size" isSortable={!facts.isLarge}>Size</SortHeader>
            {canRun && (
              <th role="columnheader" scope="col">
                <span class="unseen">Action</span>
              </th>
            )}
          </tr>
        </thead>
        <tbody role="rowgroup">
          {facts.shown.items.map((task) => <Row task={task} facts={facts} />)}
        </tbody>
      </table>
      <Pager
        shown={facts.shown}
        pathOf={(page) => `/${filterQuery({ ...filter, page })}`}
      />
      <StripLegend />
    </>
  );
}

/** A column's header, a link that sorts by it. */
function SortHeader({ filter, column, isSortable, children }: {
  readonly filter: Filter;
  readonly column: SortColumn;
  /** Very many tasks are sorted by the state, which sorts by few columns. */
  readonly isSortable: boolean;
  readonly children?: Child;
}) {
  const links = useLinks();
  const { order } = filter;
  const isSorted = order?.column === column;
  const isDescending = isSorted ? !order.isDescending : FIRST_DESCENDING[column];
  const path = isSortable
    ? links.filter?.({ ...filter, order: { column, isDescending }, page: 1 })
    : undefined;
  const sorted = isSorted ? order.isDescending ? "descending" : "ascending" : undefined;
  return (
    <th role="columnheader" scope="col" aria-sort={sorted}>
      {path === undefined ? children : (
        <a href={path}>
          {children}
          {sorted && <span aria-hidden="true">{sorted === "ascending" ? " ↑" : " ↓"}</span>}
        </a>
      )}
    </th>
  );
}

function caption({ shown, filter }: OverviewFacts): string {
  const kind = filter.health === null
    ? ""
    : filter.health === "changed"
    ? " that changed in the last 24 hours"
    : ` that are ${filter.health}`;
  const words = filter.text === "" ? "" : `, with “${filter.text}”`;
  const part = shown.pages === 1 ? "" : `, page ${shown.page} of ${shown.pages}`;
  return `${plural(shown.total, "task")}${kind}${words}${part}`;
}

function Row({ task, facts }: { readonly task: PageTask; readonly facts: OverviewFacts }) {
  const { record } = task;
  const links = useLinks();
  const clock = { now: facts.now, zone: task.timezone };
  const changed = changedAt(record);
  const sizeBytes = sizeOf(task);
  return (
    <tr role="row">
      <th role="rowheader" scope="row" class="name">
        <a href={links.task(task.id)}>{shown(task.id)}</a>
        <span class="code faint">{shown(subtitle(task))}</span>
      </th>
      <td role="cell" class="health">
        <Condition task={task} isRunning={isRunning(task, facts.running)} clock={clock} />
      </td>
      <td role="cell" class="strip-cell">
        <Strip outcomes={record ? recentOutcomes(record) : []} zone={task.timezone} />
      </td>
      <td role="cell" class="changed" data-label="Changed">
        {changed === null
          ? <span class="faint">never</span>
          : <When time={changed} clock={clock} />}
      </td>
      <td role="cell" class="age" data-label="Last success">
        <Age task={task} clock={clock} isBrief />
      </td>
      <td role="cell" class="next" data-label="Next due">
        <Due task={task} clock={clock} />
        <span class="faint schedule" title={task.schedule}>{task.scheduleWords}</span>
      </td>
      <td role="cell" class="size numbers" data-label="Size">
        {sizeBytes === null ? "" : formatBytes(sizeBytes)}
      </td>
      {facts.canRun && (
        <td role="cell" class="act">
          <button
            type="submit"
            form={RUN_FORM}
            name="task"
            value={task.id}
            aria-label={`Run ${shown(task.id)} now`}
          >
            Run
          </button>
        </td>
      )}
    </tr>
  );
}

/** The host and the file of a task, as far as its id does not name them. */
export function subtitle({ url, key, dates }: PageTask): string {
  const host = URL.parse(url)?.host ?? "";
  const name = dates === undefined ? shownKey(key) : "(dates)";
  return host === "" ? name : `${host} → ${name}`;
}

/** The health of a task, and what is wrong since when. */
function Condition({ task, isRunning, clock }: {
  readonly task: PageTask;
  readonly isRunning: boolean;
  readonly clock: Clock;
}) {
  const { record } = task;
  const problem = problemOf(task);
  const since = record?.failingSince ?? null;
  return (
    <>
      <Badges task={task} isRunning={isRunning} />
      {task.note !== undefined && <span class="faint">{task.note}</span>}
      {problem !== null && (
        <span class="problem" title={shown(problem)}>{sentence(shown(problem))}</span>
      )}
      {problem === null && task.stale && record?.lastRunAt && (
        <span class="problem">
          Last run <When time={record.lastRunAt} clock={clock} />
        </span>
      )}
      {record !== null && record.failures > 0 && (
        <span class="faint">
          {plural(record.failures, "failure")}
          {since !== null && (
            <>
              , {record.failures > 1 && "the first "}
              <When time={since} clock={clock} />
            </>
          )}
        </span>
      )}
    </>
  );
}

/** The health of a task and what else is true of it. */
export function Badges(
  { task, isRunning }: { readonly task: PageTask; readonly isRunning: boolean },
): JSX.Element {
  return (
    <span class="badges">
      <HealthBadge health={task.health} />
      {isRunning && <Badge tone="plain">running</Badge>}
      {task.paused && <Badge tone="plain">paused</Badge>}
      {task.stale && task.health !== "stale" && <Badge tone="warning">stale</Badge>}
    </span>
  );
}

/**
 * When a task last succeeded, and how close it is to being stale.
 *
 * @param isBrief Shows the time of staleness only when it is near.
 */
export function Age({ task, clock, isBrief }: {
  readonly task: PageTask;
  readonly clock: Clock;
  readonly isBrief: boolean;
}): JSX.Element {
  const success = task.record?.lastSuccessAt ?? null;
  const share = ageShare(task, clock.now);
  if (success === null) return <span class="faint">never</span>;
  return (
    <>
      <When time={success} clock={clock} />
      {share !== null && <AgeBar share={share} />}
      {share !== null && task.staleFrom !== null && (!isBrief || share > NEARLY_STALE) && (
        <span class="faint">
          stale {share >= 1 && "since "}
          <When time={task.staleFrom} clock={clock} />
        </span>
      )}
    </>
  );
}

/** When a task is due. */
export function Due(
  { task, clock }: { readonly task: PageTask; readonly clock: Clock },
): JSX.Element {
  if (task.paused) return <span>paused</span>;
  if (task.due) return <span>now</span>;
  if (task.nextDue === null) return <span class="faint">on request</span>;
  return <When time={task.nextDue} clock={clock} />;
}
