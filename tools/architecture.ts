/** The rules about imports, import cycles, host access, packages, and size and names of files. */

import type { Layout } from "./rooms.ts";
import { codeOf, type Import, importsOf } from "./source.ts";

/** Has the version and name; any room may import it. */
const MANIFEST = "deno.json";

/** The only file that may use what follows. */
export const HOST_FILE = "lib/host.ts";
const HOST_NAMES: Readonly<Record<string, RegExp>> = {
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

/** The same as imports: names that only the host file may import. */
const HOST_IMPORTS: Readonly<Record<string, readonly string[]>> = {
  "@std/async": ["*", "deadline", "delay"],
  "node:timers": ["*", "setInterval", "setTimeout"],
  "node:timers/promises": ["*", "setInterval", "setTimeout"],
};

/** Lines of the longest file in lib/. */
export const LONGEST_FILE = 400;
const MEANINGLESS = /(?:^|[/_.-])(?:utils?|helpers?|managers?|common)(?=[/_.-])/;

/** A file of the repository. */
interface Source {
  readonly path: string;
  readonly text: string;
  readonly code: string;
  readonly imports: readonly Import[];
}

/**
 * Every violation of the rules.
 *
 * @param files Texts by path from the root.
 * @param imports The imports of deno.json.
 */
export function violations(
  files: Readonly<Record<string, string>>,
  imports: Readonly<Record<string, string>>,
  layout: Layout,
): string[] {
  const sources = Object.entries(files).map(([path, text]) => read(path, text));
  const library = sources.filter(({ path }) => path === "main.ts" || path.startsWith("lib/"));
  return [
    ...library.flatMap((source) => [
      ...forbiddenImports(source, imports, layout),
      ...hostAccess(source),
      ...sizeAndNames(source),
    ]),
    ...spreadPackages(library, imports, layout),
    ...unusedPackages(sources, imports),
    ...importCycles(sources),
  ];
}

function read(path: string, text: string): Source {
  return { path, text, code: codeOf(text), imports: importsOf(text) };
}

function forbiddenImports(
  { path, imports }: Source,
  packages: Readonly<Record<string, string>>,
  { floors, siblings }: Layout,
): string[] {
  const from = roomOf(path);
  const floorOf = (room: string) => floors.findIndex((rooms) => rooms.includes(room));
  if (floorOf(from) < 0) return [`${path}: there is no room ${from}`];
  return imports.flatMap(({ specifier }) => {
    if (specifier.startsWith("node:")) return [];
    if (!specifier.startsWith(".")) {
      const known = packageOf(specifier, packages) !== null;
      return known ? [] : [`${path}: ${specifier} is not an import of deno.json`];
    }
    const target = resolve(path, specifier);
    const to = roomOf(target);
    const isAllowed = target === MANIFEST || to === from || floorOf(to) > floorOf(from) ||
      siblings[from]?.includes(to) === true;
    return isAllowed ? [] : [`${path}: ${from} may not import ${target}`];
  });
}

function hostAccess({ path, code, imports }: Source): string[] {
  if (path === HOST_FILE) return [];
  const named = Object.entries(HOST_NAMES).filter(([, pattern]) => pattern.test(code));
  const asked = imports.flatMap(({ specifier, names, typeOnly }) =>
    names
      .filter((name) => !typeOnly && HOST_IMPORTS[specifier]?.includes(name))
      .map((name) => `${name} of ${specifier}`)
  );
  return [...named.map(([name]) => name), ...asked]
    .map((name) => `${path}: ${name} belongs in ${HOST_FILE}`);
}

function sizeAndNames({ path, text, code }: Source): string[] {
  const lines = text.split("\n").length - 1;
  const rules: [isBroken: boolean, text: string][] = [
    [lines > LONGEST_FILE, `${lines} lines, more than ${LONGEST_FILE}`],
    [MEANINGLESS.test(path), "a meaningless name"],
    [/\bexport\s+default\b|\bas\s+default\b/.test(code), "a default export"],
  ];
  return rules.filter(([isBroken]) => isBroken).map(([, text]) => `${path}: ${text}`);
}

function spreadPackages(
  sources: readonly Source[],
  packages: Readonly<Record<string, string>>,
  layout: Layout,
): string[] {
  return Object.keys(packages).filter((name) => !name.startsWith("@std/")).flatMap((name) => {
    const importers = sources
      .filter((source) => source.imports.some((i) => packageOf(i.specifier, packages) === name))
      .map((source) => source.path);
    const isInRoom = importers.every((path) => roomOf(path) === layout.packages[name]);
    return importers.length > 1 && !isInRoom
      ? [`${name}: imported by ${importers.join(", ")}`]
      : [];
  });
}

function unusedPackages(
  sources: readonly Source[],
  packages: Readonly<Record<string, string>>,
): string[] {
  const used = new Set(
    sources.flatMap((source) => source.imports.map((i) => packageOf(i.specifier, packages))),
  );
  return Object.keys(packages)
    .filter((name) => !used.has(name))
    .map((name) => `${name}: in deno.json, but not imported`);
}

/** Import cycles between files, type imports included: the files of each, sorted. */
function importCycles(sources: readonly Source[]): string[] {
  const targets = new Map(
    sources.map(({ path, imports }) => [
      path,
      imports.filter(({ specifier }) => specifier.startsWith("."))
        .map(({ specifier }) => resolve(path, specifier)),
    ]),
  );
  const found = new Set<string>();
  const done = new Set<string>();
  const visit = (path: string, trail: readonly string[]): void => {
    const start = trail.indexOf(path);
    if (start >= 0) found.add(`import cycle: ${trail.slice(start).toSorted().join(", ")}`);
    if (start >= 0 || done.has(path)) return;
    for (const target of targets.get(path) ?? []) visit(target, [...trail, path]);
    done.add(path);
  };
  for (const path of targets.keys()) visit(path, []);
  return [...found].sort();
}

/** The room of a file: its folder in lib/, or its own name in lib/ or the root. */
function roomOf(path: string): string {
  return path.replace(/^lib\//, "").replace(/[/.].*$/, "");
}

/** The name in deno.json's imports that a specifier refers to, or null. */
function packageOf(
  specifier: string,
  packages: Readonly<Record<string, string>>,
): string | null {
  const name = Object.keys(packages)
    .find((name) => specifier === name || specifier.startsWith(`${name}/`));
  return name ?? null;
}

/** The path of a relative specifier. */
function resolve(path: string, specifier: string): string {
  return new URL(specifier, `file:///${path}`).pathname.slice(1);
}
