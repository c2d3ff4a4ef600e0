/** Files, standard input and arguments -> sources. */

import { dirname, extname, relative, resolve, toFileUrl } from "@std/path";
import type { ErrorCode } from "../core/errors.ts";
import type { Host } from "../core/host.ts";
import { readTextAtMost } from "../core/text.ts";
import { formatPath, type Place, type Problem, SHOWN_LENGTH } from "./problem.ts";
import {
  createLineFinder,
  type ParsedText,
  type ReadResult,
  readValue,
  reasonOf,
  type Source,
  type SyntaxProblem,
} from "./source.ts";
import { didYouMean } from "./suggest.ts";

/** More than a million tasks; a larger file is not a config. */
const LARGEST_BYTES = 32 * 1024 * 1024;

const TOO_LARGE = "is larger than 32 MiB, which no config may be";

type Format = "jsonc" | "json" | "yaml" | "list";

const FORMATS: Readonly<Record<string, Format>> = {
  ".jsonc": "jsonc",
  ".json": "json",
  ".yaml": "yaml",
  ".yml": "yaml",
  ".txt": "list",
};

/**
 * Reads a file, or with `-` standard input.
 *
 * @param file As it was given; relative to the folder the program was started in.
 * @param again Whether it was read before, and a module is to be run anew.
 */
export async function readSource(
  file: string,
  host: Pick<Host, "cwd" | "readStdin">,
  again: boolean,
): Promise<ReadResult> {
  if (file === "-") {
    const given = await host.readStdin(LARGEST_BYTES);
    if (given === null) return failed("standard input", "config.syntax", TOO_LARGE);
    const text = withoutBom(given);
    return await readText(text, "standard input", host.cwd(), formatOf(text));
  }
  const path = resolve(host.cwd(), file);
  const name = shownPath(path, file, host.cwd());
  const extension = extname(path).toLowerCase();
  let text: string;
  try {
    using file = await Deno.open(path);
    const given = await readTextAtMost(file.readable, LARGEST_BYTES);
    if (given === null) return failed(name, "config.syntax", TOO_LARGE);
    text = withoutBom(given);
  } catch (error) {
    return failed(name, "config.not-found", `cannot be read: ${openingReason(error)}`);
  }
  if (extension === ".ts") return await readModule(path, name, again);
  return await readText(text, name, dirname(path), FORMATS[extension] ?? formatOf(text));
}

/**
 * URLs given as arguments, as a source of one task each.
 *
 * @param name Of the file of the only URL; see `--output`.
 */
export function argumentSource(
  { urls, name }: { readonly urls: readonly string[]; readonly name?: string },
  folder: string,
): Source {
  // It is a name, and no template.
  const to = name?.replaceAll("{", "{{").replaceAll("}", "}}");
  return {
    name: "arguments",
    folder,
    value: { tasks: to === undefined ? urls : urls.map((url) => ({ url, to })) },
    place([, index, key]) {
      const source = key === "to"
        ? "--output"
        : typeof index === "number"
        ? `argument ${index + 1}`
        : "arguments";
      return { source, line: null, column: null, path: "" };
    },
  };
}

/** A path as people gave it; one that was found, relative to where they are if it is below. */
function shownPath(path: string, given: string, cwd: string): string {
  if (path !== given) return given;
  const short = relative(cwd, path);
  return short === "" || short.startsWith("..") ? path : short;
}

function withoutBom(text: string): string {
  return text.startsWith("\ufeff") ? text.slice(1) : text;
}

