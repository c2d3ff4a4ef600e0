/** Reads `method` and `body` of a task. Loaded only if a task has one of them. */

import type { ReadRequest } from "../core/task.ts";
import type { RequestBodyInput } from "./input.ts";
import { type Complaint, type Parsed, partsOf, quote, withGuess, withHint } from "./problem.ts";
import type { TaskOptions } from "./schema/task_schema.ts";
import { type CompiledRequest, type Path, resolveText, type Scope } from "./scope.ts";
import { isSecretParameter } from "./secrets.ts";
import type { Nearest } from "./suggest.ts";
import {
  type DatePart,
  LETTERS,
  parsePlaceholder,
  type Template,
  templateWarning,
} from "./template.ts";
import { substitute, suggestVariables } from "./variables.ts";

/** Size limit of a body, in bytes: it is kept in memory. */
const MAX_BODY_BYTES = 1024 * 1024;

/**
 * Reads the request of a task that has `method` or `body`.
 *
 * @returns Null for a GET, and after a problem.
 */
export function readRequest(
  own: TaskOptions,
  timezone: string,
  path: Path,
  scope: Scope,
): CompiledRequest | null {
  const { body: written, method = written === undefined ? "GET" : "POST" } = own;
  if (method === "GET") {
    if (written !== undefined) {
      const hint = 'write "POST", or leave the method out: a task with a body sends POST';
      scope.addProblem([...path, "method"], withHint("must not be GET beside a body", hint));
    }
    return null;
  }
  warnOfIgnored(own, method, path, scope);
  if (written === undefined) {
    if (method === "POST") return { request: emptyPost(scope), body: null };
    scope.addProblem([...path, "method"], "must not be QUERY without a body");
    return null;
  }
  const place = [...path, "body"];
  const parts = readBody(written, place, scope);
  if (parts === null) return null;
  const body: Template = {
    parts,
    dated: parts.some((part) => typeof part !== "string"),
    hasServerName: false,
    fromUrl: false,
  };
  const text = scope.render(body, timezone);
  const bytes = text.length * 3 <= MAX_BODY_BYTES ? 0 : new TextEncoder().encode(text).length;
  if (bytes > MAX_BODY_BYTES) {
    scope.addProblem(place, `must have at most 1 MiB; it has ${bytes} bytes`);
    return null;
  }
  const contentType = contentTypeOf(written);
  return { request: scope.intern<ReadRequest>({ method, body: text, contentType }), body };
}

function emptyPost(scope: Scope): ReadRequest {
  return scope.intern<ReadRequest>({ method: "POST", body: null, contentType: null });
}

/** Warns of options that apply to a GET only. */
function warnOfIgnored(
  { segments = 1, conditional }: TaskOptions,
  method: string,
  path: Path,
  scope: Scope,
): void {
  if (segments > 1) {
    const message = `has no effect: the response to a ${method} is not fetched in ranges`;
    scope.addWarning([...path, "segments"], message);
  }
  if (conditional === true) {
    const message =
      `has no effect: a ${method} has no conditions, and the digest of its response ` +
      "decides whether it has changed";
    scope.addWarning([...path, "conditional"], message);
  }
}

function contentTypeOf({ json, form }: RequestBodyInput): string {
  if (json !== undefined) return "application/json";
  return form === undefined ? "text/plain; charset=utf-8" : "application/x-www-form-urlencoded";
}

/** Literal text and dates. */
type BodyParts = readonly (string | DatePart)[];

