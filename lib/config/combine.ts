/** Sources -> one Config. Mistakes are recorded, and what is built beside them is of no use. */

import type { Alert } from "../core/alert.ts";
import {
  type ParsedLocation,
  parseStateLocation,
  parseStoreLocation,
  type StateLocation,
  type StoreLocation,
} from "../core/location.ts";
import { type OwnFile, reservedKey } from "../core/ownership.ts";
import type { PatternEngine } from "../core/pattern.ts";
import type { RunLimits } from "../core/task.ts";
import { compileTask, type Config, type TaskTemplate } from "./config.ts";
import { type Double, findDoubles } from "./conflicts.ts";
import { type Environment, substitute } from "./variables.ts";
import { complaintBehind, distinctName, nameFromUrl } from "./keys.ts";
import { ownFilesOf } from "./own_files.ts";
import { applyHeaders, applyOptions, DEFAULT_OPTIONS, readDefaultName } from "./options.ts";
import { overrider, type OverrideValues, problemWith } from "./overrides.ts";
import { formatPlace, type ProblemList, show } from "./problem.ts";
import {
  type AlertOptions,
  fileSchema,
  type FileSettings,
  type TaskOptions,
  taskSchema,
  urlSchema,
} from "./schema.ts";
import { parseDuration } from "./fields.ts";
import { DEFAULTS } from "./input.ts";
import {
  type Path,
  readAddress,
  rememberer,
  type Scope,
  settle,
  sharer,
  validate,
} from "./scope.ts";
import { createSuggester, question } from "./suggest.ts";
import type { Source } from "./source.ts";
import { renderer } from "./template.ts";

/** What is combined with the sources. */
export interface Surroundings {
  /** Environment variables, and the folder the program was started in. */
  readonly host: Environment & { cwd(): string };
  /** When, for dates in names and URLs. */
  readonly at: Temporal.Instant;
  /** Null if no source has a pattern. */
  readonly patterns: PatternEngine | null;
  /** What flags and variables say. */
  readonly overrides: OverrideValues;
  /** The state where nobody names one, instead of the usual. */
  readonly standardState?: string;
  /** Absolute paths of the files that were read. */
  readonly files: readonly string[];
  /** Receives every mistake. */
  readonly problems: ProblemList;
  /** Receives what is allowed, and probably not meant. Their codes have no meaning. */
  readonly warnings: ProblemList;
}

/** A source whose settings are validated. */
interface Part {
  readonly source: Source;
  readonly settings: FileSettings;
  readonly scope: Scope;
}

/** A task that is nearly done, and where it comes from. */
interface Compiled {
  readonly template: TaskTemplate;
  readonly part: Part;
  readonly path: Path;
}

/**
 * Combines sources: their tasks one after another, each with its own source's
 * defaults; of every other setting the last source that has it counts.
 */
export function combine(
  sources: readonly Source[],
  surroundings: Surroundings,
): Omit<Config, "files" | "warnings"> {
  const { overrides } = surroundings;
  const secrets = new Set<string>();
  const share = sharer();
  const remember = rememberer();
  const render = renderer(surroundings.at);
  const suggester = createSuggester();
  const { patterns, problems, warnings } = surroundings;
  // Asking for a variable is a call into the runtime, and many tasks share one.
  const host: Environment = {
    env: (name) => remember(`env ${name}`, () => surroundings.host.env(name)),
  };
  const parts = sources.map((source): Part => {
    const complain: Scope["complain"] = (path, message, code = "config.invalid") => {
      problems.add(() => ({
        ...source.place(path, code === "config.unknown-key" ? "key" : "value"),
        code,
        message: typeof message === "string" ? message : message(),
      }));
    };
    const warn: Scope["warn"] = (path, message) => {
      warnings.add(() => ({ ...source.place(path, "value"), code: "config.invalid", message }));
    };
    const shared = {
      host,
      patterns,
      render,
      suggester,
      remember,
      share,
      secrets,
    };
    const scope = { ...shared, complain, warn };
    return { source, scope, settings: validate(fileSchema, source.value, [], scope) ?? {} };
  });

  const compiled = compileAll(parts, overrides, share, problems);
  for (const double of findDoubles(compiled, ({ template }) => template.task)) {
    const { part, path } = double.item;
    part.scope.complain(path, () => tellDouble(double), "config.collision");
  }
  const store = locationOf("store", parseStoreLocation, parts, surroundings);
  complainOfLongNames(compiled, store);
  const state = locationOf("state", parseStateLocation, parts, surroundings);
  complainOfReservedKeys(compiled, ownFilesOf({ store, state, files: surroundings.files }));
  return {
    store,
    state,
    limits: limitsOf(parts, overrides),
    alerts: alertsOf(parts),
    alertAfter: lastOf(parts, "alertAfter")?.value ?? DEFAULTS.alertAfter,
    sync: lastOf(parts, "sync")?.value ?? DEFAULTS.sync,
    page: { downloads: lastOf(parts, "page")?.value?.downloads ?? DEFAULTS.page.downloads },
    tasks: compiled.map(({ template }) => template),
    secrets: [...secrets],
  };
}

