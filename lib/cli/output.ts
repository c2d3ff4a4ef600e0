/** Output of commands: requested text and NDJSON rows on stdout, remarks on stderr. */

import { isAbsolute, relative } from "@std/path";
import { variable } from "../config/variables.ts";
import type { Host } from "../core/host.ts";
import type { StoreLocation } from "../core/location.ts";
import { EXIT } from "../core/result.ts";
import { escapeControl, escapeControlInJson } from "../core/text.ts";
import { colorWanted, painter } from "../report/format.ts";
import { abortOnSignals } from "../worker/signals.ts";
import type { CommandHost } from "./flags.ts";
import type { TableFormat } from "./table.ts";

/** Writes NDJSON to standard output: one object per line, as fast as the reader accepts them. */
export async function writeRows(
  rows: Iterable<object>,
  host: Pick<Host, "stdout">,
): Promise<void> {
  for (const row of rows) {
    if (!host.stdout.write(`${escapeControlInJson(JSON.stringify(row))}\n`)) return;
    await host.stdout.ready();
  }
}

/** Writes requested lines to standard output, as fast as the reader accepts them. */
export async function printLines(
  lines: Iterable<string>,
  host: Pick<Host, "stdout">,
): Promise<void> {
  for (const line of lines) {
    if (!host.stdout.write(`${line}\n`)) return;
    await host.stdout.ready();
  }
}

/** Writes lines about a command to standard error. */
export function writeLines(lines: readonly string[], host: Pick<Host, "stderr">): void {
  host.stderr.write(lines.map((line) => `${line}\n`).join(""));
}

/** A writer of single sentences to standard error. Control characters are escaped. */
export function lineWriter({ stderr }: Pick<Host, "stderr">): (sentence: string) => void {
  return (sentence) => void stderr.write(`${escapeControl(sentence)}\n`);
}

/** A store as people write it: a folder in the current one is relative, a bucket without options. */
export function storeText(store: StoreLocation, { cwd }: Pick<Host, "cwd">): string {
  switch (store.kind) {
    case "memory":
      return "memory:";
    case "folder": {
      const path = relative(cwd(), store.path);
      return path === "" ? "." : path.startsWith("..") || isAbsolute(path) ? store.path : path;
    }
    case "s3":
      return `s3://${store.bucket}${store.prefix && `/${store.prefix}`}`;
    default:
      return store satisfies never;
  }
}

/** How tables are shown on standard output; without colours if they are disabled. */
export function tableFormat(host: Pick<Host, "env" | "stdout">): TableFormat {
  const { stdout } = host;
  const color = colorWanted((name) => variable(name, host), stdout.isTerminal());
  return { width: stdout.isTerminal() ? stdout.columns() : null, paint: painter(color) };
}

/** The host of a command. In GitHub Actions, no text it writes can be a workflow command. */
export async function commandHost(host: Host): Promise<CommandHost> {
  if (variable("GITHUB_ACTIONS", host) !== "true") return { ...host, workflow: null };
  const { WorkflowLog } = await import("../report/workflow_log.ts");
  const workflow = new WorkflowLog(host.stderr);
  return { ...host, stdout: new WorkflowLog(host.stdout), stderr: workflow, workflow };
}

/** How long to wait for a reader that accepts no output. */
const PATIENCE_MS = 60_000;
/** The same after a signal or a deadline, when the process should end soon. */
const HURRIED_MS = 2_000;

/** Exit codes of commands that a signal or a deadline has ended. */
const HURRIED: readonly number[] = [EXIT.interrupted, EXIT.terminated, EXIT.deadline];

/**
 * Waits until standard output and standard error are written. A signal ends the wait.
 *
 * @param exitCode The exit code of the command.
 * @returns The exit code of the process. If standard output was not read completely, success
 * becomes `EXIT.temporary`, so that the caller does not take the output for complete.
 */
export async function deliver(
  exitCode: number,
  host: Pick<Host, "stdout" | "stderr" | "onSignal" | "exit" | "clock">,
): Promise<number> {
  using signals = abortOnSignals(host);
  const { signal } = signals;
  const patienceMs = HURRIED.includes(exitCode) ? HURRIED_MS : PATIENCE_MS;
  const [isDelivered] = await Promise.all([
    host.stdout.end(patienceMs, signal),
    host.stderr.end(patienceMs, signal),
  ]);
  // The host has reported the loss on standard error.
  if (!isDelivered) await host.stderr.end(HURRIED_MS, new AbortController().signal);
  if (signal.aborted) return signals.exitCode();
  return !isDelivered && exitCode === EXIT.good ? EXIT.temporary : exitCode;
}
