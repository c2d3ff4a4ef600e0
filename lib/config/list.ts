/** Compiles a task with `from`: a list, and the template of the tasks of its items. Loaded on demand. */

import { problemWithQuery } from "../core/json_path.ts";
import { listKey } from "../core/key.ts";
import type { ListRule, ListSelection } from "../core/list.ts";
import { DIGEST_ALGORITHMS, type Task } from "../core/task.ts";
import { checkId } from "./checks.ts";
import type { ListTemplate, TaskTemplate } from "./config.ts";
import { keyFor } from "./keys.ts";
import { LIST_DEFAULTS } from "./input.ts";
import { applyOptions, DEFAULT_OPTIONS, type Options } from "./options.ts";
import { type Complaint, quote, withGuess, withHint } from "./problem.ts";
import type { ListOptions } from "./schema/list_schema.ts";
import type { TaskOptions } from "./schema/task_schema.ts";
import { type Path, readUrl, type Scope } from "./scope.ts";
import { createRenderer, parseTemplate, type Template, templateWarning } from "./template.ts";

/** The kinds of lists: the option that has the URL or the repository, and those that belong to it. */
const KINDS = {
  page: ["links"],
  feed: [],
  json: ["items", "url", "id", "name", "size", "date", ...DIGEST_ALGORITHMS, "next"],
  text: [],
  github: ["assets", "tag", "api"],
} as const satisfies Record<ListRule["kind"], readonly (keyof ListOptions)[]>;

/** Names of {@linkcode KINDS}. */
const KIND_NAMES = Object.keys(KINDS) as readonly ListRule["kind"][];

/** What is requested of the API of GitHub. */
const GITHUB_HEADERS = { accept: "application/vnd.github+json" };

