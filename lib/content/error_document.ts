/** JSON that reports an error in place of data. */

const words = (text: string): ReadonlySet<string> => new Set(text.split(" "));

/** Names of members, in lower case and without other characters than letters. */
const ERROR = words(
  "error errors errormessage errormsg errorcode errordescription errortype odataerror exception " +
    "exceptions fault",
);
const MESSAGE = words("message msg detail details statusmessage statustext note information info");
const STATUS = words("status statuscode code cod httpstatus httpcode result success ok response");
/** What else reports hold, and nothing that data consists of. */
const CONTEXT = words(
  "type title description reason severity timestamp time date path instance requestid reqid " +
    "traceid correlationid errorid documentationurl moreinfo help helpurl hint cause stack " +
    "stacktrace trace file line name kind apiversion metadata meta links jsonrpc id jsonapi " +
    "messages data hostid resource url method erroruri context",
);
/** What may be beside a message and nothing else. */
const BESIDE_MESSAGE = words(
  "type code status statuscode documentationurl requestid reqid traceid timestamp path",
);

/** How a report of an error begins: with a member of these names. */
const FIRST_MEMBER = /^\s*(?:\[\s*)?\{\s*"([^"\\]{1,40})"\s*:/;

const FAILED = /^(?:error|errors|fail|failed|failure|ko|nok|false)$/i;
const SUCCEEDED = /^(?:ok|okay|success|succeeded|true|done|none|no|no error|0|2\d\d|false|null)$/i;

/** Words of messages about failures. */
const FAILURE_WORDS = new RegExp(
  "error|fail|not found|no such|does not exist|doesn't exist|denied|forbidden|unauthori[sz]ed|" +
    "not authori[sz]ed|not allowed|not permitted|invalid|expired|unavailable|exceeded|limit|" +
    "too many|throttl|quota|time ?out|timed out|missing|required|maintenance|bad request|" +
    "bad gateway|blocked|cannot|can't|unable|log ?in|sign ?in|authenticat|credential|try again",
  "i",
);

/** The largest report, in characters, that may hold members of unknown names. */
const SHORT = 4_096;

/**
 * Whether a text is a JSON object, or a list of one, that reports an error and holds no data:
 * - a member such as `error` beside nothing but what reports consist of, or first in a short
 *   object of plain values;
 * - a status of failure (`"success": false`, 400 to 599, `"error"`) beside a message or alone;
 * - a message in the words of failures, beside nothing but codes.
 */
export function isErrorDocument(text: string): boolean {
  if (!mayBeErrorDocument(text)) return false;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return false;
  }
  const [only, ...others] = Array.isArray(value) ? value : [value];
  if (others.length > 0 || typeof only !== "object" || only === null) return false;
  const members = Object.entries(only).filter(([, value]) => !isEmpty(value))
    .map(([name, value]) => [nameOf(name), value] as const);
  return isReport(members, text.length);
}

/** Whether the first member of a text, of which some 100 characters suffice, is one of a report. */
export function mayBeErrorDocument(text: string): boolean {
  const [, first = ""] = FIRST_MEMBER.exec(text) ?? [];
  return isKnown(nameOf(first));
}

type Member = readonly [name: string, value: unknown];

function isReport(members: readonly Member[], length: number): boolean {
  const error = members.find(([name]) => ERROR.has(name));
  const message = members.find(([name]) => MESSAGE.has(name));
  const isOnlyReport = members.every(([name]) => isKnown(name));
  if (error !== undefined && isError(error[1], message !== undefined)) {
    if (isOnlyReport) return true;
    const others = members.slice(1).filter(([name]) => !isKnown(name));
    if (error === members[0] && length <= SHORT && others.every(([, value]) => isPlain(value))) {
      return true;
    }
  }
  if (!isOnlyReport) return false;
  const states = members.filter(([name]) => STATUS.has(name));
  const hasFailed = states.some(([name, value]) => isFailure(name, value));
  if (hasFailed) return message !== undefined || members.length === 1 || isDenied(members);
  if (states.some(([, value]) => SUCCEEDED.test(String(value)))) return false;
  const text = message?.[1];
  return typeof text === "string" && FAILURE_WORDS.test(text) &&
    members.every(([name]) => MESSAGE.has(name) || BESIDE_MESSAGE.has(name));
}

/** Letters of a member's name, in lower case. */
function nameOf(name: string): string {
  return name.toLowerCase().replace(/[^a-z]/g, "");
}

function isKnown(name: string): boolean {
  return ERROR.has(name) || MESSAGE.has(name) || STATUS.has(name) || CONTEXT.has(name);
}

function isPlain(value: unknown): boolean {
  return typeof value !== "object" || value === null;
}

function isEmpty(value: unknown): boolean {
  if (value === null || value === "") return true;
  return typeof value === "object" && Object.keys(value).length === 0;
}

/** Whether the value of a member such as `error` reports one. A fraction is a measured error. */
function isError(value: unknown, hasMessage: boolean): boolean {
  if (typeof value === "number") {
    return Number.isInteger(value) && (value >= 400 || (value !== 0 && hasMessage));
  }
  return typeof value === "string" ? !SUCCEEDED.test(value) : value !== false;
}

function isFailure(name: string, value: unknown): boolean {
  if (typeof value === "boolean") return !value && (name === "success" || name === "ok");
  if (typeof value === "object") return false;
  const text = String(value);
  return FAILED.test(text) || /^[45]\d\d$/.test(text);
}

/** Whether a member denies success in so many words. */
function isDenied(members: readonly Member[]): boolean {
  return members.some(([name, value]) => (name === "success" || name === "ok") && value === false);
}
