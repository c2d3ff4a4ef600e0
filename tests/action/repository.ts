/** A bare repository on the disk, and working copies of it. */

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

/** Git in a folder, as a person on a machine that configures nothing. */
export function personsGit(folder: string): Git {
  return gitIn(folder, IDENTITY);
}

/** A working copy. */
export interface Clone {
  readonly path: string;
  readonly git: Git;
  /** Runs git, and gives what it prints. */
  ask(...args: string[]): Promise<string>;
  write(name: string, text: string): Promise<void>;
  /** Commits everything that is there. */
  commit(message: string): Promise<void>;
}

/** A remote repository. */
export interface Remote extends AsyncDisposable {
  /** Path of the bare repository. */
  readonly path: string;
  readonly git: Git;
  /** A folder for whatever else a test needs; it goes with the rest. */
  folder(name: string): Promise<string>;
  /** Makes a working copy, as `actions/checkout` does unless more is asked for. */
  clone(name: string, args?: readonly string[]): Promise<Clone>;
  /** The text of a file at the tip of a branch; null where there is none. */
  file(path: string, branch?: string): Promise<string | null>;
  /** Every path at the tip of a branch. */
  paths(branch?: string): Promise<string[]>;
  /** The first lines of the messages of a branch, the newest first. */
  log(branch?: string): Promise<string[]>;
  /** Puts a hook into the bare repository. */
  hook(name: string, script: string): Promise<void>;
}

/** Makes a remote whose branch `main` holds some files. */
export async function remoteWith(files: Readonly<Record<string, string>>): Promise<Remote> {
  const folder = await temporaryFolder();
  const path = folder.file("remote.git");
  await Deno.mkdir(path);
  const git = personsGit(path);
  await ask(git, ["init", "--quiet", "--bare", "-b", "main"]);
  // A shallow clone asks for it.
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

/** Nothing is in a working copy that its commit does not hold, but for what is named. */
export async function assertClean(clone: Clone, but: readonly string[] = []): Promise<void> {
  const status = await clone.ask("status", "--porcelain", "--untracked-files=all");
  const lines = status.split("\n").filter((line) => line !== "" && !isLock(line));
  assertEquals(lines.map((line) => line.trim()), [...but]);
}

/** The empty lock of a state stays beside it. */
function isLock(line: string): boolean {
  return line.endsWith(".json.lock");
}