/** The entries of `tasks`; looked for even where a setting is wrong. */
function* entriesOf(
  { source, scope }: Part,
  problems: ProblemList,
): Generator<[string | TaskOptions, Path]> {
  const { value } = source;
  const tasks = typeof value === "object" && value !== null ? Reflect.get(value, "tasks") : null;
  if (!Array.isArray(tasks)) return;
  for (const [index, entry] of tasks.entries()) {
    if (problems.isFull) {
      problems.unchecked += tasks.length - index;
      return;
    }
    const path = ["tasks", index];
    const schema = typeof entry === "string" ? urlSchema : taskSchema;
    const valid = validate<string | TaskOptions>(schema, entry, path, scope);
    if (valid !== null) yield [valid, path];
  }
}

function compileAll(
  parts: readonly Part[],
  overrides: OverrideValues,
  share: Scope["share"],
  problems: ProblemList,
): Compiled[] {
  const override = overrider(overrides, share);
  // Each file's own timing is checked where it stands, though the last one counts for all.
  const common = parts.reduce((options, { settings, scope }) => {
    const { schedule, timezone, misfire, jitter } = settings;
    return applyOptions(options, { schedule, timezone, misfire, jitter }, [], scope);
  }, DEFAULT_OPTIONS);
  const compiled: Compiled[] = [];
  for (const part of parts) {
    const { settings, scope } = part;
    const { defaults = {} } = settings;
    const layered = applyOptions(common, defaults, ["defaults"], scope);
    const to = defaults.to === undefined
      ? null
      : readDefaultName(defaults.to, layered.timezone, ["defaults", "to"], scope);
    const base = { ...layered, to };
    for (const [entry, path] of entriesOf(part, problems)) {
      const template = compileTask(entry, base, override, path, scope);
      if (template !== null) compiled.push({ template, part, path });
    }
  }
  return compiled;
}

/** A bucket allows names of a certain length, its prefix included. */
function complainOfLongNames(compiled: readonly Compiled[], store: StoreLocation): void {
  if (store.kind !== "s3") return;
  for (const { template, part, path } of compiled) {
    const complaint = complaintBehind(store.prefix, template.task.key);
    if (complaint !== null) part.scope.complain(path, complaint);
  }
}

/** No file of cronfetch itself is replaced, nor anything in a git repository's own folder. */
function complainOfReservedKeys(compiled: readonly Compiled[], own: readonly OwnFile[]): void {
  for (const { template, part, path } of compiled) {
    const { key } = template.task;
    const fault = reservedKey(key, false, own);
    if (fault !== null) part.scope.complain(path, `writes ${show(key)}: ${fault}`);
  }
}

function tellDouble({ item, other, kind }: Double<Compiled>): string {
  const { id, key } = item.template.task;
  const place = other.part.source.place(other.path, "value");
  const where = place.path === "" ? formatPlace(place) : `${place.path} (${formatPlace(place)})`;
  switch (kind) {
    case "id":
      return `has the id ${show(id)} of ${where}; give one of them another "id"`;
    case "file":
      return `writes the same file as ${where}, ${show(key)}; give one of them another "to"` +
        hintAtName(item, other);
    case "case":
      return `writes ${show(key)}, which differs only in case from the file of ${where}`;
    case "folder":
      return `writes ${show(key)}, which needs a folder where ${where} writes a file`;
    case "derived":
      return `writes ${
        show(key)
      }, which is named like an older version or refused content of the ` +
        `file of ${where}; give it another "to"`;
    default:
      return kind satisfies never;
  }
}

/** A name that is different for both tasks, as the end of a sentence. */
function hintAtName(item: Compiled, other: Compiled): string {
  const [url, otherUrl] = [item, other].map(({ template: { task } }) => {
    const parsed = URL.parse(task.url);
    return parsed && task.key.endsWith(nameFromUrl(parsed)) ? parsed : null;
  });
  const name = url && otherUrl ? distinctName(url, otherUrl) : null;
  return name === null ? "" : `, or all of them "to": ${show(name)}`;
}

