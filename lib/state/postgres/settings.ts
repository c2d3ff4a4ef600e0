/** From a location to the settings of a connection: the environment, defaults, and TLS. */

import { resolve } from "@std/path";
import { CronfetchError } from "../../core/errors.ts";
import type { Host } from "../../core/host.ts";
import {
  locationText,
  parsePostgres,
  type PostgresLocation,
  SSL_MODE_PROBLEM,
  type SslMode,
} from "../../core/location.ts";

/** TLS settings, as Node names them. */
export interface TlsSettings {
  readonly rejectUnauthorized: true;
  /** PEM text of the trusted authorities; absent for those of Deno. */
  readonly ca?: string;
  /** Accepts any host name: for `verify-ca`. */
  readonly checkServerIdentity?: () => undefined;
}

/** Where and how to connect. */
export interface PostgresSettings {
  /** Location of the state for messages, without the password. */
  readonly location: string;
  /** Name or address of the server, or the folder of its socket. */
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** A secret; empty without one. */
  readonly password: string;
  readonly database: string;
  readonly schema: string;
  /** False for a connection without TLS. */
  readonly ssl: TlsSettings | false;
}

/** The variables that are read, as by libpq; `DATABASE_URL` only for `postgres:` alone. */
export const POSTGRES_VARIABLES = [
  ...["DATABASE_URL", "PGHOST", "PGPORT", "PGUSER", "PGPASSWORD", "PGDATABASE"],
  ...["PGSSLMODE", "PGSSLROOTCERT"],
] as const;

/** The part of the host that determines the settings. */
export type SettingsHost = Pick<Host, "env" | "cwd">;

/**
 * Fills what a location leaves open from the environment, and reads the certificates.
 *
 * Without an `sslmode`, a connection to another machine is encrypted and the certificate verified; one
 * to this machine, by a socket or the loopback interface, is not encrypted.
 *
 * @throws {CronfetchError} `config.invalid`: a variable is wrong, or the certificates cannot be read.
 */
export async function postgresSettings(
  location: PostgresLocation,
  host: SettingsHost,
): Promise<PostgresSettings> {
  const env = (name: typeof POSTGRES_VARIABLES[number]) => readVariable(host, name);
  const given = completed(location, host);
  const server = given.host ?? env("PGHOST") ?? "localhost";
  const user = given.user ?? env("PGUSER") ?? "postgres";
  const mode = given.sslmode ?? sslMode(env("PGSSLMODE")) ??
    (isLocal(server) ? "disable" : "verify-full");
  const rootCert = given.sslrootcert ?? env("PGSSLROOTCERT") ?? null;
  const isSocket = server.startsWith("/");
  const port = given.port ?? portOf(env("PGPORT"));
  const database = given.database ?? env("PGDATABASE") ?? null;
  const shown = { ...given, host: server, port, user, database, sslmode: location.sslmode };
  return {
    location: locationText(shown),
    host: server,
    port: port ?? 5432,
    user,
    password: given.password ?? env("PGPASSWORD") ?? "",
    database: database ?? user,
    schema: given.schema,
    ssl: mode === "disable" || isSocket ? false : await tlsSettings(mode, rootCert, host),
  };
}

/** What opening a state needs from Deno, for `doctor`. */
export interface PostgresAccess {
  /** Values of `--allow-net`. */
  readonly servers: readonly string[];
  /** Paths of certificates. */
  readonly files: readonly string[];
  /** Names of variables, set or not. */
  readonly variables: readonly string[];
}

/**
 * What opening a state needs. A socket needs the whole network, which has no value.
 *
 * @throws {CronfetchError} `config.invalid`: a variable is wrong.
 */
