/** The files that every page asks for. All are ours, and come from here. */

import { createHash } from "node:crypto";
import icon from "./icon.svg" with { type: "text" };
import script from "./live.js" with { type: "text" };
import style from "./style.css" with { type: "text" };

/** Paths of the files that every page loads. */
export interface Assets {
  readonly style: string;
  readonly script: string;
}

/** By name: content and media type. */
const FILES: ReadonlyMap<string, readonly [text: string, type: string]> = new Map([
  ["icon.svg", [icon, "image/svg+xml"]],
  ["live.js", [script, "text/javascript; charset=utf-8"]],
  ["style.css", [style, "text/css; charset=utf-8"]],
]);

/** Paths that change with the content, so that browsers may keep it. */
export const assets: Assets = {
  style: versioned("style.css", style),
  script: versioned("live.js", script),
};

function versioned(name: string, text: string): string {
  return `/${name}?v=${createHash("sha256").update(text).digest("hex").slice(0, 12)}`;
}

/** Answers with a file; null where there is none of that name. */
export function answerAsset(name: string): Response | null {
  const file = FILES.get(name);
  if (file === undefined) return null;
  const [text, type] = file;
  return new Response(text, {
    headers: { "content-type": type, "cache-control": "max-age=86400" },
  });
}

/**
 * The path of a task below `prefix`. Browsers take `.` and `..` for steps however they are
 * written, so these two go into the query.
 */
export function taskPath(id: string, prefix = "/tasks"): string {
  if (id === "." || id === "..") return `${prefix}/?id=${id}`;
  return `${prefix}/${encodeURIComponent(id.toWellFormed())}`;
}

/** The path of a run. */
export function runPath(run: string): string {
  return `/runs/${encodeURIComponent(run.toWellFormed())}`;
}

/** The path of a published file; its last segment is the name a browser saves it by. */
export function filePath(key: string): string {
  return `/files/${
    key.split("/").map((part) => encodeURIComponent(part.toWellFormed())).join("/")
  }`;
}

/**
 * What stands in a URL behind `prefix`, decoded once and whole: a `/` in an id is as good
 * encoded as plain, since some proxies decode it.
 *
 * @returns Null for what cannot be decoded.
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

/** A URL that may become a link: http or https, and nothing in it masked. Else null. */
export function linkable(url: string): string | null {
  const protocol = URL.parse(url)?.protocol;
  const safe = protocol === "http:" || protocol === "https:";
  return safe && !url.includes("***") ? url : null;
}
