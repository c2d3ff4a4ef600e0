/** The method and the content of an imported request, as options of a task. */

import type { FormValue, TaskInput } from "../../config/input.ts";
import { isSecretParameter } from "../../config/secrets.ts";
import type { CommandDraft } from "./draft.ts";
import type { SecretNames } from "./secrets.ts";
import { headerText, plainText, type Text } from "./text.ts";

/** Options whose content is a file, or a form with files. */
const WITH_FILES: ReadonlySet<string> = new Set([
  ...["-F", "--form", "--form-string", "-T", "--upload-file", "--post-file", "--body-file"],
]);

const FORM_TYPE = "application/x-www-form-urlencoded";

/** Why a request has no equivalent: its option and a clause; null if it has one. */
export function requestProblem(
  { method, data, isQuery }: CommandDraft,
): { readonly what: string; readonly reason: string } | null {
  if (method !== null && !/^(?:GET|POST|QUERY)$/.test(method.name)) {
    const reason = "cronfetch sends only GET, POST and QUERY; the URL is left out";
    return { what: method.shown, reason };
  }
  if (isQuery) return null;
  const file = data.find(({ text: [first], shown }) =>
    WITH_FILES.has(shown) ||
    (typeof first === "string" && first.startsWith("@") && !/raw|urlencode|post-|body-/.test(shown))
  );
  if (file !== undefined) {
    return { what: file.shown, reason: "cronfetch sends no files; the URL is left out" };
  }
  if (data.length > 0 && method?.name === "GET") {
    return { what: method.shown, reason: "a GET has no content; the URL is left out" };
  }
  return null;
}

/** A request other than a GET. */
export interface ImportedRequest {
  readonly options: Pick<TaskInput, "method" | "body">;
  /** The header that the body needs; null if it is that of its kind. */
  readonly contentType: string | null;
}

/**
 * Converts the content of a request.
 *
 * @param host Of its URL.
 * @returns Null for a GET.
 */
export function requestOf(
  { method, data, isQuery, headers }: CommandDraft,
  host: string,
  secrets: SecretNames,
): ImportedRequest | null {
  const name = method?.name ?? "GET";
  const content = isQuery ? [] : data;
  if (content.length === 0) {
    return name === "GET" ? null : { options: { method: methodOf(name) }, contentType: null };
  }
  const isJson = content.some(({ shown }) => shown === "--json");
  const text = content.flatMap(({ text }, index): Text =>
    index > 0 && !isJson ? ["&", ...text] : text
  );
  const given = headers.get("content-type");
  const type = given === undefined
    ? isJson ? "application/json" : FORM_TYPE
    : plainText(given) ?? "";
  const options = name === "QUERY" ? { method: "QUERY" } as const : {};
  const plain = plainText(text);
  const json = type === "application/json" && plain !== null ? parseJson(plain) : undefined;
  if (json !== undefined) {
    return {
      options: { ...options, body: { json: named(json, "", host, secrets) } },
      contentType: null,
    };
  }
  if (type === FORM_TYPE && plain !== null && /^[^=&\s]+=/.test(plain)) {
    return {
      options: { ...options, body: { form: formOf(plain, host, secrets) } },
      contentType: null,
    };
  }
  return { options: { ...options, body: { text: headerText(text) ?? "" } }, contentType: type };
}

function methodOf(name: string): "POST" | "QUERY" {
  return name === "QUERY" ? name : "POST";
}

/** The value of a text; undefined if it is no JSON, or would lose digits. */
function parseJson(text: string): unknown {
  try {
    return /[0-9]{16}/.test(text) ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A JSON value with the secrets moved to variables, and `${` escaped. */
function named(value: unknown, name: string, host: string, secrets: SecretNames): unknown {
  if (typeof value === "string") return valueOf(name, value, host, secrets);
  if (Array.isArray(value)) return value.map((item) => named(item, name, host, secrets));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, part]) => [key, named(part, key, host, secrets)]),
  );
}

function formOf(
  text: string,
  host: string,
  secrets: SecretNames,
): Record<string, FormValue | FormValue[]> {
  const form = new Map<string, string[]>();
  for (const [name, value] of new URLSearchParams(text)) {
    form.set(name, [...form.get(name) ?? [], valueOf(name, value, host, secrets)]);
  }
  return Object.fromEntries(
    [...form].map(([name, values]) => [name, values.length === 1 ? values[0] ?? "" : values]),
  );
}

function valueOf(name: string, value: string, host: string, secrets: SecretNames): string {
  if (isSecretParameter(name) && value !== "") return secrets.field(name, value, host);
  return value.replaceAll("${", () => "$${");
}
