/** Where the keys of a bucket come from, and when they are requested again. */

import { abortable } from "@std/async";
import type { BucketLocation } from "../../../core/location.ts";
import { DriverError } from "../../errors.ts";
import {
  type CredentialContext,
  fromContainer,
  fromInstance,
  fromWebIdentity,
  instanceUrl,
  stsUrl,
  type TemporaryCredentials,
  type WebIdentity,
} from "./requests.ts";
import { type Profile, readProfile } from "./profile.ts";
import { DEFAULT_REGION, regionOf, type S3Environment, variable } from "../settings.ts";
import type { S3Credentials } from "../sign.ts";

/** The keys of a bucket. */
export interface CredentialSource {
  /**
   * Returns the keys, requested again shortly before they expire.
   *
   * @throws {DriverError} `store.denied`: there are none.
   */
  get(signal: AbortSignal): Promise<S3Credentials>;
  /** Forgets keys that a server has rejected; false if there are no others. */
  discard(rejected: S3Credentials): boolean;
}

/** Where keys come from, in the order in which the sources are tried. */
export type CredentialOrigin =
  | { readonly kind: "environment"; readonly keys: S3Credentials }
  | { readonly kind: "web identity"; readonly identity: WebIdentity }
  | { readonly kind: "container"; readonly url: string }
  | { readonly kind: "profile"; readonly name: string; readonly keys: S3Credentials }
  | { readonly kind: "instance" }
  | { readonly kind: "none"; readonly reason: string };

/** Keys are requested again this long before they expire. */
const REFRESH_BEFORE_MS = 5 * 60 * 1000;

/**
 * Shortest time between two requests for keys, even if they seem to have expired: a source may return
 * the same ones until they do, or the clock of this machine may be wrong.
 */
const REFRESH_INTERVAL_MS = 60 * 1000;
/** The same after a request that failed. */
const FAILED_INTERVAL_MS = 10 * 1000;

/** The program that turns any other source into variables. */
const EXPORT = "aws configure export-credentials --format env";

/** The keys in the environment, or null. */
function credentialsOf(host: S3Environment): S3Credentials | null {
  return keysOf(
    variable("AWS_ACCESS_KEY_ID", host),
    variable("AWS_SECRET_ACCESS_KEY", host),
    variable("AWS_SESSION_TOKEN", host),
  );
}

/**
 * Finds out where the keys come from. The files of profiles are read only if the environment names
 * no other source.
 *
 * @returns The source, and the region of the profile, or null.
 */
export async function findCredentials(
  host: S3Environment,
): Promise<{ readonly origin: CredentialOrigin; readonly region: string | null }> {
  const keys = credentialsOf(host);
  if (keys !== null) return { origin: { kind: "environment", keys }, region: null };
  if (variable("AWS_PROFILE", host) === null) {
    const origin = fromEnvironment(host);
    if (origin !== null) return { origin, region: null };
  }
  const profile = await readProfile(host);
  return { origin: fromProfile(profile, host), region: profile.values.get("region") ?? null };
}

function fromEnvironment(host: S3Environment): CredentialOrigin | null {
  const tokenFile = variable("AWS_WEB_IDENTITY_TOKEN_FILE", host);
  const roleArn = variable("AWS_ROLE_ARN", host);
  if (tokenFile !== null && roleArn !== null) {
    const sessionName = variable("AWS_ROLE_SESSION_NAME", host);
    return { kind: "web identity", identity: { tokenFile, roleArn, sessionName } };
  }
  const relative = variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", host);
  const full = variable("AWS_CONTAINER_CREDENTIALS_FULL_URI", host);
  if (relative !== null) return { kind: "container", url: `http://169.254.170.2${relative}` };
  return full === null ? null : { kind: "container", url: full };
}

function fromProfile({ name, values }: Profile, host: S3Environment): CredentialOrigin {
  const value = (key: string) => values.get(key) || null;
  const roleArn = value("role_arn");
  const tokenFile = value("web_identity_token_file");
  if (roleArn !== null && tokenFile !== null) {
    const sessionName = value("role_session_name");
    return { kind: "web identity", identity: { tokenFile, roleArn, sessionName } };
  }
  const other = UNSUPPORTED.find((key) => values.has(key));
  if (other !== undefined) {
    const command = name === "default" ? EXPORT : `${EXPORT} --profile ${name}`;
    const profile = `the profile ${JSON.stringify(name)} has ${other}`;
    return {
      kind: "none",
      reason: `${profile}, which is not supported; set the variables that \`${command}\` prints`,
    };
  }
  const keys = keysOf(
    value("aws_access_key_id"),
    value("aws_secret_access_key"),
    value("aws_session_token"),
  );
  if (keys !== null) return { kind: "profile", name, keys };
  if (variable("AWS_PROFILE", host) !== null) {
    const reason = `no file has keys for the profile ${JSON.stringify(name)} of AWS_PROFILE`;
    return { kind: "none", reason: `${reason}; if it exists, set what \`${EXPORT}\` prints` };
  }
  const isDisabled = variable("AWS_EC2_METADATA_DISABLED", host)?.toLowerCase() === "true";
  return isDisabled ? { kind: "none", reason: NOT_FOUND } : { kind: "instance" };
}

