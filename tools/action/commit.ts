/**
 * Commits and pushes the changes of a run.
 *
 * A program instead of shell code in the action, since races for a branch need tests. Commits are
 * created by git's plumbing instead of `git rebase`, which needs a working copy without other edits,
 * rewrites it, and would conflict at the state file, which every run writes.
 */

import { join } from "@std/path";
import type { Clock, Random, Timers } from "../../lib/core/host.ts";
import { allPathsOf, type Changes, pathsOf, withoutForeign, withoutIgnored } from "./changes.ts";
import { removedMembers } from "./family.ts";
import { below, foreignPaths, indexLinks, treeLinks } from "./foreign.ts";
import { ActionError, ask, type Git, listed, tryAsk } from "./git.ts";
import { commitMessage } from "./message.ts";
import { isChanged, type Outcome, outcomesOf } from "./outcomes.ts";
import { changesOf, repositoryPath } from "./paths.ts";
import { push } from "./push.ts";
import { mergeStates } from "./state_merge.ts";
import { type Target, targetOf } from "./target.ts";
import { stage, treeOf } from "./tree.ts";

/** What to commit and where to push it. */
export interface CommitOptions {
  /** The events of the run, as NDJSON. */
  readonly events: string;
  /** Absolute path of the store's folder; empty for another kind of store. */
  readonly store: string;
  /** Absolute path of the state's file; empty for another kind of state. */
  readonly state: string;
  /** `data`: only if a file has changed. `all`: also for a changed state alone. */
  readonly when: "all" | "data";
  /** First line of the message; empty for the number of changes. */
  readonly subject: string;
  readonly skipCi: boolean;
  /** Name of a branch; empty for the checked-out one. */
  readonly branch: string;
  readonly push: boolean;
  /** `$GITHUB_REF`, or empty. */
  readonly eventRef: string;
}

/** Effects, as arguments. */
export interface CommitContext {
  /** Git in a folder of the repository, with an author in its environment. */
  readonly gitIn: (folder: string) => Git;
  readonly folder: string;
  readonly clock: Pick<Clock, "now">;
  readonly timers: Pick<Timers, "sleep">;
  readonly random: Pick<Random, "fraction">;
  /** Logs a sentence. */
  readonly log: (sentence: string) => void;
  /** Logs a warning. */
  readonly warn: (sentence: string) => void;
}

/** The new commit, or null if there was nothing to commit. */
export interface CommitOutcome {
  readonly commit: string | null;
}

/**
 * Commits the changes of a run and, if `push` is set, pushes them.
 *
 * @throws {ActionError} With the reason as a sentence.
 * @throws {CronfetchError} `state.unreadable`.
 */
export async function commitRun(
  options: CommitOptions,
  context: CommitContext,
): Promise<CommitOutcome> {
  const { log, warn } = context;
  const outcomes = outcomesOf(options.events).filter(({ status }) => status !== "skipped");
  if (outcomes.length === 0) return nothing(log, "No task has run: there is nothing to commit.");
  if (options.when === "data" && !outcomes.some(isChanged)) {
    return nothing(log, "No file has changed: there is nothing to commit.");
  }
  const root = await Deno.realPath(
    await ask(context.gitIn(context.folder), ["rev-parse", "--show-toplevel"]),
  );
  const git = context.gitIn(root);
  const head = await tryAsk(git, ["rev-parse", "--verify", "--quiet", "HEAD"]);
  if (head === null) throw new ActionError("the repository has no commit yet to build on");
  const target = options.push ? await targetOf(git, options.branch, options.eventRef) : null;
  const found = await allChanges(outcomes, { root, git, head, warn }, options);
  if (found.state === null) {
    warn(
      "What is remembered is not in a file, and is forgotten: set the input state to file:PATH.",
    );
  }
  const links = await Promise.all([indexLinks(git), treeLinks(git, head)]);
  const foreign = await foreignPaths(allPathsOf(found), {
    root,
    links: new Set(links.flat()),
    gitIn: context.gitIn,
  });
  const changes = await withoutIgnored(withoutForeign(found, foreign, warn), git, warn);

  const make = (base: string, changes: Changes) => commitOn(git, base, changes, options);
  const own = await make(head, changes);
  if (own === null) return nothing(log, "Everything is as it was: there is nothing to commit.");
  // The working copy stays unchanged if another branch is pushed.
  const here = target === null || target.checkedOut || target.detached;
  if (here) {
    await ask(git, ["update-ref", "-m", "cronfetch", "HEAD", own, head]);
    await stage(git, pathsOf(changes));
  }
  if (target === null) {
    log(`Committed as ${own}.`);
    return { commit: own };
  }
  const replay = async (tip: string) => {
    const ours = await merged(git, { head, tip }, root, changes, context);
    // A concurrent push may have added a submodule.
    const foreign = below(allPathsOf(ours), new Set(await treeLinks(git, tip)));
    return await make(tip, withoutForeign(ours, foreign, warn));
  };
  let commit: string;
  try {
    commit = await push({ head, own, replay }, target, { ...context, git });
  } catch (error) {
    // A later commit on top of one that was not pushed could not be pushed either.
    if (here) await tryAsk(git, ["update-ref", "-m", "cronfetch: not pushed", "HEAD", head, own]);
    throw error;
  }
  log(`Pushed to ${target.branch} as ${commit}.`);
  if (here && commit !== own) await follow(git, own, commit, target, log);
  return { commit };
}

