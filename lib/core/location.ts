/** Where a store and a state are kept: text -> union -> text. Parsed once, at the edge. Pure. */

import { resolve } from "@std/path";
import { trimEndOf } from "./text.ts";

/** Where published files go. */
export type StoreLocation =
  | { readonly kind: "folder"; /** Absolute. */ readonly path: string }
  | BucketLocation
  | { readonly kind: "memory" };

/** A bucket of an S3 server, and the part of it that is cronfetch's. */
export interface BucketLocation {
  readonly kind: "s3";
  readonly bucket: string;
  /** Prefix of every key, without slashes at its ends; `""` for the whole bucket. */
  readonly prefix: string;
  /** URL of the server, or null for the environment's or AWS's. */
  readonly endpoint: string | null;
  /** Name of the region, or null for the environment's. */
  readonly region: string | null;
}

/** Where state is kept between runs. */
export type StateLocation =
  | {
    readonly kind: "kv";
    /** Absolute path of the database; null for the one that the platform assigns. */
    readonly path: string | null;
  }
  | { readonly kind: "file"; /** Absolute. */ readonly path: string }
  | PostgresLocation
  | { readonly kind: "memory" };

/** How a connection to Postgres is encrypted: all but `disable` verify the server's certificate. */
export type SslMode = "disable" | "require" | "verify-ca" | "verify-full";

/** A schema in a database of Postgres. Null fields are read from the environment when it is opened. */
export interface PostgresLocation {
  readonly kind: "postgres";
  /** Name or address of the server, or the absolute folder of its socket. */
  readonly host: string | null;
  readonly port: number | null;
  readonly user: string | null;
  /** A secret: never part of a text. */
  readonly password: string | null;
  readonly database: string | null;
  /** Name of the schema that holds the tables. */
  readonly schema: string;
  readonly sslmode: SslMode | null;
  /** Absolute path of the certificates of the trusted authorities, or `system`. */
  readonly sslrootcert: string | null;
}

/** A location, or what is wrong with the text: the rest of a sentence that repeats none of it. */
export type ParsedLocation<Location> =
  | { readonly value: Location; readonly problem?: undefined; readonly guess?: undefined }
  | {
    readonly value?: undefined;
    readonly problem: string;
    /** What was probably meant, or null. */
    readonly guess: string | null;
  };

/** A scheme; one letter and a colon is a drive. */
const SCHEME = /^[a-z][a-z0-9+.-]+:/i;

/**
 * Parses the location of a store: a folder, `s3://bucket/prefix?endpoint=…&region=…` or `memory:`.
 *
 * @param folder Absolute folder that a relative path starts at.
 */
export function parseStoreLocation(text: string, folder: string): ParsedLocation<StoreLocation> {
  if (/\p{Cc}/u.test(text)) return wrong("must not hold control characters");
  if (text === "memory:") return { value: { kind: "memory" } };
  if (text.startsWith("s3:")) return parseBucket(text);
  return SCHEME.test(text)
    ? wrong('must be a folder, "s3://bucket/prefix" or "memory:"', bucketGuess(text))
    : { value: { kind: "folder", path: resolve(folder, text) } };
}

/**
 * Parses the location of a state: `kv:` and `file:` with a path, `kv:` alone, `postgres://…`,
 * `postgres:` alone, or `memory:`.
 *
 * @param folder Absolute folder that a relative path starts at.
 */
export function parseStateLocation(text: string, folder: string): ParsedLocation<StateLocation> {
  if (/\p{Cc}/u.test(text)) return wrong("must not hold control characters");
  if (text === "memory:") return { value: { kind: "memory" } };
  if (text === "kv:") return { value: { kind: "kv", path: null } };
  if (/^postgres(?:ql)?:/.test(text)) return parsePostgres(text, folder);
  const [, kind, path] = /^(kv|file):(.+)$/.exec(text) ?? [];
  if (path !== undefined && !/^https?:\/\//.test(path)) {
    return { value: { kind: kind === "kv" ? "kv" : "file", path: resolve(folder, path) } };
  }
  const guess = SCHEME.test(text) ? null : text.endsWith(".json") ? `file:${text}` : `kv:${text}`;
  return wrong('must be "kv:" or "file:" with a path, "postgres://…", or "memory:"', guess);
}

