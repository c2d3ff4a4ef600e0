/** Determines the branch to push to. */

import { ActionError, ask, type Git, tryAsk } from "./git.ts";

/** A branch of a remote, as seen from a working copy. */
export interface Target {
  readonly remote: string;
  /** Without `refs/heads/`. */
  readonly branch: string;
  /** Whether the branch is checked out. */
  readonly checkedOut: boolean;
  /** Whether HEAD is detached. */
  readonly detached: boolean;
  /** Whether the remote has or had the branch; a deleted branch is not created again. */
  readonly known: boolean;
}

/**
 * Determines the branch to push to: the requested one, the checked-out one, or that of the event.
 *
 * @param asked Requested branch, or empty.
 * @param eventRef `$GITHUB_REF`, or empty. Refs of pull requests and tags are no branches.
 * @throws {ActionError} If there is no branch or no remote.
 */
export async function targetOf(git: Git, asked: string, eventRef: string): Promise<Target> {
  const here = await tryAsk(git, ["symbolic-ref", "--quiet", "--short", "HEAD"]);
  const ofEvent = eventRef.startsWith(HEADS) ? eventRef.slice(HEADS.length) : null;
  const branch = asked !== "" ? asked : here ?? ofEvent;
  if (branch === null) {
    throw new ActionError(
      "no branch is checked out, and the event is none of a branch; " +
        "check a branch out, or set the input branch",
    );
  }
  if (await tryAsk(git, ["check-ref-format", `${HEADS}${branch}`]) === null) {
    throw new ActionError(`${JSON.stringify(branch)} cannot be the name of a branch`);
  }
  const remote = await remoteOf(git, branch);
  const tracking = ["rev-parse", "--verify", "--quiet", `refs/remotes/${remote}/${branch}`];
  const known = branch === ofEvent || await tryAsk(git, tracking) !== null;
  return { remote, branch, checkedOut: branch === here, detached: here === null, known };
}

/** Prefix of refs of branches. */
export const HEADS = "refs/heads/";

async function remoteOf(git: Git, branch: string): Promise<string> {
  const configured = await tryAsk(git, ["config", "--get", `branch.${branch}.remote`]);
  const remotes = (await ask(git, ["remote"])).split("\n").filter((name) => name !== "");
  const remote = [configured, "origin", ...remotes.length === 1 ? remotes : []]
    .find((name) => name !== null && remotes.includes(name));
  if (typeof remote === "string") return remote;
  throw new ActionError("the repository has no remote to push to");
}
