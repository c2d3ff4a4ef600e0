/** The Deno permissions that a config needs, as flags. Pure. */

import { dirname, relative, resolve, SEPARATOR } from "@std/path";
import type { Config } from "../../config/config.ts";
import type { Host } from "../../core/host.ts";
import { serverSettings } from "../../core/host_rules.ts";
import { type BucketLocation, stateFile } from "../../core/location.ts";
import { INHERITED } from "../../core/program.ts";
import { PROXY_VARIABLES } from "../../http/proxy.ts";
import { DIGEST_ALGORITHMS, type Hook, type Task } from "../../core/task.ts";
import type { S3Action } from "../../store/s3/errors.ts";
import type { PostgresAccess } from "../../state/postgres/settings.ts";
import type { BucketAccess } from "../../store/s3/access.ts";

/** What determines the permissions of a run. */
export interface PermissionNeeds {
  readonly config: Pick<
    Config,
    "store" | "state" | "files" | "auth" | "hosts" | "hostFiles" | "secretFiles" | "alerts"
  >;
  readonly tasks: readonly Task[];
  /** Names of the environment variables that loading the config reads. */
  readonly variables: Iterable<string>;
  /** What the bucket needs; null for another store. */
  readonly access: BucketAccess | null;
  /** What a state in Postgres needs; null for another state. */
  readonly database: PostgresAccess | null;
  /** Folder of the program, whose library TypeScript configs import; null if it is in none. */
  readonly programFolder: string | null;
  /** Paths are relative to its `cwd()`. */
  readonly host: Pick<Host, "env" | "cwd">;
}

/** Variables that determine the output: colours, and escapes for GitHub Actions. */
const DISPLAY_VARIABLES = ["NO_COLOR", "FORCE_COLOR", "TERM", "GITHUB_ACTIONS"];

/**
 * The minimal permission flags for `run`.
 *
 * With `--ignore-env`, other variables that libraries read are undefined instead of an error. The
 * whole store and the folder of the state are granted, because drafts are files in them.
 *
 * @returns Arguments of `deno run`, unquoted.
 */
export function permissionFlags(
  { config, tasks, variables, access, database, programFolder, host }: PermissionNeeds,
): string[] {
  const cwd = host.cwd();
  const urls = [
    ...tasks.flatMap(urlsOf),
    ...tokenUrlsOf(config),
    ...webhooksOf(config, tasks),
  ];
  const stateAt = stateFile(config.state);
  const written = [
    ...(config.store.kind === "folder" ? [config.store.path] : []),
    ...(stateAt === null ? [] : [dirname(stateAt)]),
  ];
  const library = programFolder === null || !config.files.some(isModule) ? [] : [programFolder];
  return [
    flag("--allow-net", [
      ...urls.map(grantFor),
      ...proxiesOf(config, urls).map(({ host }) => host),
      ...(access?.servers ?? []).map(grantFor),
      ...(database?.servers ?? []),
    ]),
    flag(
      "--allow-read",
      grantedPaths(
        [
          ...config.files,
          ...library,
          ...config.hostFiles,
          ...config.secretFiles,
          ...written,
          ...(access?.files ?? []),
          ...(database?.files ?? []),
        ],
        cwd,
      ),
    ),
    flag("--allow-write", grantedPaths(written, cwd)),
    flag("--allow-run", programsOf(config, tasks)),
    flag("--allow-env", [
      ...variables,
      ...(access?.variables ?? []),
      ...(database?.variables ?? []),
      ...(tasks.some(hasProgram) ? INHERITED : []),
      ...(urls.length > 0 ? PROXY_VARIABLES : []),
      ...DISPLAY_VARIABLES,
    ]),
    "--ignore-env",
  ].filter((text) => text !== null);
}

/** Whether a config is TypeScript. */
export function isModule(file: string): boolean {
  return file.toLowerCase().endsWith(".ts");
}

/** The bucket that is the store, or null. */
export function bucketOf({ store }: Pick<Config, "store">): BucketLocation | null {
  return store.kind === "s3" ? store : null;
}

/** A statement of a bucket's access rules (IAM). */
export interface BucketRule {
  /** Amazon resource name of the bucket, or of the objects under the prefix. */
  readonly resource: string;
  readonly actions: readonly S3Action[];
}

