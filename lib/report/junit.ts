/** A run as JUnit XML, for whatever shows the results of tests. */

import type { Reporter } from "../core/event.ts";
import type { Host } from "../core/host.ts";
import { EXIT, type RunSummary, type TaskResult } from "../core/result.ts";
import { escapeControl } from "./format.ts";
import { resultDetails, resultReason } from "./lines.ts";

/** What a {@linkcode junitReporter} works with. */
export interface JunitOptions {
  /** Path of the file, absolute. */
  readonly path: string;
  readonly host: Pick<Host, "replaceFile">;
  /** Takes a sentence for people about a report that could not be written. */
  readonly warn: (sentence: string) => void;
}

/**
 * Writes the results of a run to a file, in one step and when it is closed:
 * whoever reads the file finds an older report or this one, whole. A run that
 * did not come to its end writes none. One that cannot be written fails no run.
 *
 * A task is a test case: `failed` is a failure, `cancelled` an error (nobody
 * knows how it would have ended), `deferred` and `skipped` are skipped.
 *
 * @param options Where to write.
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
        const why = error instanceof Error ? error.message : String(error);
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
    skipped: `${counts.deferred + counts.skipped}`,
    time: seconds(durationMs),
  });
  // A time of the suite has no fraction in the schemas that readers hold it to.
  const timestamp = at.replace(/(?:\.\d+)?Z$/, "Z");
  const suite = attributes({ name: "cronfetch", timestamp });
  const told = exitCode === EXIT.good ? "" : `<system-out>exit code ${exitCode}</system-out>\n`;
  return [
    `<?xml version="1.0" encoding="UTF-8"?>\n`,
    `<testsuites name="cronfetch"${totals}>\n`,
    `<testsuite${suite}${totals}>\n`,
    ...cases,
    told,
    `</testsuite>\n`,
    `</testsuites>\n`,
  ].join("");
}

function caseXml(result: TaskResult): string {
  const { task, key, timings: { responseMs, bodyMs, publishMs } } = result;
  const time = seconds(responseMs + bodyMs + publishMs);
  const start = `<testcase${attributes({ classname: "cronfetch", name: task, file: key, time })}`;
  const verdict = outcomeXml(result);
  return verdict === "" ? `${start}/>\n` : `${start}>${verdict}</testcase>\n`;
}

function outcomeXml(result: TaskResult): string {
  const { status, code } = result;
  const told = attributes({ message: resultReason(result) ?? status });
  const type = attributes({ type: code ?? status });
  switch (status) {
    case "failed":
      return `<failure${told}${type}>${escapeXml(resultDetails(result).join("; "))}</failure>`;
    case "cancelled":
      return `<error${told}${type}/>`;
    case "deferred":
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

/** Beside control characters and halves of surrogates, XML cannot hold these (1.0, section 2.2). */
const NO_CHARACTERS = /[\ufffe\uffff]/g;

/**
 * Any text as XML 1.0, for content and for attributes in double quotes.
 * Characters that XML cannot hold at all are spelled out, as for a terminal.
 */
export function escapeXml(text: string): string {
  return escapeControl(text)
    .replace(NO_CHARACTERS, (character) => `\\u{${character.charCodeAt(0).toString(16)}}`)
    .replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
