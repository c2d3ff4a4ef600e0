/** Static files of the page, and the paths of its resources. */

import { createHash } from "node:crypto";
import icon from "./static/icon.svg" with { type: "text" };
import script from "./static/live.js" with { type: "text" };
import style from "./static/style.css" with { type: "text" };

/** Paths of the files that every page loads. */
export interface Assets {
  readonly style: string;
  readonly script: string;
}

/** Content and media type by name. */
const FILES: ReadonlyMap<string, readonly [text: string, type: string]> = new Map([
  ["icon.svg", [icon, "image/svg+xml"]],
  ["live.js", [script, "text/javascript; charset=utf-8"]],
  ["style.css", [style, "text/css; charset=utf-8"]],
]);

/** The style sheet and the icon, for a document without a server. */
export const inlineAssets = { style, icon } as const;

/** Paths with a digest of the content, so that browsers may cache the files. */
export const assets: Assets = {
  style: versioned("style.css", style),
  script: versioned("live.js", script),
};

function versioned(name: string, text: string): string {
  return `/${name}?v=${createHash("sha256").update(text).digest("hex").slice(0, 12)}`;
}

/** The response with a static file; null if there is none of that name. */
export function answerAsset(name: string): Response | null {
  const file = FILES.get(name);
  if (file === undefined) return null;
  const [text, type] = file;
  return new Response(text, {
    headers: { "content-type": type, "cache-control": "max-age=86400" },
  });
}

/**
 * The path of a task below `prefix`. Browsers normalize `.` and `..` even when encoded, so these
 * two ids go into the query.
 */
export function taskPath(id: string, prefix = "/tasks"): string {
  if (id === "." || id === "..") return `${prefix}/?id=${id}`;
  return `${prefix}/${encodeURIComponent(id.toWellFormed())}`;
}

/** The path of a run. */
export function runPath(run: string): string {
  return `/runs/${encodeURIComponent(run.toWellFormed())}`;
}

/** The path of a file of a task. */
export function filePath(key: string, task: string): string {
  const path = key.split("/").map((part) => encodeURIComponent(part.toWellFormed())).join("/");
  return `/files/${path}?task=${encodeURIComponent(task.toWellFormed())}`;
}

/** The path of the difference between two files of a task. */
export function diffPath(task: string, older: string, newer: string): string {
  const query = new URLSearchParams({
    task: task.toWellFormed(),
    old: older.toWellFormed(),
    new: newer.toWellFormed(),
  });
  return `/diff?${query}`;
}

/** The path of the login, which leads back to a path. */
export function loginPath(back: string): string {
  return `/login?${new URLSearchParams({ back })}`;
}

/**
 * The id behind `prefix` in a URL, decoded as one value: a `/` in an id may arrive encoded or, after
 * some proxies, plain.
 *
 * @returns Null if it cannot be decoded.
 */
export function idBehind(prefix: string, url: string): string | null {
  const { pathname, searchParams } = new URL(url);
  const rest = pathname.slice(prefix.length);
  if (rest === "") return searchParams.get("id");
  try {
    return decodeURIComponent(rest);
  } catch {
    return null;
  }
}

/** The URL if it can be a link (http or https, and nothing in it redacted), else null. */
export function linkable(url: string): string | null {
  const protocol = URL.parse(url)?.protocol;
  const safe = protocol === "http:" || protocol === "https:";
  return safe && !isRedacted(url) ? url : null;
}

/** Whether a part of a URL or a key was redacted, so that it leads nowhere. */
export function isRedacted(text: string): boolean {
  return text.includes("***");
}
