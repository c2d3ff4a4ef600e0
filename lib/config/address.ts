/** A URL of the config: variables filled in, dates found, checked as of the time of loading. */

import { parseUrl } from "./checks.ts";
import { substituteUrl } from "./environment.ts";
import { show } from "./problem.ts";
import { settle } from "./scope.ts";
import type { Path, Scope } from "./scope.ts";
import { secretsInUrl } from "./secrets.ts";
import { parseTemplate } from "./template.ts";
import type { Template } from "./template.ts";

/** A URL that may hold dates. */
export interface Address {
  /** The template as text, its variables filled in. */
  readonly written: string;
  /** The same, read. */
  readonly template: Template;
  /** What it is at the time of loading. */
  readonly text: string;
  /** The same, parsed. */
  readonly url: URL;
}

/** Reads a URL; null after a complaint. Its userinfo goes to the secrets. */
export function readAddress(
  text: string,
  timezone: string,
  path: Path,
  scope: Scope,
): Address | null {
  const written = settle(substituteUrl(text, scope.host), path, scope);
  if (written === null) return null;
  const template = parseTemplate(written, false, scope.suggester.nearest);
  if (template.complaint !== undefined) {
    scope.complain(path, template.complaint);
    return null;
  }
  const rendered = scope.render(template.value, timezone);
  const url = parseUrl(rendered, text);
  if (url.complaint !== undefined) {
    scope.complain(path, url.complaint);
    return null;
  }
  for (const secret of secretsInUrl(url.value)) scope.secrets.add(secret);
  const { hash } = url.value;
  if (hash !== "") {
    scope.warn(path, `has the fragment ${show(hash)}, which is never sent; write %23 for a #`);
  }
  return { written, template: template.value, text: rendered, url: url.value };
}
