/** YAML 1.2. Imported only for a YAML file: the parser is large, and looks at the environment. */

import { isAlias, isMap, isScalar, isSeq, parseDocument } from "yaml";
import type { Document as YamlDocument } from "yaml";
import type { Document, Mistake } from "./source.ts";

/** More uses of aliases than this are an attack, or as good as one. */
const ALIAS_LIMIT = 1_000;

/** Reads one YAML document. */
export function readYaml(text: string): Document {
  const document = parseDocument(text, { prettyErrors: false, stringKeys: true });
  const mistakes = document.errors.map((error): Mistake => ({
    offset: error.pos[0],
    message: plain(error.message),
  }));
  let value: unknown;
  if (mistakes.length === 0) {
    try {
      value = document.toJS({ maxAliasCount: ALIAS_LIMIT });
    } catch (error) {
      mistakes.push({ offset: 0, message: error instanceof Error ? plain(error.message) : "" });
    }
  }
  return { value, mistakes, locate: (path, part) => locate(document, path, part) };
}

/** As a part of a sentence. */
function plain(message: string): string {
  return message.charAt(0).toLowerCase() + message.slice(1);
}

function locate(
  document: YamlDocument,
  path: readonly PropertyKey[],
  part: "key" | "value",
): number | null {
  let node: unknown = document.contents;
  let offset = offsetOf(node);
  let keyOffset = offset;
  for (const step of path) {
    if (isAlias(node)) node = node.resolve(document);
    if (isSeq(node)) {
      node = node.items[Number(step)];
      keyOffset = offsetOf(node);
    } else if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && key.value === step);
      keyOffset = offsetOf(pair?.key);
      node = pair?.value;
    } else break;
    if (keyOffset === null) break;
    // A key without a value has nothing else to point at.
    offset = offsetOf(node) ?? keyOffset;
  }
  return part === "key" ? keyOffset ?? offset : offset;
}

function offsetOf(node: unknown): number | null {
  const range = typeof node === "object" && node !== null ? Reflect.get(node, "range") : null;
  return Array.isArray(range) && typeof range[0] === "number" ? range[0] : null;
}
