/** JSON, with comments and trailing commas where they are allowed (JSONC). */

import * as jsonc from "jsonc-parser";
import type { Node, ParseErrorCode } from "jsonc-parser";
import type { Document, Mistake } from "./source.ts";

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
export function readJson(text: string, comments: boolean): Document {
  const duplicates: Mistake[] = [];
  let broken: Mistake | null = null;
  let tree: Node | undefined;
  const builder = valueBuilder((key, offset) => {
    duplicates.push({ offset, message: `the key ${JSON.stringify(key)} stands here twice` });
  });
  jsonc.visit(text, {
    ...builder.visitor,
    onError(code, offset) {
      // The first is exact; the ones after it are mostly its echoes.
      broken ??= { offset, message: messageOf(code) };
    },
  }, { disallowComments: !comments, allowTrailingComma: comments });
  return {
    value: builder.value(),
    mistakes: broken === null ? duplicates : [broken],
    locate(path, part) {
      tree ??= jsonc.parseTree(text, undefined, { allowTrailingComma: true });
      return locate(tree, path, part);
    },
  };
}

function messageOf(code: ParseErrorCode): string {
  return MESSAGES[jsonc.printParseErrorCode(code)] ?? "this is not JSON";
}

type Container = Record<string, unknown> | unknown[];

/** Builds the value of a text as it is visited, and tells of keys that come twice. */
function valueBuilder(duplicate: (key: string, offset: number) => void) {
  const root: unknown[] = [];
  const open: { container: Container; key: string }[] = [{ container: root, key: "" }];
  let current = open[0] as { container: Container; key: string };

  const add = (value: unknown) => {
    if (Array.isArray(current.container)) current.container.push(value);
    else current.container[current.key] = value;
  };
  const begin = (container: Container) => {
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
      onObjectBegin: () => begin({}),
      onObjectProperty(key: string, offset: number) {
        if (Object.hasOwn(current.container, key)) duplicate(key, offset);
        current.key = key;
      },
      onObjectEnd: end,
      onArrayBegin: () => begin([]),
      onArrayEnd: end,
      onLiteralValue: add,
    },
  };
}

function locate(
  tree: Node | undefined,
  path: readonly PropertyKey[],
  part: "key" | "value",
): number | null {
  let node = tree;
  let key = tree;
  for (const step of path) {
    const child = childOf(node, step);
    key = child?.key;
    if (child === null) break;
    node = child.value;
  }
  return (part === "key" ? key ?? node : node)?.offset ?? null;
}

function childOf(node: Node | undefined, step: PropertyKey): { key: Node; value: Node } | null {
  if (node?.type === "array") {
    const entry = node.children?.[Number(step)];
    return entry ? { key: entry, value: entry } : null;
  }
  const property = node?.children?.find((child) => child.children?.[0]?.value === step);
  const [key, value] = property?.children ?? [];
  return key && value ? { key, value } : null;
}
