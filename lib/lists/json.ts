/** JSON documents as lists: JSONPath queries (RFC 9535) select the items and their values. */

import { mediaType } from "../content/content_type.ts";
import { textFault } from "../content/text_content.ts";
import { compileQuery, type JsonNode, locationText, singularPrefix } from "../core/json_path.ts";
import type { JsonListRule, ListDocument, ListItem, ListPage } from "../core/list.ts";
import { DIGEST_ALGORITHMS, type DigestAlgorithm } from "../core/task.ts";
import { cutServerText, errorMessage, quoteServerText } from "../core/text.ts";
import { checkCount, invalidList, itemName, itemUrl, listText } from "./document.ts";
import { linkTarget, nextUrl } from "./link.ts";
import { readDate, readDigest, readSize } from "./values.ts";

/** Longest text that becomes a field. Longer ones are descriptions, and no part of a name. */
const MAX_FIELD_LENGTH = 500;

/** Placeholders of templates that are parts of the URL, or the name; no prototype is set. */
const NO_FIELDS: ReadonlySet<string> = new Set([
  "name",
  "host",
  "path",
  "stem",
  "ext",
  "__proto__",
]);

/** Media types of documents with a JSON value in each line. */
const LINES = /^application\/(?:x-)?(?:ndjson|jsonl|jsonlines|json-lines)$/;

/**
 * Reads a list from a JSON document, or from one with a value in each line, which is as an array of
 * them.
 *
 * @param document UTF-8, or in the charset of its Content-Type.
 * @param rule Its queries are ones that `problemWithQuery` accepts.
 * @throws {CronfetchError} `list.invalid`: the document is not JSON or is too deep, an item has no
 * URL, or a value is not of its kind. The message has the location: `$.files[3].href is a number,
 * not a URL`.
 */
export function parseJsonList(document: ListDocument, rule: JsonListRule): ListPage {
  const root = readDocument(document);
  const read = itemReader(rule, document);
  const nodes = selectItems(root, rule.items);
  return { items: nodes.map(read), next: nextDocument(root, rule.next, document) };
}

/**
 * Parses the JSON text of a list document.
 *
 * @throws {CronfetchError} `list.invalid`: it is not JSON.
 */
export function readDocument(document: ListDocument): unknown {
  const text = listText(document);
  if (!LINES.test(mediaType(document.contentType) ?? "")) return parse(text, "the list");
  return text.split("\n").flatMap((line, index) =>
    line.trim() === "" ? [] : [parse(line, `line ${index + 1} of the list`)]
  );
}

function parse(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError || error instanceof RangeError)) throw error;
    const fault = text.trim() === "" ? "empty" : textFault("json", text, true);
    throw invalidList(
      fault === null || fault.endsWith("JSON")
        ? `${what} is not JSON: ${cutServerText(errorMessage(error))}`
        : `${what} is ${fault}, not JSON`,
    );
  }
}

/** Refuses a document without the node that all items are in: an error, or another format. */
function selectItems(root: unknown, query: string): readonly JsonNode[] {
  const nodes = compileQuery(query)(root);
  if (nodes === null) throw tooDeep(query);
  checkCount(nodes.length);
  const [only] = nodes;
  if (only !== undefined) {
    if (nodes.length > 1 || !Array.isArray(only.value)) return nodes;
    throw invalidList(
      `${locationText(only.location)} is an array, not an item`,
      `select the members of the array: "items": ${JSON.stringify(`${query}[*]`)}`,
    );
  }
  const prefix = singularPrefix(query);
  if (compileQuery(prefix)(root)?.length !== 0) return nodes;
  throw invalidList(
    `the list has no ${prefix}; it is ${described(root)}`,
    "check what its URL returns, and the query items of from",
  );
}

function tooDeep(query: string): Error {
  return invalidList(`the list is too deep for ${query}`);
}

