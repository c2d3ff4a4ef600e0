/** JUnit XML, for CI systems that show test results. */

import type { Reporter } from "../core/event.ts";
import type { Host } from "../core/host.ts";
import { EXIT, type RunSummary, type TaskResult } from "../core/result.ts";
import { errorMessage, escapeControl } from "../core/text.ts";
import { resultDetails, resultReason } from "./lines.ts";

/** Options of {@linkcode junitReporter}. */
export interface JunitOptions {
  /** Absolute path of the file. */
  readonly path: string;
  readonly host: Pick<Host, "replaceFile">;
  /** Logs a sentence about a failed write. */
  readonly warn: (sentence: string) => void;
}

/**
 * Writes the results of a finished run to a file on `close`, replacing it atomically. A failed write
 * is logged and does not fail the run.
 *
 * A task is a test case: `failed` is a failure, `cancelled` an error (its outcome is unknown),
 * `deferred`, `pending` and `skipped` are skipped.
 *
 * @param options Path of the report.
 */
export function junitReporter({ path, host, warn: complain }: JunitOptions): Reporter {
  const cases: string[] = [];
  let startedAt = "";
  let summary: RunSummary | null = null;
  return {
    report: (event) => {
      if (event.type === "run.started") startedAt = event.time;
      if (event.type === "task.finished") cases.push(caseXml(event.result));
      if (event.type === "run.finished") summary = event.summary;
    },
    close: async () => {
      if (summary === null) return;
      try {
        await host.replaceFile(path, junitXml(summary, cases, startedAt));
      } catch (error) {
        const why = errorMessage(error);
        complain(`The JUnit report could not be written: ${why}`);
      }
    },
  };
}

function junitXml({ counts, durationMs, exitCode }: RunSummary, cases: string[], at: string) {
  const totals = attributes({
    tests: `${cases.length}`,
    failures: `${counts.failed}`,
    errors: `${counts.cancelled}`,
    skipped: `${counts.deferred + counts.pending + counts.skipped}`,
    time: seconds(durationMs),
  });
  // The JUnit schemas allow no fraction of a second here.
  const timestamp = at.replace(/(?:\.\d+)?Z$/, "Z");
  const suite = attributes({ name: "cronfetch", timestamp });
  const output = exitCode === EXIT.good ? "" : `<system-out>exit code ${exitCode}</system-out>\n`;
  return [
    `<?xml version="1.0" encoding="UTF-8"?>\n`,
    `<testsuites name="cronfetch"${totals}>\n`,
    `<testsuite${suite}${totals}>\n`,
    ...cases,
    output,
    `</testsuite>\n`,
    `</testsuites>\n`,
  ].join("");
}

function caseXml(result: TaskResult): string {
  const { task, key, timings } = result;
  const time = seconds(timings.totalMs);
  const start = `<testcase${attributes({ classname: "cronfetch", name: task, file: key, time })}`;
  const verdict = outcomeXml(result);
  return verdict === "" ? `${start}/>\n` : `${start}>${verdict}</testcase>\n`;
}

function outcomeXml(result: TaskResult): string {
  const { status, code } = result;
  const message = attributes({ message: resultReason(result) ?? status });
  const type = attributes({ type: code ?? status });
  switch (status) {
    case "failed":
      return `<failure${message}${type}>${escapeXml(resultDetails(result).join("; "))}</failure>`;
    case "cancelled":
      return `<error${message}${type}/>`;
    case "deferred":
    case "pending":
    case "skipped":
      return `<skipped${attributes({ message: resultDetails(result).join("; ") || status })}/>`;
    case "created":
    case "updated":
    case "unchanged":
      return "";
    default:
      return status satisfies never;
  }
}

function attributes(values: Readonly<Record<string, string>>): string {
  return Object.entries(values).map(([name, value]) => ` ${name}="${escapeXml(value)}"`).join("");
}

function seconds(durationMs: number): string {
  return (durationMs / 1000).toFixed(3);
}

/** Not allowed in XML, like control characters and lone surrogates (XML 1.0, section 2.2). */
const NONCHARACTERS = /[\ufffe\uffff]/g;

/**
 * Escapes a text for XML 1.0 content and attributes. Characters that XML does not allow are shown as
 * `\u{…}`, as on a terminal.
 */
export function escapeXml(text: string): string {
  return escapeControl(text)
    .replace(NONCHARACTERS, (character) => `\\u{${character.charCodeAt(0).toString(16)}}`)
    .replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
