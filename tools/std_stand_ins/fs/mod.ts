/** Stands in for `@std/fs` where JSR cannot be reached: the functions used here, nothing else. */

import { basename, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";

/** Makes the folder and its parents, unless it is there. */
export async function ensureDir(dir: string | URL): Promise<void> {
  try {
    await Deno.mkdir(dir, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
  }
  const info = await Deno.stat(dir);
  if (info.isDirectory) return;
  throw new Error(
    `Failed to ensure directory exists: expected 'dir', got '${info.isFile ? "file" : "other"}'`,
  );
}

/** Empties the folder, or makes it. */
export async function emptyDir(dir: string | URL): Promise<void> {
  const path = toPath(dir);
  try {
    const entries = await Array.fromAsync(Deno.readDir(path));
    await Promise.all(
      entries.map((entry) => Deno.remove(join(path, entry.name), { recursive: true })),
    );
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    await Deno.mkdir(path, { recursive: true });
  }
}

/** Options of {@linkcode exists}. */
export interface ExistsOptions {
  /** Asks for permission to read it as well. */
  isReadable?: boolean;
  /** Asks for a directory, or a link to one. */
  isDirectory?: boolean;
  /** Asks for a file, or a link to one. */
  isFile?: boolean;
}

/** Whether something, of the kind the options ask for, is at `path`. */
export async function exists(path: string | URL, options: ExistsOptions = {}): Promise<boolean> {
  const { isReadable = false, isDirectory = false, isFile = false } = options;
  if (isDirectory && isFile) {
    throw new TypeError(
      "ExistsOptions.options.isDirectory and ExistsOptions.options.isFile must not be true together",
    );
  }
  try {
    const info = await Deno.stat(path);
    if (isDirectory && !info.isDirectory) return false;
    if (isFile && !info.isFile) return false;
    return !isReadable || readable(info);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    if (error instanceof Deno.errors.PermissionDenied) return !isReadable;
    throw error;
  }
}

function readable(info: Deno.FileInfo): boolean {
  if (info.mode === null) return true;
  if (Deno.uid() === info.uid) return (info.mode & 0o400) !== 0;
  if (Deno.gid() === info.gid) return (info.mode & 0o040) !== 0;
  return (info.mode & 0o004) !== 0;
}

/** Something {@linkcode walk} found. */
export interface WalkEntry extends Deno.DirEntry {
  /** The root as it was given, and the way from there. */
  path: string;
}

/** Options of {@linkcode walk}. */
export interface WalkOptions {
  /**
   * How many folders deep.
   *
   * @default {Infinity}
   */
  maxDepth?: number;
  /**
   * Whether to give files.
   *
   * @default {true}
   */
  includeFiles?: boolean;
  /**
   * Whether to give folders.
   *
   * @default {true}
   */
  includeDirs?: boolean;
  /**
   * Whether to give symbolic links, where they are not followed.
   *
   * @default {true}
   */
  includeSymlinks?: boolean;
  /**
   * Whether to give what links point at, in their place.
   *
   * @default {false}
   */
  followSymlinks?: boolean;
  /**
   * Whether a followed link's entry carries the path of what it points at.
   *
   * @default {true}
   */
  canonicalize?: boolean;
  /** Gives only what ends in one of these extensions; the dot may be left out. */
  exts?: string[];
  /** Gives only paths that match one of these. */
  match?: RegExp[];
  /** Neither gives nor enters paths that match one of these. */
  skip?: RegExp[];
}

/** Gives the root and what is below it, in no order. */
export async function* walk(
  root: string | URL,
  options: WalkOptions = {},
): AsyncIterableIterator<WalkEntry> {
  const { maxDepth = Infinity, includeFiles = true, includeDirs = true } = options;
  const { includeSymlinks = true, followSymlinks = false, canonicalize = true } = options;
  const skipped = (path: string) => options.skip?.some((pattern) => pattern.test(path)) ?? false;
  const wanted = (path: string) =>
    (options.exts?.some((ext) => path.endsWith(ext.startsWith(".") ? ext : `.${ext}`)) ?? true) &&
    (options.match?.some((pattern) => pattern.test(path)) ?? true) && !skipped(path);

  const folder = toPath(root);
  if (maxDepth < 0) return;
  if (includeDirs && wanted(folder)) yield await rootEntry(folder);
  if (maxDepth < 1 || skipped(folder)) return;
  for await (const entry of Deno.readDir(folder)) {
    let path = join(folder, entry.name);
    let isDirectory = entry.isDirectory;
    if (entry.isSymlink && !followSymlinks) {
      if (includeSymlinks && wanted(path)) yield { path, ...entry };
      continue;
    }
    if (entry.isSymlink) {
      const target = await Deno.realPath(path);
      isDirectory = (await Deno.lstat(target)).isDirectory;
      if (canonicalize) path = target;
    }
    if (isDirectory) yield* walk(path, { ...options, maxDepth: maxDepth - 1 });
    else if (includeFiles && wanted(path)) yield { path, ...entry };
  }
}

async function rootEntry(folder: string): Promise<WalkEntry> {
  const path = normalize(folder);
  const { isFile, isDirectory, isSymlink } = await Deno.stat(path);
  return { path, name: basename(path), isFile, isDirectory, isSymlink };
}

function toPath(path: string | URL): string {
  return path instanceof URL ? fileURLToPath(path) : path;
}