/** The body with its secrets substituted; null after a problem. */
function readBody(
  { json, form, text }: RequestBodyInput,
  path: Path,
  scope: Scope,
): BodyParts | null {
  if ([json, form, text].filter((kind) => kind !== undefined).length !== 1) {
    const isBare = json === undefined && form === undefined && text === undefined;
    const hint = isBare ? 'write { "json": … } around it' : null;
    scope.addProblem(path, withHint("must have either json, form or text", hint));
    return null;
  }
  if (form !== undefined) return readForm(form, [...path, "form"], scope);
  if (text !== undefined) {
    const filled = fill(text, "", [...path, "text"], scope);
    return filled === null ? null : partsIn(filled, [...path, "text"], scope);
  }
  const place = [...path, "json"];
  if (typeof json === "string" && /^\s*[{[]/.test(json)) {
    const hint = 'write the value without quotes, or "text" in place of "json"';
    scope.addWarning(place, withHint("is text in JSON, and would be sent in quotes", hint));
  }
  const problems = new Set<unknown>();
  const filled = fillJson(json, "", place, scope, problems);
  // Only texts in it can have dates: the other braces of JSON precede a quote or a brace.
  return problems.size > 0 ? null : partsIn(JSON.stringify(filled), place, scope);
}

/**
 * Substitutes the secrets in a JSON value. Its depth is limited, as that of every config.
 *
 * @param name The key of the value.
 * @param problems Collects values with a problem.
 */
function fillJson(
  value: unknown,
  name: string,
  path: Path,
  scope: Scope,
  problems: Set<unknown>,
): unknown {
  if (typeof value === "string") {
    const filled = fill(value, name, path, scope);
    if (filled === null) problems.add(value);
    return filled;
  }
  if (Array.isArray(value)) {
    return value.map((item, index) => fillJson(item, name, [...path, index], scope, problems));
  }
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(
      Object.entries(value).map(([key, part]) => [
        key,
        part === undefined ? part : fillJson(part, key, [...path, key], scope, problems),
      ]),
    );
  }
  if (value === null || typeof value === "boolean" || Number.isFinite(value)) return value;
  scope.addProblem(path, "must be a JSON value");
  problems.add(value);
  return null;
}

function readForm(
  form: NonNullable<RequestBodyInput["form"]>,
  path: Path,
  scope: Scope,
): BodyParts | null {
  let fields: BodyParts | null = [];
  for (const [name, written] of Object.entries(form)) {
    for (const value of Array.isArray(written) ? written : [written]) {
      const place = [...path, name];
      const filled = fill(String(value), name, place, scope);
      const parts = filled === null ? null : partsIn(filled, place, scope);
      const start: string = `${fields?.length ? "&" : ""}${encodeForm(name)}=`;
      fields = fields && parts && [...fields, start, ...parts.flatMap(encodedForForm)];
    }
  }
  return fields;
}

/** Encodes text for a form (WHATWG URL, section 5.2). */
function encodeForm(text: string): string {
  return new URLSearchParams([["", text]]).toString().slice(1);
}

/** A date as one part for each of its numbers, with the text between them encoded. */
function encodedForForm(part: string | DatePart): (string | DatePart)[] {
  if (typeof part === "string") return [encodeForm(part)];
  const { source, format } = part;
  const start = source.slice(0, source.indexOf(":") + 1);
  const encoded: (string | DatePart)[] = [];
  let end = 0;
  for (const { index, 0: letters } of format.matchAll(LETTERS)) {
    encoded.push(encodeForm(format.slice(end, index)));
    encoded.push({ ...part, source: start + letters, format: letters });
    end = index + letters.length;
  }
  return [...encoded, encodeForm(format.slice(end))];
}

/**
 * Substitutes the secrets in a text. A literal value is a secret by its name.
 *
 * @returns Null after a problem.
 */
function fill(text: string, name: string, path: Path, scope: Scope): string | null {
  const substitution = substitute(
    text,
    scope.host,
    (value) => value.replace(BODY_DATE, "{$&}"),
  );
  const filled = resolveText(substitution, path, scope);
  if (filled === null || substitution.values.length > 0 || !isSecretParameter(name)) return filled;
  const guess = suggestVariables(text);
  if (guess === null) scope.secrets.add(filled);
  else scope.addWarning(path, withGuess("contains the name of a variable", guess));
  return filled;
}

/**
 * A date, or one in double braces, which is literal. Other braces are literal too: queries in
 * GraphQL and JSON consist of them.
 */
const BODY_DATE =
  /\{(\{?)(date(?:[+-][0-9]{1,3}[hdwMy])?(?: (?:first|last) (?:day|workday))?:[A-Za-z][A-Za-z0-9 _.,:/+-]*)\}(\}?)/g;

/** Splits a text into literal text and dates; null after a problem. */
function partsIn(text: string, path: Path, scope: Scope): BodyParts | null {
  const parts: (string | DatePart)[] = [];
  let end = 0;
  for (const match of text.matchAll(BODY_DATE)) {
    const [whole, open = "", placeholder = "", close = ""] = match;
    parts.push(text.slice(end, match.index));
    end = match.index + whole.length;
    if (open !== "" && close !== "") {
      parts.push(`{${placeholder}}`);
      continue;
    }
    const part = readDate(placeholder, scope.suggester.nearest);
    if (part.problem !== undefined) {
      scope.addProblem(path, part.problem);
      return null;
    }
    const warning = templateWarning(`{${placeholder}}`);
    if (warning !== null) scope.addWarning(path, warning);
    parts.push(open, part.value, close);
  }
  parts.push(text.slice(end));
  return parts;
}

function readDate(placeholder: string, findNearest: Nearest): Parsed<DatePart> {
  const part = parsePlaceholder(placeholder, "url", findNearest);
  if (part.problem === undefined) {
    return "format" in part.value ? { value: part.value } : { problem: "contains no date" };
  }
  const { message, hint } = partsOf(part.problem);
  const literal = `${quote(`{{${placeholder}}}`)} is literal text`;
  const problem: Complaint = withHint(message, hint === null ? literal : `${hint}; ${literal}`);
  return { problem };
}
