/** Config: the validated configuration with all defaults, and its tasks. */

import { CronfetchError } from "../core/errors.ts";
import type { Alert } from "../core/event.ts";
import type { HostRule } from "../core/host_rules.ts";
import type { OriginCredentials } from "../core/http.ts";
import type { ListRule, ListSelection } from "../core/list.ts";
import type { StateLocation, StoreLocation } from "../core/location.ts";
import type { RunLimits, Task } from "../core/task.ts";
import { checkId } from "./checks.ts";
import { partsOf, prefixed, type Problem, withHint } from "./problem.ts";
import { DEFAULTS } from "./input.ts";
import { dependsOnSecret, keyFor, NAMELESS } from "./keys.ts";
import { applyOptions, type NameTemplate, type Options, readName } from "./options.ts";
import type { TaskOptions } from "./schema/task_schema.ts";
import { type ChecksumFiles, type DatesRule, type Path, readUrl, type Scope } from "./scope.ts";
import { createRenderer, type Render, startOfDate, type Template } from "./template.ts";

/** The configuration of a run, from all files, flags and environment variables. */
export interface Config {
  readonly store: StoreLocation;
  readonly state: StateLocation;
  /** Limits of a run. */
  readonly limits: RunLimits;
  /** Settings by host, the most specific one first. */
  readonly hosts: readonly HostRule[];
  /** Credentials, at most one entry per origin. They are secrets. */
  readonly auth: readonly OriginCredentials[];
  /** Milliseconds for which the state keeps runs and their results. */
  readonly historyMs: number;
  /** How `cronfetch work` shares the tasks. */
  readonly fleet: {
    /** How long a worker that does not respond keeps its hosts, in milliseconds. */
    readonly leaseMs: number;
    /** Tasks of a host that a worker executes before others may claim the host. */
    readonly slice: number;
    /** Whether all machines see the same folder. */
    readonly sharedStore: boolean;
  };
  /** Consecutive failures, over an hour or one interval, until a task is unhealthy. */
  readonly alertAfter: number;
  /** Receivers of alerts. */
  readonly alerts: readonly Alert[];
  /** Flush each file to disk before publishing it. */
  readonly sync: boolean;
  /** Write a manifest of the published files after each run. */
  readonly manifest: boolean;
  /** Settings of the status page. */
  readonly page: {
    /** Allow downloads of published files. */
    readonly downloads: boolean;
    /** URL under which people reach it, with a slash at its end; null if it is not configured. */
    readonly publicUrl: string | null;
  };
  /** In the order of the files and of their tasks; see {@linkcode tasksOf}. */
  readonly tasks: readonly TaskTemplate[];
  /** Values that must not be shown, for `createRedactor`. */
  readonly secrets: readonly string[];
  /**
   * Secrets without a value, if the config was loaded with placeholders for them: names of
   * variables, and paths of files after `file:`.
   */
  readonly unsetSecrets: readonly string[];
  /** Values that are valid but probably unintended, redacted. Their codes have no meaning. */
  readonly warnings: readonly Problem[];
  /** Absolute paths of the config files. */
  readonly files: readonly string[];
  /** Absolute paths of the certificates and keys that `hosts` names. */
  readonly hostFiles: readonly string[];
  /** Absolute paths of the secret files that `${file:PATH}` names. */
  readonly secretFiles: readonly string[];
}

/** The part of a config that alerts need. */
export type AlertConfig = Pick<Config, "alerts" | "hosts" | "page" | "secrets" | "state">;

/** A task and its parts that depend on the time of the run. */
export interface TaskTemplate {
  /** The task at the time the config was loaded. */
  readonly task: Task;
  /** Parts to render for each run; null if the task contains no date. */
  readonly dated: DatedParts | null;
  /** How tasks are derived from the document that `task` fetches; absent if it is no list. */
  readonly list?: ListTemplate;
  /** Which dates are a task each; absent for a single task. */
  readonly dates?: DatesRule;
}

/** A list: how its document is read, which of its items become tasks, and which tasks. */
export interface ListTemplate {
  /** The template of the tasks: the id and the URL are those of the list. */
  readonly item: Task;
  readonly rule: ListRule;
  readonly selection: ListSelection;
  /** The name of an item's file. */
  readonly to: Template;
  /** A list with fewer items is refused. */
  readonly minCount: number;
  /** A list with a smaller share of the last number of items is refused. */
  readonly minRatio: number;
  /** Maximum number of documents of the list. */
  readonly maxPages: number;
}

/** Whether further tasks are derived from a template, by what the state knows. */
export function isExpanded({ list, dates }: TaskTemplate): boolean {
  return list !== undefined || dates !== undefined;
}

/** The parts of a task that may contain dates. */
export interface DatedParts {
  readonly url: Template;
  readonly mirrors: readonly Template[];
  /** Null if the URL names the file. */
  readonly to: Template | null;
  /** Null without one. */
  readonly body: Template | null;
  /** Age of the date in the URL up to which a missing file is pending; null without one. */
  readonly publishedWithinMs: number | null;
  /** Null if the config contains the digests, or expects none. */
  readonly checksums: ChecksumFiles | null;
}

