/** Sources -> one Config. Problems are collected; the config is unusable if there are any. */

import { resolve } from "@std/path";
import type { Alert } from "../core/event.ts";
import { parseStateLocation, parseStoreLocation, type StoreLocation } from "../core/location.ts";
import { type OwnFile, reservedKey } from "../core/ownership.ts";
import { compileTask, type Config } from "./config.ts";
import { describeConflict, findConflicts, type PlacedTask } from "./conflicts.ts";
import { type Environment, hasPlaceholder, placeholderOf, readSecretFile } from "./variables.ts";
import { checkPrefixedKey } from "./keys.ts";
import type { ConfigHosts } from "./hosts.ts";
import { ownFilesOf } from "./own_files.ts";
import { applyOptions, DEFAULT_OPTIONS, type Options, readDefaultName } from "./options.ts";
import type { AlertReader, Preloaded } from "./preload.ts";
import { createOverride, type OverrideValues } from "./overrides.ts";
import { narrowed, partsOf, type ProblemList, quote } from "./problem.ts";
import { fileSchema } from "./schema/schema.ts";
import { type TaskOptions, taskSchema, urlSchema } from "./schema/task_schema.ts";
import { parseDuration } from "./schema/fields.ts";
import { DEFAULTS } from "./input.ts";
import { createInterner, createMemo, type Path, type Scope, validate, valueAt } from "./scope.ts";
import { redactUrl } from "./secrets.ts";
import { fleetOf, lastOf, limitsOf, locationOf, type ValidatedSource } from "./settings.ts";
import { createSuggester } from "./suggest.ts";
import type { ConfigPart } from "./source/source.ts";
import { createRenderer } from "./template.ts";

/** What is combined with the sources. */
export interface CombineContext extends Preloaded {
  /** Environment variables and the working folder. */
  readonly host: Environment & { cwd(): string };
  /** The time for dates in names and URLs. */
  readonly at: Temporal.Instant;
  /** How a secret without a value is treated. Default: `problem`. */
  readonly unsetSecrets?: "problem" | "placeholder";
  /** Values of flags and environment variables. */
  readonly overrides: OverrideValues;
  /** The state if none is configured. Default: {@linkcode DEFAULTS.state}. */
  readonly defaultState?: string;
  /** Called with the absolute path of each secret file before it is read. */
  readonly beforeRead?: (path: string) => void;
  /** Absolute paths of the config files. */
  readonly files: readonly string[];
  /** Collects every problem. */
  readonly problems: ProblemList;
  /** Collects values that are valid but probably unintended. Their codes have no meaning. */
  readonly warnings: ProblemList;
}

/** A compiled task, and the scope that collects its problems. */
interface CompiledTask extends PlacedTask {
  readonly scope: Scope;
}

/**
 * Combines sources: the tasks of all of them in order, each with the defaults of its own source.
 * Of every other setting, the last source that contains it takes precedence.
 */
