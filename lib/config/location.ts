/** Where files go and where is remembered what was fetched: texts -> absolute locations. */

import { basename, dirname, isAbsolute, join, resolve } from "@std/path";
import type { Parsed } from "./problem.ts";
import { parseBucket } from "../core/bucket.ts";
import { type OwnFile, ownFilesIn, stateFile } from "../core/ownership.ts";
import { question } from "./suggest.ts";

/** A scheme; one letter and a colon is a drive. */
const SCHEME = /^[a-z][a-z0-9+.-]+:/i;

/** Reads a store; a folder is relative to `folder`. */
export function parseStore(text: string, folder: string): Parsed<string> {
  if (/\p{Cc}/u.test(text)) return { complaint: "must not hold control characters" };
  if (text === "memory:") return { value: text };
  if (text.startsWith("s3:")) {
    const bucket = parseBucket(text);
    return "complaint" in bucket ? bucket : { value: text };
  }
  return SCHEME.test(text)
    ? { complaint: 'must be a folder, "s3://bucket/prefix" or "memory:"' }
    : { value: resolve(folder, text) };
}

/** Reads a state; a path is relative to `folder`. */
export function parseState(text: string, folder: string): Parsed<string> {
  if (/\p{Cc}/u.test(text)) return { complaint: "must not hold control characters" };
  // Without a path: the database that the platform assigns.
  if (text === "memory:" || text === "kv:") return { value: text };
  const [, kind, path] = /^(kv|file):(.+)$/.exec(text) ?? [];
  if (path !== undefined) {
    const remote = kind === "kv" && /^https?:\/\//.test(path);
    return { value: remote ? text : `${kind}:${resolve(folder, path)}` };
  }
  if (/^postgres(?:ql)?:\/\//.test(text) && URL.canParse(text)) return { value: text };
  const guess = SCHEME.test(text) ? null : text.endsWith(".json") ? `file:${text}` : `kv:${text}`;
  return {
    complaint: 'must be "kv:" or "file:" with a path, or "memory:"' +
      question(guess),
  };
}

/** The places that a config names. */
export interface Places {
  /** An absolute folder, or the location of another store. */
  readonly store: string;
  /** As in a `Config`, or of an open state. */
  readonly state: string;
  /** Absolute paths of the files of the config. */
  readonly files: readonly string[];
}

/**
 * The files of cronfetch itself that are inside of a store, by the paths as they are written and
 * by those that the file system has for them: any of the folders may be a symbolic link.
 */
export function ownFilesOf({ store, state, files }: Places): OwnFile[] {
  if (!isAbsolute(store)) return [];
  const stateAt = stateFile(state);
  return ownFilesIn({
    stores: spellings(store),
    configs: files.flatMap(spellings),
    states: stateAt === null ? [] : spellings(stateAt),
  });
}

/** A path as it is written; in its real folder; and where it leads if it is a link itself. */
function spellings(path: string): string[] {
  return [...new Set([path, join(realPath(dirname(path)), basename(path)), realPath(path)])];
}

/**
 * The real path of what may not exist yet: then of the deepest folder above that does. Without
 * the permission to read it, which is not requested, the path as it is written.
 */
function realPath(path: string): string {
  if (Deno.permissions.querySync({ name: "read", path }).state !== "granted") return path;
  try {
    return Deno.realPathSync(path);
  } catch {
    const above = dirname(path);
    return above === path ? path : join(realPath(above), basename(path));
  }
}
