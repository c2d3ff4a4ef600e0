/** YAML 1.2. Imported only for a YAML file: the parser is large, and reads the environment. */

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
  stringify,
  visit,
  type YAMLMap,
} from "yaml";
import {
  duplicateKey,
  type Locate,
  MAX_DEPTH,
  type ParsedText,
  type SyntaxProblem,
  type TextRange,
  TOO_DEEP,
} from "./source.ts";

/** Maximum uses of one alias, weighted by the aliases inside it, as the parser counts them. */
const MAX_ALIAS_USES = 1_000;

/** Maximum number of aliases. The parser searches the whole document for each. */
const MAX_ALIASES = 5_000;

/**
 * Maximum number of parser states per nesting level: a collection, and an item whose key or value
 * is incomplete.
 */
const STATES_PER_LEVEL = 2;

/** Parses one YAML document. */
export function readYaml(text: string): ParsedText {
  let document: YamlDocument.Parsed;
  try {
    document = compose(text);
  } catch (error) {
    if (!(error instanceof YamlParseStop)) throw error;
    return { value: undefined, problems: [error.problem], locate: () => null };
  }
  const problems = document.errors.map((error): SyntaxProblem => ({
    offset: error.pos[0],
    message: lowerCase(error.message),
  }));
  if (problems.length === 0) problems.push(...problemsIn(document));
  let value: unknown;
  if (problems.length === 0) {
    try {
      value = document.toJS({ maxAliasCount: MAX_ALIAS_USES });
    } catch (error) {
      problems.push({ offset: 0, message: error instanceof Error ? lowerCase(error.message) : "" });
    }
  }
  return { value, problems, locate: locator(document) };
}

/** Stops before the recursive part of the parser. */
class YamlParseStop extends Error {
  constructor(readonly problem: SyntaxProblem) {
    super(problem.message);
  }
}

function compose(text: string): YamlDocument.Parsed {
  // The parser compares each key with all others of its map; `problemsIn` uses a set.
  const composer = new Composer({ prettyErrors: false, stringKeys: true, uniqueKeys: false });
  const [document, other] = composer.compose(tokensIn(text), true, text.length);
  if (document === undefined) throw new TypeError("a text without a YAML document");
  if (other) {
    throw new YamlParseStop({ offset: other.range[0], message: "contains several documents" });
  }
  return document;
}

function* tokensIn(text: string): Generator<CST.Token, void> {
  const parser = new Parser();
  for (const lexeme of new Lexer().lex(text)) {
    yield* parser.next(lexeme);
    if (parser.stack.length > MAX_DEPTH * STATES_PER_LEVEL) {
      throw new YamlParseStop({ offset: parser.offset, message: TOO_DEEP });
    }
  }
  yield* parser.end();
}

/** The start of a text. */
const START: TextRange = { offset: 0 };

/** Duplicate keys, and the first alias beyond the limit. */
function problemsIn(document: YamlDocument.Parsed): SyntaxProblem[] {
  const problems: SyntaxProblem[] = [];
  let aliases = 0;
  visit(document, {
    Map(_, map) {
      const keys = new Set<unknown>();
      for (const { key } of map.items) {
        const name = isScalar(key) ? key.value : key;
        if (keys.has(name)) {
          problems.push({ ...rangeOf(key) ?? START, message: duplicateKey(String(name)) });
        }
        keys.add(name);
      }
    },
    Alias(_, alias) {
      if (++aliases <= MAX_ALIASES) return undefined;
      const message = `contains more than ${MAX_ALIASES} aliases`;
      problems.push({ ...rangeOf(alias) ?? START, message });
      return visit.BREAK;
    },
  });
  return problems;
}

/** The message in lower case, as a part of a sentence. */
function lowerCase(message: string): string {
  return message.charAt(0).toLowerCase() + message.slice(1);
}

/** Locates paths in a document; each map is indexed once, and aliases are resolved once. */
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
    let range = rangeOf(node);
    let keyRange = range;
    for (const step of path) {
      if (isAlias(node)) node = (targets ??= targetsOf(document)).get(node);
      if (isSeq(node)) {
        node = node.items[Number(step)];
        keyRange = rangeOf(node);
      } else if (isMap(node)) {
        const pair = pairOf(node, step);
        keyRange = rangeOf(pair?.key);
        node = pair?.value;
      } else break;
      if (keyRange === null) break;
      // A key without a value has no other range.
      range = rangeOf(node) ?? keyRange;
    }
    return part === "key" ? keyRange ?? range : range;
  };
}

/** Maps each alias to the last node before it with its anchor. */
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

function rangeOf(node: unknown): TextRange | null {
  const range = typeof node === "object" && node !== null ? Reflect.get(node, "range") : null;
  if (!Array.isArray(range) || typeof range[0] !== "number") return null;
  const [offset, end] = range;
  return { offset, length: isScalar(node) && typeof end === "number" ? end - offset : 1 };
}

/** Prints a value as a YAML document. */
export function printYaml(value: unknown): string {
  // A long URL stays on its line.
  return stringify(value, { lineWidth: 0 });
}
