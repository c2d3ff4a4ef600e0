/** A bare repository on disk and working copies of it. */

import { assertEquals } from "@std/assert";
import { temporaryFolder } from "../helpers/folder.ts";
import { ask, type Git, gitIn } from "../../tools/action/git.ts";

const IDENTITY = {
  GIT_AUTHOR_NAME: "A Person",
  GIT_AUTHOR_EMAIL: "person@example.org",
  GIT_COMMITTER_NAME: "A Person",
  GIT_COMMITTER_EMAIL: "person@example.org",
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_CONFIG_NOSYSTEM: "1",
};

/** Git in a folder, with an author and without other configuration. */
export function personsGit(folder: string): Git {
  return gitIn(folder, IDENTITY);
}

/** A working copy. */
export interface Clone {
  readonly path: string;
  readonly git: Git;
  /** Runs git and returns its output. */
  ask(...args: string[]): Promise<string>;
  write(name: string, text: string): Promise<void>;
  /** Commits all files. */
  commit(message: string): Promise<void>;
}

/** A remote repository. */
export interface Remote extends AsyncDisposable {
  /** Path of the bare repository. */
  readonly path: string;
  readonly git: Git;
  /** A temporary folder for other files. */
  folder(name: string): Promise<string>;
  /** Creates a working copy, by default as `actions/checkout` does. */
  clone(name: string, args?: readonly string[]): Promise<Clone>;
  /** The text of a file at the tip of a branch; null if it is missing. */
  file(path: string, branch?: string): Promise<string | null>;
  /** Every path at the tip of a branch. */
  paths(branch?: string): Promise<string[]>;
  /** The first lines of the messages of a branch, newest first. */
  log(branch?: string): Promise<string[]>;
  /** Adds a hook to the bare repository. */
  hook(name: string, script: string): Promise<void>;
}

/** Creates a remote with files on the branch `main`. */
export async function remoteWith(files: Readonly<Record<string, string>>): Promise<Remote> {
  const folder = await temporaryFolder();
  const path = folder.file("remote.git");
  await Deno.mkdir(path);
  const git = personsGit(path);
  await ask(git, ["init", "--quiet", "--bare", "-b", "main"]);
  // Required by shallow clones.
  await ask(git, ["config", "uploadpack.allowAnySHA1InWant", "true"]);
  const remote: Remote = {
    path,
    git,
    folder: async (name) => {
      await Deno.mkdir(folder.file(name), { recursive: true });
      return folder.file(name);
    },
    clone: async (name, args = ["--depth=1"]) => {
      const at = folder.file(name);
      await ask(personsGit(folder.path), ["clone", "--quiet", ...args, `file://${path}`, at]);
      return cloneAt(at);
    },
    file: async (name, branch = "main") => {
      const { code, stdout } = await git(["cat-file", "blob", `${branch}:${name}`]);
      return code === 0 ? stdout : null;
    },
    paths: async (branch = "main") =>
      (await ask(git, ["ls-tree", "-r", "--name-only", branch])).split("\n"),
    log: async (branch = "main") => (await ask(git, ["log", "--format=%s", branch])).split("\n"),
    hook: async (name, script) => {
      const at = `${path}/hooks/${name}`;
      await Deno.writeTextFile(at, `#!/bin/sh\n${script}\n`);
      await Deno.chmod(at, 0o755);
    },
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
  const first = await remote.clone("first", []);
  await ask(first.git, ["checkout", "--quiet", "-b", "main"]);
  for (const [name, text] of Object.entries({ "README": "hello\n", ...files })) {
    await first.write(name, text);
  }
  await first.commit("first");
  await ask(first.git, ["push", "--quiet", "origin", "main"]);
  return remote;
}

function cloneAt(path: string): Clone {
  const git = personsGit(path);
  return {
    path,
    git,
    ask: (...args) => ask(git, args),
    write: async (name, text) => {
      const at = `${path}/${name}`;
      await Deno.mkdir(at.slice(0, at.lastIndexOf("/")), { recursive: true });
      await Deno.writeTextFile(at, text);
    },
    commit: async (message) => {
      await ask(git, ["add", "--all"]);
      await ask(git, ["commit", "--quiet", "-m", message]);
    },
  };
}

/** Asserts that a working copy equals its commit, except the given lines of `git status`. */
export async function assertClean(clone: Clone, but: readonly string[] = []): Promise<void> {
  const status = await clone.ask("status", "--porcelain", "--untracked-files=all");
  const lines = status.split("\n").filter((line) => line !== "");
  assertEquals(lines.map((line) => line.trim()), [...but]);
}
