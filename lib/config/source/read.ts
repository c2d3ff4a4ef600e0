/** Reading: files, standard input and arguments -> sources. */

import { basename, dirname, extname, join, relative, resolve, toFileUrl } from "@std/path";
import type { ErrorCode } from "../../core/errors.ts";
import type { Host } from "../../core/host.ts";
import { readTextAtMost } from "../../core/text.ts";
import { didYouMean, formatPath, type Place, placeWithoutLine, type Problem } from "../problem.ts";
import {
  type ConfigPart,
  createLineFinder,
  type ParsedText,
  type ReadResult,
  readValue,
  reasonOf,
  type SyntaxProblem,
  type TextRange,
} from "./source.ts";
import { nearest } from "../suggest.ts";

/** Enough for a million tasks. */
const MAX_BYTES = 32 * 1024 * 1024;

const TOO_LARGE = "is larger than 32 MiB, the maximum size of a config";

type ConfigFormat = "jsonc" | "json" | "yaml" | "list";

const FORMATS: Readonly<Record<string, ConfigFormat>> = {
  ".jsonc": "jsonc",
  ".json": "json",
  ".yaml": "yaml",
  ".yml": "yaml",
  ".txt": "list",
};

/**
 * Reads a file, or standard input for `-`.
 *
 * @param file Path as given, relative to the working folder.
 * @param reload Whether to run a module again that was imported before.
 */
export async function readSource(
  file: string,
  host: Pick<Host, "cwd" | "readStdin">,
  reload: boolean,
): Promise<ReadResult> {
  if (file === "-") {
    const given = await host.readStdin(MAX_BYTES);
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
    const given = await readTextAtMost(file, MAX_BYTES);
    if (given === null) return failed(name, "config.syntax", TOO_LARGE);
    text = withoutBom(given);
  } catch (error) {
    const hint = await nearFile(path, name, error);
    return failed(name, "config.not-found", `cannot be read: ${openingReason(error)}`, hint);
  }
  if (extension === ".ts") return await readModule(path, name, reload);
  return await readText(text, name, dirname(path), FORMATS[extension] ?? formatOf(text));
}

/**
 * Returns URLs given as arguments as a source with one task each.
 *
 * @param name Key of the file of the only URL; see `--output`.
 */
export function argumentSource(
  { urls, name }: { readonly urls: readonly string[]; readonly name?: string },
  folder: string,
): ConfigPart {
  // The name is literal, not a template.
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
      return placeWithoutLine(source);
    },
  };
}

/** The path as given; a path that was found, relative to the working folder if it is below it. */
function shownPath(path: string, given: string, cwd: string): string {
  if (path !== given) return given;
  const short = relative(cwd, path);
  return short === "" || short.startsWith("..") ? path : short;
}

function withoutBom(text: string): string {
  return text.startsWith("\ufeff") ? text.slice(1) : text;
}

