/** What the checks of one source share: where mistakes and secrets go. */

import type { ErrorCode } from "../core/errors.ts";
import { type CheckPattern, type CheckSchedule, parseUrl } from "./checks.ts";
import { type Environment, substituteUrl, type Substitution } from "./variables.ts";
import { show } from "./problem.ts";
import { secretsInUrl } from "./secrets.ts";
import type { Suggester } from "./suggest.ts";
import { parseTemplate, type Render, type Template } from "./template.ts";

/** Where in a source something stands: keys and indexes from its top. */
export type Path = readonly PropertyKey[];

/** What the checks of one source share. */
export interface Scope {
  /** Environment variables. */
  readonly host: Environment;
  /** See {@linkcode CheckSchedule}. */
  readonly checkSchedule: CheckSchedule;
  /** See {@linkcode CheckPattern}. */
  readonly checkPattern: CheckPattern;
  /** Fills in templates as of the time of loading. */
  readonly render: Render;
  /** Finds what was probably meant, over all sources. */
  readonly suggester: Suggester;
  /** Everything that must not be shown, over all sources. */
  readonly secrets: Set<string>;
  /** Records a mistake; the message is the rest of a sentence that begins with the path. */
  complain(path: Path, message: string | (() => string), code?: ErrorCode): void;
  /** Records what is allowed and probably not meant, as `complain` records a mistake. */
  warn(path: Path, message: string): void;
  /** What `work` gave for this key before, or gives now; many tasks say the same. */
  remember<Value>(key: string, work: () => Value): Value;
  /** Gives the one frozen object of those that are equal, so that 100,000 tasks share a few. */
  share<Value extends object>(value: Value): Value;
}

/** Makes {@linkcode Scope.share}. */
export function sharer(): Scope["share"] {
  const known = new Map<string, object>();
  return <Value extends object>(value: Value): Value => {
    const text = JSON.stringify(value);
    const before = known.get(text);
    if (before !== undefined) return before as Value;
    known.set(text, Object.freeze(value));
    return value;
  };
}

/** Makes {@linkcode Scope.remember}. */
export function rememberer(): Scope["remember"] {
  const known = new Map<string, unknown>();
  return <Value>(key: string, work: () => Value): Value => {
    if (!known.has(key)) known.set(key, work());
    return known.get(key) as Value;
  };
}

/** Records what came of filling in variables; gives the text, or null after a complaint. */
export function settle(substitution: Substitution, path: Path, scope: Scope): string | null {
  for (const value of substitution.values) scope.secrets.add(value);
  if (substitution.complaint === null) return substitution.text;
  const code = substitution.missing ? "config.missing-secret" : "config.invalid";
  scope.complain(path, substitution.complaint, code);
  return null;
}

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
