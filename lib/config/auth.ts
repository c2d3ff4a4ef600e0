/** The option `auth`: credentials, each bound to one origin. */

import type { Credentials, OriginCredentials } from "../core/http.ts";
import { checkHeaderValue } from "./checks.ts";
import type { TaskTemplate } from "./config.ts";
import { type Parsed, quote, withGuess, withHint } from "./problem.ts";
import type { AuthOptions } from "./schema/schema.ts";
import { type Path, resolveText, type Scope, valueAt } from "./scope.ts";
import { hasPlaceholder, substitute, substituteUrl } from "./variables.ts";

/** The entries of one source. */
export interface AuthSource {
  /** The valid ones. */
  readonly auth: Readonly<Record<string, AuthOptions>>;
  /** The whole source as written. */
  readonly written: unknown;
  readonly scope: Scope;
}

/** Reads `auth` of all sources. An origin that several of them contain has the entry of the last one. */
export function readAuth(sources: readonly AuthSource[]): OriginCredentials[] {
  const found = new Map<string, OriginCredentials>();
  for (const { auth, written, scope } of sources) {
    const known = new Map<string, string>();
    for (const text of Object.keys(objectAt(written, ["auth"]))) {
      const path = ["auth", text];
      const { value: url, problem } = parseOrigin(text);
      if (url === undefined) {
        scope.addProblem(path, problem);
        continue;
      }
      const { origin } = url;
      const other = known.get(origin);
      if (other !== undefined) scope.addProblem(path, `is the same origin as ${quote(other)}`);
      known.set(origin, text);
      if (isClearText(url)) scope.addWarning(path, withHint(CLEAR_TEXT, "use https"));
      const names = KINDS.filter((name) => Object.hasOwn(objectAt(written, path), name));
      const options = Object.hasOwn(auth, text) ? auth[text] : undefined;
      if (names.length !== 1) scope.addProblem(path, "must have one of basic, bearer and oauth2");
      else if (options !== undefined) {
        const credentials = readCredentials(options, path, scope);
        if (credentials !== null) found.set(origin, { origin, credentials });
      }
    }
  }
  return [...found.values()];
}

/** Options of which an entry has one. */
const KINDS: readonly string[] = ["basic", "bearer", "oauth2"];

function objectAt(value: unknown, path: Path): object {
  const found = valueAt(value, path);
  return typeof found === "object" && found !== null && !Array.isArray(found) ? found : {};
}

const CLEAR_TEXT = "sends the credentials without encryption";

const ALLOWED_ORIGIN =
  'must be an origin such as "https://api.example.org" or "https://api.example.org:8443"';

