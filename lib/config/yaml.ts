/** YAML 1.2. Imported only for a YAML file: the parser is large, and looks at the environment. */

import {
  Composer,
  type CST,
  type Document as YamlDocument,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  Lexer,
  type Node,
  Parser,
  visit,
  type YAMLMap,
} from "yaml";
import {
  duplicateKey,
  type Locate,
  MAX_DEPTH,
  type ParsedText,
  type SyntaxProblem,
  TOO_DEEP,
} from "./source.ts";

/** Uses of one alias, weighted by the aliases inside it, as the parser counts. */
const ALIAS_LIMIT = 1_000;

/** Aliases in all. The parser searches the whole document for each. */
const ALIASES_LIMIT = 5_000;

/**
 * States of the parser that one level of nesting takes at most: a collection, and an item whose
 * key or value is not complete.
 */
const STATES_A_LEVEL = 2;

/** Reads one YAML document. */
export function readYaml(text: string): ParsedText {
  let document: YamlDocument.Parsed;
  try {
    document = compose(text);
  } catch (error) {
    if (!(error instanceof Broken)) throw error;
    return { value: undefined, problems: [error.mistake], locate: () => null };
  }
  const mistakes = document.errors.map((error): SyntaxProblem => ({
    offset: error.pos[0],
    message: plain(error.message),
  }));
  if (mistakes.length === 0) mistakes.push(...mistakesIn(document));
  let value: unknown;
  if (mistakes.length === 0) {
    try {
      value = document.toJS({ maxAliasCount: ALIAS_LIMIT });
    } catch (error) {
      mistakes.push({ offset: 0, message: error instanceof Error ? plain(error.message) : "" });
    }
  }
  return { value, problems: mistakes, locate: locator(document) };
}

/** Ends the reading of a text before the part of the parser that recurses. */
class Broken extends Error {
  constructor(readonly mistake: SyntaxProblem) {
    super(mistake.message);
  }
}

function compose(text: string): YamlDocument.Parsed {
  // The parser compares each key with all others of its map; `mistakesIn` does it faster.
  const composer = new Composer({ prettyErrors: false, stringKeys: true, uniqueKeys: false });
  const [document, other] = composer.compose(tokensIn(text), true, text.length);
  if (document === undefined) throw new TypeError("a text without a YAML document");
  if (other) throw new Broken({ offset: other.range[0], message: "holds several documents" });
  return document;
}

function* tokensIn(text: string): Generator<CST.Token, void> {
  const parser = new Parser();
  for (const lexeme of new Lexer().lex(text)) {
    yield* parser.next(lexeme);
    if (parser.stack.length > MAX_DEPTH * STATES_A_LEVEL) {
      throw new Broken({ offset: parser.offset, message: TOO_DEEP });
    }
  }
  yield* parser.end();
}

/** Keys that are given twice, and the first alias too many. */
function mistakesIn(document: YamlDocument.Parsed): SyntaxProblem[] {
  const mistakes: SyntaxProblem[] = [];
  let aliases = 0;
  visit(document, {
    Map(_, map) {
      const keys = new Set<unknown>();
      for (const { key } of map.items) {
        const name = isScalar(key) ? key.value : key;
        if (keys.has(name)) {
          mistakes.push({ offset: offsetOf(key) ?? 0, message: duplicateKey(String(name)) });
        }
        keys.add(name);
      }
    },
    Alias(_, alias) {
      if (++aliases <= ALIASES_LIMIT) return undefined;
      const message = `holds more than ${ALIASES_LIMIT} aliases`;
      mistakes.push({ offset: offsetOf(alias) ?? 0, message });
      return visit.BREAK;
    },
  });
  return mistakes;
}

/** As a part of a sentence. */
function plain(message: string): string {
  return message.charAt(0).toLowerCase() + message.slice(1);
}

/** Finds paths in a document; each map is indexed once, and the aliases are resolved once. */
function locator(document: YamlDocument.Parsed): Locate {
  type Pair = YAMLMap["items"][number];
  const indexes = new Map<YAMLMap, Map<unknown, Pair>>();
  let targets: Map<unknown, Node> | undefined;

  const pairOf = (map: YAMLMap, step: PropertyKey): Pair | undefined => {
    let index = indexes.get(map);
    if (!index) {
      index = new Map(map.items.map((pair) => [isScalar(pair.key) ? pair.key.value : null, pair]));
      indexes.set(map, index);
    }
    return index.get(step);
  };
  return (path, part) => {
    let node: unknown = document.contents;
    let offset = offsetOf(node);
    let keyOffset = offset;
    for (const step of path) {
      if (isAlias(node)) node = (targets ??= targetsOf(document)).get(node);
      if (isSeq(node)) {
        node = node.items[Number(step)];
        keyOffset = offsetOf(node);
      } else if (isMap(node)) {
        const pair = pairOf(node, step);
        keyOffset = offsetOf(pair?.key);
        node = pair?.value;
      } else break;
      if (keyOffset === null) break;
      // A key without a value has nothing else to point at.
      offset = offsetOf(node) ?? keyOffset;
    }
    return part === "key" ? keyOffset ?? offset : offset;
  };
}

/** Each alias with its node: the last one before it that has the anchor. */
function targetsOf(document: YamlDocument.Parsed): Map<unknown, Node> {
  const anchors = new Map<string, Node>();
  const targets = new Map<unknown, Node>();
  visit(document, {
    Node(_, node) {
      if (isAlias(node)) {
        const target = anchors.get(node.source);
        if (target) targets.set(node, target);
      } else if (node.anchor) anchors.set(node.anchor, node);
    },
  });
  return targets;
}

function offsetOf(node: unknown): number | null {
  const range = typeof node === "object" && node !== null ? Reflect.get(node, "range") : null;
  return Array.isArray(range) && typeof range[0] === "number" ? range[0] : null;
}
