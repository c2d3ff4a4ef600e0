/** Sends what happened to webhooks and programs of the config, once each. */

import { variable } from "../config/variables.ts";
import { ERROR_CODES } from "../core/errors.ts";
import type { Host } from "../core/host.ts";
import type { HttpBody, HttpResponse, SettingsOf, Transport } from "../core/http.ts";
import { createErrorQuote, programEnvironment } from "../core/program.ts";
import type { Hook } from "../core/task.ts";
import { cutServerText, errorMessage, escapeControl } from "../core/text.ts";
import { withTimeout } from "../core/time.ts";
import { fromFetchError } from "../http/network_error.ts";
import { basicAuthorization } from "../http/proxy.ts";
import { openTransport } from "../http/transport.ts";

/** What receives a payload. Contains secrets. */
export type Target =
  | Extract<Hook, { readonly kind: "webhook" }>
  | {
    readonly kind: "command";
    readonly command: readonly [string, ...string[]];
    /** Its working directory. Default: that of this process. */
    readonly cwd?: string;
    /** Its variables, besides a few and those of the payload. Default: those of this process. */
    readonly env?: Readonly<Record<string, string>>;
  };

/** The content of a request to a webhook, and the input of a program. */
export interface Payload {
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** Environment variables of a program that does not get those of this process. Default: none. */
  readonly variables?: Readonly<Record<string, string>>;
}

/** What sending uses. */
export interface SenderOptions {
  readonly host: Host;
  /** Proxy and certificates by origin, as for downloads. */
  readonly settingsOf: SettingsOf;
  /** Removes secrets from a text. */
  readonly redact: (text: string) => string;
  /** Ends sending. */
  readonly signal: AbortSignal;
  /** Limit of one request, and of a program, in milliseconds. */
  readonly timeoutMs: number;
}

/** Sends payloads. Disposal closes its connections. */
export interface Sender extends AsyncDisposable {
  /**
   * Sends a payload once.
   *
   * @throws {TargetFailure} The target did not accept it.
   */
  send(target: Target, payload: Payload): Promise<void>;
}

/** Why a target did not accept a payload: a clause without secrets, and what a person can do. */
export class TargetFailure extends Error {
  override readonly name = "TargetFailure";
  /** A clause in the imperative, or null. */
  readonly hint: string | null;
  /** Whether a retry may help. */
  readonly isTemporary: boolean;
  /** When the server accepts the next message, in milliseconds from now; or null. */
  readonly pauseMs: number | null;

  /** Creates a failure; see the fields. */
  constructor(
    message: string,
    { hint = null, isTemporary = false, pauseMs = null }: {
      readonly hint?: string | null;
      readonly isTemporary?: boolean;
      readonly pauseMs?: number | null;
    } = {},
  ) {
    super(message);
    this.hint = hint;
    this.isTemporary = isTemporary;
    this.pauseMs = pauseMs;
  }
}

/**
 * The host of a webhook, or the program of a command. The rest is often a secret.
 *
 * @param redact Removes secrets from a text.
 */
export function targetName(target: Target, redact: (text: string) => string): string {
  return redact(target.kind === "webhook" ? new URL(target.url).host : target.command[0]);
}

/** A target in a sentence; see {@linkcode targetName}. */
export function describeTarget(target: Target, redact: (text: string) => string): string {
  const name = escapeControl(targetName(target, redact));
  return target.kind === "webhook" ? `the webhook at ${name}` : `the command ${name}`;
}

