/** Calls on git, which is an argument of everything that decides. */

/** What a call gives. */
export interface GitAnswer {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** What a call may be given. */
export interface GitInput {
  /** Text on standard input. */
  readonly input?: string;
  /** Environment variables besides those of this process. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Calls git in one folder. It rejects only where git cannot be started. */
export type Git = (args: readonly string[], given?: GitInput) => Promise<GitAnswer>;

/** What went wrong, in a sentence for people. */
export class ActionError extends Error {
  override readonly name = "ActionError";
}

/**
 * Git in a folder.
 *
 * @param env For every call.
 */
export function gitIn(folder: string, env: Readonly<Record<string, string>>): Git {
  return async (args, given = {}) => {
    await using child = new Deno.Command("git", {
      args: [...args],
      cwd: folder,
      // A password that nobody can type in is no reason to wait; sentences are read by rules below.
      env: { GIT_TERMINAL_PROMPT: "0", LC_ALL: "C", ...env, ...given.env },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const feeding = new Blob([given.input ?? ""]).stream().pipeTo(child.stdin).catch(() => {});
    const { code, stdout, stderr } = await child.output();
    await feeding;
    return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
  };
}

const decoder = new TextDecoder();

/**
 * What git prints, without the line feed at its end.
 *
 * @throws {ActionError} Where git fails, with what it said.
 */
export async function ask(
  git: Git,
  args: readonly string[],
  given: GitInput = {},
): Promise<string> {
  const answer = await git(args, given);
  if (answer.code === 0) return answer.stdout.replace(/\n$/, "");
  throw new ActionError(`git ${args[0]} failed: ${saidBy(answer)}`);
}

/** What git prints, or null where it fails. */
export async function tryAsk(git: Git, args: readonly string[]): Promise<string | null> {
  const { code, stdout } = await git(args);
  return code === 0 ? stdout.replace(/\n$/, "") : null;
}

/** The paths of a list that git ends by NUL characters. */
export function listed(text: string): string[] {
  return text.split("\0").filter((path) => path !== "");
}

/** The output of a failed call in one line, with the userinfo of URLs removed. */
export function saidBy({ code, stdout, stderr }: GitAnswer): string {
  const text = `${stderr}\n${stdout}`.replace(/\s+/g, " ").trim()
    .replace(/:\/\/[^/\s"']*@/g, "://");
  return text === "" ? `exit code ${code}` : text;
}