/** Settings of profiles whose keys come from a program, a browser or another role. */
const UNSUPPORTED = ["sso_session", "sso_start_url", "role_arn", "credential_process"] as const;

/** The message without any credentials. */
const NOT_FOUND = "no credentials were found; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, " +
  `as \`${EXPORT}\` prints them`;

function keysOf(id: string | null, secret: string | null, token: string | null) {
  if (id === null || secret === null) return null;
  const keys = { accessKeyId: id, secretAccessKey: secret };
  return token === null ? keys : { ...keys, sessionToken: token };
}

/**
 * Opens the keys of a bucket, and decides its region. Sends no request.
 *
 * @throws {CronfetchError} `config.invalid`: a variable has no usable URL of a server.
 */
export async function openCredentials(
  location: BucketLocation,
  host: S3Environment,
  context: Omit<CredentialContext, "env">,
): Promise<{ readonly credentials: CredentialSource; readonly region: string }> {
  const { origin, region: profileRegion } = await findCredentials(host);
  const region = regionOf(location, host) ?? profileRegion ?? DEFAULT_REGION;
  // A variable with no usable URL is reported before the first download.
  if (origin.kind === "web identity") stsUrl(region, host);
  if (origin.kind === "instance") instanceUrl(host);
  const env = (name: string) => host.env(name);
  return { credentials: new Credentials(origin, region, { ...context, env }), region };
}

/** Keys of any source. Concurrent calls share one request. */
class Credentials implements CredentialSource {
  readonly #origin: CredentialOrigin;
  readonly #region: string;
  readonly #context: CredentialContext;
  #current: TemporaryCredentials | null = null;
  /** When the last request for keys ended, in milliseconds since the epoch. */
  #requestedMs = -Infinity;
  /** How it failed, or null. */
  #failure: { readonly error: unknown } | null = null;
  #pending: Promise<TemporaryCredentials> | null = null;

  constructor(origin: CredentialOrigin, region: string, context: CredentialContext) {
    this.#origin = origin;
    this.#region = region;
    this.#context = context;
  }

  async get(signal: AbortSignal): Promise<S3Credentials> {
    const origin = this.#origin;
    if (origin.kind === "environment") return origin.keys;
    const current = this.#current;
    if (current !== null && !this.#expiresWithin(current, REFRESH_BEFORE_MS)) return current.keys;
    try {
      if (this.#isJustRequested()) {
        if (this.#failure !== null) throw this.#failure.error;
        if (current !== null) return current.keys;
      }
      return (await abortable(this.#refresh(), signal)).keys;
    } catch (error) {
      signal.throwIfAborted();
      // The old ones are valid for a few minutes, in which the source may answer again.
      if (current === null || this.#expiresWithin(current, 0)) throw error;
      return current.keys;
    }
  }

  discard(rejected: S3Credentials): boolean {
    if (this.#origin.kind === "environment") return false;
    // Another request may have failed with them before.
    if (this.#current?.keys !== rejected) return true;
    // A file is read without a request, and another program may have replaced its keys.
    if (this.#origin.kind !== "profile" && this.#isJustRequested()) return false;
    this.#current = null;
    return true;
  }

  /** Whether another request would come too soon. */
  #isJustRequested(): boolean {
    const agoMs = this.#context.clock.now().epochMilliseconds - this.#requestedMs;
    const intervalMs = this.#failure === null ? REFRESH_INTERVAL_MS : FAILED_INTERVAL_MS;
    // A clock that was set back proves nothing.
    return agoMs >= 0 && agoMs < intervalMs;
  }

  #expiresWithin({ expiresMs }: TemporaryCredentials, durationMs: number): boolean {
    if (expiresMs === null) return false;
    return expiresMs - this.#context.clock.now().epochMilliseconds <= durationMs;
  }

  #refresh(): Promise<TemporaryCredentials> {
    return this.#pending ??= this.#request()
      .then((requested) => {
        this.#failure = null;
        return this.#current = requested;
      }, (error) => {
        this.#failure = { error };
        throw error;
      })
      .finally(() => {
        this.#requestedMs = this.#context.clock.now().epochMilliseconds;
        this.#pending = null;
      });
  }

  #request(): Promise<TemporaryCredentials> {
    const origin = this.#origin;
    switch (origin.kind) {
      case "environment":
        return Promise.resolve({ keys: origin.keys, expiresMs: null });
      case "profile":
        return this.#readProfile(origin.name);
      case "web identity":
        return fromWebIdentity(origin.identity, this.#region, this.#context);
      case "container":
        return fromContainer(origin.url, this.#context);
      case "instance":
        return fromInstance(NOT_FOUND, this.#context);
      case "none":
        return Promise.reject(new DriverError("store.denied", origin.reason));
      default:
        return origin satisfies never;
    }
  }

  /** Reads the profile again: another program may write temporary keys into it. */
  async #readProfile(name: string): Promise<TemporaryCredentials> {
    const { origin } = await findCredentials(this.#context);
    if (origin.kind !== "profile") {
      throw new DriverError("store.denied", `the profile ${JSON.stringify(name)} has no keys`);
    }
    return { keys: origin.keys, expiresMs: null };
  }
}
