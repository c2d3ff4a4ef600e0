/** Pushes a commit to a branch with concurrent pushes. */

import type { Random, Timers } from "../../lib/core/host.ts";
import { plural } from "../../lib/report/format.ts";
import { ActionError, ask, type Git, type GitAnswer, saidBy, tryAsk } from "./git.ts";
import { HEADS, type Target } from "./target.ts";

/** Attempts of a push. */
export const PUSH_ATTEMPTS = 10;

/** Delay before the second attempt, and the longest delay. */
const FIRST_DELAY_MS = 1_000;
const LONGEST_DELAY_MS = 20_000;

/** Effects of a push. */
export interface PushContext {
  readonly git: Git;
  readonly timers: Pick<Timers, "sleep">;
  readonly random: Pick<Random, "fraction">;
  /** Logs a sentence. */
  readonly log: (sentence: string) => void;
}

/** The commits of a push. */
export interface PushWork {
  /** The commit that the run started from. */
  readonly head: string;
  /** The commit of this run on top of it. */
  readonly own: string;
  /**
   * Recreates the commit on top of another one.
   *
   * @returns Null if it would change nothing.
   */
  readonly replay: (tip: string) => Promise<string | null>;
}

/**
 * Pushes a commit. If the branch has moved since the run started, the changes are replayed on top of
 * it; a rejected push is retried with increasing delays and jitter.
 *
 * The push uses `--force-with-lease` for the tip it builds on, so it neither overwrites other commits
 * nor restores a deleted branch.
 *
 * @returns The pushed commit.
 * @throws {ActionError} With the reason as a sentence.
 */
export async function push(
  work: PushWork,
  target: Target,
  context: PushContext,
): Promise<string> {
  const { git, log, timers, random } = context;
  // Counted before fetching: a shallow fetch removes the history that the count needs.
  const waiting = await localCommits(work.head, target, git);
  for (let attempt = 1;; attempt++) {
    const answer = await pushOnce(work, waiting, target, git);
    if (typeof answer === "string") return answer;
    const reason = lastingRefusal(answer, target);
    if (reason !== null) throw new ActionError(`${reason} (${saidBy(answer)})`);
    if (attempt === PUSH_ATTEMPTS) {
      throw new ActionError(`pushing failed ${attempt} times, last with: ${saidBy(answer)}`);
    }
    const delayMs = Math.min(FIRST_DELAY_MS * 2 ** (attempt - 1), LONGEST_DELAY_MS);
    const shortenedMs = Math.round(delayMs * (0.5 + random.fraction() / 2));
    log(`The push did not work, the next try is in ${shortenedMs} ms: ${saidBy(answer)}`);
    await timers.sleep(shortenedMs, new AbortController().signal);
  }
}

/** One attempt: the new tip of the branch, or git's output. */
async function pushOnce(
  work: PushWork,
  waiting: number,
  target: Target,
  git: Git,
): Promise<string | GitAnswer> {
  const { remote, branch } = target;
  const asked = await git(["ls-remote", remote, HEADS + branch]);
  if (asked.code !== 0) return asked;
  let tip = tipIn(asked.stdout, HEADS + branch);
  if (tip === null && target.known) {
    throw new ActionError(`the branch ${branch} was deleted and is not created again`);
  }
  let commit: string | null = work.own;
  if (tip !== null && !await isBelow(tip, work.head, target, git)) {
    const fetched = await fetch(target, git);
    if (typeof fetched !== "string") return fetched;
    tip = fetched;
    // A plain push would include these commits, but a replay would lose them.
    if (waiting > 0) {
      throw new ActionError(
        `the branch ${branch} has moved on, and ${plural(waiting, "commit")} here ` +
          `${waiting === 1 ? "is" : "are"} not on it; push first, in a step before this one`,
      );
    }
    commit = await work.replay(tip);
    if (commit === null) return tip;
  }
  const lease = `--force-with-lease=${HEADS}${branch}:${tip ?? ""}`;
  const pushed = await git(["push", "--porcelain", lease, remote, `${commit}:${HEADS}${branch}`]);
  return pushed.code === 0 ? commit : pushed;
}

/** Whether the commit is a direct child of the tip of the branch. */
async function isBelow(tip: string, head: string, target: Target, git: Git): Promise<boolean> {
  if (tip === head) return true;
  // From another base, such as a pull request, other commits would be pushed too.
  return target.checkedOut &&
    await tryAsk(git, ["merge-base", "--is-ancestor", tip, head]) !== null;
}

/** Fetches the tip of the branch, without history in a shallow clone. */
async function fetch({ remote, branch }: Target, git: Git): Promise<string | GitAnswer> {
  const shallow = await ask(git, ["rev-parse", "--is-shallow-repository"]) === "true";
  const tracking = `refs/remotes/${remote}/${branch}`;
  const depth = shallow ? ["--depth=1"] : [];
  const answer = await git(
    ["fetch", "--quiet", "--no-tags", ...depth, remote, `+${HEADS}${branch}:${tracking}`],
  );
  return answer.code === 0 ? await ask(git, ["rev-parse", tracking]) : answer;
}

/** Number of earlier local commits that the remote does not have. */
async function localCommits(head: string, target: Target, git: Git): Promise<number> {
  if (!target.checkedOut) return 0;
  const { remote } = target;
  return Number(await ask(git, ["rev-list", "--count", head, "--not", `--remotes=${remote}`]));
}

function tipIn(list: string, ref: string): string | null {
  const line = list.split("\n").find((line) => line.endsWith(`\t${ref}`));
  return line?.split("\t")[0] ?? null;
}

/** Why a retry cannot succeed, by the output of the remote; null if it may. */
function lastingRefusal({ stdout, stderr }: GitAnswer, { branch }: Target): string | null {
  const said = `${stdout}\n${stderr}`;
  // The same code is used for other rules of a branch.
  if (/cannot contain secrets|push protection/i.test(said)) {
    return "the remote found what it takes for a secret in a file, and takes no push with it";
  }
  if (/GH006|GH013|protected branch|rule violations/i.test(said)) {
    return `the branch ${branch} is protected: let this workflow push to it, ` +
      "or set the input branch to one that is not";
  }
  if (
    /permission to .* denied|write access|authentication failed|could not read username|\b403\b/i
      .test(said)
  ) {
    return "this workflow may not push: it needs `permissions: contents: write`, " +
      "and a checkout that keeps its credentials";
  }
  if (/hook declined/i.test(said)) return "the remote refused the commit";
  return null;
}
