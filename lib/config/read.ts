/** Files, standard input and arguments -> sources. */

import { dirname, extname, relative, resolve, toFileUrl } from "@std/path";
import type { ErrorCode } from "../core/errors.ts";
import type { Host } from "../core/host.ts";
import { readList } from "./list.ts";
import { importModule, importModuleAnew } from "./module.ts";
import { formatPath } from "./problem.ts";
import type { Place, Problem } from "./problem.ts";
import { lineFinder } from "./source.ts";
import type { Document, Source } from "./source.ts";

/** A source, or the mistakes in its syntax. */
export type Reading =
  | { readonly source: Source; readonly problems: readonly [] }
  | { readonly source: null; readonly problems: readonly Problem[] };

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
): Promise<Reading> {
  if (file === "-") {
    const text = withoutMark(await host.readStdin());
    return await readText(text, "standard input", host.cwd(), formatOf(text));
  }
  const path = resolve(host.cwd(), file);
  const name = shownPath(path, file, host.cwd());
  const extension = extname(path).toLowerCase();
  let text: string;
  try {
    text = withoutMark(await Deno.readTextFile(path));
  } catch (error) {
    return failed(name, "config.not-found", `cannot be read: ${reasonOf(error)}`);
  }
  if (extension === ".ts") return await readModule(path, name, again);
  return await readText(text, name, dirname(path), FORMATS[extension] ?? formatOf(text));
}

/** URLs given as arguments, as a source of one task each. */
export function argumentSource(urls: readonly string[], folder: string): Source {
  return {
    name: "arguments",
    folder,
    value: { tasks: urls },
    place([, index]) {
      const source = typeof index === "number" ? `argument ${index + 1}` : "arguments";
      return { source, line: null, column: null, path: "" };
    },
  };
}

/** A value that a program made, as a source: it has paths, but no lines. */
export function valueSource(name: string, folder: string, value: unknown): Source {
  return {
    name,
    folder,
    value,
    place: (path) => ({ source: name, line: null, column: null, path: formatPath(path) }),
  };
}

/** A path as people gave it; one that was found, relative to where they are if it is below. */
function shownPath(path: string, given: string, cwd: string): string {
  if (path !== given) return given;
  const short = relative(cwd, path);
  return short === "" || short.startsWith("..") ? path : short;
}

function withoutMark(text: string): string {
  return text.startsWith("\ufeff") ? text.slice(1) : text;
}

/** Tells a config from a list of URLs where no file name does. */
function formatOf(text: string): Format {
  const start = text.split("\n").map((line) => line.trim())
    .find((line) => line !== "" && !line.startsWith("#")) ?? "";
  if (/^[{[]|^\/[/*]/.test(start)) return "jsonc";
  return /^(?:---|["'$\w]+\s*:(?:\s|$))/.test(start) ? "yaml" : "list";
}

async function readText(
  text: string,
  name: string,
  folder: string,
  format: Format,
): Promise<Reading> {
  const document = await parse(text, format);
  let positionOf: ReturnType<typeof lineFinder> | null = null;
  const at = (offset: number | null): Pick<Place, "source" | "line" | "column"> => {
    if (offset === null) return { source: name, line: null, column: null };
    positionOf ??= lineFinder(text);
    return { source: name, ...positionOf(offset) };
  };
  if (document.mistakes.length > 0) {
    const problems = document.mistakes.map(({ offset, message }): Problem => ({
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

async function parse(text: string, format: Format): Promise<Document> {
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

async function readModule(path: string, name: string, again: boolean): Promise<Reading> {
  let value: unknown;
  try {
    value = await (again ? importModuleAnew : importModule)(toFileUrl(path).href);
  } catch (error) {
    return failed(name, "config.syntax", `cannot be run: ${reasonOf(error)}`);
  }
  return { source: valueSource(name, dirname(path), value), problems: [] };
}

function failed(name: string, code: ErrorCode, message: string): Reading {
  const problem = { code, source: name, line: null, column: null, path: "", message };
  return { source: null, problems: [problem] };
}

function reasonOf(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) return "there is no such file";
  if (error instanceof Deno.errors.IsADirectory) return "it is a folder";
  return error instanceof Error ? error.message : String(error);
}
