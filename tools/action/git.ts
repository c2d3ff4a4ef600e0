/** Runs git. */

/** The result of a call. */
export interface GitAnswer {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Options of a call. */
export interface GitInput {
  /** Text on standard input. */
  readonly input?: string;
  /** Additional environment variables. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs git in a folder. Rejects only if git cannot be started. */
export type Git = (args: readonly string[], given?: GitInput) => Promise<GitAnswer>;

/** An expected failure, with a sentence as message. */
export class ActionError extends Error {
  override readonly name = "ActionError";
}

/**
 * Creates a {@linkcode Git} for a folder.
 *
 * @param env Environment variables of every call.
 */
export function gitIn(folder: string, env: Readonly<Record<string, string>>): Git {
  return async (args, given = {}) => {
    await using child = new Deno.Command("git", {
      args: [...args],
      cwd: folder,
      // Fail instead of prompting for a password; rules below match English messages.
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
 * The output of git, without its final line feed.
 *
 * @throws {ActionError} If git fails, with its output.
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

/** The output of git, or null if it fails. */
export async function tryAsk(git: Git, args: readonly string[]): Promise<string | null> {
  const { code, stdout } = await git(args);
  return code === 0 ? stdout.replace(/\n$/, "") : null;
}

/** The paths of a NUL-terminated list. */
export function listed(text: string): string[] {
  return text.split("\0").filter((path) => path !== "");
}

/** The output of a failed call in one line, with the userinfo of URLs removed. */
export function saidBy({ code, stdout, stderr }: GitAnswer): string {
  const text = `${stderr}\n${stdout}`.replace(/\s+/g, " ").trim()
    .replace(/:\/\/[^/\s"']*@/g, "://");
  return text === "" ? `exit code ${code}` : text;
}
