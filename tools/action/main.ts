/** The step of the action that commits; see `commit.ts`. Its inputs are environment variables. */

import { CronfetchError } from "../../lib/core/errors.ts";
import { escapeControl } from "../../lib/core/text.ts";
import { realHost } from "../../lib/host.ts";
import { outputText } from "../../lib/report/github.ts";
import { WorkflowLog } from "../../lib/report/workflow_log.ts";
import { commitRun } from "./commit.ts";
import { ActionError, gitIn } from "./git.ts";

const host = realHost();
const log = new WorkflowLog(host.stderr);

/** How long a stalled reader of the log may delay the exit after a failure, in milliseconds. */
const WRITE_MS = 60_000;

/** The value of a variable; empty if it is not set. */
function input(name: string): string {
  return host.env(name) ?? "";
}

/** The value of a variable with a fixed set of values. */
function choice<T extends string>(name: string, words: readonly T[]): T {
  const value = input(`INPUT_${name.toUpperCase().replaceAll("-", "_")}`);
  const word = words.find((word) => word === value);
  if (word !== undefined) return word;
  throw new ActionError(
    `the input ${name} is one of ${words.join(", ")}, not ${JSON.stringify(value)}`,
  );
}

/** `Name <address>` as git's variables for author and committer. */
function identity(author: string): Record<string, string> {
  const [, name, email] = /^([^<>\n]*[^<>\s]) <([^<>\s]+)>$/.exec(author) ?? [];
  if (name === undefined || email === undefined) {
    throw new ActionError(
      `the input author needs the form Name <address>, not ${JSON.stringify(author)}`,
    );
  }
  return {
    GIT_AUTHOR_NAME: name,
    GIT_AUTHOR_EMAIL: email,
    GIT_COMMITTER_NAME: name,
    GIT_COMMITTER_EMAIL: email,
  };
}

async function eventsOfRun(): Promise<string> {
  try {
    return await Deno.readTextFile(input("RUN_EVENTS"));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}

async function commit(): Promise<void> {
  const mode = choice("commit", ["true", "data"]);
  const env = identity(input("INPUT_AUTHOR"));
  const { commit } = await commitRun({
    events: await eventsOfRun(),
    store: input("RUN_STORE"),
    state: input("RUN_STATE"),
    when: mode === "true" ? "all" : "data",
    subject: input("INPUT_COMMIT_MESSAGE"),
    skipCi: choice("skip-ci", ["true", "false"]) === "true",
    branch: input("INPUT_BRANCH"),
    push: choice("push", ["true", "false"]) === "true",
    eventRef: input("GITHUB_REF"),
  }, {
    ...host,
    gitIn: (folder) => gitIn(folder, env),
    folder: host.cwd(),
    log: (sentence) => void log.write(`${escapeControl(sentence)}\n`),
    warn: (sentence) =>
      void log.command("warning", escapeControl(sentence), { title: "cronfetch" }),
  });
  const outputs = { committed: `${commit !== null}`, commit: commit ?? "" };
  const file = input("GITHUB_OUTPUT");
  if (file !== "") {
    await host.appendFile(file, outputText(outputs, `cronfetch-${host.random.name()}`));
  }
  const [server, repository] = [input("GITHUB_SERVER_URL"), input("GITHUB_REPOSITORY")];
  const summary = input("GITHUB_STEP_SUMMARY");
  if (commit === null || summary === "" || server === "" || repository === "") return;
  const url = `${server}/${repository}/commit/${commit}`;
  await host.appendFile(summary, `Committed as [${commit.slice(0, 10)}](${url}).\n`);
}

try {
  await commit();
} catch (error) {
  if (!(error instanceof ActionError || error instanceof CronfetchError)) throw error;
  log.command("error", escapeControl(error.message), { title: "cronfetch: nothing was pushed" });
  // The process must not exit before the message is written.
  await host.stderr.end(WRITE_MS, new AbortController().signal);
  host.exit(1);
}
