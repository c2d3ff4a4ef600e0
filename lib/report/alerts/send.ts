/** Sends messages to the targets of alerts, with time limits and retries. */

import { ERROR_CODES } from "../../core/errors.ts";
import type { Alert } from "../../core/event.ts";
import type { Host, Timers } from "../../core/host.ts";
import type { HttpBody, HttpResponse, SettingsOf, Transport } from "../../core/http.ts";
import { cutServerText, errorMessage, escapeControl } from "../../core/text.ts";
import { withTimeout } from "../../core/time.ts";
import { fromFetchError } from "../../http/network_error.ts";
import { basicAuthorization } from "../../http/proxy.ts";
import { openTransport } from "../../http/transport.ts";
import { type AlertPayload, alertPayload } from "./formats.ts";
import type { AlertMessage } from "./message.ts";

/** Limit of one request to a webhook, and of a command. */
const ATTEMPT_TIMEOUT_MS = 10_000;
/** Delays before the retries of a webhook. */
const RETRY_DELAYS_MS = [1_000, 5_000];
/** Longest `Retry-After` that is waited for; after a longer one, the next evaluation tries again. */
const LONGEST_PAUSE_MS = 10_000;

/** How long sending takes at most, in milliseconds. */
export const LONGEST_SENDING_MS: number = (RETRY_DELAYS_MS.length + 1) * ATTEMPT_TIMEOUT_MS +
  RETRY_DELAYS_MS.length * LONGEST_PAUSE_MS;

/** Sends messages. Disposal closes its connections. */
export interface AlertSender extends AsyncDisposable {
  /**
   * Sends a message to a target, and retries temporary failures.
   *
   * @throws {AlertFailure} The target did not accept it.
   */
  send(alert: Alert, message: AlertMessage): Promise<void>;
}

/** What sending uses. */
export interface AlertSenderOptions {
  readonly host: Host;
  /** Proxy and certificates by origin, as for downloads. */
  readonly settingsOf: SettingsOf;
  /** Removes secrets from a text. */
  readonly redact: (text: string) => string;
  /** Ends sending. */
  readonly signal: AbortSignal;
  /** Whether temporary failures are retried. Default: true. */
  readonly retries?: boolean;
}

/** Why a message was not accepted: a clause without secrets, and what a person can do. */
export class AlertFailure extends Error {
  override readonly name = "AlertFailure";
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
export function targetName(alert: Alert, redact: (text: string) => string): string {
  return redact(alert.kind === "webhook" ? new URL(alert.url).host : alert.command[0]);
}

/** The target of an alert in a sentence; see {@linkcode targetName}. */
export function describeTarget(alert: Alert, redact: (text: string) => string): string {
  const name = escapeControl(targetName(alert, redact));
  return alert.kind === "webhook" ? `the webhook at ${name}` : `the command ${name}`;
}

/** Opens a sender. Connections are opened by the first message. */
export async function openAlertSender(
  { host, settingsOf, redact, signal, retries = true }: AlertSenderOptions,
): Promise<AlertSender> {
  const opened = await openTransport(host, settingsOf, redact);
  const { timers } = host;
  const deliver = async (alert: Alert, message: AlertMessage): Promise<void> => {
    const payload = alertPayload(message, alert.kind === "webhook" ? alert.format : "json");
    if (alert.kind === "command") {
      return await execute(alert.command, payload.body, host, signal);
    }
    for (const delayMs of [...(retries ? RETRY_DELAYS_MS : []), null]) {
      try {
        return await post(alert, payload, opened.transport, timers, signal);
      } catch (error) {
        if (delayMs === null || !(error instanceof AlertFailure) || !error.isTemporary) throw error;
        const pauseMs = Math.max(delayMs, error.pauseMs ?? 0);
        if (pauseMs > LONGEST_PAUSE_MS) throw error;
        await timers.sleep(pauseMs, signal);
      }
    }
  };
  return {
    send: async (alert, message) => {
      try {
        await deliver(alert, message);
      } catch (error) {
        throw failureOf(error, redact);
      }
    },
    [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
  };
}

function failureOf(error: unknown, redact: (text: string) => string): AlertFailure {
  const message = escapeControl(redact(errorMessage(error)));
  return error instanceof AlertFailure
    ? new AlertFailure(message, error)
    : new AlertFailure(message);
}

async function execute(
  command: readonly [string, ...string[]],
  input: string,
  { execute, timers }: Pick<Host, "execute" | "timers">,
  signal: AbortSignal,
): Promise<void> {
  try {
    const code = await limited(
      timers,
      signal,
      (ended) => execute(command, input, ended),
    );
    if (code === 0) return;
    throw new AlertFailure(`exit code ${code}`, { hint: "run the command by hand with JSON" });
  } catch (error) {
    if (error instanceof AlertFailure) throw error;
    if (error instanceof Deno.errors.NotFound) {
      throw new AlertFailure("the program does not exist", { hint: "check its path" });
    }
    if (error instanceof Deno.errors.NotCapable) {
      throw new AlertFailure(errorMessage(error), { hint: `add --allow-run=${command[0]}` });
    }
    throw error;
  }
}

async function post(
  { url: text, headers }: Extract<Alert, { kind: "webhook" }>,
  payload: AlertPayload,
  transport: Transport,
  timers: Timers,
  signal: AbortSignal,
): Promise<void> {
  const url = new URL(text);
  const credentials: Record<string, string> = url.username + url.password === ""
    ? {}
    : { authorization: basicAuthorization(url) };
  url.username = url.password = url.hash = "";
  const { status, headers: fields, reason } = await limited(timers, signal, async (ended) => {
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
      throw new AlertFailure(message, {
        hint: ERROR_CODES[code].hint,
        isTemporary: retry === "later",
      });
    }
  });
  if (status < 300) return;
  const isTemporary = status === 408 || status === 429 || status >= 500;
  throw new AlertFailure(`the server answered ${status}${reason}`, {
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
      return status < 500 ? "check format, and the URL" : "try again later";
  }
}

/** `Retry-After` in seconds (RFC 9110, section 10.2.3); dates are ignored. */
function pauseOf(field: string | null): number | null {
  return field !== null && /^\d{1,9}(?:\.\d{1,9})?$/.test(field) ? Number(field) * 1_000 : null;
}

/** Runs work until {@linkcode ATTEMPT_TIMEOUT_MS} is over or `signal` is aborted. */
async function limited<Result>(
  timers: Timers,
  signal: AbortSignal,
  work: (ended: AbortSignal) => Promise<Result>,
): Promise<Result> {
  return await withTimeout(
    timers,
    ATTEMPT_TIMEOUT_MS,
    (late) => work(AbortSignal.any([late, signal])),
    () =>
      new AlertFailure(`no result after ${ATTEMPT_TIMEOUT_MS / 1_000}s`, {
        hint: "check that the target is reachable",
        isTemporary: true,
      }),
  );
}
