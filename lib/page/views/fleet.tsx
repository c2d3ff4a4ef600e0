/** The workers that share the state, and what waits for them. */

import type { JSX } from "hono/jsx/jsx-runtime";
import { formatCount, plural } from "../../report/format.ts";
import type { FleetSummary, WorkerSummary } from "../../state/record_index.ts";
import { Badge, type Clock, shown, When } from "./components.tsx";

/** Workers of which each has a row; the others are only counted. */
const MOST_ROWS = 20;
/** A worker reports every few seconds: after this time it has probably crashed. */
const SILENT_MS = 60_000;

/** The section of the overview. */
export function Fleet(
  { fleet, clock }: { readonly fleet: FleetSummary; readonly clock: Clock },
): JSX.Element {
  const { workers, dueTasks, oldest, largest } = fleet;
  const rate = workers.reduce((sum, { tasksPerSecond }) => sum + tasksPerSecond, 0);
  const slices = workers.reduce((sum, worker) => sum + worker.slices, 0);
  return (
    <section aria-label="Workers">
      <p class={workers.length === 0 && dueTasks > 0 ? "bad" : "faint"}>
        {workers.length === 0
          ? "No worker is running."
          : `${plural(workers.length, "worker")}, ${plural(slices, "host")} in progress, ` +
            `${formatRate(rate)} tasks per second.`}
        {dueTasks === 0 ? " Nothing waits." : ` ${plural(dueTasks, "task")} due`}
        {oldest !== null && (
          <>
            ; {shown(oldest.host)} has waited longest, due{" "}
            <When time={oldest.dueAt} clock={clock} />
          </>
        )}
        {largest !== null && (
          <>; {shown(largest.host)} has most of them, {formatCount(largest.tasks)}.</>
        )}
      </p>
      {workers.length > 0 && (
        <table role="table">
          <thead role="rowgroup">
            <tr role="row">
              {["Worker", "Hosts", "Tasks per second", "Started", "Last report"].map((name) => (
                <th role="columnheader" scope="col">{name}</th>
              ))}
            </tr>
          </thead>
          <tbody role="rowgroup">
            {workers.slice(0, MOST_ROWS).map((worker) => <Row worker={worker} clock={clock} />)}
          </tbody>
        </table>
      )}
      {workers.length > MOST_ROWS && (
        <p class="faint">and {formatCount(workers.length - MOST_ROWS)} more</p>
      )}
    </section>
  );
}

function Row({ worker, clock }: { readonly worker: WorkerSummary; readonly clock: Clock }) {
  const { name, slices, tasksPerSecond, startedAt, seenAt, isDraining } = worker;
  const isSilent = clock.now.epochMilliseconds - Date.parse(seenAt) > SILENT_MS;
  return (
    <tr role="row">
      <th role="rowheader" scope="row">
        {shown(name)} {isDraining && <Badge tone="plain">draining</Badge>}
        {isSilent && <Badge tone="warning">silent</Badge>}
      </th>
      <td role="cell" class="numbers">{formatCount(slices)}</td>
      <td role="cell" class="numbers">{formatRate(tasksPerSecond)}</td>
      <td role="cell">
        <When time={startedAt} clock={clock} />
      </td>
      <td role="cell">
        <When time={seenAt} clock={clock} />
      </td>
    </tr>
  );
}

function formatRate(perSecond: number): string {
  return perSecond >= 10 || perSecond === 0
    ? formatCount(Math.round(perSecond))
    : perSecond.toFixed(1);
}