/**
 * Compiles an entry of `tasks` that is valid by the schema.
 *
 * @param base Options that the entry does not contain.
 * @param override Applies flags and environment variables.
 * @param path Path of the entry in its source.
 * @returns Null after a problem that prevents the task from being compiled.
 */
export function compileTask(
  entry: string | TaskOptions,
  base: Options,
  override: (options: Options) => Options,
  path: Path,
  scope: Scope,
): TaskTemplate | null {
  const own: TaskOptions = typeof entry === "string" ? { url: entry } : entry;
  const { url: written } = own;
  if (written === undefined) return null;
  const plain = typeof entry === "string";
  const options = override(plain ? base : applyOptions(base, own, path, scope));
  const { timezone } = options;

  const urlPath = plain ? path : [...path, "url"];
  const resolved = readUrl(written, timezone, urlPath, scope);
  const mirrors = (own.mirrors ?? [])
    .map((mirror, index) => readUrl(mirror, timezone, [...path, "mirrors", index], scope))
    .filter((mirror) => mirror !== null);
  const to = own.to === undefined ? options.to : readName(own.to, [...path, "to"], scope);
  if (resolved === null || to?.template === null) return null;

  const template = to?.template ?? null;
  if (dependsOnSecret(written, template, timezone, scope.render, scope.host)) {
    scope.addProblem(
      urlPath,
      'would put a secret into the name of the file; set the name with "to"',
    );
    return null;
  }
  const key = keyFor(template, resolved.url, timezone, scope.render);
  if (key.problem !== undefined) {
    if (own.to !== undefined) scope.addProblem([...path, "to"], key.problem);
    else scope.addProblem(path, prefixed('gets a name from "defaults.to" that ', key.problem));
    return null;
  }
  const namedByServer = template?.hasServerName ?? false;
  if (namedByServer && !key.value.slice(key.value.lastIndexOf("/") + 1).includes("{name}")) {
    const place = own.to === undefined ? path : [...path, "to"];
    scope.addProblem(place, "may contain {name} only in its last part");
    return null;
  }

  const request = scope.requests?.readRequest(own, timezone, path, scope) ?? null;
  const checksums = scope.expectations?.readChecksumFiles(options.expect) ?? null;
  const dated = [resolved, ...mirrors].some((part) => part.template.dated) ||
    to?.template.dated === true || request?.body?.dated === true ||
    checksums?.dated === true;
  if (own.publishedWithin && !resolved.template.dated) {
    scope.addProblem(
      [...path, "publishedWithin"],
      withHint("needs a date in the URL", "for example {date:YYYY-MM-DD}"),
    );
  }
  const isOwn = own.to !== undefined;
  const id = own.id ?? defaultId({ url: written, to, isOwn, dated, key: key.value }, scope);
  const problem = checkId(id);
  if (problem !== null) scope.addProblem([...path, "id"], problem);
  const dates = scope.dates?.readDates(
    own,
    {
      ...{ id, namedByServer },
      ...{ url: resolved.template, to: template, body: request?.body ?? null },
    },
    path,
    scope,
  ) ?? null;

  // Field by field: copying all but some of the options is slow, and takes three times the memory.
  const task: Task = {
    id,
    url: resolved.text,
    mirrors: mirrors.length === 0 ? NO_MIRRORS : mirrors.map((mirror) => mirror.text),
    request: request?.request ?? null,
    key: key.value,
    namedByServer,
    headers: options.headers,
    publicHeaders: options.publicHeaders,
    schedule: options.schedule,
    timezone,
    misfire: options.misfire,
    jitterMs: options.jitterMs,
    timeouts: options.timeouts,
    retry: options.retry,
    expect: checksums?.render(scope.render, timezone) ?? options.expect,
    segments: request === null ? options.segments : 1,
    keep: options.keep,
    mtime: options.mtime,
    quarantine: options.quarantine,
    allowPrivate: options.allowPrivate,
    conditional: request === null && options.conditional,
    unchangedForMs: options.unchangedForMs,
    pendingUntil: null,
    decode: options.decode,
    same: options.same,
    transform: options.transform,
    onChange: options.onChange,
    unpack: options.unpack,
  };
  if (!dated) return { task, dated: null };
  const parts: DatedParts = {
    url: resolved.template,
    mirrors: mirrors.map((mirror) => mirror.template),
    to: to?.template ?? null,
    body: request?.body ?? null,
    checksums,
    publishedWithinMs: options.publishedWithinMs,
  };
  return dates === null ? { task, dated: parts } : { task, dated: parts, dates };
}

/** Shared by all tasks without mirrors. */
const NO_MIRRORS: readonly string[] = Object.freeze([]);

/** Input of a default ID. */
interface Identity {
  /** As written in the config. */
  readonly url: string;
  readonly to: NameTemplate | null;
  /** Whether `to` is the task's own rather than from `defaults`. */
  readonly isOwn: boolean;
  readonly dated: boolean;
  readonly key: string;
}

