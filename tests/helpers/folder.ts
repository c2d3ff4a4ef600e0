/** Temporary folders, and the content of a folder as an object. */

import { join } from "@std/path";

/** A folder that is removed when it is disposed of. */
export interface TemporaryFolder extends AsyncDisposable {
  /** Absolute, without symbolic links. */
  readonly path: string;
  /** Absolute path of `name` in it. */
  file(name: string): string;
}

/** Creates an empty folder. */
export async function temporaryFolder(): Promise<TemporaryFolder> {
  const path = await Deno.realPath(await Deno.makeTempDir({ prefix: "cronfetch-test-" }));
  return {
    path,
    file: (name) => join(path, name),
    [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }),
  };
}

/** Result of {@linkcode tree}: content (see {@linkcode shown}) by path, `/` between segments. */
export type Tree = Record<string, string>;

/**
 * Every file below `path`, including hidden ones, sorted by name. A symbolic link is shown as `-> ` and
 * its target. A missing folder has no files.
 */
export async function tree(path: string): Promise<Tree> {
  const files: Tree = {};
  for (const name of (await namesBelow(path)).sort()) {
    const place = join(path, name);
    const { isSymlink } = await Deno.lstat(place);
    files[name] = isSymlink
      ? `-> ${await Deno.readLink(place)}`
      : await shown(await Deno.readFile(place));
  }
  return files;
}

/** Longest content that is shown as text, in bytes. */
const TEXT_LIMIT = 1_000;

/**
 * Content as {@linkcode tree} shows it: short UTF-8 as text, anything else as
 * `sha256:` and the digest.
 */
export async function shown(content: string | Uint8Array<ArrayBuffer>): Promise<string> {
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  if (bytes.length <= TEXT_LIMIT) {
    const text = new TextDecoder().decode(bytes);
    if (!text.includes("\ufffd")) return text;
  }
  return `sha256:${await sha256(bytes)}`;
}

/** Digest of `bytes`, lower-case hexadecimal. */
export async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}

/** Paths of all files below `root`/`prefix`, from `root` on; none if there is no such folder. */
export async function namesBelow(root: string, prefix = ""): Promise<string[]> {
  const names: string[] = [];
  try {
    for await (const entry of Deno.readDir(join(root, prefix))) {
      const name = prefix + entry.name;
      if (entry.isDirectory) names.push(...await namesBelow(root, `${name}/`));
      else names.push(name);
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return names;
}
