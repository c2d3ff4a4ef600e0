/** The permissions of Deno that a config needs, as flags. Pure. */

import { dirname, relative, resolve, SEPARATOR } from "@std/path";
import type { Config } from "../../config/config.ts";
import type { Host } from "../../core/host.ts";
import { type BucketLocation, stateFile } from "../../core/location.ts";
import { PROXY_VARIABLES } from "../../core/proxy.ts";
import type { Task } from "../../core/task.ts";
import type { S3Action } from "../../store/s3/errors.ts";
import { S3_VARIABLES, serverOf } from "../../store/s3/settings.ts";

/** What a run of a config reaches out for. */
export interface PermissionNeeds {
  /** Where files go, what is remembered, and what was read. */
  readonly config: Pick<Config, "store" | "state" | "files" | "alerts">;
  /** What is to be run. */
  readonly tasks: readonly Task[];
  /** Names of environment variables that loading the config asks for. */
  readonly variables: Iterable<string>;
  /** The environment, and the folder that the program is started in; paths are relative to it. */
  readonly host: Pick<Host, "env" | "cwd">;
}

/** Variables that decide how text is written: in colour, and free of commands for a workflow. */
const DISPLAY_VARIABLES = ["NO_COLOR", "FORCE_COLOR", "TERM", "GITHUB_ACTIONS"];

/**
 * The permission flags with which `run` carries out a config, and no more.
 *
 * `--ignore-env` lets libraries that look for debugging switches of their own
 * find nothing, instead of failing. The store and the folder of the state are
 * granted whole, since files are drafted beside their places.
 *
 * @returns One argument of `deno run` each, unquoted.
 */
export function permissionFlags({ config, tasks, variables, host }: PermissionNeeds): string[] {
  const cwd = host.cwd();
  const urls = tasks.flatMap(urlsOf);
  const bucket = bucketOf(config);
  const server = bucket && serverOf(bucket, host);
  const stateAt = stateFile(config.state);
  const written = [
    ...(config.store.kind === "folder" ? [config.store.path] : []),
    ...(stateAt === null ? [] : [dirname(stateAt)]),
  ];
  return [
    flag("--allow-net", [
      ...[...urls, ...webhooksOf(config)].map(grantFor),
      ...(server?.host ? [server.host] : []),
    ]),
    flag("--allow-read", grantedPaths([...config.files, ...written], cwd)),
    flag("--allow-write", grantedPaths(written, cwd)),
    flag("--allow-run", programsOf(config)),
    flag("--allow-env", [
      ...variables,
      ...(bucket ? S3_VARIABLES : []),
      ...(urls.length > 0 ? PROXY_VARIABLES : []),
      ...DISPLAY_VARIABLES,
    ]),
    "--ignore-env",
  ].filter((text) => text !== null);
}

/** The bucket that is the store, or null. */
export function bucketOf({ store }: Pick<Config, "store">): BucketLocation | null {
  return store.kind === "s3" ? store : null;
}

/** What a bucket's access rules (IAM) have to allow, and where. */
export interface BucketRule {
  /** Amazon resource name: of the bucket, or of the objects that are cronfetch's. */
  readonly resource: string;
  readonly actions: readonly S3Action[];
}

/** The access rules with which `run`, `verify` and `doctor` work on a bucket, and no more. */
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

function webhooksOf({ alerts }: Pick<Config, "alerts">): URL[] {
  return alerts.flatMap((alert) => alert.kind === "webhook" ? [new URL(alert.url)] : []);
}

function programsOf({ alerts }: Pick<Config, "alerts">): string[] {
  return alerts.flatMap((alert) => alert.kind === "command" ? [alert.command[0]] : []);
}

/** Every URL that the config itself names for a task. */
export function urlsOf({ url, mirrors, expect: { sha256 } }: Task): URL[] {
  const checksum = sha256 === null || typeof sha256 === "string" ? [] : [sha256.url];
  return [url, ...mirrors, ...checksum].map((text) => new URL(text));
}

/** Whether a host name, as `URL` gives it, is an address: there is nothing to look up. */
export function isAddress(hostname: string): boolean {
  return hostname.startsWith("[") || /^[0-9]+(?:\.[0-9]+){3}$/.test(hostname);
}

/**
 * What to grant for a URL. A name is granted without its port: Deno allows no look-up of a name that
 * was granted for one port alone. `doctor` looks names up, and so does a run where `fetch` connects,
 * for the egress rule.
 */
function grantFor({ hostname, port, protocol }: URL): string {
  if (!isAddress(hostname)) return hostname;
  return `${hostname}:${port || (protocol === "https:" ? "443" : "80")}`;
}

/** Paths as flags take them, those inside of another one left out. */
function grantedPaths(paths: readonly string[], cwd: string): string[] {
  const expressible = paths.map((path) => withoutComma(resolve(path)));
  return expressible
    .filter((path) => !expressible.some((other) => other !== path && isInside(path, other)))
    .map((path) => shortPath(path, cwd));
}

/** Deno's flags cannot hold a comma in a path; the next folder above then stands for it. */
function withoutComma(path: string): string {
  return path.includes(",") ? withoutComma(dirname(path)) : path;
}

function isInside(path: string, folder: string): boolean {
  return path.startsWith(folder.endsWith(SEPARATOR) ? folder : folder + SEPARATOR);
}

/** A path relative to a folder where it is inside, else as it is. */
export function shortPath(path: string, cwd: string): string {
  if (path === cwd) return ".";
  return isInside(path, cwd) ? relative(cwd, path) : path;
}

function flag(name: string, values: readonly string[]): string | null {
  return values.length === 0 ? null : `${name}=${[...new Set(values)].join(",")}`;
}

/** Quotes an argument for a POSIX shell, where it needs it. */
export function shellQuoted(argument: string): string {
  if (/^[\w@%+=:,./-]+$/.test(argument)) return argument;
  return `'${argument.replaceAll("'", `'\\''`)}'`;
}
