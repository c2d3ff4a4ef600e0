/** JSON, and JSON with comments and trailing commas (JSONC). */

import * as jsonc from "jsonc-parser";
import type { Node, ParseErrorCode } from "jsonc-parser";
import {
  duplicateKey,
  type Locate,
  MAX_DEPTH,
  type ParsedText,
  type SyntaxProblem,
  type TextRange,
  TOO_DEEP,
} from "./source.ts";

/** Messages for jsonc-parser's codes. */
const MESSAGES: Readonly<Record<string, string>> = {
  InvalidSymbol: "expected a value; text needs double quotes",
  InvalidNumberFormat: "invalid number",
  PropertyNameExpected: "expected a key in double quotes",
  ValueExpected: "expected a value",
  ColonExpected: "expected a colon",
  CommaExpected: "expected a comma",
  CloseBraceExpected: "expected a }",
  CloseBracketExpected: "expected a ]",
  EndOfFileExpected: "unexpected text after the end",
  InvalidCommentToken: "comments are not allowed in JSON; rename the file to .jsonc",
  UnexpectedEndOfComment: "unterminated comment",
  UnexpectedEndOfString: "unterminated text",
  UnexpectedEndOfNumber: "incomplete number",
  InvalidUnicode: "invalid Unicode escape",
  InvalidEscapeCharacter: "invalid escape",
  InvalidCharacter: "this character must be escaped",
};

/** Parses JSON, or JSONC if `comments` is true. A duplicate key is a problem. */
export function readJson(text: string, comments: boolean): ParsedText {
  const duplicates: SyntaxProblem[] = [];
  const builder = valueBuilder(
    (key, offset) => duplicates.push({ offset, message: duplicateKey(key) }),
    (offset) => {
      throw new JsonParseStop({ offset, message: TOO_DEEP });
    },
  );
  let error: SyntaxProblem | null = null;
  try {
    jsonc.visit(text, {
      ...builder.visitor,
      onError(code, offset) {
        // Only the first error is exact; the others are mostly its consequences.
        throw new JsonParseStop({ offset, message: messageOf(code) });
      },
    }, { disallowComments: !comments, allowTrailingComma: comments });
  } catch (stop) {
    if (!(stop instanceof JsonParseStop)) throw stop;
    error = stop.problem;
  }
  const locate = locator(() => jsonc.parseTree(text, undefined, { allowTrailingComma: true }));
  return { value: builder.value(), problems: error === null ? duplicates : [error], locate };
}

/** Stops the parser at the first error. It recurses, so deep nesting must stop it too. */
class JsonParseStop extends Error {
  constructor(readonly problem: SyntaxProblem) {
    super(problem.message);
  }
}

function messageOf(code: ParseErrorCode): string {
  return MESSAGES[jsonc.printParseErrorCode(code)] ?? "invalid JSON";
}

type Container = Record<string, unknown> | unknown[];

/** Builds the value during the visit, and reports duplicate keys and deep nesting. */
function valueBuilder(
  duplicate: (key: string, offset: number) => void,
  tooDeep: (offset: number) => void,
) {
  const root: unknown[] = [];
  const open: { container: Container; key: string }[] = [{ container: root, key: "" }];
  let current = open[0] as { container: Container; key: string };

  const add = (value: unknown) => {
    if (Array.isArray(current.container)) current.container.push(value);
    else if (current.key !== "__proto__") current.container[current.key] = value;
    else Object.defineProperty(current.container, "__proto__", { value, enumerable: true });
  };
  const begin = (container: Container, offset: number) => {
    if (open.length > MAX_DEPTH) tooDeep(offset);
    add(container);
    current = { container, key: "" };
    open.push(current);
  };
  const end = () => {
    open.pop();
    current = open.at(-1) ?? current;
  };
  return {
    value: () => root[0],
    visitor: {
      onObjectBegin: (offset: number) => begin({}, offset),
      onObjectProperty(key: string, offset: number) {
        if (Object.hasOwn(current.container, key)) duplicate(key, offset);
        current.key = key;
      },
      onObjectEnd: end,
      onArrayBegin: (offset: number) => begin([], offset),
      onArrayEnd: end,
      onLiteralValue: add,
    },
  };
}

/** Locates paths in a tree that is parsed for the first of them; each object is indexed once. */
function locator(parse: () => Node | undefined): Locate {
  let tree: Node | undefined;
  const indexes = new Map<Node, Map<unknown, Property>>();

  const childOf = (node: Node | undefined, step: PropertyKey): Property | undefined => {
    if (node?.type === "array") {
      const entry = node.children?.[Number(step)];
      return entry && { key: entry, value: entry };
    }
    if (node?.type !== "object") return undefined;
    let index = indexes.get(node);
    if (!index) indexes.set(node, index = indexOf(node));
    return index.get(step);
  };
  return (path, part) => {
    tree ??= parse();
    let node = tree;
    let key = tree;
    for (const step of path) {
      const child = childOf(node, step);
      key = child?.key;
      if (!child) break;
      node = child.value;
    }
    return rangeOf(part === "key" ? key ?? node : node);
  };
}

function rangeOf(node: Node | undefined): TextRange | null {
  if (node === undefined) return null;
  const { offset, type, length } = node;
  return { offset, length: type === "object" || type === "array" ? 1 : length };
}

interface Property {
  readonly key: Node;
  readonly value: Node;
}

function indexOf(object: Node): Map<unknown, Property> {
  const index = new Map<unknown, Property>();
  for (const { children: [key, value] = [] } of object.children ?? []) {
    if (key && value && !index.has(key.value)) index.set(key.value, { key, value });
  }
  return index;
}
