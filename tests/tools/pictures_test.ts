import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { PAGE, secondRun, TERMINAL, VIEWPORT } from "../../tools/pictures.ts";
import { terminalPicture, THEMES } from "../../tools/terminal_picture.ts";

/** The lines of a picture's text, without markup. */
function linesOf(picture: string): string[] {
  return [...picture.matchAll(/<text [^>]*>(.*)<\/text>/g)].map(([, markup = ""]) =>
    markup.replace(/<[^>]*>/g, "").replaceAll("\u00a0", " ")
  );
}

Deno.test("terminalPicture: styles, escapes and wraps lines", () => {
  const long = `${"word ".repeat(30)}end`;
  const picture = terminalPicture(
    "A <run>",
    `\x1b[31mfailed   \x1b[39m  a&b  <c>\n\n\x1b[2munchanged\x1b[22m  ${long}\n`,
  );
  assertStringIncludes(picture, "<title>A &lt;run&gt;</title>");
  assertStringIncludes(
    picture,
    '<tspan class="bad">failed\u00a0\u00a0\u00a0</tspan>\u00a0\u00a0a&amp;b\u00a0\u00a0&lt;c&gt;</text>',
  );
  assertStringIncludes(picture, '<tspan class="faint">unchanged</tspan>\u00a0\u00a0word');
  const [first, second, third, ...others] = linesOf(picture);
  assertEquals(first, "failed     a&amp;b  &lt;c&gt;");
  assertEquals(second, `unchanged  ${"word ".repeat(16).trimEnd()}`);
  assertEquals(third, `           ${"word ".repeat(14)}end`);
  assertEquals(others, []);
  // The empty line takes a place, and the picture is as high as its four lines.
  assertEquals([...picture.matchAll(/<text x="16" y="(\d+)"/g)].map(([, y]) => Number(y)), [
    31,
    71,
    91,
  ]);
  assertStringIncludes(picture, 'height="112"');
});

Deno.test("terminalPicture: keeps a word that is longer than a line", () => {
  const word = "x".repeat(200);
  assertEquals(linesOf(terminalPicture("", `a ${word} b`)), [
    "a",
    `           ${word}`,
    "           b",
  ]);
  assertEquals(linesOf(terminalPicture("", word)), [word]);
});

Deno.test("terminalPicture: rejects unknown control sequences", () => {
  for (const sequence of ["\x1b[2J", "\x1b[38;5;1m", "\x1b["]) {
    assertThrows(() => terminalPicture("", `a${sequence}b`), Error, "control sequence");
  }
});

/** The relative luminance of a colour `#rrggbb` (WCAG 2.2). */
function luminance(colour: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const value = parseInt(colour.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

Deno.test("terminalPicture: texts are legible in both colour schemes", () => {
  for (const [scheme, { screen, border: _, ...inks }] of Object.entries(THEMES)) {
    for (const [name, ink] of Object.entries(inks)) {
      const [dark = 0, light = 0] = [luminance(screen), luminance(ink)].toSorted((a, b) => a - b);
      const contrast = (light + 0.05) / (dark + 0.05);
      assert(contrast >= 4.5, `${scheme} ${name}: ${contrast.toFixed(2)}`);
    }
  }
  // Pictures in a page follow the scheme only by a media query.
  const picture = terminalPicture("", "a");
  const [light = "", dark = ""] = picture.split("@media (prefers-color-scheme: dark)");
  assertStringIncludes(light, THEMES.light.screen);
  assertStringIncludes(dark, THEMES.dark.screen);
});

/** A picture without what differs from run to run: order, port, durations and their alignment. */
function stable(picture: string): string[] {
  return linesOf(picture).map((line) =>
    line.replace(/127\.0\.0\.1:\d+/, "HOST").replace(/in \d[\d.]*m?s\b/, "in TIME").replace(
      / +/g,
      " ",
    )
  ).toSorted();
}

Deno.test("pictures: the terminal shows what the demo prints", async () => {
  const committed = await Deno.readTextFile(TERMINAL);
  assertEquals(stable(committed), stable(await secondRun()), "`deno task pictures` updates it");
});

Deno.test("pictures: the page is a small PNG", async () => {
  const bytes = await Deno.readFile(PAGE);
  assert(bytes.length <= 150_000, `${bytes.length} bytes`);
  assertEquals([...bytes.subarray(0, 8)], [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  assertEquals({ width: view.getUint32(16), height: view.getUint32(20) }, VIEWPORT);
});
