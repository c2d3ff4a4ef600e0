/** The option `hosts`: its names, its proxies, and the certificates that it names. */

import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { resolve } from "@std/path";
import {
  compareHostPatterns,
  type HostPattern,
  type HostRule,
  type HostSettings,
  withoutFinalDot,
} from "../core/host_rules.ts";
import { readTextAtMost } from "../core/text.ts";
import { type Parsed, prefixed, quote, withGuess } from "./problem.ts";
import type { HostOptions } from "./schema/schema.ts";
import { type Path, resolveText, type Scope } from "./scope.ts";
import { secretsInUrl } from "./secrets.ts";
import { type ConfigPart, reasonOf } from "./source/source.ts";
import { substituteUrl } from "./variables.ts";

/** The valid entries of one source. */
export interface HostSource {
  readonly hosts: Readonly<Record<string, HostOptions>>;
  /** Absolute folder that its relative paths start at. */
  readonly folder: string;
  readonly scope: Scope;
}

/** `hosts` of all sources. */
export interface ConfigHosts {
  /** The most specific one first. */
  readonly rules: readonly HostRule[];
  /** Absolute paths of the certificates and keys. */
  readonly files: readonly string[];
}

/** Compiles `hosts` of all sources, whose files have been read. */
export type HostReader = (sources: readonly HostSource[]) => ConfigHosts;

/** A file, or why it cannot be read, as the rest of a sentence. */
type HostFile = Parsed<string>;

/** Options that name a file. */
const FILE_OPTIONS = ["caFile", "certFile", "keyFile"] as const;

/**
 * Reads the files that `hosts` names, each once.
 *
 * @param parts Sources, not yet validated.
 * @param beforeRead Called with the path of each file before it is read.
 */
export async function openHostReader(
  parts: readonly Pick<ConfigPart, "value" | "folder">[],
  beforeRead: (path: string) => void,
): Promise<HostReader> {
  const files = new Map<string, HostFile>();
  for (const { value, folder } of parts) {
    for (const options of Object.values(objectIn(objectIn(value)["hosts"]))) {
      for (const name of FILE_OPTIONS) {
        const written = objectIn(options)[name];
        if (typeof written !== "string") continue;
        const path = resolve(folder, written);
        if (files.has(path)) continue;
        beforeRead(path);
        files.set(path, await readFile(path));
      }
    }
  }
  return (sources) => {
    for (const [index, { scope }] of sources.entries()) {
      // A schema of objects with any keys leaves this one out.
      if (!Object.hasOwn(objectIn(objectIn(parts[index]?.value)["hosts"]), "__proto__")) continue;
      scope.addProblem(["hosts", "__proto__"], ALLOWED_HOST);
    }
    return { rules: compileHosts(sources, files), files: [...files.keys()] };
  };
}

function objectIn(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}

/** Enough for every public authority several times. */
const MAX_FILE_BYTES = 4 * 1024 * 1024;

async function readFile(path: string): Promise<HostFile> {
  try {
    // Opening a pipe would wait for its writer.
    if (!(await Deno.stat(path)).isFile) return { problem: "is not a file" };
    using file = await Deno.open(path);
    const text = await readTextAtMost(file, MAX_FILE_BYTES);
    return text === null ? { problem: "is larger than 4 MiB" } : { value: text };
  } catch (error) {
    return error instanceof Deno.errors.NotFound
      ? { problem: "does not exist" }
      : { problem: `cannot be read: ${reasonOf(error)}` };
  }
}

/** Compiles the entries. A field of an entry that several sources contain is that of the last one. */
function compileHosts(
  sources: readonly HostSource[],
  files: ReadonlyMap<string, HostFile>,
): HostRule[] {
  const rules = new Map<string, HostRule>();
  for (const source of sources) {
    const { hosts, scope } = source;
    const written = new Map<string, string>();
    for (const [text, options] of Object.entries(hosts)) {
      const path = ["hosts", text];
      const { value: pattern, problem } = parseHostPattern(text);
      if (pattern === undefined) {
        scope.addProblem(path, problem);
        continue;
      }
      const id = `${pattern.isWildcard ? "*." : ""}${pattern.name}:${pattern.port ?? ""}`;
      const other = written.get(id);
      if (other !== undefined) scope.addProblem(path, `is the same host as ${quote(other)}`);
      written.set(id, text);
      const settings = readSettings(options, path, source, files);
      rules.set(id, { pattern, settings: { ...rules.get(id)?.settings, ...settings } });
    }
  }
  return [...rules.values()]
    .toSorted((one, other) => compareHostPatterns(one.pattern, other.pattern));
}