/** Stable between runs: dates are not rendered, and `{name}` is the last segment of the URL. */
function defaultId({ url, to, isOwn, dated, key }: Identity, scope: Scope): string {
  const template = to?.template ?? null;
  if (!dated && (template === null || isOwn && !template.fromUrl || !template.hasServerName)) {
    return key;
  }
  const segment = lastSegment(url);
  if (to === null || template === null) return segment;
  if (isOwn && !template.fromUrl) {
    return to.written.endsWith("/") ? to.written + segment : to.written;
  }
  const parsed = dated ? URL.parse(url) : null;
  if (dated && parsed === null) return segment;
  const name = parsed === null ? key : nameOfDated(template, parsed, scope) ?? segment;
  return template.hasServerName ? name.replace("{name}", () => segment) : name;
}

/** A key with its dates as written. */
function nameOfDated(template: Template, url: URL, scope: Scope): string | null {
  const parts = template.parts.map((part) =>
    typeof part === "object" && "format" in part ? `{${part.source}}` : part
  );
  const undated = { ...template, parts, dated: false };
  return keyFor(undated, url, DEFAULTS.timezone, scope.render).value ?? null;
}

/** The last segment of a URL as written; a slash between braces does not end a segment. */
function lastSegment(url: string): string {
  const plain = url.replace(/\{\{|\{[^{}]*\}/g, (placeholder) => "_".repeat(placeholder.length));
  const [path = ""] = /^[^?#]*/.exec(plain) ?? [];
  const [authority = ""] = /^[^/]*:\/\/[^/]*/.exec(path) ?? [];
  const start = Math.max(authority.length, path.lastIndexOf("/") + 1);
  return url.slice(start, path.length) || NAMELESS;
}

/** The config without hooks: changes are neither delivered nor recorded for them. */
export function withoutHooks(config: Config): Config {
  const tasks = config.tasks.map(({ task, list, ...template }): TaskTemplate => ({
    ...template,
    task: { ...task, onChange: [] },
    ...(list && { list: { ...list, item: { ...list.item, onChange: [] } } }),
  }));
  return { ...config, tasks };
}

/**
 * Returns the tasks of a config with their dates rendered for a run at `at`, in the time zone of
 * each task. A task without dates is the same object in every run.
 *
 * @throws {CronfetchError} `config.invalid` if a rendered URL or name is invalid although it was
 * valid when the config was loaded, such as the host `{date:D}`.
 */
export function tasksOf({ tasks }: Pick<Config, "tasks">, at: Temporal.Instant): Task[] {
  const render = createRenderer(at);
  return tasks.map(({ task, dated }) =>
    dated === null ? task : renderDates(task, dated, render, at)
  );
}

/**
 * Returns the task of one date: its templates are rendered for that, in the task's time zone.
 *
 * @param date `YYYY-MM-DD`.
 * @throws {CronfetchError} `config.invalid`, as {@linkcode tasksOf}.
 */
export function taskOfDate({ task, dated, dates }: TaskTemplate, date: string): Task {
  if (dated === null) return task;
  const at = Temporal.PlainDate.from(date).toZonedDateTime(task.timezone).toInstant();
  const { publishedWithinMs } = dated;
  return {
    ...renderDates(task, dated, createRenderer(at, dates?.holidays), at),
    id: `${task.id}@${date}`,
    pendingUntil: publishedWithinMs === null
      ? null
      : at.add({ milliseconds: publishedWithinMs }).toString(),
    // The file of a date does not change for ever.
    unchangedForMs: null,
    origin: { kind: "date", parent: task.id, date },
  };
}

function renderDates(
  task: Task,
  dated: DatedParts,
  render: Render,
  at: Temporal.Instant,
): Task {
  const { timezone } = task;
  const text = render(dated.url, timezone);
  const url = URL.parse(text);
  const key = url === null ? null : keyFor(dated.to, url, timezone, render);
  if (key?.value === undefined) {
    throw new CronfetchError(
      "config.invalid",
      `Rendering the dates of the task ${task.id}: its ${
        key === null ? "URL" : `name ${partsOf(key.problem).message}`
      }`,
    );
  }
  return {
    ...task,
    url: text,
    mirrors: dated.mirrors.map((mirror) => render(mirror, timezone)),
    request: task.request && {
      ...task.request,
      body: dated.body && render(dated.body, timezone),
    },
    key: key.value,
    expect: dated.checksums?.render(render, timezone) ?? task.expect,
    pendingUntil: pendingUntil(dated, timezone, at),
  };
}

/** Until when a missing file is pending; null if it is a failure. */
function pendingUntil(
  { url, publishedWithinMs }: DatedParts,
  timezone: string,
  at: Temporal.Instant,
): string | null {
  if (publishedWithinMs === null) return null;
  const start = startOfDate(url, timezone, at);
  return start && start.add({ milliseconds: publishedWithinMs }).toString();
}
