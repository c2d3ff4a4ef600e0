/** Why a task failed, in a few words for a row of a table. Pure. */

import { ERROR_CODES, type ErrorCode, hintFor } from "../core/errors.ts";
import type { RecentResult } from "../state/state.ts";

/** What a reason is derived from. */
export type Failure = Pick<RecentResult, "code" | "httpStatus" | "message">;

/**
 * The message of a result without its URL.
 *
 * @returns The meaning of the code without a message; null without either.
 */
export function messageOf({ code, message }: Failure): string | null {
  if (message !== null) return message.replace(/^fetching \S+: /, "");
  if (code === null) return null;
  return isErrorCode(code) ? ERROR_CODES[code].meaning : code;
}

/**
 * The reason in a few words: `404 Not Found`, `HTML instead of CSV`.
 *
 * @returns Null if the result has neither a code nor a message.
 */
export function shortReason(failure: Failure): string | null {
  const message = messageOf(failure);
  if (message === null) return null;
  const [, status] = failure.code === "http.status" ? STATUS_IN_MESSAGE.exec(message) ?? [] : [];
  if (status !== undefined) return status.split(" at ", 1)[0] ?? status;
  const [, extension, type, found] = failure.code === "expect.type"
    ? TYPES_IN_MESSAGE.exec(message) ?? []
    : [];
  if (found === undefined) return message;
  return `${shortType(found)} instead of ${extension?.toUpperCase() ?? shortType(type ?? "")}`;
}

/** The status at the start; records of earlier versions have words before it. */
const STATUS_IN_MESSAGE = /^(?:the server answered )?(\d{3}\b[^:;]*)/;

/** The extension or the expected type, and what was found instead. */
const TYPES_IN_MESSAGE =
  /^expected (?:the content of a \.(\S+) file|(\S+)), (?:found|the Content-Type is) ([^;]*)/;

/** A common type by its format: `CSV` for `text/csv`. Other text is returned unchanged. */
function shortType(type: string): string {
  return /^[a-z]+\/([a-z]{2,5})$/.exec(type)?.[1]?.toUpperCase() ?? type;
}

/** What a person can do about a failure; null if the message contains it. */
export function failureHint({ code, httpStatus }: Failure): string | null {
  return code !== null && isErrorCode(code) ? hintFor(code, httpStatus) : null;
}

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERROR_CODES, code);
}
