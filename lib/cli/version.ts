/** `--version`: the version, with the commit as build metadata (SemVer, section 10). */

import { fromFileUrl, join, resolve } from "@std/path";
import manifest from "../../deno.json" with { type: "json" };
import type { Host } from "../core/host.ts";
import { EXIT } from "../core/result.ts";
import type { Flags } from "./flags.ts";

/** Prints the version. Returns the exit code. */
export async function version(
  _operands: readonly string[],
  _flags: Flags,
  host: Pick<Host, "stdout">,
): Promise<number> {
  const root = checkoutOf(import.meta.url);
  const shown = root === null ? manifest.version : await versionIn(root);
  host.stdout.write(`cronfetch ${shown}\n`);
  return EXIT.good;
}

/** The root of the checkout that this module is in; null in a bundle and in a published package. */
function checkoutOf(url: string): string | null {
  const [, root] = /^(file:.*\/)lib\/cli\/version\.ts$/.exec(url) ?? [];
  return root === undefined ? null : fromFileUrl(root);
}

/**
 * The version with the commit that a checkout is at.
 *
 * @param root Folder of the checkout. Without `.git` there is no commit.
 * @param labels Further build metadata.
 */
export async function versionIn(root: string, labels: readonly string[] = []): Promise<string> {
  const [commit] = /^[0-9a-f]{10}/.exec(await headIn(root) ?? "") ?? [];
  const metadata = [...commit === undefined ? [] : [commit], ...labels];
  return [manifest.version, ...metadata.length > 0 ? [metadata.join(".")] : []].join("+");
}

/**
 * Reads the current commit from Git's files, since `git` may be missing or not permitted
 * (gitrepository-layout). Null if it cannot be determined.
 */
async function headIn(root: string): Promise<string | null> {
  // In a linked worktree, .git is a file.
  const link = await readLine(join(root, ".git"));
  const git = resolve(root, link?.startsWith(LINK) ? link.slice(LINK.length) : ".git");
  const head = await readLine(join(git, "HEAD"));
  if (!head?.startsWith(REF)) return head;
  const name = head.slice(REF.length);
  const common = resolve(git, await readLine(join(git, "commondir")) ?? ".");
  return await readLine(join(common, name)) ?? await packedRef(common, name);
}

const LINK = "gitdir: ";
const REF = "ref: ";

async function packedRef(git: string, name: string): Promise<string | null> {
  const lines = (await readFile(join(git, "packed-refs")))?.split("\n") ?? [];
  const line = lines.find((line) => line.endsWith(` ${name}`));
  return line?.split(" ")[0] ?? null;
}

async function readLine(path: string): Promise<string | null> {
  return (await readFile(path))?.trimEnd() ?? null;
}

/** Null if there is no such file, or it must not be read. */
async function readFile(path: string): Promise<string | null> {
  try {
    return await Deno.readTextFile(path);
  } catch {
    return null;
  }
}
