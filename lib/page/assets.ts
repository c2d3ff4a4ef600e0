/** The files that every page asks for. All are ours, and come from here. */

import { createHash } from "node:crypto";
import icon from "./icon.svg" with { type: "text" };
import script from "./live.js" with { type: "text" };
import style from "./style.css" with { type: "text" };
import type { Assets } from "./layout.tsx";

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
