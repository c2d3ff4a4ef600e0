/** Pushing, when others push too. */

import type { Random, Timers } from "../../lib/core/host.ts";
import { plural } from "../../lib/report/format.ts";
import { ActionError, ask, type Git, type GitAnswer, saidBy, tryAsk } from "./git.ts";
import { HEADS, type Target } from "./target.ts";

/** Tries of one push. */
export const PUSH_ATTEMPTS = 10;

/** The waiting before the second try, and the longest one. */
const FIRST_DELAY_MS = 1_000;
const LONGEST_DELAY_MS = 20_000;

/** What a push works with. */
export interface PushContext {
  readonly git: Git;
  readonly timers: Pick<Timers, "sleep">;
  readonly random: Pick<Random, "fraction">;
  /** Takes a sentence for people. */
  readonly log: (sentence: string) => void;
}

/** The commits that a push is about. */
export interface PushWork {
  /** What was checked out when the run began. */
  readonly head: string;
  /** Our commit on top of it. */
  readonly own: string;
  /**
   * Makes our changes anew on top of another commit.
   *
   * @returns Null where nothing of them is left to be told there.
   */
  readonly replay: (tip: string) => Promise<string | null>;
}

/**
 * Pushes a commit. Whenever the branch is not where it was when the run began,
 * our changes are replayed on top of it; a push that comes too late is tried
 * again, each time after a longer while, which chance shortens so that two that
 * meet do not meet again.
 *
 * The push is a lease of the tip it builds on. So nothing of others can be
 * overwritten, and a branch that was deleted meanwhile does not come back.
 *
 * @returns The commit at the end of the branch that holds our changes.
 * @throws {ActionError} With the reason in a sentence.
 */
export async function push(
  work: PushWork,
  target: Target,
  context: PushContext,
): Promise<string> {
  const { git, log, timers, random } = context;
  // Counted before anything is fetched: a shallow fetch forgets what the remote had before.
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

/** One try: the commit that the branch holds now, or what git said. */
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
    throw new ActionError(`the branch ${branch} is not there any more, and is not made anew`);
  }
  let commit: string | null = work.own;
  if (tip !== null && !await isBelow(tip, work.head, target, git)) {
    const fetched = await fetch(target, git);
    if (typeof fetched !== "string") return fetched;
    tip = fetched;
    // They would go with our own commit, but a replay would leave them behind.
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

/** Whether our own commit is one on top of the tip of the branch. */
async function isBelow(tip: string, head: string, target: Target, git: Git): Promise<boolean> {
  if (tip === head) return true;
  // From elsewhere, a commit of a pull request say, more would be pushed than a run's files.
  return target.checkedOut &&
    await tryAsk(git, ["merge-base", "--is-ancestor", tip, head]) !== null;
}

/** Gets the tip of the branch, and no history where there is none anyway. */
async function fetch({ remote, branch }: Target, git: Git): Promise<string | GitAnswer> {
  const shallow = await ask(git, ["rev-parse", "--is-shallow-repository"]) === "true";
  const tracking = `refs/remotes/${remote}/${branch}`;
  const depth = shallow ? ["--depth=1"] : [];
  const answer = await git(
    ["fetch", "--quiet", "--no-tags", ...depth, remote, `+${HEADS}${branch}:${tracking}`],
  );
  return answer.code === 0 ? await ask(git, ["rev-parse", tracking]) : answer;
}

/** How many commits here, made by others before us, the remote does not have. */
async function localCommits(head: string, target: Target, git: Git): Promise<number> {
  if (!target.checkedOut) return 0;
  const { remote } = target;
  return Number(await ask(git, ["rev-list", "--count", head, "--not", `--remotes=${remote}`]));
}

function tipIn(list: string, ref: string): string | null {
  const line = list.split("\n").find((line) => line.endsWith(`\t${ref}`));
  return line?.split("\t")[0] ?? null;
}

/** Why no further try can help, by what a remote said; null where one may. */
function lastingRefusal({ stdout, stderr }: GitAnswer, { branch }: Target): string | null {
  const said = `${stdout}\n${stderr}`;
  // The same code stands for rules of a branch and for this one.
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