export function combine(
  sources: readonly ConfigPart[],
  context: CombineContext,
): Omit<Config, "files" | "warnings"> {
  const {
    overrides,
    patterns,
    expectations,
    schedules,
    steps,
    auth: authReader,
    requests,
    dates,
    readHosts,
    readAlerts,
    problems,
    warnings,
  } = context;
  const secrets = new Set<string>();
  const memoize = createMemo();
  // Reading a variable calls into the runtime, and many tasks use the same one.
  const unset = new Set<string>();
  const env = (name: string) => memoize(`env ${name}`, () => context.host.env(name));
  const secretFiles = new Set<string>();
  const fileIn = (folder: string) => (written: string) => {
    const path = resolve(folder, written);
    return memoize(`file ${path}`, () => {
      secretFiles.add(path);
      context.beforeRead?.(path);
      return readSecretFile(path);
    });
  };
  const placeholders: Pick<Environment, "placeholder"> = {
    ...(context.unsetSecrets === "placeholder" && {
      placeholder: (name, before, after) => {
        unset.add(name);
        return placeholderOf(name, before, after);
      },
    }),
  };
  const shared = {
    patterns,
    ...{ expectations, schedules },
    ...{ steps, requests, dates },
    render: createRenderer(context.at),
    suggester: createSuggester(),
    memoize,
    intern: createInterner(),
    secrets,
  };
  const parts = sources.map((source): ValidatedSource => {
    const addProblem: Scope["addProblem"] = (path, complaint, code = "config.invalid") => {
      problems.add(() => {
        const place = source.place(path, code === "config.unknown-key" ? "key" : "value");
        const parts = partsOf(typeof complaint === "function" ? complaint() : complaint);
        // Without an excerpt, the message names what was found.
        const found = place.excerpt === null ? valueAt(source.value, path) : undefined;
        const message = parts.message + describeFound(parts.message, found);
        return { ...narrowed(place, message), code, ...parts, message };
      });
    };
    const addWarning: Scope["addWarning"] = (path, complaint) => {
      warnings.add(() => {
        const parts = partsOf(complaint);
        const place = narrowed(source.place(path, "value"), parts.message);
        return { ...place, code: "config.invalid", ...parts };
      });
    };
    const { folder } = source;
    const host = { env, file: fileIn(folder), ...placeholders };
    const scope = { ...shared, host, folder, addProblem, addWarning };
    return { source, scope, settings: validate(fileSchema, source.value, [], scope) ?? {} };
  });

  const tasks = compileTasks(parts, createOverride(overrides, shared.intern), context);
  for (const conflict of findConflicts(tasks)) {
    const { scope, path } = conflict.item;
    scope.addProblem(path, () => describeConflict(conflict), "config.collision");
  }
  const store = locationOf("store", parseStoreLocation, parts, context);
  checkKeyLengths(tasks, store);
  // A command that sends no request needs the secrets of the state.
  const state = locationOf("state", parseStateLocation, parts, context);
  if (state.kind === "postgres" && state.password !== null) secrets.add(state.password);
  const hosts = readHosts === null ? NO_HOSTS : readHosts(
    parts.map(({ settings, scope, source: { folder } }) => ({
      hosts: settings.hosts ?? {},
      folder,
      scope,
    })),
  );
  const auth = authReader?.readAuth(
    parts.map(({ settings, source, scope }) => ({
      auth: settings.auth ?? {},
      written: source.value,
      scope,
    })),
  ) ?? [];
  if (auth.length > 0) authReader?.warnOfOverrides(tasks, auth);
  const alerts = alertsOf(parts, readAlerts);
  const page = pageOf(parts, readAlerts);
  const { files } = context;
  const hostFiles = hosts.files;
  const manifest = lastOf(parts, "manifest")?.value ?? DEFAULTS.manifest;
  checkReservedKeys(
    tasks,
    ownFilesOf({ store, state, files, hostFiles, secretFiles: [...secretFiles], manifest }),
  );
  return {
    store,
    state,
    limits: limitsOf(parts, overrides),
    hosts: hosts.rules,
    auth,
    hostFiles,
    alerts,
    historyMs: lastOf(parts, "history")?.value ?? parseDuration(DEFAULTS.history) ?? NaN,
    fleet: fleetOf(parts),
    alertAfter: lastOf(parts, "alertAfter")?.value ?? DEFAULTS.alertAfter,
    sync: lastOf(parts, "sync")?.value ?? DEFAULTS.sync,
    manifest,
    page,
    tasks: tasks.map(({ template }) => template),
    secrets: [...secrets].filter((secret) => !hasPlaceholder(secret)),
    unsetSecrets: [...unset],
    secretFiles: [...secretFiles],
  };
}

