/** Config: what the user wrote, validated, every default filled in. */

import type { Alert } from "../core/event.ts";
import {
  DIGEST_ALGORITHMS,
  type DigestAlgorithm,
  type Expectations,
  type RunLimits,
  type Task,
} from "../core/task.ts";
import type { StateLocation, StoreLocation } from "../core/location.ts";
import { createRenderer, parseTemplate, type Render, type Template } from "./template.ts";
import { checkId } from "./checks.ts";
import { dependsOnSecret, keyFor, NAMELESS } from "./keys.ts";
import { applyOptions, type NameTemplate, type Options, readName } from "./options.ts";
import { DEFAULTS } from "./input.ts";
import type { TaskOptions } from "./schema.ts";
import { type Path, readUrl, type ResolvedUrl, type Scope } from "./scope.ts";
import { CronfetchError } from "../core/errors.ts";
import { nearest } from "./suggest.ts";

/** What a run needs to know, from all files, flags and environment variables. */
export interface Config {
  readonly store: StoreLocation;
  readonly state: StateLocation;
  /** Limits of a run. */
  readonly limits: RunLimits;
  /** Failures in a row, over an hour or one interval, before a task is called unhealthy. */
  readonly alertAfter: number;
  /** Who is told about changes of health. */
  readonly alerts: readonly Alert[];
  /** Flush each file to the disk before it is published. */
  readonly sync: boolean;
  /** What the status page may do. */
  readonly page: {
    /** Give out the published files. */
    readonly downloads: boolean;
  };
  /** In the order of the files and of the tasks in them; see `tasksOf`. */
  readonly tasks: readonly TaskTemplate[];
  /** Values that must not be shown, for `createRedactor`. */
  readonly secrets: readonly string[];
  /** What is allowed and probably not meant, a line each, without secrets. */
  readonly warnings: readonly string[];
  /** Absolute paths of the files that were read. */
  readonly files: readonly string[];
}

/** A task, and what of it changes with the time of the run. */
export interface TaskTemplate {
  /** The task as of the time the config was loaded; as of every time unless it is `dated`. */
  readonly task: Task;
  /** What has to be filled in anew for each run; null if nothing has. */
  readonly dated: DatedParts | null;
}

/** The parts of a task that may hold dates. */
export interface DatedParts {
  /** What to ask for. */
  readonly url: Template;
  /** Asked in order when the URL fails. */
  readonly mirrors: readonly Template[];
  /** Null where the name comes from the URL. */
  readonly to: Template | null;
  /** Checksum files; empty where digests are written in the config, or not expected. */
  readonly checksums: readonly ChecksumTemplate[];
}

/** Where an expected digest comes from. */
export interface ChecksumTemplate {
  /** What it is a digest of. */
  readonly algorithm: DigestAlgorithm;
  /** A checksum file. */
  readonly url: Template;
  /** The file's name in it; null for its usual names. */
  readonly name: Template | null;
}

/**
 * Makes a task of an entry that the schema allows.
 *
 * @param base Options for what the entry does not say.
 * @param override What flags and environment variables make of the options.
 * @param path Where the entry stands in its source.
 * @returns Null after a complaint that leaves no task.
 */
export function compileTask(
  entry: string | TaskOptions,
  base: Options,
  override: (options: Options) => Options,
  path: Path,
  scope: Scope,
): TaskTemplate | null {
  const own: TaskOptions = typeof entry === "string" ? { url: entry } : entry;
  const plain = typeof entry === "string";
  const options = override(plain ? base : applyOptions(base, own, path, scope));
  const { timezone } = options;

  const urlPath = plain ? path : [...path, "url"];
  const address = readUrl(own.url, timezone, urlPath, scope);
  const mirrors = (own.mirrors ?? [])
    .map((mirror, index) => readUrl(mirror, timezone, [...path, "mirrors", index], scope))
    .filter((mirror) => mirror !== null);
  const to = own.to === undefined ? options.to : readName(own.to, [...path, "to"], scope);
  if (address === null || to?.template === null) return null;

  const template = to?.template ?? null;
  if (dependsOnSecret(own.url, template, timezone, scope.render, scope.host)) {
    scope.addProblem(
      urlPath,
      'would put a secret into the name of a file; give the name with "to"',
    );
    return null;
  }
  const key = keyFor(template, address.url, timezone, scope.render);
  if (key.problem !== undefined) {
    if (own.to !== undefined) scope.addProblem([...path, "to"], key.problem);
    else scope.addProblem(path, `gets a name from "defaults.to" that ${key.problem}`);
    return null;
  }
  const namedByServer = template?.hasServerName ?? false;
  if (namedByServer && !key.value.slice(key.value.lastIndexOf("/") + 1).includes("{name}")) {
    const place = own.to === undefined ? path : [...path, "to"];
    scope.addProblem(place, "may hold {name} only in its last part");
    return null;
  }

  const checksums = readChecksums(options.expect);
  const dated = [address, ...mirrors].some((part) => part.template.dated) ||
    to?.template.dated === true ||
    checksums.some(({ url, name }) => url.dated || name?.dated === true);
  const isOwn = own.to !== undefined;
  const id = own.id ?? defaultId({ url: own.url, to, isOwn, dated, key: key.value }, scope);
  const wrongId = checkId(id);
  if (wrongId !== null) scope.addProblem([...path, "id"], wrongId);

  const { scheduleText: _, to: __, ...shared } = options;
  const task: Task = {
    ...shared,
    id,
    url: address.text,
    mirrors: mirrors.length === 0 ? NO_MIRRORS : mirrors.map((mirror) => mirror.text),
    key: key.value,
    namedByServer,
    expect: withChecksums(options.expect, checksums, scope.render, timezone),
  };
  if (!dated) return { task, dated: null };
  return {
    task,
    dated: {
      url: address.template,
      mirrors: mirrors.map((mirror: ResolvedUrl) => mirror.template),
      to: to?.template ?? null,
      checksums,
    },
  };
}

