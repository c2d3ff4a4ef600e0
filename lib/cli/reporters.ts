/** The reporters of a run that write files: what `--report` asks for, and what GitHub takes. */

import { resolve } from "@std/path";
import type { Config } from "../config/config.ts";
import { variable } from "../config/variables.ts";
import { CronfetchError } from "../core/errors.ts";
import type { Reporter } from "../core/event.ts";
import type { Host } from "../core/host.ts";
import { escapeControl } from "../core/text.ts";
import { WorkflowLog } from "../report/workflow_log.ts";

/** The forms of a report. */
const REPORT_KINDS = ["junit"] as const;

/** One of the reports that `--report` asks for. */
export interface ReportRequest {
  readonly kind: typeof REPORT_KINDS[number];
  /** Absolute. */
  readonly path: string;
}

/**
 * Reads the values of `--report`.
 *
 * @param values `KIND=FILE` each; a relative file is one in `cwd`.
 * @throws {CronfetchError} `usage`.
 */
export function reportRequests(values: readonly string[], cwd: string): ReportRequest[] {
  return values.map((value) => {
    const [, name = "", file = ""] = /^([^=]*)=(.*)$/s.exec(value) ?? [];
    const kind = REPORT_KINDS.find((known) => known === name);
    if (kind !== undefined && file !== "") return { kind, path: resolve(cwd, file) };
    const forms = REPORT_KINDS.map((known) => `${known}=FILE`).join(" or ");
    throw new CronfetchError("usage", `--report needs ${forms}, not ${JSON.stringify(value)}`);
  });
}

/** Makes the reporters of the reports. */
export async function fileReporters(
  requests: readonly ReportRequest[],
  host: Host,
): Promise<Reporter[]> {
  const complain = (sentence: string) => void host.stderr.write(`${escapeControl(sentence)}\n`);
  return await Promise.all(requests.map(async ({ kind, path }): Promise<Reporter> => {
    switch (kind) {
      case "junit": {
        const { junitReporter } = await import("../report/junit.ts");
        return junitReporter({ path, host, warn: complain });
      }
      default:
        return kind satisfies never;
    }
  }));
}

/**
 * The reporter for GitHub, if the host is in a workflow; it comes before all others.
 *
 * @param config Where files and state are is told to later steps, which may commit them.
 * @param quiet Whether the run says so little that there is nothing to fold away.
 */
export async function workflowReporters(
  { store, state }: Pick<Config, "store" | "state">,
  quiet: boolean,
  host: Host,
): Promise<Reporter[]> {
  if (!(host.stderr instanceof WorkflowLog)) return [];
  const { githubReporter } = await import("../report/github.ts");
  return [githubReporter({
    log: host.stderr,
    host,
    summaryFile: variable("GITHUB_STEP_SUMMARY", host) ?? null,
    outputFile: variable("GITHUB_OUTPUT", host) ?? null,
    outputs: {
      store: store.kind === "folder" ? store.path : "",
      state: state.kind === "file" ? state.path : "",
    },
    group: !quiet,
  })];
}
