/** Rows for programs and lines for people, as the looking commands write them. */

import { variable } from "../config/variables.ts";
import type { Host } from "../core/host.ts";
import { escapeControl, escapeControlInJson } from "../core/text.ts";
import { alignColumns, colorWanted, type Paint, painter, type Style } from "../report/format.ts";
import { WorkflowLog } from "../report/workflow_log.ts";
import { EXIT } from "../core/result.ts";
import { stopOnSignals } from "./signals.ts";

/** Writes NDJSON on standard output: one object a line, as fast as the reader takes them. */
export async function writeRows(
  rows: Iterable<object>,
  host: Pick<Host, "stdout">,
): Promise<void> {
  for (const row of rows) {
    if (!host.stdout.write(`${escapeControlInJson(JSON.stringify(row))}\n`)) return;
    await host.stdout.ready();
  }
}

/** Writes lines for people on standard error. */
export function writeLines(lines: readonly string[], host: Pick<Host, "stderr">): void {
  host.stderr.write(lines.map((line) => `${line}\n`).join(""));
}

/** The colours of standard error; none where they are not wanted. */
export function paintFor(host: Pick<Host, "env" | "stderr">): Paint {
  return painter(colorWanted((name) => variable(name, host), host.stderr.isTerminal()));
}

/**
 * Lays out rows in columns, the first of which is a word in colour.
 *
 * @param rows A style and the cells, which may hold any text.
 */
export function coloredColumns(
  rows: readonly { readonly style: Style; readonly cells: readonly string[] }[],
  paint: Paint,
): string[] {
  const lines = alignColumns(rows.map(({ cells }) => cells.map(escapeControl)));
  return lines.map((line, index) => {
    const row = rows[index];
    const [word = ""] = row?.cells ?? [];
    return row ? paint(row.style, word) + line.slice(word.length) : line;
  });
}

/** The same host; on GitHub, one whose text cannot hold a workflow command. */
export function inWorkflow(host: Host): Host {
  if (variable("GITHUB_ACTIONS", host) !== "true") return host;
  return { ...host, stdout: new WorkflowLog(host.stdout), stderr: new WorkflowLog(host.stderr) };
}

/** How long a reader that accepts nothing is waited for. */
const PATIENCE_MS = 60_000;
/** The same after a signal or a deadline, when the caller wants the process to end. */
const HURRIED_MS = 2_000;

/** Exit codes of commands that were ended from outside. */
const HURRIED: readonly number[] = [EXIT.interrupted, EXIT.terminated, EXIT.deadline];

/**
 * Waits until standard output and standard error are written. A signal ends the wait.
 *
 * @param exitCode The exit code of the command.
 * @returns The exit code of the process: where standard output was not read to its end, success
 * becomes `EXIT.temporary`, since a caller that trusts the output must not take it for complete.
 */
export async function deliver(
  exitCode: number,
  host: Pick<Host, "stdout" | "stderr" | "onSignal" | "exit">,
): Promise<number> {
  using stop = stopOnSignals(host);
  const { signal } = stop;
  const patienceMs = HURRIED.includes(exitCode) ? HURRIED_MS : PATIENCE_MS;
  const [isDelivered] = await Promise.all([
    host.stdout.end(patienceMs, signal),
    host.stderr.end(patienceMs, signal),
  ]);
  // The host has reported the loss on standard error.
  if (!isDelivered) await host.stderr.end(HURRIED_MS, new AbortController().signal);
  if (signal.aborted) return stop.exitCode();
  return !isDelivered && exitCode === EXIT.good ? EXIT.temporary : exitCode;
}
