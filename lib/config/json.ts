/** JSON, with comments and trailing commas where they are allowed (JSONC). */

import * as jsonc from "jsonc-parser";
import type { Node, ParseErrorCode } from "jsonc-parser";
import {
  duplicateKey,
  type Locate,
  MAX_DEPTH,
  type ParsedText,
  type SyntaxProblem,
  TOO_DEEP,
} from "./source.ts";

/** jsonc-parser's codes in plain words. */
const MESSAGES: Readonly<Record<string, string>> = {
  InvalidSymbol: "a value was expected; text needs double quotes",
  InvalidNumberFormat: "this is not a number",
  PropertyNameExpected: "a key in double quotes was expected",
  ValueExpected: "a value was expected",
  ColonExpected: "a colon was expected",
  CommaExpected: "a comma was expected",
  CloseBraceExpected: "a } was expected",
  CloseBracketExpected: "a ] was expected",
  EndOfFileExpected: "nothing was expected after the end",
  InvalidCommentToken: "plain JSON has no comments; name the file .jsonc to have them",
  UnexpectedEndOfComment: "this comment does not end",
  UnexpectedEndOfString: "this text does not end on its line",
  UnexpectedEndOfNumber: "this number is cut off",
  InvalidUnicode: "this is not a Unicode escape",
  InvalidEscapeCharacter: "this is not an escape",
  InvalidCharacter: "this character needs an escape",
};

/** Reads JSON, or with `comments`, JSONC. Two equal keys in one object are a mistake. */
export function readJson(text: string, comments: boolean): ParsedText {
  const duplicates: SyntaxProblem[] = [];
  const builder = valueBuilder(
    (key, offset) => duplicates.push({ offset, message: duplicateKey(key) }),
    (offset) => {
      throw new Broken({ offset, message: TOO_DEEP });
    },
  );
  let broken: SyntaxProblem | null = null;
  try {
    jsonc.visit(text, {
      ...builder.visitor,
      onError(code, offset) {
        // The first is exact; the ones after it are mostly its consequences.
        throw new Broken({ offset, message: messageOf(code) });
      },
    }, { disallowComments: !comments, allowTrailingComma: comments });
  } catch (error) {
    if (!(error instanceof Broken)) throw error;
    broken = error.mistake;
  }
  const locate = locator(() => jsonc.parseTree(text, undefined, { allowTrailingComma: true }));
  return { value: builder.value(), problems: broken === null ? duplicates : [broken], locate };
}

/** Ends the visit of a text: the parser recurses, so it must not read a deeper one to its end. */
class Broken extends Error {
  constructor(readonly mistake: SyntaxProblem) {
    super(mistake.message);
  }
}

function messageOf(code: ParseErrorCode): string {
  return MESSAGES[jsonc.printParseErrorCode(code)] ?? "this is not JSON";
}

type Container = Record<string, unknown> | unknown[];

/** Builds the value of a text as it is visited, and reports duplicate keys and deep nesting. */
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

/** Finds paths in a tree that is made for the first of them; each object is indexed once. */
function locator(makeTree: () => Node | undefined): Locate {
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
    tree ??= makeTree();
    let node = tree;
    let key = tree;
    for (const step of path) {
      const child = childOf(node, step);
      key = child?.key;
      if (!child) break;
      node = child.value;
    }
    return (part === "key" ? key ?? node : node)?.offset ?? null;
  };
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
