/** JSON and XML documents that report an error instead of containing data. */

import { readMarkupStart, wordSet } from "./markup.ts";

/** Ends of other names for an error, such as `odata.error` or `quandl_error`. */
const ERROR_SUFFIX = /(?:error|errors|exception|fault)$/;
/** Names with that suffix for data. */
const MEASURED = wordSet("standarderror meanerror meansquarederror meanabsoluteerror");

/** Names of members, in lower case and letters only. */
const ERROR = wordSet(
  "error errors err errormessage errormsg errmsg errorcode errcode errornumber errordescription " +
    "errordetail errortype exception exceptions exceptionmessage fault",
);
const MESSAGE = wordSet(
  "message msg detail details statusmessage statustext resultmessage note information info",
);
/** Members that explain a failure status. */
const EXPLANATION = wordSet("title description reason");
const STATUS = wordSet(
  "status statuscode code cod httpstatus httpcode result resultcode returncode ret success ok response",
);
/** Other members of reports, which are not typical of data. */
const CONTEXT = wordSet(
  "type title description reason severity timestamp time date path instance requestid reqid " +
    "traceid correlationid errorid documentationurl moreinfo help helpurl hint cause stack " +
    "stacktrace trace file line name kind apiversion metadata meta links jsonrpc id jsonapi " +
    "messages data hostid resource url method erroruri context request retryafter global " +
    "exceptiontype innerexception elapsed creditcount object",
);
/** Members that may accompany a message if that is all. */
const BESIDE_MESSAGE = wordSet(
  "type code status statuscode documentationurl requestid reqid traceid timestamp path retryafter " +
    "global ret data",
);

/** The first member of an object, perhaps in a list. */
const FIRST_MEMBER = /^\s*(?:\[\s*)?\{\s*"([^"\\]{1,40})"\s*:/;

const FAILED = /^(?:error|errors|err|fail|failed|failure|ko|nok|false)$/i;
/** Types of errors, as in `"__type": "AccessDeniedException"`. */
const ERROR_TYPE = /(?:error|exception|failure|fault)$/i;
const SUCCEEDED = /^(?:ok|okay|success|succeeded|true|done|none|no|no error|0|2\d\d|false|null)$/i;

/** Words in messages about failures. */
const FAILURE_WORDS = new RegExp(
  "error|fail|not found|no such|does not exist|doesn't exist|denied|forbidden|unauthori[sz]ed|" +
    "not authori[sz]ed|not allowed|not permitted|invalid|expired|unavailable|exceeded|limit|" +
    "too many|throttl|quota|time ?out|timed out|missing|required|maintenance|bad request|" +
    "bad gateway|blocked|cannot|can't|unable|log ?in|sign ?in|authenticat|credential|try again|" +
    "no route|api[ _-]?key|frequency|per (?:second|minute|hour|day)|unknown|rejected|suspended",
  "i",
);

/** Longest report, in characters, that may have other members or a root of another name. */
const MAX_SHORT_REPORT = 4_096;

/**
 * Whether a text is a JSON object, or a list of one, that reports an error and contains no data:
 * - a member such as `error` with other members of reports only, or first in a short object of
 *   plain values;
 * - a failure status (`"success": false`, 400 to 599, `"error"`), alone or with a message;
 * - a message in the words of failures with codes only, or with a type of error;
 * - a single member, whose value is such a report with a member such as `error`.
 */