/** Detects the format of a text without a known extension. */
function formatOf(text: string): ConfigFormat {
  const start = firstLine(text);
  if (/^[{[]|^\/[/*]/.test(start)) return "jsonc";
  return /^(?:---|["'$\w]+\s*:(?:\s|$))/.test(start) ? "yaml" : "list";
}

/** The first line that is neither blank nor a comment, without leading white space. */
function firstLine(text: string): string {
  const line = /[^\s#]|#[^\n]*/g;
  for (;;) {
    const found = line.exec(text);
    if (found === null) return "";
    if (!found[0].startsWith("#")) return text.slice(found.index, found.index + MAX_DETECTED);
  }
}

/** Maximum number of UTF-16 units that the format is detected from. */
const MAX_DETECTED = 1_000;

async function readText(
  text: string,
  name: string,
  folder: string,
  format: ConfigFormat,
): Promise<ReadResult> {
  const document = await explainProblems(await parse(text, format), text, format);
  let positionOf: ReturnType<typeof createLineFinder> | null = null;
  const at = (range: TextRange | null, path: string): Place => {
    if (range === null) return placeWithoutLine(name, path);
    positionOf ??= createLineFinder(text);
    return { source: name, path, ...positionOf(range) };
  };
  if (document.problems.length > 0) {
    const problems = document.problems.map(({ message, hint = null, ...range }): Problem => ({
      ...at(range, ""),
      code: "config.syntax",
      message,
      hint,
    }));
    return { source: null, problems };
  }
  const source: ConfigPart = {
    name,
    folder,
    value: document.value,
    place(path, part) {
      // A list has lines but no keys.
      return at(document.locate(path, part), format === "list" ? "" : formatPath(path));
    },
  };
  return { source, problems: [] };
}

async function parse(text: string, format: ConfigFormat): Promise<ParsedText> {
  // No format allows NUL; in UTF-16, every other byte of ASCII text is NUL.
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

/** Explains the syntax errors of a text. */
async function explainProblems(
  parsed: ParsedText,
  text: string,
  format: ConfigFormat,
): Promise<ParsedText> {
  const { problems } = parsed;
  if (problems.length === 0 || format === "list" || text.includes("\0")) return parsed;
  const { explainJson, explainYaml } = await import("./syntax.ts");
  return {
    ...parsed,
    problems: format === "yaml"
      ? explainYaml(text, problems)
      : explainJson(text, problems, format === "json"),
  };
}

function unreadable(problem: SyntaxProblem): ParsedText {
  return { value: undefined, problems: [problem], locate: () => null };
}

async function readModule(path: string, name: string, reload: boolean): Promise<ReadResult> {
  let value: unknown;
  try {
    value = await (reload ? importModuleInWorker : importModule)(toFileUrl(path).href);
  } catch (error) {
    // Deno adds the place in lines of their own, with colours.
    const { stripVTControlCharacters } = await import("node:util");
    const reason = stripVTControlCharacters(reasonOf(error)).split("\n")
      .map((line) => line.trim()).join(" ");
    return failed(name, "config.syntax", `cannot be run: ${reason}`);
  }
  if (value === undefined) {
    const hint = "write export default { … }, or export default defineConfig({ … })";
    return failed(name, "config.syntax", "has no default export", hint);
  }
  return readValue(name, dirname(path), value);
}

function failed(
  name: string,
  code: ErrorCode,
  message: string,
  hint: string | null = null,
): ReadResult {
  const problem = { ...placeWithoutLine(name), code, message, hint };
  return { source: null, problems: [problem] };
}

/** Suggests a config with a similar name, the only one of the folder, or one in the named folder. */
async function nearFile(path: string, name: string, error: unknown): Promise<string | null> {
  const isFolder = error instanceof Deno.errors.IsADirectory;
  if (!isFolder && !(error instanceof Deno.errors.NotFound)) return null;
  try {
    const entries = await Array.fromAsync(Deno.readDir(isFolder ? path : dirname(path)));
    const names = entries.filter(({ isFile }) => isFile).map(({ name }) => name).filter((name) =>
      /\.(?:jsonc?|ya?ml|ts|txt)$/.test(name) && !name.endsWith(".schema.json")
    );
    if (!isFolder) return didYouMean(nearest(basename(path), names));
    const [config] = names.filter((name) => name.startsWith("cronfetch."));
    return config === undefined
      ? "name the file of the config, such as cronfetch.jsonc"
      : didYouMean(join(name, config));
  } catch {
    return null;
  }
}

function openingReason(error: unknown): string {
  if (error instanceof Deno.errors.NotCapable) return "Deno may not; add --allow-read";
  if (error instanceof Deno.errors.NotFound) return "there is no such file";
  if (error instanceof Deno.errors.IsADirectory) return "it is a folder";
  return reasonOf(error);
}

/**
 * Parses a list with one URL per line; blank lines and lines that begin with `#` are ignored. A space
 * in a URL is an error, because other programs accept options or a second URL after one.
 */
export function readList(text: string): ParsedText {
  const tasks: string[] = [];
  const ranges: TextRange[] = [];
  const problems: SyntaxProblem[] = [];
  let offset = 0;
  for (const line of text.split("\n")) {
    const url = line.trim();
    if (url !== "" && !url.startsWith("#")) {
      tasks.push(url);
      const start = offset + line.indexOf(url);
      ranges.push({ offset: start, length: url.length });
      const space = url.search(/\s/);
      const bare = bareUrl(url);
      if (bare !== null) {
        const hint = didYouMean(bare);
        problems.push({ offset: start, length: url.length, message: "a line is only a URL", hint });
      } else if (space >= 0) problems.push({ offset: start + space, ...spaceProblem(url) });
    }
    offset += line.length + 1;
  }
  return {
    value: { tasks },
    problems,
    locate: ([, index]) => typeof index === "number" ? ranges[index] ?? null : null,
  };
}

/** The URL in a line of Markdown, JSON or YAML; null for any other line. */
function bareUrl(line: string): string | null {
  const [, url] = /^(?:[-*] |["'<])+(https?:\/\/[^\s"'<>]+)["'>]?,?$/.exec(line) ?? [];
  return url ?? null;
}

function spaceProblem(url: string): Pick<SyntaxProblem, "message" | "hint"> {
  const [, ...words] = url.split(/\s+/, 100);
  return words.some((word) => word.includes("://"))
    ? { message: "a space in a URL", hint: "write one URL per line" }
    : {
      message: "a space in a URL; write %20",
      hint: didYouMean(url.replaceAll(/\s/g, "%20")),
    };
}

/** The message of `module_worker.ts`. */
type WorkerResult = { readonly value: unknown } | { readonly reason: string };

/**
 * Imports a module.
 *
 * @param url `file:` URL of the module.
 * @returns Its default export.
 * @throws The error of the module.
 */
async function importModule(url: string): Promise<unknown> {
  const module: { readonly default?: unknown } = await import(url);
  return module.default;
}

/**
 * Imports the current version of a module and its imports in a worker.
 *
 * @param url `file:` URL of the module.
 * @returns Its default export.
 * @throws An error with the reason if the module throws or exports more than plain data.
 */
async function importModuleInWorker(url: string): Promise<unknown> {
  const worker = new Worker(new URL("./module_worker.ts", import.meta.url), { type: "module" });
  const { promise, resolve, reject } = Promise.withResolvers<WorkerResult>();
  worker.onmessage = ({ data }: MessageEvent<WorkerResult>) => resolve(data);
  worker.onerror = (event) => {
    event.preventDefault();
    reject(new Error(event.message));
  };
  worker.onmessageerror = () => reject(new Error("its default export is not plain data"));
  worker.postMessage(url);
  try {
    const result = await promise;
    if ("reason" in result) throw new Error(result.reason);
    return result.value;
  } finally {
    worker.terminate();
  }
}
