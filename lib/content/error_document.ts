/** JSON that reports an error in place of data. */

const words = (text: string): ReadonlySet<string> => new Set(text.split(" "));

/** Other names of members that hold an error, such as `odata.error` or `quandl_error`. */
const ERROR_SUFFIX = /(?:error|errors|exception|fault)$/;
/** Names with that suffix which hold data. */
const MEASURED = words("standarderror meanerror meansquarederror meanabsoluteerror");

/** Names of members, in lower case and without other characters than letters. */
const ERROR = words(
  "error errors err errormessage errormsg errmsg errorcode errcode errornumber errordescription " +
    "errordetail errortype exception exceptions exceptionmessage fault",
);
const MESSAGE = words(
  "message msg detail details statusmessage statustext resultmessage note information info",
);
/** What says why beside a status of failure. */
const EXPLANATION = words("title description reason");
const STATUS = words(
  "status statuscode code cod httpstatus httpcode result resultcode returncode ret success ok response",
);
/** What else reports hold, and nothing that data consists of. */
const CONTEXT = words(
  "type title description reason severity timestamp time date path instance requestid reqid " +
    "traceid correlationid errorid documentationurl moreinfo help helpurl hint cause stack " +
    "stacktrace trace file line name kind apiversion metadata meta links jsonrpc id jsonapi " +
    "messages data hostid resource url method erroruri context request retryafter global " +
    "exceptiontype innerexception elapsed creditcount object",
);
/** What may be beside a message and nothing else. */
const BESIDE_MESSAGE = words(
  "type code status statuscode documentationurl requestid reqid traceid timestamp path retryafter " +
    "global ret data",
);

/** How a report of an error begins: with a member of these names. */
const FIRST_MEMBER = /^\s*(?:\[\s*)?\{\s*"([^"\\]{1,40})"\s*:/;

const FAILED = /^(?:error|errors|err|fail|failed|failure|ko|nok|false)$/i;
/** A type of object that is an error, as in `"__type": "AccessDeniedException"`. */
const ERROR_TYPE = /(?:error|exception|failure|fault)$/i;
const SUCCEEDED = /^(?:ok|okay|success|succeeded|true|done|none|no|no error|0|2\d\d|false|null)$/i;

/** Words of messages about failures. */
const FAILURE_WORDS = new RegExp(
  "error|fail|not found|no such|does not exist|doesn't exist|denied|forbidden|unauthori[sz]ed|" +
    "not authori[sz]ed|not allowed|not permitted|invalid|expired|unavailable|exceeded|limit|" +
    "too many|throttl|quota|time ?out|timed out|missing|required|maintenance|bad request|" +
    "bad gateway|blocked|cannot|can't|unable|log ?in|sign ?in|authenticat|credential|try again|" +
    "no route|api[ _-]?key|frequency|per (?:second|minute|hour|day)|unknown|rejected|suspended",
  "i",
);

/** The largest report, in characters, that may hold members of unknown names. */
const SHORT = 4_096;

/**
 * Whether a text is a JSON object, or a list of one, that reports an error and holds no data:
 * - a member such as `error` beside nothing but what reports consist of, or first in a short
 *   object of plain values;
 * - a status of failure (`"success": false`, 400 to 599, `"error"`) beside a message or alone;
 * - a message in the words of failures, beside nothing but codes; or beside a type of error;
 * - one member, whose value is such a report with a member such as `error`.
 */
export function isErrorDocument(text: string): boolean {
  if (text.length > SHORT && !mayBeErrorDocument(text)) return false;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return false;
  }
  const [only, ...others] = Array.isArray(value) ? value : [value];
  if (others.length > 0 || typeof only !== "object" || only === null) return false;
  const members = membersOf(only);
  if (isReport(members, text.length)) return true;
  const [wrapper] = members;
  if (members.length !== 1 || !wrapper || !isObject(wrapper[1])) return false;
  const inner = membersOf(wrapper[1]);
  const error = inner.find(([name, value]) => isErrorName(name, value));
  return error !== undefined && (inner.length > 1 || isObject(error[1])) &&
    isReport(inner, text.length);
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The members that are not empty, by their plain names. */
function membersOf(object: object): Member[] {
  return Object.entries(object).filter(([, value]) => !isEmpty(value))
    .map(([name, value]) => [nameOf(name), value] as const);
}

/** Whether the first member of a text, of which some 100 characters suffice, is one of a report. */
export function mayBeErrorDocument(text: string): boolean {
  const [, first = ""] = FIRST_MEMBER.exec(text) ?? [];
  return isKnown(nameOf(first));
}

type Member = readonly [name: string, value: unknown];

function isReport(members: readonly Member[], length: number): boolean {
  const error = members.find(([name, value]) => isErrorName(name, value));
  const message = members.find(([name]) => MESSAGE.has(name));
  const isOnlyReport = members.every(([name, value]) => isKnown(name) || isErrorName(name, value));
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
  if (hasFailed) {
    return message !== undefined || members.length === 1 || isDenied(members) ||
      members.every(([name, value]) =>
        STATUS.has(name) || EXPLANATION.has(name) || name === "data" || isBeside(name, value)
      );
  }
  if (states.some(([, value]) => SUCCEEDED.test(String(value)))) return false;
  const text = message?.[1];
  const type = members.find(([name]) => name === "type" || name === "object")?.[1];
  if (typeof text === "string" && typeof type === "string" && ERROR_TYPE.test(type)) return true;
  return typeof text === "string" && FAILURE_WORDS.test(text) &&
    members.every(([name, value]) => MESSAGE.has(name) || isBeside(name, value));
}

/** Whether a member may be beside a message; `data` only if it consists of the like. */
function isBeside(name: string, value: unknown): boolean {
  if (!BESIDE_MESSAGE.has(name)) return false;
  return name !== "data" ||
    (isObject(value) && membersOf(value).every(([inner]) => BESIDE_MESSAGE.has(inner)));
}

/** Whether a member holds an error by its name. Of a longer name, a number is a measurement. */
function isErrorName(name: string, value: unknown): boolean {
  return ERROR.has(name) ||
    (ERROR_SUFFIX.test(name) && !MEASURED.has(name) && typeof value !== "number");
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
