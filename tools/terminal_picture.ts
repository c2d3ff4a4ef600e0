/** Draws the output of a terminal as SVG, with text that can be selected and read aloud. */

/** Colours of a picture, for one colour scheme. */
export interface Theme {
  readonly screen: string;
  readonly border: string;
  readonly ink: string;
  readonly faint: string;
  readonly good: string;
  readonly warning: string;
  readonly bad: string;
}

/** The colours by scheme. */
export const THEMES = {
  light: {
    screen: "#ffffff",
    border: "#d0d7de",
    ink: "#1f2328",
    faint: "#59636e",
    good: "#1a7f37",
    warning: "#8a5a00",
    bad: "#cf222e",
  },
  dark: {
    screen: "#0d1117",
    border: "#3d444d",
    ink: "#e6edf3",
    faint: "#9198a1",
    good: "#3fb950",
    warning: "#d29922",
    bad: "#ff7b72",
  },
} as const satisfies Record<"light" | "dark", Theme>;

/** The class of each attribute (ECMA-48, section 8.3.117, SGR); null ends it. */
const CLASSES: Readonly<Record<string, string | null>> = {
  "1": "strong",
  "2": "faint",
  "22": null,
  "31": "bad",
  "32": "good",
  "33": "warning",
  "39": null,
};

/** Columns of the terminal. */
const COLUMNS = 92;
/** Columns before the continuation of a wrapped line: the width of a status. */
const INDENT = 11;
const FONT_SIZE = 14;
/** Advance of a monospaced font of this size; wider than that of most fonts. */
const COLUMN_WIDTH = 8.6;
const LINE_HEIGHT = 20;
const PADDING = 16;

/** Text of one style. */
interface Span {
  readonly text: string;
  readonly style: string | null;
}

/**
 * Draws a terminal.
 *
 * @param title What the picture shows, for screen readers.
 * @param output Lines, with the attributes in {@linkcode CLASSES}. Long ones are wrapped at spaces.
 * @returns The text of an SVG file with colours for light and dark schemes.
 * @throws {Error} If the output has another control sequence.
 */
export function terminalPicture(title: string, output: string): string {
  const lines = output.trimEnd().split("\n").flatMap((line) => wrapped(spansOf(line)));
  const width = Math.ceil(COLUMNS * COLUMN_WIDTH + 2 * PADDING);
  const height = lines.length * LINE_HEIGHT + 2 * PADDING;
  const texts = lines.flatMap((spans, index) => {
    const y = PADDING + (index + 0.75) * LINE_HEIGHT;
    return spans.length === 0 ? [] : [`  <text x="${PADDING}" y="${y}">${markup(spans)}</text>`];
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 ${width} ${height}"` +
    ` width="${width}" height="${height}">`,
    `  <title>${escapeMarkup(title)}</title>`,
    "  <style>",
    `    text { font: ${FONT_SIZE}px ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace }`,
    "    .strong { font-weight: bold }",
    rules(THEMES.light, "    "),
    "    @media (prefers-color-scheme: dark) {",
    rules(THEMES.dark, "      "),
    "    }",
    "  </style>",
    `  <rect x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="8"/>`,
    ...texts,
    "</svg>\n",
  ].join("\n");
}

function rules({ screen, border, ink, ...styles }: Theme, indent: string): string {
  return [
    `rect { fill: ${screen}; stroke: ${border} }`,
    `text { fill: ${ink} }`,
    ...Object.entries(styles).map(([name, colour]) => `.${name} { fill: ${colour} }`),
  ].map((rule) => indent + rule).join("\n");
}

/** Splits a line at its attributes. */
function spansOf(line: string): Span[] {
  const [start = "", ...others] = line.split("\x1b[");
  const spans: Span[] = [{ text: start, style: null }];
  for (const part of others) {
    const end = part.indexOf("m");
    const style = CLASSES[part.slice(0, end)];
    if (end < 0 || style === undefined) {
      throw new Error(`the control sequence ${JSON.stringify(part)} is unknown`);
    }
    spans.push({ text: part.slice(end + 1), style });
  }
  return spans.filter(({ text }) => text !== "");
}

/** Wraps a line at its spaces; a longer word has a line of its own. */
function wrapped(spans: readonly Span[]): Span[][] {
  const lines: Span[][] = [[]];
  let column = 0;
  for (const { text, style } of spans) {
    // Each word with the spaces before it.
    for (const word of text.match(/ *[^ ]+| +$/g) ?? []) {
      const fits = column + word.length <= COLUMNS || column === 0;
      const shown = fits ? word : " ".repeat(INDENT) + word.trimStart();
      if (!fits) {
        lines.push([]);
        column = 0;
      }
      lines.at(-1)?.push({ text: shown, style });
      column += shown.length;
    }
  }
  return lines;
}

/** Merges spans of one style. Spaces do not break, since SVG collapses others. */
function markup(spans: readonly Span[]): string {
  const merged: Span[] = [];
  for (const { text, style } of spans) {
    const last = merged.at(-1);
    if (last?.style === style) merged.splice(-1, 1, { text: last.text + text, style });
    else merged.push({ text, style });
  }
  return merged.map(({ text, style }) => {
    const escaped = escapeMarkup(text).replaceAll(" ", "\u00a0");
    return style === null ? escaped : `<tspan class="${style}">${escaped}</tspan>`;
  }).join("");
}

function escapeMarkup(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