/** A setting of the last part that has it. */
function lastOf<Name extends keyof FileSettings>(
  parts: readonly Part[],
  name: Name,
): { part: Part; value: NonNullable<FileSettings[Name]> } | null {
  for (const part of parts.toReversed()) {
    const value = part.settings[name];
    if (value !== undefined && value !== null) return { part, value };
  }
  return null;
}

function alertsOf(parts: readonly Part[]): Alert[] {
  const found = lastOf(parts, "alerts");
  return found === null ? [] : readAlerts(found.value, ["alerts"], found.part.scope);
}

/** The place of a location that cannot be used: the config is of no use then. */
const NOWHERE = { kind: "memory" } as const;

/** The store or the state: of a flag or variable, of the last file, or the default. */
function locationOf<Location extends StoreLocation | StateLocation>(
  name: "store" | "state",
  parse: (text: string, folder: string) => ParsedLocation<Location>,
  parts: readonly Part[],
  { overrides, host, problems, standardState = DEFAULTS.state }: Surroundings,
): Location | typeof NOWHERE {
  const parsed = (text: string, folder: string, complain: (complaint: string) => void) => {
    const location = parse(text, folder);
    if (location.complaint === undefined) return location.value;
    complain(location.complaint + question(location.guess));
    return NOWHERE;
  };
  const override = overrides[name];
  if (override !== null) {
    return parsed(override.value, host.cwd(), (complaint) => {
      problems.add(() => problemWith(override.source, complaint));
    });
  }
  const found = lastOf(parts, name);
  if (found === null) {
    const folder = parts[0]?.source.folder ?? host.cwd();
    const standard = name === "state" ? standardState : DEFAULTS[name];
    return parse(standard, folder).value ?? NOWHERE;
  }
  const { source, scope } = found.part;
  // A store holds no credentials, so nothing is filled in there.
  const text = name === "store"
    ? found.value
    : settle(substitute(found.value, host), [name], scope);
  if (text === null) return NOWHERE;
  return parsed(text, source.folder, (complaint) => scope.complain([name], complaint));
}

/** {@linkcode DEFAULTS.limits} in milliseconds. */
const DEFAULT_LIMITS = {
  ...DEFAULTS.limits,
  spacing: parseDuration(DEFAULTS.limits.spacing) ?? NaN,
  deadline: parseDuration(DEFAULTS.limits.deadline) ?? NaN,
};

function limitsOf(parts: readonly Part[], overrides: OverrideValues): RunLimits {
  const limit = <Name extends keyof typeof DEFAULT_LIMITS>(name: Name) => {
    const values = parts.map(({ settings }) => settings.limits?.[name]);
    const last = values.findLast((value) => value !== undefined);
    return last === undefined ? DEFAULT_LIMITS[name] : last;
  };
  const { concurrency, perHost, rate, deadline } = overrides;
  return {
    concurrency: concurrency ?? limit("concurrency"),
    perHost: perHost ?? limit("perHost"),
    spacingMs: limit("spacing"),
    rateBytesPerSecond: rate === null ? limit("rate") : rate.value,
    deadlineMs: deadline === null ? limit("deadline") : deadline.value,
  };
}

/** Reads the alerts of a source; those that are wrong are complained of and left out. */
export function readAlerts(alerts: readonly AlertOptions[], path: Path, scope: Scope): Alert[] {
  return alerts.flatMap((alert, index) => readAlert(alert, [...path, index], scope) ?? []);
}

function readAlert(
  { webhook, headers, command }: AlertOptions,
  path: Path,
  scope: Scope,
): Alert | null {
  if ((webhook === undefined) === (command === undefined)) {
    scope.complain(path, "must have a webhook or a command, and not both");
    return null;
  }
  if (webhook === undefined) {
    const [program, ...words] = command ?? [];
    return program === undefined ? null : { kind: "command", command: [program, ...words] };
  }
  // Nothing is dated in it; a date's braces are refused like any others that mean nothing.
  const address = readAddress(webhook, "UTC", [...path, "webhook"], scope);
  if (address === null) return null;
  // The address of a webhook is all that keeps others from using it.
  scope.secrets.add(address.url.pathname + address.url.search);
  return {
    kind: "webhook",
    url: address.url.href,
    headers: applyHeaders({}, headers ?? {}, path, scope),
  };
}