function nothing(log: CommitContext["log"], sentence: string): CommitOutcome {
  log(sentence);
  return { commit: null };
}

async function allChanges(
  outcomes: readonly Outcome[],
  { root, git, head, warn }: {
    readonly root: string;
    readonly git: Git;
    /** The commit that the run started from. */
    readonly head: string;
    readonly warn: CommitContext["warn"];
  },
  options: CommitOptions,
): Promise<Changes> {
  const state = await statePath(root, options.state, warn);
  if (options.store === "") {
    const tasks = outcomes.map((outcome) => ({ outcome, paths: [] }));
    return { tasks, state, stateText: null };
  }
  const store = await repositoryPath(root, options.store, "the store");
  const tracked = new Set(listed(await ask(git, ["ls-files", "-z", "--cached"])));
  const removed = state === null ? new Map() : removedMembers(
    await textIn(git, head, state),
    await textIfThere(join(root, state)),
  );
  const tasks = await changesOf(outcomes, { root, store, tracked, removed });
  return { tasks, state, stateText: null };
}

async function textIfThere(path: string): Promise<string | null> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

/** The path of the state from the root; null, with a warning, if it cannot be committed. */
async function statePath(
  root: string,
  state: string,
  warn: CommitContext["warn"],
): Promise<string | null> {
  try {
    return state === "" ? null : await repositoryPath(root, state, "the state");
  } catch (error) {
    if (!(error instanceof ActionError)) throw error;
    // The files can be committed without it.
    warn(error.message);
    return null;
  }
}

/** Commits changes on top of a commit; null if they change nothing. */
async function commitOn(
  git: Git,
  base: string,
  changes: Changes,
  { subject, skipCi }: CommitOptions,
): Promise<string | null> {
  const { tasks, state, stateText } = changes;
  const texts = new Map(state === null || stateText === null ? [] : [[state, stateText]]);
  const tree = await treeOf(git, base, { paths: pathsOf(changes), texts });
  if (tree === await ask(git, ["rev-parse", `${base}^{tree}`])) return null;
  const input = commitMessage(tasks.map(({ outcome }) => outcome), { subject, skipCi });
  return await ask(git, ["commit-tree", tree, "-p", base, "-F", "-"], { input });
}

/** The changes of this run, replayed on top of a pushed commit. */
async function merged(
  git: Git,
  { head, tip }: { readonly head: string; readonly tip: string },
  root: string,
  changes: Changes,
  { clock }: CommitContext,
): Promise<Changes> {
  const { state, tasks } = changes;
  if (state === null) return changes;
  const texts = {
    base: await textIn(git, head, state),
    theirs: await textIn(git, tip, state),
    ours: await Deno.readTextFile(join(root, state)),
  };
  const ids = tasks.map(({ outcome }) => outcome.task);
  const { text, yielded } = mergeStates(texts, ids, clock.now());
  return {
    tasks: tasks.filter(({ outcome }) => !yielded.has(outcome.task)),
    state,
    stateText: text,
  };
}

/** The text of a file in a commit; null if it is missing. */
async function textIn(git: Git, commit: string, path: string): Promise<string | null> {
  const names = await ask(git, ["ls-tree", "-z", "--name-only", "--full-tree", commit, "--", path]);
  return names === "" ? null : (await git(["cat-file", "blob", `${commit}:${path}`])).stdout;
}

/** Updates the working copy to the pushed commit and keeps other edits. */
async function follow(
  git: Git,
  own: string,
  commit: string,
  { branch }: Target,
  log: CommitContext["log"],
): Promise<void> {
  await git(["update-index", "-q", "--refresh"]);
  const moved = await git(["read-tree", "-m", "-u", own, commit]);
  if (moved.code === 0) await ask(git, ["update-ref", "-m", "cronfetch", "HEAD", commit, own]);
  else log(`The working copy was left behind ${branch}: it has other edits.`);
}