export function postgresAccess(location: PostgresLocation, host: SettingsHost): PostgresAccess {
  const given = completed(location, host);
  const server = given.host ?? readVariable(host, "PGHOST") ?? "localhost";
  const port = given.port ?? portOf(readVariable(host, "PGPORT")) ?? 5432;
  const name = server.includes(":") ? `[${server}]` : server;
  const rootCert = given.sslrootcert ?? readVariable(host, "PGSSLROOTCERT") ?? "system";
  return {
    servers: server.startsWith("/") ? [] : [`${name}:${port}`],
    files: rootCert === "system" ? [] : [resolve(host.cwd(), rootCert)],
    variables: POSTGRES_VARIABLES,
  };
}

/** A location; `postgres:` alone with what `DATABASE_URL` has. */
function completed(location: PostgresLocation, host: SettingsHost): PostgresLocation {
  const isOpen = [location.host, location.port, location.user, location.database]
    .every((field) => field === null);
  const url = isOpen ? readVariable(host, "DATABASE_URL") : undefined;
  return url === undefined ? location : merge(fromVariable(url, host), location);
}

/** A variable that is set and not empty. */
function readVariable({ env }: SettingsHost, name: string): string | undefined {
  return env(name) || undefined;
}

/** Parses `DATABASE_URL`, which other programs read too. */
function fromVariable(text: string, { cwd }: SettingsHost): PostgresLocation {
  const parsed = /^postgres(?:ql)?:/.test(text)
    ? parsePostgres(text, cwd(), true)
    : { problem: 'must be "postgres://user@host:port/database"' };
  if (parsed.problem !== undefined) throw invalid("DATABASE_URL", parsed.problem);
  return parsed.value;
}

/** The URL's fields, except those that the config names beside `postgres:`. */
function merge(url: PostgresLocation, config: PostgresLocation): PostgresLocation {
  return {
    ...url,
    password: config.password ?? url.password,
    schema: config.schema,
    sslmode: config.sslmode ?? url.sslmode,
    sslrootcert: config.sslrootcert ?? url.sslrootcert,
  };
}

function sslMode(text: string | undefined): SslMode | null {
  switch (text) {
    case undefined:
      return null;
    case "disable":
    case "require":
    case "verify-ca":
    case "verify-full":
      return text;
    default:
      throw invalid("PGSSLMODE", SSL_MODE_PROBLEM);
  }
}

function portOf(text: string | undefined): number | null {
  if (text === undefined) return null;
  const port = Number(text);
  if (/^\d{1,5}$/.test(text) && port >= 1 && port <= 65_535) return port;
  throw invalid("PGPORT", "must be a port from 1 to 65535");
}

/** Whether a server is on this machine, so that no other one can read or change what is sent. */
function isLocal(host: string): boolean {
  return host.startsWith("/") || host === "localhost" || host === "::1" ||
    /^127(?:\.\d{1,3}){3}$/.test(host);
}

async function tlsSettings(
  mode: Exclude<SslMode, "disable">,
  rootCert: string | null,
  { cwd }: SettingsHost,
): Promise<TlsSettings> {
  const path = rootCert === null || rootCert === "system" ? null : resolve(cwd(), rootCert);
  return {
    rejectUnauthorized: true,
    ...(path !== null && { ca: await readCertificates(path) }),
    ...(mode === "verify-ca" && { checkServerIdentity: () => undefined }),
  };
}

async function readCertificates(path: string): Promise<string> {
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (cause) {
    const what = cause instanceof Deno.errors.NotFound ? "the file is missing" : "it is unreadable";
    throw new CronfetchError("config.invalid", `reading the sslrootcert ${path}: ${what}`, {
      cause,
      hint: "name a PEM file with the certificate of the authority",
    });
  }
  if (text.includes("-----BEGIN CERTIFICATE-----")) return text;
  const message = `reading the sslrootcert ${path}: it holds no certificate in PEM`;
  throw new CronfetchError("config.invalid", message);
}

function invalid(variable: string, problem: string): CronfetchError {
  return new CronfetchError("config.invalid", `reading ${variable}: it ${problem}`);
}