function compileTasks(
  parts: readonly ValidatedSource[],
  override: (options: Options) => Options,
  context: CombineContext,
): CompiledTask[] {
  const { lists } = context;
  // Every file's schedule options are checked at their place, although the last file's apply.
  const common = parts.reduce((options, { settings, scope }) => {
    const { schedule, timezone, misfire, jitter, onChange } = settings;
    return applyOptions(options, { schedule, timezone, misfire, jitter, onChange }, [], scope);
  }, DEFAULT_OPTIONS);
  const compiled: CompiledTask[] = [];
  for (const part of parts) {
    const { settings, source, scope } = part;
    const { defaults = {} } = settings;
    const layered = applyOptions(common, defaults, ["defaults"], scope);
    const to = defaults.to === undefined
      ? null
      : readDefaultName(defaults.to, layered.timezone, ["defaults", "to"], scope);
    const base = { ...layered, to };
    for (const [entry, path] of entriesOf(part, context)) {
      const template = typeof entry === "object" && entry.from !== undefined
        ? lists?.compileList({ ...entry, from: entry.from }, base, override, path, scope) ?? null
        : compileTask(entry, base, override, path, scope);
      if (template !== null) compiled.push({ template, source, scope, path });
    }
  }
  return compiled;
}

/** Valid entries of `tasks`. They are read from the source, which also works if a setting is wrong. */
function* entriesOf(
  { source, scope }: ValidatedSource,
  { problems, schemaOf }: CombineContext,
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
    const narrowed = schemaOf?.(entry)?.safeParse(entry);
    const valid = narrowed?.success
      ? narrowed.data
      // With all options, for the messages.
      : validate<string | TaskOptions>(
        typeof entry === "string" ? urlSchema : taskSchema,
        entry,
        path,
        scope,
      );
    if (valid === null) continue;
    if (typeof valid === "string" || valid.url !== undefined || valid.from !== undefined) {
      yield [valid, path];
    } else if (!Object.hasOwn(entry, "url") && !Object.hasOwn(entry, "from")) {
      scope.addProblem([...path, "url"], "is missing");
    }
  }
}

/** S3 limits the length of a key, and the bucket's prefix is part of it. */
function checkKeyLengths(tasks: readonly CompiledTask[], store: StoreLocation): void {
  if (store.kind !== "s3") return;
  for (const { template, scope, path } of tasks) {
    const problem = checkPrefixedKey(store.prefix, template.task.key);
    if (problem !== null) scope.addProblem(path, problem);
  }
}

/** A config without `hosts`. */
const NO_HOSTS: ConfigHosts = { rules: [], files: [] };

/** No task may write a file of cronfetch itself, or into a git repository's own folder. */
function checkReservedKeys(tasks: readonly CompiledTask[], own: readonly OwnFile[]): void {
  for (const { template, scope, path } of tasks) {
    const { key } = template.task;
    const reason = reservedKey(key, false, own);
    if (reason !== null) scope.addProblem(path, `writes ${quote(key)}: ${reason}`);
  }
}

/** Describes a found value as the end of a message that says what is allowed. */
function describeFound(message: string, value: unknown): string {
  if (!message.startsWith("must be") || message.includes(", not ")) return "";
  if (typeof value === "string") return `, not ${quote(redactUrl(value))}`;
  return ["number", "boolean"].includes(typeof value) || value === null ? `, not ${value}` : "";
}

/** The valid alerts of the last source that contains any. */
function alertsOf(parts: readonly ValidatedSource[], reader: AlertReader | null): Alert[] {
  const found = lastOf(parts, "alerts");
  if (found === null || reader === null) return [];
  const { value, part: { scope } } = found;
  return value.flatMap((alert, index) => reader.readAlert(alert, ["alerts", index], scope) ?? []);
}

/** The settings of the page; each of the last source that contains it. */
function pageOf(parts: readonly ValidatedSource[], reader: AlertReader | null): Config["page"] {
  const lastWith = (name: keyof typeof DEFAULTS.page) =>
    parts.findLast(({ settings }) => settings.page?.[name] !== undefined);
  const downloads = lastWith("downloads")?.settings.page?.downloads ?? DEFAULTS.page.downloads;
  const part = lastWith("publicUrl");
  const publicUrl = part?.settings.page?.publicUrl ?? null;
  if (!part || publicUrl === null || reader === null) return { downloads, publicUrl: null };
  return { downloads, publicUrl: reader.readPageUrl(publicUrl, ["page", "publicUrl"], part.scope) };
}
