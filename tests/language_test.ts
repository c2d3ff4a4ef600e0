import { assertEquals } from "@std/assert";
import { walk } from "@std/fs";
import { fromFileUrl, relative, SEPARATOR } from "@std/path";
import { countPhrases, PHRASES } from "../tools/language.ts";

/** The most occurrences of each phrase in 10,000 words. */
const LIMIT = 2;

Deno.test("language: each phrase occurs at most twice in 10,000 words of lib/ and docs", async () => {
  const root = fromFileUrl(new URL("..", import.meta.url));
  const files: Record<string, string> = {};
  for (const path of ["README.md", "CONTRIBUTING.md"]) {
    files[path] = await Deno.readTextFile(`${root}${path}`);
  }
  for (const folder of ["lib", "docs"]) {
    const exts = folder === "lib" ? [".ts", ".tsx"] : [".md"];
    for await (const { path } of walk(`${root}${folder}`, { exts, includeDirs: false })) {
      const name = relative(root, path).replaceAll(SEPARATOR, "/");
      files[name] = await Deno.readTextFile(path);
    }
  }
  const { words, found } = countPhrases(files);
  const most = LIMIT * words / 10_000;
  const tooMany = Object.entries(found).filter(([, places]) => places.length > most);
  assertEquals(Object.fromEntries(tooMany), {}, `${most.toFixed(0)} of each are allowed`);
});

const SOURCE = `
/**
 * Somebody goes
 * on anew.
 */
const tell = "stand" + \`It heeds \${told} all but for one.\`; // nobody tells
const element = <p title="Whoever">The file stands {tell} there</p>;
goes; on;
/* "goes" on, a stand-in, "retold" */
`;

Deno.test("countPhrases: finds phrases in comments, strings, templates, JSX text and Markdown", () => {
  const { words, found } = countPhrases({ "a.tsx": SOURCE, "b.md": "Files are told\nto go on." });
  assertEquals(found, {
    "told": ["a.tsx:6", "b.md:1"],
    "nobody": ["a.tsx:3", "a.tsx:6", "a.tsx:7"],
    "stands": ["a.tsx:6", "a.tsx:7"],
    "goes on": ["a.tsx:3", "b.md:2"],
    "anew": ["a.tsx:4"],
    "heed": ["a.tsx:6"],
    "but for": ["a.tsx:6"],
  });
  assertEquals(words, 30);
  assertEquals(Object.keys(found), Object.keys(PHRASES));
});