/** Parses a key of `auth`. */
function parseOrigin(text: string): Parsed<URL> {
  const url = URL.parse(text.includes("://") ? text : `https://${text}`);
  const isHttp = url !== null && /^https?:$/.test(url.protocol) && url.hostname !== "";
  if (text.includes("*")) {
    return {
      problem: withHint(ALLOWED_ORIGIN, "a wildcard is not possible: one entry per origin"),
    };
  }
  if (KINDS.includes(text)) {
    return { problem: withHint(ALLOWED_ORIGIN, `write "https://…": { "${text}": … }`) };
  }
  if (!isHttp) return { problem: ALLOWED_ORIGIN };
  if (/^https?:\/\/[^/?#@\\\s]+\/?$/i.test(text)) return { value: url };
  return { problem: withGuess(ALLOWED_ORIGIN, url.origin) };
}

/** Whether others on the network could read what is sent to a URL. */
function isClearText({ protocol, hostname }: URL): boolean {
  return protocol === "http:" && !/^(?:127\.[0-9.]+|\[::1\]|(?:.+\.)?localhost)$/.test(hostname);
}

/** Reads an entry of `auth`, which has one kind. Returns null after a problem. */
function readCredentials(
  { basic, bearer, oauth2 }: AuthOptions,
  path: Path,
  scope: Scope,
): Credentials | null {
  if (basic !== undefined) return readBasic(basic, [...path, "basic"], scope);
  if (bearer !== undefined) return readBearer(bearer, [...path, "bearer"], scope);
  return oauth2 === undefined ? null : readOAuth2(oauth2, [...path, "oauth2"], scope);
}

function readBasic(
  written: NonNullable<AuthOptions["basic"]>,
  path: Path,
  scope: Scope,
): Credentials | null {
  const user = resolved(written.user, [...path, "user"], scope);
  const password = resolved(written.password, [...path, "password"], scope);
  if (user === null || password === null) return null;
  const pair = `${user}:${password}`;
  scope.secrets.add(password).add(pair);
  if (user.includes(":") && !hasPlaceholder(user)) {
    scope.addProblem([...path, "user"], "must not contain a colon, which ends it (RFC 7617)");
    return null;
  }
  const authorization = `Basic ${new TextEncoder().encode(pair).toBase64()}`;
  return { kind: "fixed", scheme: "Basic", authorization };
}

function readBearer(written: string, path: Path, scope: Scope): Credentials | null {
  const token = resolved(written, path, scope);
  if (token === null) return null;
  scope.secrets.add(token);
  const [, bare] = /^bearer\s+(\S+)$/i.exec(token) ?? [];
  if (bare !== undefined) {
    scope.secrets.add(bare);
    scope.addProblem(path, "must be the token alone, without the word Bearer");
    return null;
  }
  const problem = /\s/.test(token) ? "must not contain white space" : checkHeaderValue(token);
  if (problem !== null) {
    scope.addProblem(path, problem);
    return null;
  }
  return { kind: "fixed", scheme: "Bearer", authorization: `Bearer ${token}` };
}

function readOAuth2(
  written: NonNullable<AuthOptions["oauth2"]>,
  path: Path,
  scope: Scope,
): Credentials | null {
  const clientSecret = resolved(written.clientSecret, [...path, "clientSecret"], scope);
  if (clientSecret !== null) scope.secrets.add(clientSecret);
  const clientId = resolved(written.clientId, [...path, "clientId"], scope);
  const tokenUrl = readTokenUrl(written.tokenUrl, [...path, "tokenUrl"], scope);
  if (clientSecret === null || clientId === null || tokenUrl === null) return null;
  const { scope: scopes = null, audience = null, clientAuth = "basic" } = written;
  return { kind: "oauth2", tokenUrl, clientId, clientSecret, scope: scopes, audience, clientAuth };
}

function readTokenUrl(written: string, path: Path, scope: Scope): string | null {
  const text = resolveText(substituteUrl(written, scope.host), path, scope);
  if (text === null) return null;
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol) || url.hostname === "") {
    scope.addProblem(path, 'must be a URL such as "https://login.example.org/oauth2/token"');
    return null;
  }
  if (url.username !== "" || url.password !== "") {
    scope.secrets.add(url.password);
    scope.addProblem(path, "must not contain a user name or password: set clientId, clientSecret");
    return null;
  }
  if (isClearText(url)) scope.addWarning(path, withHint(CLEAR_TEXT, "use https"));
  url.hash = "";
  return url.href;
}

/** Substitutes the secrets of a text. Returns null after a problem. */
function resolved(written: string, path: Path, scope: Scope): string | null {
  const text = resolveText(substitute(written, scope.host), path, scope);
  if (text === null) return null;
  if (!/\p{Cc}/u.test(text)) return text;
  scope.addProblem(path, "must not contain control characters, such as a line break");
  return null;
}

/** A compiled task, and its place. */
interface PlacedTask {
  readonly template: TaskTemplate;
  readonly scope: Scope;
  readonly path: Path;
}

/** Warns of tasks whose own credentials are sent instead of those of `auth`. */
export function warnOfOverrides(
  tasks: readonly PlacedTask[],
  credentials: readonly OriginCredentials[],
): void {
  const origins = new Set(credentials.map(({ origin }) => origin));
  for (const { template: { task }, scope, path } of tasks) {
    const { origin, username, password } = new URL(task.url);
    if (!origins.has(origin)) continue;
    const own = task.headers["authorization"] !== undefined
      ? "Authorization header"
      : username + password !== ""
      ? "user name in the URL"
      : null;
    if (own === null) continue;
    const message = `sends its own ${own} instead of the credentials in auth for ${origin}`;
    scope.addWarning(path, withHint(message, "remove one of them"));
  }
}