/** The location as a config has it, with an absolute path. */
export function locationText(location: StoreLocation | StateLocation): string {
  switch (location.kind) {
    case "memory":
      return "memory:";
    case "folder":
      return location.path;
    case "kv":
    case "file":
      return `${location.kind}:${location.path ?? ""}`;
    case "postgres":
      return postgresText(location);
    case "s3": {
      const { bucket, prefix, endpoint, region } = location;
      const options = [
        ...(endpoint === null ? [] : [`endpoint=${endpoint}`]),
        ...(region === null ? [] : [`region=${region}`]),
      ].join("&");
      return `s3://${bucket}${prefix && `/${prefix}`}${options && `?${options}`}`;
    }
    default:
      return location satisfies never;
  }
}

/** Path of the file of a state, or null if its location is no file. */
export function stateFile(location: StateLocation): string | null {
  return location.kind === "kv" || location.kind === "file" ? location.path : null;
}

function wrong(problem: string, guess: string | null = null) {
  return { problem, guess };
}

/** The same bucket by Google's interface of S3; null for other text. */
function bucketGuess(text: string): string | null {
  const [, bucket] = /^(?:gs|gcs):\/\/([^?]+)$/.exec(text) ?? [];
  return bucket === undefined
    ? null
    : `s3://${bucket}?endpoint=https://storage.googleapis.com&region=auto`;
}

/** S3's rules for names of buckets, except those that need the whole name to be understood. */
const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;

const NO_SECRETS =
  "must not hold credentials; they are taken from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";

/** Parses `s3://…`. Nothing in a prefix is percent-decoded. */
function parseBucket(text: string): ParsedLocation<BucketLocation> {
  const [, place = "", query = ""] = /^s3:\/\/([^?]*)(?:\?(.*))?$/s.exec(text) ?? [];
  const [bucket = "", ...segments] = place.split("/");
  if (bucket.includes("@")) return wrong(NO_SECRETS);
  if (!BUCKET.test(bucket)) {
    return wrong(
      'must be "s3://bucket/prefix", with a bucket of 3 to 63 lower-case letters, digits, dots and hyphens',
    );
  }
  const prefix = trimEndOf(segments.join("/").replace(/^\/+/, ""), "/");
  const parts = prefix === "" ? [] : prefix.split("/");
  if (parts.some((part) => part === "" || part === "." || part === "..")) {
    return wrong('must not have ".", ".." or nothing between two slashes of its prefix');
  }
  let endpoint: string | null = null;
  let region: string | null = null;
  for (const [name, value] of new URLSearchParams(query)) {
    if (name === "endpoint") {
      if (!isEndpoint(value)) {
        return wrong('must have the URL of a server as "endpoint", and no credentials in it');
      }
      endpoint = value.replace(/\/$/, "");
    } else if (name === "region") {
      if (!/^[a-z0-9-]+$/.test(value)) {
        return wrong('must have the name of a region as "region"');
      }
      region = value;
    } else {
      const isSecret = /key|secret|token|credential|password/i.test(name);
      return wrong(isSecret ? NO_SECRETS : 'may only have "endpoint" and "region" behind "?"');
    }
  }
  return { value: { kind: "s3", bucket, prefix, endpoint, region } };
}

