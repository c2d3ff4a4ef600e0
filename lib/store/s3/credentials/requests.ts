/** Requests for temporary keys: STS with a web identity, the container's and the instance's role. */

import type { Retry } from "../../../core/errors.ts";
import type { Clock } from "../../../core/host.ts";
import type { HttpMethod } from "../../../core/http.ts";
import { trimEndOf } from "../../../core/text.ts";
import { parseHttpDate } from "../../../core/time.ts";
import { DriverError } from "../../errors.ts";
import { readErrorAnswer } from "../answers.ts";
import { awsDomain, type S3Environment, serverVariable, variable } from "../settings.ts";
import { encodeQuery, type S3Credentials } from "../sign.ts";
import { type S3TransportContext, send } from "../transport.ts";
import { childText, parseXml, type XmlElement } from "../xml.ts";

/** Keys, and when they expire; null for never. */
export interface TemporaryCredentials {
  readonly keys: S3Credentials;
  /** Milliseconds since the epoch, on the clock of this machine. */
  readonly expiresMs: number | null;
}

/** What requesting keys uses. */
export interface CredentialContext extends S3TransportContext, S3Environment {
  readonly clock: Clock;
  /** Aborts requests, which all users of the keys share. */
  readonly signal: AbortSignal;
}

/** A role and the file of the token that proves the right to it. */
export interface WebIdentity {
  readonly roleArn: string;
  readonly tokenFile: string;
  readonly sessionName: string | null;
}

/** Limits of the requests. Outside of AWS nothing answers for an instance, now or later. */
const STS_LIMITS = { timeoutMs: 10_000, attempts: 3, retry: "later" } as const;
const CONTAINER_LIMITS = { timeoutMs: 5_000, attempts: 3, retry: "later" } as const;
const INSTANCE_LIMITS = { timeoutMs: 1_000, attempts: 2, retry: "never" } as const;

/** Where an instance answers about itself (IMDSv2). */
const INSTANCE_URL = "http://169.254.169.254";

/** The variables that name a source of temporary keys. */
export const TEMPORARY_VARIABLES = [
  "AWS_ROLE_ARN",
  "AWS_ROLE_SESSION_NAME",
  "AWS_WEB_IDENTITY_TOKEN_FILE",
  "AWS_ENDPOINT_URL_STS",
  "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
  "AWS_CONTAINER_CREDENTIALS_FULL_URI",
  "AWS_CONTAINER_AUTHORIZATION_TOKEN",
  "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
  "AWS_EC2_METADATA_DISABLED",
  "AWS_EC2_METADATA_SERVICE_ENDPOINT",
] as const;

/**
 * URL of the service that exchanges a web identity for keys.
 *
 * @throws {CronfetchError} `config.invalid`.
 */
export function stsUrl(region: string, host: S3Environment): string {
  return serverVariable(["AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL"], host) ??
    `https://sts.${region}.${awsDomain(region)}`;
}

/**
 * URL of the service that answers for an instance.
 *
 * @throws {CronfetchError} `config.invalid`.
 */
export function instanceUrl(host: S3Environment): string {
  const url = serverVariable(["AWS_EC2_METADATA_SERVICE_ENDPOINT"], host) ?? INSTANCE_URL;
  return trimEndOf(url, "/");
}

/**
 * Whether a URL is of a service that answers for this machine or container. A proxy cannot reach it,
 * or would receive the token, and the keys of its own machine.
 */
export function isLocalService(url: string, host: S3Environment): boolean {
  const { origin, protocol, hostname } = new URL(url);
  if (protocol === "http:" && LOCAL_SERVICES.test(hostname)) return true;
  const instance = variable("AWS_EC2_METADATA_SERVICE_ENDPOINT", host);
  const container = variable("AWS_CONTAINER_CREDENTIALS_FULL_URI", host);
  if (instance !== null && URL.parse(instance)?.origin === origin) return true;
  return container !== null && protocol === "http:" && URL.parse(container)?.origin === origin;
}

/** The addresses of those services. */
const LOCAL_SERVICES = /^(?:169\.254\.\d+\.\d+|\[fd00:ec2::[0-9a-f:]+\])$/;

/** Requests keys for a role by `AssumeRoleWithWebIdentity`, which is not signed. */
export async function fromWebIdentity(
  { roleArn, tokenFile, sessionName }: WebIdentity,
  region: string,
  context: CredentialContext,
): Promise<TemporaryCredentials> {
  const form = encodeQuery({
    Action: "AssumeRoleWithWebIdentity",
    Version: "2011-06-15",
    RoleArn: roleArn,
    RoleSessionName: sessionName ?? "cronfetch",
    WebIdentityToken: (await secretFrom(tokenFile, "AWS_WEB_IDENTITY_TOKEN_FILE")).trim(),
  }).slice(1);
  const url = new URL(stsUrl(region, context)).href;
  const headers = { "content-type": "application/x-www-form-urlencoded" };
  const what = `STS refuses the role ${JSON.stringify(roleArn)}`;
  const asked = { method: "POST", url, headers, body: form, ...STS_LIMITS } as const;
  const answer = await request(asked, what, context);
  const { status, text } = answer;
  if (status !== 200) {
    const { code, message } = readErrorAnswer(text) ?? { code: null, message: null };
    throw new DriverError(
      "store.denied",
      `${what}: ${code ?? status}${message ? `, ${message}` : ""}`,
    );
  }
  const keys = elementIn(parsed(text), "Credentials");
  if (keys === null) throw refused(what, "its response has no keys");
  return temporary((name) => childText(keys, name), "SessionToken", { what, ...answer });
}