export function isErrorDocument(text: string): boolean {
  if (text.length > MAX_SHORT_REPORT && !mayBeErrorDocument(text)) return false;
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

/** The members that are not empty, by normalized name. */
function membersOf(object: object): Member[] {
  return Object.entries(object).filter(([, value]) => !isEmpty(value))
    .map(([name, value]) => [normalizeName(name), value] as const);
}

/** Whether the first member of a JSON text is one of a report; 100 characters of the text suffice. */
export function mayBeErrorDocument(text: string): boolean {
  const [, first = ""] = FIRST_MEMBER.exec(text) ?? [];
  return isKnown(normalizeName(first));
}

type Member = readonly [name: string, value: unknown];

function isReport(members: readonly Member[], length: number): boolean {
  const error = members.find(([name, value]) => isErrorName(name, value));
  const message = members.find(([name]) => MESSAGE.has(name));
  const isOnlyReport = members.every(([name, value]) => isKnown(name) || isErrorName(name, value));
  if (error !== undefined && isError(error[1], message !== undefined)) {
    if (isOnlyReport) return true;
    const others = members.slice(1).filter(([name]) => !isKnown(name));
    if (
      error === members[0] && length <= MAX_SHORT_REPORT &&
      others.every(([, value]) => isPlain(value))
    ) {
      return true;
    }
  }
  if (!isOnlyReport) return false;
  const states = members.filter(([name]) => STATUS.has(name));
  const hasFailed = states.some(([name, value]) => isFailure(name, value));
  if (hasFailed) {
    return message !== undefined || members.length === 1 || deniesSuccess(members) ||
      members.every(([name, value]) =>
        STATUS.has(name) || EXPLANATION.has(name) || name === "data" || mayAccompany(name, value)
      );
  }
  if (states.some(([, value]) => SUCCEEDED.test(String(value)))) return false;
  const text = message?.[1];
  const type = members.find(([name]) => name === "type" || name === "object")?.[1];
  if (typeof text === "string" && typeof type === "string" && ERROR_TYPE.test(type)) return true;
  return typeof text === "string" && FAILURE_WORDS.test(text) &&
    members.every(([name, value]) => MESSAGE.has(name) || mayAccompany(name, value));
}

/** Whether a member may accompany a message; `data` only if it has such members only. */
function mayAccompany(name: string, value: unknown): boolean {
  if (!BESIDE_MESSAGE.has(name)) return false;
  return name !== "data" ||
    (isObject(value) && membersOf(value).every(([inner]) => BESIDE_MESSAGE.has(inner)));
}

/** Whether a member is an error by its name; with a longer name, a number is a measurement. */
function isErrorName(name: string, value: unknown): boolean {
  return ERROR.has(name) ||
    (ERROR_SUFFIX.test(name) && !MEASURED.has(name) && typeof value !== "number");
}

/** The letters of the name of a member, in lower case. */
function normalizeName(name: string): string {
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

/** Whether the value of a member such as `error` reports one; a fraction is a measured error. */
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

/** Whether a member denies success explicitly. */
function deniesSuccess(members: readonly Member[]): boolean {
  return members.some(([name, value]) => (name === "success" || name === "ok") && value === false);
}

/** Root elements of error documents: of AWS, and of OGC services (WMS, WFS). */
const ERROR_ROOTS = wordSet("errorresponse exceptionreport serviceexceptionreport");

/** Children of `<Error>` in the error documents of S3, Azure, Google and others. */
const ERROR_CHILDREN = wordSet("code message");
/** First children in other short reports. */
const SHORT_CHILDREN = wordSet(
  "status statuscode description detail details reason title text msg faultcode faultstring",
);

/** Characters of a SOAP envelope that are searched for a `Fault`. */
const FAULT_CHARACTERS = 4_096;

/** Roots of reports, depending on their content. */
const POSSIBLE_ERROR_ROOTS = wordSet("error fault exception");
/** Roots of responses, in which an attribute or element reports an error. */
const ENVELOPES = wordSet("errors exceptions hash response result rsp oai-pmh");
const FAILED_STATUS = /\sstat(?:us)?\s*=\s*["']?(?:err|fail)/i;
const CODE_ATTRIBUTE = /\s(?:code|message|status)\s*=/i;
const ERROR_ELEMENT = /<(?:[\w-]{1,40}:)?(?:err|error|exception)(\s[^<>]*)?>([^<>]*)/gi;
const NO_ERROR = /^\s*(?:0|none|no|false|ok)\s*$/i;

/** Names an XML error document, with its code if there is one; or null. */
export function xmlErrorIn(text: string): string | null {
  const { name, attributes, end } = readMarkupStart(text);
  const root = localName(name);
  const isFault = root === "envelope" &&
    /<(?:[\w-]{1,40}:)?Fault[\s>]/.test(text.slice(end, end + FAULT_CHARACTERS));
  if (isFault || ERROR_ROOTS.has(root)) return "an XML error document";
  const isShort = text.length <= MAX_SHORT_REPORT;
  const isFailed = isShort && ENVELOPES.has(root) &&
    (FAILED_STATUS.test(attributes) || hasErrorElement(text.slice(end)));
  if (isFailed) return "an XML error document";
  return POSSIBLE_ERROR_ROOTS.has(root) ? xmlReportIn(text.slice(end), attributes, isShort) : null;
}

/** Whether an element reports an error: it has a child, text, or only attributes. */
function hasErrorElement(text: string): boolean {
  for (
    const { 0: whole, 1: attributes = "", 2: value = "", index } of text.matchAll(ERROR_ELEMENT)
  ) {
    const isEmpty = attributes.endsWith("/") || text.startsWith("</", index + whole.length);
    if (
      isEmpty && value.trim() === "" ? attributes.includes("=") : !NO_ERROR.test(value)
    ) return true;
  }
  return false;
}

/** Names the report in a root such as `Error`, with its code if there is one; or null. */
function xmlReportIn(rest: string, attributes: string, isShort: boolean): string | null {
  const [, element = "", value = ""] =
    /^\s*<([\w:.-]+)(?:[^\w:.<>-][^<>]*)?>([^<>]{0,100})/.exec(rest) ??
      [];
  const child = localName(element.toLowerCase());
  const isReport = ERROR_CHILDREN.has(child) ||
    (isShort &&
      (SHORT_CHILDREN.has(child) || CODE_ATTRIBUTE.test(attributes) || /^\s*[^\s<]/.test(rest)));
  if (!isReport) return null;
  const code = ERROR_CHILDREN.has(child) ? /^\s*([\w.]{1,60})\s*$/.exec(value)?.[1] : undefined;
  return code === undefined ? "an XML error document" : `an XML error document (${code})`;
}

function localName(name: string): string {
  return name.slice(name.indexOf(":") + 1);
}