/** One empty list for the many tasks without mirrors. */
const NO_MIRRORS: readonly string[] = Object.freeze([]);

/** One empty list for the many tasks without checksum files. */
const NO_CHECKSUMS: readonly ChecksumTemplate[] = Object.freeze([]);

/** The templates of checksum files, which have been checked before. */
function readChecksums(expect: Expectations): readonly ChecksumTemplate[] {
  let found: ChecksumTemplate[] | null = null;
  for (const algorithm of DIGEST_ALGORITHMS) {
    const source = expect[algorithm];
    if (source === null || typeof source === "string") continue;
    const url = parseTemplate(source.url, false).value;
    const name = source.name === null ? null : parseTemplate(source.name, false).value;
    if (url && name !== undefined) (found ??= []).push({ algorithm, url, name });
  }
  return found ?? NO_CHECKSUMS;
}

/** What a default id is made of. */
interface Identity {
  /** As it was written. */
  readonly url: string;
  readonly to: NameTemplate | null;
  /** Whether `to` is the task's own, and so different for each task. */
  readonly isOwn: boolean;
  readonly dated: boolean;
  readonly key: string;
}

/** The same from run to run: dates are not filled in, and the server's name is the URL's. */
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

/** A name with its dates as they are written. */
function nameOfDated(template: Template, url: URL, scope: Scope): string | null {
  const parts = template.parts.map((part) =>
    typeof part === "object" && "format" in part ? `{${part.source}}` : part
  );
  const undated = { ...template, parts, dated: false };
  return keyFor(undated, url, DEFAULTS.timezone, scope.render).value ?? null;
}

/** The last segment of a URL as it was written; what stands between braces may hold anything. */
function lastSegment(url: string): string {
  const plain = url.replace(/\{\{|\{[^{}]*\}/g, (hole) => "_".repeat(hole.length));
  const [path = ""] = /^[^?#]*/.exec(plain) ?? [];
  const [authority = ""] = /^[^/]*:\/\/[^/]*/.exec(path) ?? [];
  const start = Math.max(authority.length, path.lastIndexOf("/") + 1);
  return url.slice(start, path.length) || NAMELESS;
}

/**
 * The tasks of a config, the dates in them filled in for a run at `at`, each in
 * its task's time zone. A task without dates is the same object at every time.
 *
 * @throws {CronfetchError} `config.invalid` in the odd case that a date makes of
 * a sound URL or name an unsound one, such as a host of `{date:D}`.
 */
export function tasksOf(config: Config, at: Temporal.Instant): Task[] {
  const render = createRenderer(at);
  return config.tasks.map(({ task, dated }) =>
    dated === null ? task : renderDates(task, dated, render)
  );
}

/**
 * The ids that somebody asked for, all of them known.
 *
 * @throws {CronfetchError} `usage`, with every one that is not, and what it may have meant.
 */
export function knownIds(ids: readonly string[], tasks: readonly Task[]): Set<string> {
  const all = new Set(tasks.map((task) => task.id));
  const unknown = ids.filter((id) => !all.has(id));
  if (unknown.length === 0) return new Set(ids);
  const lines = unknown.map((id) => {
    const near = nearest(id, [...all]);
    const meant = near === null ? asUrl(id) : JSON.stringify(near);
    const hint = meant === null ? "" : `; did you mean ${meant}?`;
    return `There is no task ${JSON.stringify(id)} in the config${hint}`;
  });
  throw new CronfetchError("usage", lines.join("\n"));
}

/** What looks like a host with a path, as a URL. */
function asUrl(text: string): string | null {
  const looksLike = /^(?:[a-z0-9-]+\.)+[a-z0-9-]+(?::[0-9]+)?\/[^\s\p{Cc}]+$/iu.test(text);
  return looksLike && URL.canParse(`https://${text}`) ? `https://${text}` : null;
}

function renderDates(task: Task, dated: DatedParts, render: Render): Task {
  const { timezone } = task;
  const text = render(dated.url, timezone);
  const url = URL.parse(text);
  const key = url === null ? null : keyFor(dated.to, url, timezone, render);
  if (key?.value === undefined) {
    throw new CronfetchError(
      "config.invalid",
      `Filling in the date of the task ${task.id}: its ${
        key === null ? "URL" : `name ${key.problem}`
      }`,
    );
  }
  return {
    ...task,
    url: text,
    mirrors: dated.mirrors.map((mirror) => render(mirror, timezone)),
    key: key.value,
    expect: withChecksums(task.expect, dated.checksums, render, timezone),
  };
}

/** Expectations with the dates in their checksum files filled in. */
export function withChecksums(
  expect: Expectations,
  checksums: readonly ChecksumTemplate[],
  render: Render,
  timezone: string,
): Expectations {
  if (checksums.length === 0) return expect;
  const sources = checksums.map(({ algorithm, url, name }) => {
    const rendered = name === null ? null : render(name, timezone);
    return [algorithm, { url: render(url, timezone), name: rendered }];
  });
  return { ...expect, ...Object.fromEntries(sources) };
}
