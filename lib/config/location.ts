/** Where files go and where is remembered what was fetched: texts -> absolute locations. */

import { resolve } from "@std/path";
import type { Parsed } from "./parsed.ts";
import { parseBucket } from "../core/bucket.ts";
import { question } from "./issues.ts";

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