/** The minimal access rules for `run`, `verify` and `doctor` on a bucket. */
export function bucketRules({ bucket, prefix }: BucketLocation): readonly BucketRule[] {
  const objects = prefix === "" ? "*" : `${prefix}/*`;
  return [
    {
      resource: `arn:aws:s3:::${bucket}`,
      actions: ["s3:ListBucket", "s3:ListBucketMultipartUploads"],
    },
    {
      resource: `arn:aws:s3:::${bucket}/${objects}`,
      actions: ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"],
    },
  ];
}

function tokenUrlsOf({ auth }: Pick<Config, "auth">): URL[] {
  return auth.flatMap(({ credentials }) =>
    credentials.kind === "oauth2" ? [new URL(credentials.tokenUrl)] : []
  );
}

function webhooksOf({ alerts }: Pick<Config, "alerts">, tasks: readonly Task[]): URL[] {
  return [...alerts, ...hooksOf(tasks)]
    .flatMap((target) => target.kind === "webhook" ? [new URL(target.url)] : []);
}

/** Every hook of the tasks; equal lists are one object. */
export function hooksOf(tasks: readonly Pick<Task, "onChange">[]): Hook[] {
  return [...new Set(tasks.map(({ onChange }) => onChange))].flat();
}

/** The proxies that the config names for the URLs. */
function proxiesOf({ hosts }: Pick<Config, "hosts">, urls: readonly URL[]): URL[] {
  return urls.flatMap(({ href }) => {
    const { proxy } = serverSettings(hosts, href);
    return proxy === null || proxy === "direct" ? [] : [new URL(proxy)];
  });
}

function programsOf({ alerts }: Pick<Config, "alerts">, tasks: readonly Task[]): string[] {
  const commands = [...alerts, ...hooksOf(tasks)]
    .flatMap((target) => target.kind === "command" ? [target.command] : []);
  const transforms = tasks.flatMap(({ transform }) => transform ? [transform.command] : []);
  return [...commands, ...transforms].map(([program]) => program);
}

/** Whether a task has a program that does not inherit all variables. */
function hasProgram({ transform, onChange }: Task): boolean {
  return transform !== null || onChange.some(({ kind }) => kind === "command");
}

/** Every URL of a task in the config. */
export function urlsOf({ url, mirrors, expect }: Task): URL[] {
  const checksums = DIGEST_ALGORITHMS.flatMap((algorithm) => {
    const digest = expect[algorithm];
    return digest === null || typeof digest === "string" ? [] : [digest.url];
  });
  return [url, ...mirrors, ...checksums].map((text) => new URL(text));
}

/** Whether a host name, as normalized by `URL`, is an IP address. */
export function isAddress(hostname: string): boolean {
  return hostname.startsWith("[") || /^[0-9]+(?:\.[0-9]+){3}$/.test(hostname);
}

/**
 * The `--allow-net` value for a URL. Names have no port, because Deno does not resolve a name that
 * is granted for one port only. `doctor` resolves names, and so does a run through `fetch`, for the
 * egress policy.
 */
function grantFor({ hostname, port, protocol }: URL): string {
  if (!isAddress(hostname)) return hostname;
  return `${hostname}:${port || (protocol === "https:" ? "443" : "80")}`;
}

/** Paths as values of a flag, without those inside another one. */
function grantedPaths(paths: readonly string[], cwd: string): string[] {
  const expressible = paths.map((path) => withoutComma(resolve(path)));
  return expressible
    .filter((path) => !expressible.some((other) => other !== path && isInside(path, other)))
    .map((path) => shortPath(path, cwd));
}

/** The nearest folder without a comma in its path, which Deno's flags cannot express. */
function withoutComma(path: string): string {
  return path.includes(",") ? withoutComma(dirname(path)) : path;
}

function isInside(path: string, folder: string): boolean {
  return path.startsWith(folder.endsWith(SEPARATOR) ? folder : folder + SEPARATOR);
}

/** A path relative to `cwd` if it is inside, else unchanged. */
export function shortPath(path: string, cwd: string): string {
  if (path === cwd) return ".";
  return isInside(path, cwd) ? relative(cwd, path) : path;
}

function flag(name: string, values: readonly string[]): string | null {
  return values.length === 0 ? null : `${name}=${[...new Set(values)].join(",")}`;
}

/** Quotes an argument for a POSIX shell if necessary. */
export function shellQuoted(argument: string): string {
  if (/^[\w@%+=:,./-]+$/.test(argument)) return argument;
  return `'${argument.replaceAll("'", `'\\''`)}'`;
}