function isEndpoint(text: string): boolean {
  if (!/^https?:\/\//.test(text) || !URL.canParse(text)) return false;
  const { username, password, pathname, search, hash } = new URL(text);
  return username === "" && password === "" && pathname === "/" && search === "" && hash === "";
}

const SSL_MODES: readonly SslMode[] = ["disable", "require", "verify-ca", "verify-full"];

/** The schema of a location that names none. */
const DEFAULT_SCHEMA = "cronfetch";

/** Parameters of other clients that change nothing here. */
const IGNORED_PARAMETERS = ["application_name", "channel_binding", "connect_timeout"];

/**
 * Parses `postgres://user:password@host:port/database?sslmode=…&sslrootcert=…&schema=…`, in which
 * everything after the scheme may be missing.
 *
 * @param folder Absolute folder that a relative `sslrootcert` starts at.
 * @param lenient Ignore unknown parameters: a platform wrote the text, for several clients.
 */
export function parsePostgres(
  text: string,
  folder: string,
  lenient = false,
): ParsedLocation<PostgresLocation> {
  const url = URL.parse(text);
  const parts = url && partsOf(url);
  // Text behind the scheme is a path in an URL, and no host.
  if (url === null || parts === null || !/^\w+:(?:\/\/|\?|$)/.test(text)) {
    return wrong(
      'must be "postgres://user@host:port/database"; special characters of a password are ' +
        "percent-encoded, or it is in PGPASSWORD",
    );
  }
  let socket: string | null = null;
  let schema = DEFAULT_SCHEMA;
  let sslmode: SslMode | null = null;
  let sslrootcert: string | null = null;
  for (const [name, value] of url.searchParams) {
    if (name === "host") {
      if (!value.startsWith("/")) return wrong('must have the folder of a socket as "host"');
      socket = value;
    } else if (name === "schema" && !lenient) {
      if (!/^[a-z_][a-z0-9_]{0,62}$/.test(value) || value.startsWith("pg_")) {
        return wrong('must have a name of a-z, 0-9 and "_" as "schema"');
      }
      schema = value;
    } else if (name === "sslmode") {
      const mode = SSL_MODES.find((one) => one === value);
      if (mode === undefined) return wrong(SSL_MODE_PROBLEM);
      sslmode = mode;
    } else if (name === "sslrootcert") {
      sslrootcert = value === "system" ? value : resolve(folder, value);
    } else if (!lenient && !IGNORED_PARAMETERS.includes(name)) {
      return wrong('may only have "host", "schema", "sslmode" and "sslrootcert" behind "?"');
    }
  }
  if ((socket !== null && parts.host !== null) || parts.host?.includes(",")) {
    return wrong("must have one host");
  }
  const host = socket ?? parts.host;
  return { value: { kind: "postgres", ...parts, host, schema, sslmode, sslrootcert } };
}

/** What is wrong with another value of `sslmode`. */
export const SSL_MODE_PROBLEM = 'must have "verify-full", "verify-ca", "require" or "disable" as ' +
  '"sslmode"; all but "disable" verify the certificate';

/** What is in front of the parameters of a URL; null if it is not percent-encoded correctly. */
function partsOf(
  { username, password, hostname, port, pathname, hash }: URL,
): Pick<PostgresLocation, "host" | "port" | "user" | "password" | "database"> | null {
  const decode = (text: string) => text === "" ? null : decodeURIComponent(text);
  try {
    return hash !== "" ? null : {
      // Only in a URL, an IPv6 address has brackets.
      host: decode(hostname.replace(/^\[(.*)\]$/, "$1")),
      port: port === "" ? null : Number(port),
      user: decode(username),
      password: decode(password),
      database: decode(pathname.slice(1)),
    };
  } catch {
    return null;
  }
}

/** A location of Postgres without its password. */
function postgresText(location: PostgresLocation): string {
  const { host, port, user, database, schema, sslmode, sslrootcert } = location;
  const socket = host?.startsWith("/") ? host : null;
  const name = host === null || socket !== null ? "" : host.includes(":") ? `[${host}]` : host;
  const place = `${user === null ? "" : `${encodeURIComponent(user)}@`}${name}` +
    `${port === null ? "" : `:${port}`}${database === null ? "" : `/${encodeURI(database)}`}`;
  const options = [
    ...(socket === null ? [] : [`host=${encodeURI(socket)}`]),
    ...(schema === DEFAULT_SCHEMA ? [] : [`schema=${schema}`]),
    ...(sslmode === null ? [] : [`sslmode=${sslmode}`]),
    ...(sslrootcert === null ? [] : [`sslrootcert=${encodeURI(sslrootcert)}`]),
  ].join("&");
  return `postgres:${place && `//${place}`}${options && `?${options}`}`;
}