/** Compiles the queries of a rule once for all items. */
function itemReader(rule: JsonListRule, document: ListDocument): (item: JsonNode) => ListItem {
  const url = valueReader(rule.url ?? "$.url");
  const id = valueReader(rule.id);
  const name = valueReader(rule.name);
  const size = valueReader(rule.size);
  const date = valueReader(rule.date);
  const digests = DIGEST_ALGORITHMS.filter((algorithm) => rule.digests[algorithm] !== undefined)
    .map((algorithm) => ({ algorithm, read: valueReader(rule.digests[algorithm] ?? null) }));
  return (item) => {
    const isUrl = typeof item.value === "string" && rule.url === null;
    const reference = isUrl ? item : url(item);
    if (reference === null) {
      throw invalidList(
        `${locationText(item.location)} has no ${rule.url ?? "$.url"}`,
        "set url of from, or let items select only what has one, as in $.files[?@.url]",
      );
    }
    const href = convert(
      reference,
      "an http or https URL",
      (value) => typeof value === "string" ? itemUrl(value, document) : null,
    ) ?? "";
    const values: Partial<Record<DigestAlgorithm, string>> = {};
    for (const { algorithm, read } of digests) {
      const digest = convert(
        read(item),
        `a digest by ${algorithm}`,
        (value) => typeof value === "string" ? readDigest(value.trim(), algorithm) : null,
      );
      if (digest !== null) values[algorithm] = digest;
    }
    return {
      url: href,
      name: convert(name(item), "a name", idText) ?? itemName(href),
      id: convert(id(item), "an id", idText),
      sizeBytes: convert(size(item), "a number of bytes", readSize),
      digests: values,
      date: convert(date(item), "a date", readDate),
      fields: fieldsOf(item.value),
    };
  };
}

/**
 * Makes a function of a query that returns the node it selects below an item; null if there is none, or
 * it is null or blank, which many catalogues have instead.
 */
function valueReader(query: string | null): (item: JsonNode) => JsonNode | null {
  if (query === null) return () => null;
  const select = compileQuery(query);
  return ({ value: item, location: start }) => {
    const nodes = select(item);
    if (nodes === null) throw tooDeep(query);
    const [node, other] = nodes;
    if (node === undefined) return null;
    if (other !== undefined) {
      throw invalidList(`${query} selects more than one value of ${locationText(start)}`);
    }
    const { value, location } = node;
    const isMissing = value === null || (typeof value === "string" && value.trim() === "");
    return isMissing ? null : { value, location: [...start, ...location] };
  };
}

/**
 * Converts the value of a node.
 *
 * @param kind What it should be, for the message.
 * @throws {CronfetchError} `list.invalid`: `read` returns null, or the value is no text or number.
 */
function convert<Value>(
  node: JsonNode | null,
  kind: string,
  read: (value: string | number) => Value | null,
): Value | null {
  if (node === null) return null;
  const { value, location } = node;
  const converted = typeof value === "string" || typeof value === "number" ? read(value) : null;
  if (converted !== null) return converted;
  throw invalidList(`${locationText(location)} is ${described(value)}, not ${kind}`);
}

/** Null for a number that has lost digits: another one could have become equal to it. */
function idText(value: string | number): string | null {
  if (typeof value === "string") return value;
  return Number.isSafeInteger(value) ? String(value) : null;
}

/** The members of an item that templates can use. */
function fieldsOf(item: unknown): Record<string, string> {
  const fields: Record<string, string> = {};
  if (typeof item !== "object" || item === null) return fields;
  for (const [name, value] of Object.entries(item)) {
    const text = typeof value === "string"
      ? value
      : typeof value === "number" || typeof value === "boolean"
      ? String(value)
      : null;
    if (text !== null && text.length <= MAX_FIELD_LENGTH && !NO_FIELDS.has(name)) {
      fields[name] = text;
    }
  }
  return fields;
}

function nextDocument(
  root: unknown,
  rule: JsonListRule["next"],
  document: ListDocument,
): string | null {
  if (rule === "link") {
    const target = linkTarget(document.link, "next");
    return target === null ? null : nextUrl(target, document.url);
  }
  const node = valueReader(rule)({ value: root, location: [] });
  // Some catalogues have `false` behind the last document.
  if (node === null || node.value === false) return null;
  return convert(
    node,
    "an http or https URL",
    (value) => typeof value === "string" ? itemUrl(value, document) : null,
  );
}

/** A value for a message: texts, shortened, or the kind of it. */
function described(value: unknown): string {
  if (typeof value === "string") return quoteServerText(value);
  if (Array.isArray(value)) return value.length === 0 ? "an empty array" : "an array";
  if (typeof value === "object" && value !== null) {
    const names = Object.keys(value).slice(0, 5).map(quoteServerText);
    return names.length === 0 ? "an empty object" : `an object of ${names.join(", ")}`;
  }
  return value === null ? "null" : `a ${typeof value}`;
}
