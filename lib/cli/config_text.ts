/** Writes a config as text, in the format of its file's extension. */

import { extname } from "@std/path";
import { type ConfigInput, DEFAULTS } from "../config/input.ts";
import { CronfetchError } from "../core/errors.ts";

/** Name of the JSON Schema that `init` writes beside a config. */
export const SCHEMA_FILE = "cronfetch.schema.json";

/** Formats by extension. */
const FORMATS = {
  ".jsonc": "jsonc",
  ".json": "json",
  ".yaml": "yaml",
  ".yml": "yaml",
  ".ts": "ts",
  ".txt": "list",
} as const;

/** The format of a config's text. */
export type WrittenFormat = (typeof FORMATS)[keyof typeof FORMATS];

/** The format of a file. Throws `usage` for an extension that no config has. */
export function formatOf(file: string): WrittenFormat {
  const extension = extname(file).toLowerCase();
  const format = Object.entries(FORMATS).find(([known]) => known === extension)?.[1];
  if (format !== undefined) return format;
  const known = Object.keys(FORMATS).join(", ");
  throw new CronfetchError("usage", `${file} needs one of the extensions ${known}`);
}

/** Whether a format names the schema for editors, which then has to be beside it. */
export function usesSchema(format: WrittenFormat): boolean {
  return format === "jsonc" || format === "json" || format === "yaml";
}

/** Comments above top-level options. */
const COMMENTS: Readonly<Record<string, string>> = {
  $schema: "For completion and checks in editors.",
  store: "Where files are stored.",
  schedule: 'A cron expression of 5 fields, "every 30m", or "manual".',
  tasks: "The files to keep: URLs, or objects with a url and more options.",
};

/**
 * Returns the text of a config. The file can be loaded without changes.
 *
 * @param config Its tasks have a URL each; one without other options is written as the URL.
 * @param library What a TypeScript config imports `defineConfig` from.
 * @throws {CronfetchError} `usage`: a list of URLs cannot contain the config.
 */
export async function configText(
  config: ConfigInput,
  format: WrittenFormat,
  library: string,
): Promise<string> {
  const tasks = (config.tasks ?? []).map((task) =>
    typeof task === "object" && "url" in task && Object.keys(task).length === 1 ? task.url : task
  );
  const short = { ...config, tasks };
  const withSchema = { $schema: `./${SCHEMA_FILE}`, ...short };
  switch (format) {
    case "jsonc":
      return `${commented(jsonOf(withSchema), /^ {2}"([$a-z]+)":/, "  // ")}\n`;
    case "json":
      return `${jsonOf(withSchema)}\n`;
    case "yaml": {
      const { printYaml } = await import("../config/source/yaml.ts");
      const text = commented(printYaml(short).trimEnd(), /^([a-z]+):/, "# ");
      return `# yaml-language-server: $schema=./${SCHEMA_FILE}\n\n${text}\n`;
    }
    case "ts":
      return `import { defineConfig } from "${library}";\n\n` +
        `export default defineConfig(${commented(jsonOf(short), /^ {2}"([a-z]+)":/, "  // ")});\n`;
    case "list":
      return listOf(short);
    default:
      return format satisfies never;
  }
}

function jsonOf(config: ConfigInput): string {
  return JSON.stringify(config, null, 2);
}

/** Adds the comments above the lines of their options, with a blank line in between. */
function commented(text: string, option: RegExp, mark: string): string {
  return text.split("\n").flatMap((line, index) => {
    const comment = COMMENTS[option.exec(line)?.[1] ?? ""];
    const gap = index > 1 ? [""] : [];
    return comment === undefined ? [line] : [...gap, `${mark}${comment}`, line];
  }).join("\n");
}

/** A list of URLs, which has the default of every option. */
function listOf({ tasks = [], ...options }: ConfigInput): string {
  const lines = tasks.map((task) => {
    if (typeof task === "string") return task;
    throw listError(Object.keys(task).filter((name) => name !== "url"));
  });
  const others = Object.entries(options).filter(([name, value]) =>
    !Object.hasOwn(DEFAULTS, name) || DEFAULTS[name as keyof typeof DEFAULTS] !== value
  );
  if (others.length > 0) throw listError(others.map(([name]) => name));
  return lines.map((line) => `${line}\n`).join("");
}

function listError(options: readonly string[]): CronfetchError {
  return new CronfetchError(
    "usage",
    `a list of URLs (.txt) cannot contain ${options.join(", ")}; write a .jsonc`,
  );
}