/** Opens a sender. Connections are opened by the first payload. */
export async function openSender(options: SenderOptions): Promise<Sender> {
  const { host, settingsOf, redact } = options;
  const opened = await openTransport(host, settingsOf, redact);
  const context = { ...options, transport: opened.transport };
  return {
    send: async (target, payload) => {
      try {
        await (target.kind === "command"
          ? execute(target, payload, context)
          : post(target, payload, context));
      } catch (error) {
        throw targetFailure(error, redact);
      }
    },
    [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
  };
}

/** Any error as a failure without secrets. */
export function targetFailure(error: unknown, redact: (text: string) => string): TargetFailure {
  const message = escapeControl(redact(errorMessage(error)));
  return error instanceof TargetFailure
    ? new TargetFailure(message, error)
    : new TargetFailure(message);
}

type SendContext = Pick<SenderOptions, "host" | "redact" | "signal" | "timeoutMs">;

async function execute(
  { command, cwd, env }: Extract<Target, { kind: "command" }>,
  { body, variables }: Payload,
  context: SendContext,
): Promise<void> {
  const { host, redact } = context;
  const quote = createErrorQuote(redact);
  const surroundings = {
    ...(cwd !== undefined && { cwd }),
    ...(env && {
      env: programEnvironment((name) => variable(name, host), { ...variables, ...env }),
    }),
  };
  try {
    const code = await limited(
      context,
      (ended) => host.execute(command, body, ended, { ...surroundings, stderr: quote.add }),
    );
    if (code === 0) return;
    throw new TargetFailure(`exit code ${code}${quote.text()}`, {
      hint: "run the command by hand with JSON",
    });
  } catch (error) {
    if (error instanceof TargetFailure) throw error;
    if (error instanceof Deno.errors.NotFound) {
      throw new TargetFailure("the program does not exist", { hint: "check its path" });
    }
    if (error instanceof Deno.errors.NotCapable) {
      throw new TargetFailure(errorMessage(error), { hint: `add --allow-run=${command[0]}` });
    }
    throw error;
  }
}

async function post(
  { url: text, headers }: Extract<Target, { kind: "webhook" }>,
  payload: Payload,
  { transport, ...context }: SendContext & { readonly transport: Transport },
): Promise<void> {
  const url = new URL(text);
  const credentials: Record<string, string> = url.username + url.password === ""
    ? {}
    : { authorization: basicAuthorization(url) };
  url.username = url.password = url.hash = "";
  const { status, headers: fields, reason } = await limited(context, async (ended) => {
    try {
      const response = await transport({
        method: "POST",
        url: url.href,
        headers: { ...payload.headers, ...credentials, ...headers },
        body: new TextEncoder().encode(payload.body),
        // A webhook in the config may be private, and redirects are not followed.
        ...{ publicOnly: false, phases: null, signal: ended },
      });
      return { ...response, reason: await reasonOf(response) };
    } catch (error) {
      const { code, message, retry } = fromFetchError(error, ended);
      throw new TargetFailure(message, {
        hint: ERROR_CODES[code].hint,
        isTemporary: retry === "later",
      });
    }
  });
  if (status < 300) return;
  const isTemporary = status === 408 || status === 429 || status >= 500;
  throw new TargetFailure(`the server answered ${status}${reason}`, {
    hint: hintFor(status),
    isTemporary,
    pauseMs: isTemporary ? pauseOf(fields.get("retry-after")) : null,
  });
}

/** Most bytes of an error that are read. */
const REASON_BYTES = 2_048;

/** What the server says about an error, as `: text`; empty without text. Ends the body. */
async function reasonOf({ status, body }: Pick<HttpResponse, "status" | "body">): Promise<string> {
  try {
    if (status < 400) return "";
    const text = (await readText(body)).replace(/\s+/g, " ").trim();
    return text === "" ? "" : `: ${cutServerText(text)}`;
  } catch {
    return "";
  } finally {
    await body.cancel();
  }
}

async function readText(body: HttpBody): Promise<string> {
  const decoder = new TextDecoder();
  let buffer = new Uint8Array(REASON_BYTES);
  let text = "";
  for (let left = REASON_BYTES; left > 0;) {
    const piece = await body.read(buffer.subarray(0, left));
    if (piece.length === 0) break;
    text += decoder.decode(piece, { stream: true });
    left -= piece.length;
    buffer = new Uint8Array(REASON_BYTES);
  }
  return text;
}

function hintFor(status: number): string {
  if (status < 400) return "write the URL that it redirects to";
  switch (status) {
    case 401:
    case 403:
      return "check the secret in the URL or in headers";
    case 404:
    case 410:
      return "check the URL: the webhook may have been removed";
    case 429:
      return "the service limits messages; try again later";
    default:
      return status < 500 ? "check the URL, and the format that it accepts" : "try again later";
  }
}

/** `Retry-After` in seconds (RFC 9110, section 10.2.3); dates are ignored. */
function pauseOf(field: string | null): number | null {
  return field !== null && /^\d{1,9}(?:\.\d{1,9})?$/.test(field) ? Number(field) * 1_000 : null;
}

/** Runs work until the time limit is over or the signal is aborted. */
async function limited<Result>(
  { host: { timers }, timeoutMs, signal }: SendContext,
  work: (ended: AbortSignal) => Promise<Result>,
): Promise<Result> {
  return await withTimeout(
    timers,
    timeoutMs,
    (late) => work(AbortSignal.any([late, signal])),
    () =>
      new TargetFailure(`no result after ${timeoutMs / 1_000}s`, {
        hint: "check that the target is reachable",
        isTemporary: true,
      }),
  );
}