/** A host and perhaps a port; an IPv6 address is in brackets. */
const HOST = /^(\[[0-9A-Fa-f:.]*\]|[^:/?#@\\[\]\s%]+)(?::([0-9]{1,5}))?$/;

const ALLOWED_HOST = 'must be a host such as "example.org", "example.org:8443" or "*.example.org"';

/** Parses a key of `hosts`. */
export function parseHostPattern(text: string): Parsed<HostPattern> {
  const isWildcard = text.startsWith("*.");
  const [, host, portText] = HOST.exec(isWildcard ? text.slice(2) : text) ?? [];
  const port = portText === undefined ? null : Number(portText);
  // `URL` makes a name lower-case and ASCII, and normalizes an address.
  const name = host === undefined ? undefined : URL.parse(`http://${host}/`)?.hostname;
  if (!name || /\*|^\.|\.\./.test(name) || (port !== null && (port < 1 || port > 65_535))) {
    return { problem: withGuess(ALLOWED_HOST, guessHost(text)) };
  }
  if (isWildcard && /^\[|^[0-9.]+$/.test(name)) {
    return { problem: "must have a name after *., since addresses have no subdomains" };
  }
  return { value: { name: withoutFinalDot(name), isWildcard, port } };
}

/** A valid key that was probably meant, or null. */
function guessHost(text: string): string | null {
  const [, domain] = /^\*?\.?([\w-]+(?:\.[\w-]+)+(?::[0-9]+)?)$/.exec(text) ?? [];
  const guess = text.includes("/")
    ? URL.parse(text.includes("://") ? text : `https://${text}`)?.host
    : domain === undefined
    ? URL.parse(`http://[${text}]/`)?.host
    : `*.${domain}`;
  return guess && guess !== text && parseHostPattern(guess).value ? guess : null;
}

function readSettings(
  { perHost, spacing, proxy, caFile, certFile, keyFile }: HostOptions,
  path: Path,
  { folder, scope }: HostSource,
  files: ReadonlyMap<string, HostFile>,
): HostSettings {
  /** The parsed content of a file; undefined if the option is not set or invalid. */
  const parsed = <Value>(
    name: (typeof FILE_OPTIONS)[number],
    written: string | null | undefined,
    parse: (pem: string) => Parsed<Value>,
  ): Value | null | undefined => {
    if (written === undefined || written === null) return written;
    const { value: text, problem } = files.get(resolve(folder, written)) ??
      { problem: "was not read" };
    // A key is a secret as well: commands that send no request work without the file.
    if (text === undefined && scope.host.placeholder) return undefined;
    const result = text === undefined ? { problem } : parse(text);
    if (result.problem === undefined) return result.value;
    scope.addProblem([...path, name], prefixed(`names ${quote(written)}, which `, result.problem));
    return undefined;
  };
  const authorities = parsed("caFile", caFile, parseCertificates);
  const cert = parsed("certFile", certFile, parseCertificates);
  const key = parsed("keyFile", keyFile, parseKey);
  if ((certFile ?? null) === null !== ((keyFile ?? null) === null)) {
    const [present, absent] = certFile ? ["certFile", "keyFile"] : ["keyFile", "certFile"];
    scope.addProblem([...path, present], `needs ${absent} beside it`);
  } else if (cert && key && !cert[0].checkPrivateKey(key)) {
    scope.addProblem([...path, "keyFile"], "is not the key of the certificate in certFile");
  }
  return {
    ...(perHost !== undefined && { perHost }),
    ...(spacing !== undefined && { spacingMs: spacing }),
    ...(proxy !== undefined && { proxy: readProxy(proxy, [...path, "proxy"], scope) }),
    ...(authorities !== undefined && { caCerts: authorities === null ? [] : [pemOf(authorities)] }),
    ...((certFile === null || keyFile === null) && { identity: null }),
    ...(cert && key && { identity: { cert: pemOf(cert), key: keyText(key) } }),
  };
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

function parseCertificates(
  pem: string,
): Parsed<readonly [X509Certificate, ...X509Certificate[]]> {
  const blocks = pem.match(CERTIFICATE) ?? [];
  try {
    const [first, ...others] = blocks.map((block) => new X509Certificate(block));
    if (first !== undefined) return { value: [first, ...others] };
  } catch (error) {
    return { problem: `has an invalid certificate: ${reasonOf(error)}` };
  }
  return {
    problem: pem.includes("PRIVATE KEY-----")
      ? "has a private key, but no certificate"
      : 'has no certificate in PEM ("-----BEGIN CERTIFICATE-----")',
  };
}

const KEY = /-----BEGIN (?:RSA |EC )?PRIVATE KEY-----[^-]*-----END [^-]*-----/;

function parseKey(pem: string): Parsed<KeyObject> {
  const [block] = KEY.exec(pem) ?? [];
  if (/-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m.test(pem)) {
    return { problem: "is encrypted; decrypt it with openssl pkey" };
  }
  if (block === undefined) {
    return { problem: 'has no private key in PEM ("-----BEGIN PRIVATE KEY-----")' };
  }
  try {
    return { value: createPrivateKey(block) };
  } catch {
    // The reason may contain a part of the key.
    return { problem: "has an invalid private key" };
  }
}

function pemOf(certificates: readonly X509Certificate[]): string {
  return certificates.map((certificate) => certificate.toString()).join("\n");
}

function keyText(key: KeyObject): string {
  return key.export({ type: "pkcs8", format: "pem" }).toString();
}

const ALLOWED_PROXY =
  'must be "direct", or a URL such as "http://proxy.example.org:3128" with http, https, socks5 ' +
  "or socks5h";

const PROXY_SCHEMES: ReadonlySet<string> = new Set(["http:", "https:", "socks5:", "socks5h:"]);

/** Resolves a proxy; its password is added to the secrets. Null for that of the environment. */
function readProxy(written: string | null, path: Path, scope: Scope): string | null {
  if (written === null || written === "direct") return written;
  const text = resolveText(substituteUrl(written, scope.host), path, scope);
  if (text === null) return null;
  const url = URL.parse(text);
  for (const secret of secretsInUrl(url)) scope.secrets.add(secret);
  if (url !== null && PROXY_SCHEMES.has(url.protocol) && url.hostname !== "") {
    if (!/^\/?$/.test(url.pathname) || url.search + url.hash !== "") {
      scope.addProblem(path, "must be a URL without a path");
    }
    return url.href;
  }
  const guess = /^[\w.-]+:[0-9]+$/.test(written)
    ? `http://${written}`
    : scope.suggester.nearest(written, ["direct"]);
  scope.addProblem(path, withGuess(ALLOWED_PROXY, guess));
  return null;
}
