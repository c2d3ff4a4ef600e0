/** The rules about imports between modules and about access to the outside world. */

import { codeOf, type Import, importsOf } from "./source.ts";

/** Which room may import which. */
export interface Picture {
  /**
   * The rooms by floor, from the top down. A room is a folder of `lib/`, or a file beside the
   * folders. Each may import from itself and from every lower floor.
   */
  readonly floors: readonly (readonly string[])[];
  /** Further rooms, on the same floor, that a room may import from. */
  readonly beside: Readonly<Record<string, readonly string[]>>;
  /** Packages that a whole room uses. Any other is imported in one file only. */
  readonly spoken: Readonly<Record<string, string>>;
}

/** Version and name come from here; any room may read them. */
const MANIFEST = "deno.json";

/** The only file that may name the world: what follows. */
export const WORLD_FILE = "lib/host.ts";
const WORLD: Readonly<Record<string, RegExp>> = {
  "fetch": /(?<![.\w$])fetch\s*\(/,
  "Deno.connect": /\bDeno\s*\.\s*connect\b/,
  "globalThis": /\bglobalThis\b/,
  "Deno.env": /\bDeno\s*\.\s*env\b/,
  "Deno.exit": /\bDeno\s*\.\s*exit(?:Code)?\b/,
  "Deno.stdin, stdout or stderr": /\bDeno\s*\.\s*std(?:in|out|err)\b/,
  "Deno.cron": /\bDeno\s*\.\s*cron\b/,
  "signals": /\bDeno\s*\.\s*(?:add|remove)SignalListener\b/,
  "console": /(?<![.\w$])console\s*\./,
  "Date.now": /\bDate\s*\.\s*now\b/,
  "new Date()": /\bnew\s+Date\b(?!\s*\(\s*[^\s)])/,
  "Temporal.Now": /\bTemporal\s*\.\s*Now\b/,
  "performance.now": /\bperformance\s*\.\s*now\b/,
  "a timer": /(?<![.\w$])set(?:Timeout|Interval)\b|\bAbortSignal\s*\.\s*timeout\b/,
  "Math.random": /\bMath\s*\.\s*random\b/,
  "crypto's random": /\bcrypto\s*\.\s*(?:randomUUID|getRandomValues)\b/,
};

/** The same, behind an import: names of a module that only the world's file may ask for. */
const WORLD_IMPORTS: Readonly<Record<string, readonly string[]>> = {
  "@std/async": ["*", "deadline", "delay"],
  "node:timers": ["*", "setInterval", "setTimeout"],
  "node:timers/promises": ["*", "setInterval", "setTimeout"],
};

/** Lines of the longest file in lib/. */
export const LONGEST_FILE = 400;
const EMPTY_WORDS = /(?:^|[/_.-])(?:utils?|helpers?|managers?|common)(?=[/_.-])/;

/** A file of the repository, read. */
interface Source {
  readonly path: string;
  readonly text: string;
  readonly code: string;
  readonly imports: readonly Import[];
}

/**
 * Every breach of the rules in `files`, which are texts by path from the root. `imports` are those
 * of deno.json.
 */
export function violations(
  files: Readonly<Record<string, string>>,
  imports: Readonly<Record<string, string>>,
  picture: Picture,
): string[] {
  const sources = Object.entries(files).map(([path, text]) => read(path, text));
  const house = sources.filter(({ path }) => path === "main.ts" || path.startsWith("lib/"));
  return [
    ...house.flatMap((source) => [
      ...arrows(source, imports, picture),
      ...worldly(source),
      ...shape(source),
    ]),
    ...scattered(house, imports, picture),
    ...unused(sources, imports),
  ];
}

function read(path: string, text: string): Source {
  return { path, text, code: codeOf(text), imports: importsOf(text) };
}

function arrows(
  { path, imports }: Source,
  packages: Readonly<Record<string, string>>,
  { floors, beside }: Picture,
): string[] {
  const from = roomOf(path);
  const floorOf = (room: string) => floors.findIndex((rooms) => rooms.includes(room));
  if (floorOf(from) < 0) return [`${path}: the design has no room called ${from}`];
  return imports.flatMap(({ specifier }) => {
    if (specifier.startsWith("node:")) return [];
    if (!specifier.startsWith(".")) {
      const known = packageOf(specifier, packages) !== null;
      return known ? [] : [`${path}: ${specifier} is not an import of deno.json`];
    }
    const target = resolve(path, specifier);
    const to = roomOf(target);
    const isAllowed = target === MANIFEST || to === from || floorOf(to) > floorOf(from) ||
      beside[from]?.includes(to) === true;
    return isAllowed ? [] : [`${path}: ${from} may not import ${target}`];
  });
}

function worldly({ path, code, imports }: Source): string[] {
  if (path === WORLD_FILE) return [];
  const named = Object.entries(WORLD).filter(([, pattern]) => pattern.test(code));
  const asked = imports.flatMap(({ specifier, names, typeOnly }) =>
    names
      .filter((name) => !typeOnly && WORLD_IMPORTS[specifier]?.includes(name))
      .map((name) => `${name} of ${specifier}`)
  );
  return [...named.map(([name]) => name), ...asked]
    .map((name) => `${path}: ${name} belongs in ${WORLD_FILE}`);
}

function shape({ path, text, code }: Source): string[] {
  const lines = text.split("\n").length - 1;
  const breaches: [broken: boolean, text: string][] = [
    [lines > LONGEST_FILE, `${lines} lines, more than ${LONGEST_FILE}`],
    [EMPTY_WORDS.test(path), "a name that says nothing"],
    [/\bexport\s+default\b|\bas\s+default\b/.test(code), "a default export"],
  ];
  return breaches.filter(([broken]) => broken).map(([, text]) => `${path}: ${text}`);
}

function scattered(
  sources: readonly Source[],
  packages: Readonly<Record<string, string>>,
  { spoken }: Picture,
): string[] {
  return Object.keys(packages).filter((name) => !name.startsWith("@std/")).flatMap((name) => {
    const importers = sources
      .filter((source) => source.imports.some((i) => packageOf(i.specifier, packages) === name))
      .map((source) => source.path);
    const atHome = importers.every((path) => roomOf(path) === spoken[name]);
    return importers.length > 1 && !atHome ? [`${name}: imported by ${importers.join(", ")}`] : [];
  });
}

function unused(
  sources: readonly Source[],
  packages: Readonly<Record<string, string>>,
): string[] {
  const used = new Set(
    sources.flatMap((source) => source.imports.map((i) => packageOf(i.specifier, packages))),
  );
  return Object.keys(packages)
    .filter((name) => !used.has(name))
    .map((name) => `${name}: in deno.json, but nowhere imported`);
}

/** The room of a file: its folder in lib/, or its own name there, or in the root. */
function roomOf(path: string): string {
  return path.replace(/^lib\//, "").replace(/[/.].*$/, "");
}

/** The name in deno.json's imports by which a specifier is found, or null. */
function packageOf(
  specifier: string,
  packages: Readonly<Record<string, string>>,
): string | null {
  const name = Object.keys(packages)
    .find((name) => specifier === name || specifier.startsWith(`${name}/`));
  return name ?? null;
}

/** The path that a relative specifier means. */
function resolve(path: string, specifier: string): string {
  return new URL(specifier, `file:///${path}`).pathname.slice(1);
}
