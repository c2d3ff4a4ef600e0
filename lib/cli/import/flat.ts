/** Reads workflows of Flat (githubocto/flat): its inputs, and the schedule of the workflow. */

import { readYaml } from "../../config/source/yaml.ts";
import type { TaskInput } from "../../config/input.ts";
import type { ImportedConfig } from "./assemble.ts";
import type { ImportNote } from "./draft.ts";

/** Whether a text is a workflow with a step of Flat. */
export function isFlat(text: string): boolean {
  return text.split("\n").some((line) => /^(?:http_url|sql_connstring):/.test(line.trimStart()));
}

/** Inputs of a step without an equivalent, and the reasons. */
const NO_EQUIVALENT: Readonly<Record<string, string>> = {
  axios_config: "write its headers and timeout in the config",
  postprocess: "run it in a later step of the workflow, with the output `changed`",
  sql_connstring: "cronfetch fetches files by http and https",
  sql_format: "cronfetch fetches files by http and https",
  sql_queryfile: "cronfetch fetches files by http and https",
  typeorm_config: "cronfetch fetches files by http and https",
};

/** Inputs that cronfetch does not need. */
const BY_ITSELF: ReadonlySet<string> = new Set([
  "http_url",
  "downloaded_filename",
  "authorization",
  "mask",
]);

/** Reads a workflow. Its steps become tasks of a repository with the state beside the files. */
export function readFlat(text: string): ImportedConfig {
  const { value, problems } = readYaml(text);
  const notes: ImportNote[] = problems.map(({ message }) => ({
    line: null,
    what: "the workflow",
    reason: message,
  }));
  const schedule = scheduleOf(field(value, "on"), notes);
  const tasks = Object.values(record(field(value, "jobs")))
    .flatMap((job) => list(field(job, "steps")))
    .flatMap((step) => taskOf(record(field(step, "with")), notes));
  return {
    settings: {
      store: ".",
      state: "file:cronfetch.state.json",
      ...schedule === null ? {} : { schedule },
    },
    tasks,
    notes,
    secrets: [],
  };
}

/** The task of a step; none for a step of another action. */
function taskOf(inputs: Readonly<Record<string, unknown>>, notes: ImportNote[]): TaskInput[] {
  if (!("http_url" in inputs) && !("sql_connstring" in inputs)) return [];
  for (const name of Object.keys(inputs)) {
    const reason = NO_EQUIVALENT[name];
    if (reason !== undefined) notes.push({ line: null, what: name, reason });
    else if (!BY_ITSELF.has(name)) {
      notes.push({ line: null, what: name, reason: "it has no equivalent" });
    }
  }
  const url = text(inputs["http_url"]);
  if (url === "") return [];
  const to = text(inputs["downloaded_filename"]).replace(/^\.\//, "");
  const authorization = withVariables(
    text(inputs["authorization"]),
    (literal) => literal.replaceAll("${", () => "$${"),
  );
  return [{
    url: withVariables(url, (literal) => literal.replace(/[{}]/g, (brace) => brace + brace)),
    ...to === "" ? {} : { to: to.replace(/[{}]/g, (brace) => brace + brace) },
    ...authorization === "" ? {} : { headers: { authorization } },
  }];
}

/** The first schedule of a workflow, which is in UTC. */
function scheduleOf(triggers: unknown, notes: ImportNote[]): string | null {
  const crons = list(field(triggers, "schedule")).map((entry) => text(field(entry, "cron")));
  const [first, ...others] = crons;
  for (const cron of others) {
    notes.push({ line: null, what: `cron ${cron}`, reason: "a task has one schedule" });
  }
  return first ?? null;
}

const EXPRESSION = /\$\{\{\s*(?:secrets|vars|env)\.([A-Za-z_][A-Za-z0-9_]*)\s*\}\}/g;

/** Replaces `${{ secrets.NAME }}` by `${env:NAME}`, which the step of the workflow sets. */
function withVariables(value: string, escape: (literal: string) => string): string {
  let written = "";
  let end = 0;
  for (const { index, 0: whole, 1: name } of value.matchAll(EXPRESSION)) {
    written += `${escape(value.slice(end, index))}\${env:${name}}`;
    end = index + whole.length;
  }
  return written + escape(value.slice(end));
}

function field(value: unknown, name: string): unknown {
  return record(value)[name];
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? value as Record<string, unknown> : {};
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function text(value: unknown): string {
  return typeof value === "string" ? value.trim() : "";
}