/** Origins of `allowOrigins`: exact, all names below a domain, or all. */
const ORIGIN = /^(?:\*|https?:\/\/(?:\*\.)?[^/?#@*\s]+)$/i;

/**
 * Compiles an entry of `tasks` that has `from` and is valid by the schema.
 *
 * @param base Options that the entry does not contain.
 * @param override Applies flags and environment variables.
 * @param path Path of the entry in its source.
 * @returns Null after a problem that prevents the list from being compiled.
 */
export function compileList(
  entry: TaskOptions & { readonly from: ListOptions },
  base: Options,
  override: (options: Options) => Options,
  path: Path,
  scope: Scope,
): TaskTemplate | null {
  const { from, id } = entry;
  const place = [...path, "from"];
  for (const name of ["url", "mirrors", "publishedWithin", "method", "body"] as const) {
    if (entry[name] === undefined) continue;
    const hint = name === "url"
      ? 'remove it: the URL of the list is in "from"'
      : name === "mirrors"
      ? 'write it into "from"'
      : null;
    scope.addProblem([...path, name], withHint('may not be beside "from"', hint));
  }
  if (id === undefined) {
    const message = 'needs an "id": those of its tasks begin with it';
    scope.addProblem(path, withHint(message, 'for example "id": "catalogue"'));
    return null;
  }
  const idProblem = checkId(id) ?? (id.endsWith("/") ? "must not end with a slash" : null);
  if (idProblem !== null) scope.addProblem([...path, "id"], idProblem);
  const rule = readRule(from, place, scope);
  const options = override(applyOptions(base, entry, path, scope));
  const to = readItemName(
    entry.to ?? base.to?.written ?? "{name}",
    options,
    [...path, "to"],
    scope,
  );
  if (rule === null || to === null) return null;
  const address = addressOf(rule, from);
  const resolved = readUrl(address.text, options.timezone, [...place, address.option], scope);
  const mirrors = (from.mirrors ?? []).flatMap((mirror, index) => {
    const mirrorPath = [...place, "mirrors", index];
    return readUrl(mirror, options.timezone, mirrorPath, scope)?.text ?? [];
  });
  if (resolved === null) return null;
  if (resolved.template.dated) {
    scope.addProblem([...place, address.option], "may not contain a date");
  }
  const item = taskOf(id, resolved.text, options);
  const list: ListTemplate = {
    item: { ...item, origin: { kind: "item", parent: id } },
    rule,
    selection: selectionOf(from, place, scope),
    to,
    minCount: from.minCount ?? LIST_DEFAULTS.minCount,
    minRatio: from.minRatio ?? LIST_DEFAULTS.minRatio,
    maxPages: from.maxPages ?? LIST_DEFAULTS.maxPages,
  };
  const { schedule, headers, timeout, expect } = from;
  const own = applyOptions(
    { ...options, expect: { ...DEFAULT_OPTIONS.expect, sniff: false } },
    { schedule, headers: { ...accepted(rule, from), ...headers }, timeout, expect },
    place,
    scope,
  );
  const task: Task = {
    ...taskOf(id, resolved.text, own),
    mirrors,
    key: listKey(id),
    // Of these options, only those of a document that is read have a meaning.
    ...{ segments: 1, keep: 0, mtime: null, quarantine: false, decode: "auto", same: null },
    ...{ transform: null, onChange: [], unpack: null, unchangedForMs: null },
    origin: { kind: "list" },
  };
  return { task, dated: null, list };
}

function accepted(rule: ListRule, from: ListOptions): Readonly<Record<string, string>> {
  const names = Object.keys(from.headers ?? {}).map((name) => name.toLowerCase());
  return rule.kind === "github" && !names.includes("accept") ? GITHUB_HEADERS : {};
}

/** A task with options, at the URL of its list. */
function taskOf(id: string, url: string, options: Options): Task {
  const { scheduleText: _, publishedWithinMs: __, to: ___, ...shared } = options;
  const own = { id, url, mirrors: [], key: "", namedByServer: false, request: null };
  return { ...shared, ...own, pendingUntil: null };
}

/** The option that has the URL of a list, and the URL. */
function addressOf(
  rule: ListRule,
  from: ListOptions,
): { readonly option: keyof ListOptions; readonly text: string } {
  if (rule.kind !== "github") return { option: rule.kind, text: from[rule.kind] ?? "" };
  const { api, repo, tag } = rule;
  const releases = `${api}/repos/${repo}/releases`;
  const text = tag === "latest"
    ? `${releases}/latest`
    : /[*?]/.test(tag)
    ? `${releases}?per_page=100`
    : `${releases}/tags/${encodeURIComponent(tag)}`;
  return { option: from.api === undefined ? "github" : "api", text };
}

/** Reads the kind of a list and the options that belong to it. */
function readRule(from: ListOptions, path: Path, scope: Scope): ListRule | null {
  const [kind, another] = KIND_NAMES.filter((name) => from[name] !== undefined);
  if (kind === undefined || another !== undefined) {
    const found = kind === undefined || another === undefined ? "" : `, not ${kind} and ${another}`;
    scope.addProblem(path, `must have one of page, feed, json, text and github${found}`);
    return null;
  }
  for (const other of KIND_NAMES.filter((name) => name !== kind)) {
    for (const name of KINDS[other]) {
      if (from[name] !== undefined) scope.addProblem([...path, name], `is an option of ${other}`);
    }
  }
  switch (kind) {
    case "page": {
      const { links = null } = from;
      const problem = links === null ? null : scope.patterns?.problemWith(links) ?? null;
      if (problem !== null) {
        const hint = 'write a glob, such as "*.csv", into "include"';
        scope.addProblem(
          [...path, "links"],
          withHint(problem, /^\*/.test(links ?? "") ? hint : null),
        );
      }
      return { kind, links };
    }
    case "feed":
    case "text":
      return { kind };
    case "json":
      return readJsonRule(from, path, scope);
    case "github": {
      const { github: repo = "", assets = LIST_DEFAULTS.assets, tag = LIST_DEFAULTS.tag } = from;
      if (!/^[\w.-]+\/[\w.-]+$/.test(repo)) {
        const [, guess] = /github\.com\/([\w.-]+\/[\w.-]+)/i.exec(repo) ?? [];
        const hint = guess === undefined ? null : `did you mean ${quote(guess)}?`;
        scope.addProblem([...path, "github"], withHint('must be "owner/name"', hint));
      }
      const api = (from.api ?? LIST_DEFAULTS.api).replace(/\/$/, "");
      return { kind, repo, assets, tag, api };
    }
    default:
      return kind satisfies never;
  }
}

function readJsonRule(from: ListOptions, path: Path, scope: Scope): ListRule {
  for (const name of KINDS.json) {
    const query = from[name];
    if (query === undefined || (name === "next" && query === "link")) continue;
    const problem = scope.memoize(`query ${query}`, () => problemWithQuery(query));
    if (problem === null) continue;
    const guess = `$${/^[.[]/.test(query) ? "" : "."}${query}`;
    const isValid = !query.startsWith("$") && problemWithQuery(guess) === null;
    scope.addProblem([...path, name], withGuess(problem, isValid ? guess : null));
  }
  const digests = DIGEST_ALGORITHMS.flatMap((name) => {
    const query = from[name];
    return query === undefined ? [] : [[name, query] as const];
  });
  return {
    kind: "json",
    items: from.items ?? LIST_DEFAULTS.items,
    url: from.url ?? null,
    id: from.id ?? null,
    name: from.name ?? null,
    size: from.size ?? null,
    date: from.date ?? null,
    digests: Object.fromEntries(digests),
    next: from.next ?? null,
  };
}

function selectionOf(from: ListOptions, path: Path, scope: Scope): ListSelection {
  const { include = [], exclude = [], newest, by, limit, allowOrigins = [] } = from;
  const isOrdered = newest !== undefined && newest !== null;
  if (by !== undefined && !isOrdered && limit === undefined) {
    scope.addProblem([...path, "by"], 'needs "newest"');
  }
  for (const [index, origin] of allowOrigins.entries()) {
    const place = [...path, "allowOrigins", index];
    if (!ORIGIN.test(origin)) {
      const guess = URL.parse(origin)?.origin ??
        (/^[\w.-]+$/.test(origin) ? `https://${origin}` : null);
      const hint = guess === null || guess === "null" ? null : `did you mean ${quote(guess)}?`;
      scope.addProblem(
        place,
        withHint('must be an origin such as "https://example.org", or "*"', hint),
      );
    }
  }
  return {
    ...{ include, exclude, allowOrigins },
    newest: newest ?? null,
    by: by ?? null,
    limit: limit ?? LIST_DEFAULTS.limit,
  };
}

/** A date for the check of a name. */
const SAMPLE_TIME = Temporal.Instant.from("2026-01-02T03:04:05Z");

/** Reads `to` of the items, and checks it with an item that has every field. Null after a problem. */
function readItemName(
  written: string,
  { timezone }: Pick<Options, "timezone">,
  path: Path,
  scope: Scope,
): Template | null {
  const { value: template, problem } = parseTemplate(written, "item", scope.suggester.nearest);
  const refuse = (complaint: Complaint): null => {
    scope.addProblem(path, complaint);
    return null;
  };
  if (template === undefined) return refuse(problem ?? "");
  if (!template.fromUrl) {
    const isFolder = written.endsWith("/") ||
      !written.slice(written.lastIndexOf("/") + 1).includes(".");
    const folder = isFolder
      ? `${written.replace(/\/$/, "")}/`
      : written.slice(0, written.lastIndexOf("/") + 1);
    const hint = `write ${quote(`${folder}{name}`)}`;
    return refuse(withHint("names the same file for every item", hint));
  }
  const warning = templateWarning(written);
  if (warning !== null) scope.addWarning(path, warning);
  const url = new URL("https://example.org/folder/name.txt");
  const fields: Record<string, string> = {};
  for (const part of template.parts) {
    if (typeof part !== "object" || !("part" in part)) continue;
    if (part.part === "query") url.searchParams.set(part.parameter, "x");
    else fields[part.parameter] = "x";
  }
  const key = keyFor(template, url, timezone, createRenderer(SAMPLE_TIME), fields);
  return key.problem === undefined ? template : refuse(key.problem);
}
