/** The run that goes on. */

import type { JSX } from "hono/jsx/jsx-runtime";
import type { Progress } from "../core/event.ts";
import { formatBytes, formatCount, plural } from "../report/format.ts";
import type { LiveRun } from "./live.ts";
import { taskPath } from "./paths.ts";
import { shown } from "./pieces.tsx";

/** Running tasks shown by name. */
const SHOWN = 5;

/** What is inside of the place where a run is shown; nothing while none goes on. */
export function RunningRun(
  { run, progress }: { readonly run: LiveRun | null; readonly progress: Progress },
): JSX.Element | null {
  if (run === null) return null;
  const running = [...progress.running].slice(0, SHOWN);
  const hidden = progress.running.size - running.length;
  return (
    <section class="running" aria-labelledby="running-title">
      <h2 id="running-title">A run is going on</h2>
      <p class="numbers">
        {formatCount(run.finished)} of {plural(run.tasks, "task")}
        {run.failed > 0 && <span class="bad">, {formatCount(run.failed)} failed</span>},{" "}
        {formatBytes(progress.bytes)} received
      </p>
      <progress aria-labelledby="running-title" max={Math.max(1, run.tasks)} value={run.finished}>
      </progress>
      {running.length > 0 && (
        <ul>
          {running.map(([id, { receivedBytes, totalBytes }]) => (
            <li>
              <a href={taskPath(id)}>{shown(id)}</a>
              {totalBytes !== null && totalBytes > 0 && (
                <progress aria-label={shown(id)} max={totalBytes} value={receivedBytes}></progress>
              )}
              <span class="numbers">
                {formatBytes(receivedBytes)}
                {totalBytes !== null && ` of ${formatBytes(totalBytes)}`}
              </span>
            </li>
          ))}
          {hidden > 0 && <li class="faint">and {formatCount(hidden)} more</li>}
        </ul>
      )}
    </section>
  );
}
