/** HTML as events: tags and text in the order of the document. */

import { foreignContent, type Token, Tokenizer, TokenizerMode } from "parse5";

/** What {@linkcode scanHtml} calls, in the order of the document. */
export interface HtmlHandler {
  /** A start tag. The attributes are decoded, and have their first values. */
  start(name: string, attribute: (name: string) => string | null): void;
  /** An end tag. */
  end(name: string): void;
  /** Text, in pieces of any length; not that of scripts, styles and comments. */
  text(text: string): void;
}

/** How the content of an element is read, unless it is markup. */
const MODES: ReadonlyMap<string, number> = new Map([
  ["title", TokenizerMode.RCDATA],
  ["textarea", TokenizerMode.RCDATA],
  ["iframe", TokenizerMode.RAWTEXT],
  ["noembed", TokenizerMode.RAWTEXT],
  ["noframes", TokenizerMode.RAWTEXT],
  ["style", TokenizerMode.RAWTEXT],
  ["xmp", TokenizerMode.RAWTEXT],
  ["script", TokenizerMode.SCRIPT_DATA],
  ["plaintext", TokenizerMode.PLAINTEXT],
]);

/** Elements whose content is neither displayed nor has links. */
const HIDDEN: ReadonlySet<string> = new Set(["iframe", "noembed", "noframes", "script", "style"]);

/** Roots of content in which the elements of {@linkcode MODES} have no meaning. */
const FOREIGN: ReadonlySet<string> = new Set(["svg", "math"]);

/**
 * Reads HTML by the tokens of the HTML Standard (section 13.2.5), without a tree: memory and time are
 * linear in the text, at any depth. The content of `<template>` is skipped; that of `<noscript>` is
 * read, as without scripts.
 */
export function scanHtml(text: string, handler: HtmlHandler): void {
  /** The open root of foreign content, or "". */
  let foreign = "";
  let templates = 0;
  let hidden = "";
  const onCharacter = ({ chars }: Token.CharacterToken) => {
    if (templates === 0 && hidden === "") handler.text(chars);
  };
  const tokenizer: Tokenizer = new Tokenizer({ sourceCodeLocationInfo: false }, {
    onStartTag(tag) {
      const { tagName: name, selfClosing } = tag;
      if (foreign !== "" && foreignContent.causesExit(tag)) foreign = "";
      if (foreign === "") {
        tokenizer.state = MODES.get(name) ?? tokenizer.state;
        if (HIDDEN.has(name)) hidden = name;
        if (name === "template") templates++;
        if (FOREIGN.has(name) && !selfClosing) foreign = name;
      }
      tokenizer.inForeignNode = foreign !== "";
      if (templates > 0) return;
      handler.start(name, (attribute) => {
        return tag.attrs.find(({ name }) => name === attribute)?.value ?? null;
      });
    },
    onEndTag({ tagName: name }) {
      if (name === foreign) foreign = "";
      tokenizer.inForeignNode = foreign !== "";
      if (name === hidden) hidden = "";
      if (name === "template" && templates > 0) templates--;
      else if (templates === 0) handler.end(name);
    },
    onCharacter,
    onWhitespaceCharacter: onCharacter,
    onNullCharacter: () => {},
    onComment: () => {},
    onDoctype: () => {},
    onEof: () => {},
  });
  tokenizer.write(text, true);
}