/** Requests the keys of the role of a container (ECS, EKS Pod Identity). */
export async function fromContainer(
  url: string,
  context: CredentialContext,
): Promise<TemporaryCredentials> {
  const what = "the container's credentials are unavailable";
  if (!isTrusted(url)) {
    throw refused(what, "AWS_CONTAINER_CREDENTIALS_FULL_URI must be https, or of this machine");
  }
  const tokenFile = variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", context);
  const token = tokenFile === null
    ? variable("AWS_CONTAINER_AUTHORIZATION_TOKEN", context)
    : (await secretFrom(tokenFile, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")).trim();
  const headers: Record<string, string> = token === null ? {} : { authorization: token };
  const asked = { method: "GET", url: new URL(url).href, headers, ...CONTAINER_LIMITS } as const;
  return fromJson(await request(asked, what, context), what);
}

/** Requests the keys of the role of an instance, with a session token (IMDSv2). */
export async function fromInstance(
  otherwise: string,
  context: CredentialContext,
): Promise<TemporaryCredentials> {
  const base = `${instanceUrl(context)}/latest`;
  const get = async (method: HttpMethod, path: string, headers: Record<string, string>) => {
    const asked = { method, url: `${base}${path}`, headers, ...INSTANCE_LIMITS };
    const answer = await request(asked, otherwise, context);
    if (answer.status !== 200) throw new DriverError("store.denied", otherwise);
    return answer;
  };
  const ttl = { "x-aws-ec2-metadata-token-ttl-seconds": "21600" };
  const { text: token } = await get("PUT", "/api/token", ttl);
  const headers = { "x-aws-ec2-metadata-token": token };
  const path = "/meta-data/iam/security-credentials/";
  const [role = ""] = (await get("GET", path, headers)).text.trim().split("\n");
  const answer = await get("GET", `${path}${encodeURIComponent(role)}`, headers);
  return fromJson(answer, "the credentials of the instance are unavailable");
}

/** Whether a token may be sent to a URL: over TLS, or to this machine or the one it runs on. */
function isTrusted(text: string): boolean {
  const url = URL.parse(text);
  if (url === null) return false;
  if (url.protocol === "https:") return true;
  return url.protocol === "http:" &&
    /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\]|169\.254\.170\.2|169\.254\.170\.23|\[fd00:ec2::23\])$/
      .test(url.hostname);
}

interface CredentialRequest {
  readonly method: HttpMethod;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly timeoutMs: number;
  readonly attempts: number;
  /** Whether a later run may get a response. */
  readonly retry: Retry;
}

/** A response of a source of keys. */
interface CredentialAnswer {
  readonly status: number;
  readonly text: string;
  /** The clock of the source minus that of this machine, as far as its Date shows. */
  readonly skewMs: number;
}

async function request(
  { method, url, headers, body, timeoutMs, attempts, retry }: CredentialRequest,
  what: string,
  context: CredentialContext,
): Promise<CredentialAnswer> {
  const content = body === undefined ? null : new TextEncoder().encode(body);
  const plain = {
    method,
    url,
    headers: () => Promise.resolve(headers),
    body: content,
    streams: false,
  };
  const { signal } = context;
  try {
    const { status, text, headers } = await send(plain, signal, context, { timeoutMs, attempts });
    const nowMs = context.clock.now().epochMilliseconds;
    const servedMs = parseHttpDate(headers.get("date") ?? "", nowMs);
    return { status, text, skewMs: servedMs === null ? 0 : servedMs - nowMs };
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof Deno.errors.NotCapable) throw error;
    throw new DriverError("store.denied", what, { cause: error, retry });
  }
}

/** Reads a file with a secret, named by a variable. */
async function secretFrom(path: string, name: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) throw error;
    throw new DriverError("store.denied", `the file of ${name} cannot be read`, { cause: error });
  }
}

function fromJson(
  { status, text, skewMs }: CredentialAnswer,
  what: string,
): TemporaryCredentials {
  if (status !== 200) throw refused(what, `the response has status ${status}`);
  let answer: unknown;
  try {
    answer = JSON.parse(text);
  } catch {
    throw refused(what, "the response is not JSON");
  }
  const values: ReadonlyMap<string, unknown> = new Map(Object.entries(answer ?? {}));
  return temporary(
    (name) => {
      const value = values.get(name);
      return typeof value === "string" ? value : null;
    },
    "Token",
    { what, skewMs },
  );
}

function temporary(
  value: (name: string) => string | null,
  tokenName: string,
  { what, skewMs }: { readonly what: string; readonly skewMs: number },
): TemporaryCredentials {
  const accessKeyId = value("AccessKeyId");
  const secretAccessKey = value("SecretAccessKey");
  const sessionToken = value(tokenName);
  const expiresMs = Date.parse(value("Expiration") ?? "");
  if (!accessKeyId || !secretAccessKey) throw refused(what, "its response has no keys");
  return {
    keys: { accessKeyId, secretAccessKey, ...(sessionToken ? { sessionToken } : {}) },
    expiresMs: Number.isNaN(expiresMs) ? null : expiresMs - skewMs,
  };
}

function parsed(text: string): XmlElement {
  try {
    return parseXml(text);
  } catch {
    throw refused("STS", "its response is not XML");
  }
}

/** The first element of that name below another one. */
function elementIn(element: XmlElement, name: string): XmlElement | null {
  if (element.name === name) return element;
  for (const child of element.children) {
    const found = elementIn(child, name);
    if (found !== null) return found;
  }
  return null;
}

function refused(what: string, reason: string): DriverError {
  return new DriverError("store.denied", `${what}: ${reason}`);
}