/** Recognizes a config or a list of URLs without a file name. */
function formatOf(text: string): Format {
  const start = firstLine(text);
  if (/^[{[]|^\/[/*]/.test(start)) return "jsonc";
  return /^(?:---|["'$\w]+\s*:(?:\s|$))/.test(start) ? "yaml" : "list";
}

/** The first line that is neither blank nor a comment, without the blanks before it. */
function firstLine(text: string): string {
  const line = /[^\s#]|#[^\n]*/g;
  for (;;) {
    const found = line.exec(text);
    if (found === null) return "";
    if (!found[0].startsWith("#")) return text.slice(found.index, found.index + LONGEST_START);
  }
}

/** UTF-16 units at the beginning of a text that its format is recognized by. */
const LONGEST_START = 1_000;

async function readText(
  text: string,
  name: string,
  folder: string,
  format: Format,
): Promise<ReadResult> {
  const document = await parse(text, format);
  let positionOf: ReturnType<typeof createLineFinder> | null = null;
  const at = (offset: number | null): Pick<Place, "source" | "line" | "column"> => {
    if (offset === null) return { source: name, line: null, column: null };
    positionOf ??= createLineFinder(text);
    return { source: name, ...positionOf(offset) };
  };
  if (document.problems.length > 0) {
    const problems = document.problems.map(({ offset, message }): Problem => ({
      ...at(offset),
      path: "",
      code: "config.syntax",
      message,
    }));
    return { source: null, problems };
  }
  const source: Source = {
    name,
    folder,
    value: document.value,
    place(path, part) {
      const place = at(document.locate(path, part));
      // In a list a line says everything; it has no names.
      return { ...place, path: format === "list" ? "" : formatPath(path) };
    },
  };
  return { source, problems: [] };
}

async function parse(text: string, format: Format): Promise<ParsedText> {
  // No format allows it, and every other byte of UTF-16 is one.
  const offset = text.indexOf("\0");
  if (offset >= 0) return unreadable({ offset, message: "a NUL byte; is this text in UTF-8?" });
  switch (format) {
    case "json":
    case "jsonc":
      return (await import("./json.ts")).readJson(text, format === "jsonc");
    case "yaml":
      return (await import("./yaml.ts")).readYaml(text);
    case "list":
      return readList(text);
    default:
      return format satisfies never;
  }
}

function unreadable(mistake: SyntaxProblem): ParsedText {
  return { value: undefined, problems: [mistake], locate: () => null };
}

async function readModule(path: string, name: string, again: boolean): Promise<ReadResult> {
  let value: unknown;
  try {
    value = await (again ? importModuleInWorker : importModule)(toFileUrl(path).href);
  } catch (error) {
    return failed(name, "config.syntax", `cannot be run: ${reasonOf(error)}`);
  }
  return readValue(name, dirname(path), value);
}

function failed(name: string, code: ErrorCode, message: string): ReadResult {
  const problem = { code, source: name, line: null, column: null, path: "", message };
  return { source: null, problems: [problem] };
}

function openingReason(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) return "there is no such file";
  if (error instanceof Deno.errors.IsADirectory) return "it is a folder";
  return reasonOf(error);
}

/**
 * Reads a list of URLs, one a line; blank lines and lines that begin with `#` are left out. A URL
 * has no blanks, and other programs read what follows one as an option or a second URL.
 */
export function readList(text: string): ParsedText {
  const tasks: string[] = [];
  const offsets: number[] = [];
  const mistakes: SyntaxProblem[] = [];
  let offset = 0;
  for (const line of text.split("\n")) {
    const url = line.trim();
    if (url !== "" && !url.startsWith("#")) {
      tasks.push(url);
      const start = offset + line.indexOf(url);
      offsets.push(start);
      const blank = url.search(/\s/);
      if (blank >= 0) mistakes.push({ offset: start + blank, message: blankIn(url) });
    }
    offset += line.length + 1;
  }
  return {
    value: { tasks },
    problems: mistakes,
    locate: ([, index]) => typeof index === "number" ? offsets[index] ?? null : null,
  };
}

function blankIn(url: string): string {
  const [, ...words] = url.split(/\s+/, 100);
  return words.some((word) => word.includes("://"))
    ? "a blank in a URL; write one URL a line"
    : `a blank in a URL; write %20${didYouMean(shortGuess(url.replaceAll(/\s/g, "%20")))}`;
}

/** A suggestion that would be shortened cannot be copied. */
function shortGuess(url: string): string | null {
  return url.length > SHOWN_LENGTH ? null : url;
}

/** What the thread of `module_worker.ts` says. */
type Said = { readonly value: unknown } | { readonly reason: string };

/**
 * Runs a module for the first time.
 *
 * @param url Of the module; `file:`.
 * @throws Whatever the module does.
 */
export async function importModule(url: string): Promise<unknown> {
  const module: { readonly default?: unknown } = await import(url);
  return module.default;
}

/**
 * Runs a module as it is now, and all that it imports, although it was run before.
 *
 * @param url Of the module; `file:`.
 * @throws An error with the reason, if it cannot be run or exports more than plain data.
 */
export async function importModuleInWorker(url: string): Promise<unknown> {
  const worker = new Worker(new URL("./module_worker.ts", import.meta.url), { type: "module" });
  const { promise, resolve, reject } = Promise.withResolvers<Said>();
  worker.onmessage = ({ data }: MessageEvent<Said>) => resolve(data);
  worker.onerror = (event) => {
    event.preventDefault();
    reject(new Error(event.message));
  };
  worker.onmessageerror = () => reject(new Error("what it exports cannot be passed on"));
  worker.postMessage(url);
  try {
    const said = await promise;
    if ("reason" in said) throw new Error(said.reason);
    return said.value;
  } finally {
    worker.terminate();
  }
}
