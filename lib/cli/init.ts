/** `init` writes a first config; `schema` prints the JSON Schemas. */

import { dirname, join, resolve } from "@std/path";
import { variable } from "../config/variables.ts";
import { CronfetchError } from "../core/errors.ts";
import { CONFIG_NAMES } from "../core/ownership.ts";
import type { Host } from "../core/host.ts";
import { EXIT } from "../core/result.ts";
import { errorMessage, escapeControl } from "../core/text.ts";
import { plural } from "../report/format.ts";
import { formatOf, SCHEMA_FILE, usesSchema } from "./config_text.ts";
import { shellQuoted } from "./doctor/permissions.ts";
import { librarySpecifier } from "./doctor/program.ts";
import type { Flags } from "./flags.ts";
import type { ImportedConfig } from "./import/assemble.ts";
import type { ImportNote } from "./import/draft.ts";
import type { ImportedSecret } from "./import/secrets.ts";
import { writeLines } from "./output.ts";

/** The most bytes of a text to import. */
const MAX_IMPORT_BYTES = 32 * 1024 * 1024;

/**
 * Writes a valid config: with the given URLs as its tasks, with those of another text, or with
 * comments and an example. Replaces an existing file only with `--force`.
 */
export async function init(
  operands: readonly string[],
  flags: Flags,
  host: Host,
): Promise<number> {
  const urls = operands.filter((operand) => operand.includes("://"));
  const [file = "cronfetch.jsonc", ...others] = operands.filter((operand) =>
    !operand.includes("://")
  );
  const [second] = others;
  if (second !== undefined) {
    throw new CronfetchError("usage", `init writes one file, not ${file} and ${second} too`);
  }
  const format = formatOf(file);
  const imported = flags.import === undefined ? null : await importFrom(flags.import, host);
  const { text, taskCount, notes } = imported === null && urls.length === 0 && format === "jsonc"
    ? { text: INITIAL_CONFIG, taskCount: 1, notes: [] }
    : await (await import("./new_config.ts")).newConfig({
      ...{ urls, imported, format },
      library: librarySpecifier(Deno.mainModule),
    }, host);
  const path = resolve(host.cwd(), file);
  await write(path, file, text, flags.force);
  if (usesSchema(format)) await writeSchema(dirname(path));
  const option = await isFoundByItself(file, host) ? "" : ` -c ${shellQuoted(file)}`;
  const schema = usesSchema(format) ? `, and ${SCHEMA_FILE} for editors` : "";
  writeLines(
    [
      `Wrote ${file} with ${plural(taskCount, "task")}${schema}.`,
      ...noteLines(notes, imported?.secrets ?? []),
      `Next: cronfetch plan${option} shows what would run, cronfetch run${option} downloads.`,
    ].map(escapeControl),
    host,
  );
  return EXIT.good;
}

/**
 * Imports a command line, or the file of that name.
 *
 * @throws {CronfetchError} `usage`: there is nothing to download in it.
 */
async function importFrom(given: string, host: Host): Promise<ImportedConfig> {
  const { importText, isCommand } = await import("./import/import.ts");
  const file = await readFile(given, host);
  if (file === null && !isCommand(given)) {
    const message = `--import ${
      JSON.stringify(given)
    }: neither a file nor a command of curl or wget`;
    throw new CronfetchError("usage", message);
  }
  const text = file ?? given;
  const home = variable("HOME", host) ?? variable("USERPROFILE", host) ?? host.cwd();
  const imported = await importText(text, home);
  if (imported.tasks.length > 0) return imported;
  const lines = ["--import: there is no file to download", ...noteLines(imported.notes, [])];
  throw new CronfetchError("usage", lines.join("\n"));
}

/** The text of a file, or of standard input for `-`; null if there is no such file. */
async function readFile(given: string, host: Host): Promise<string | null> {
  if (given === "-") return await host.readStdin(MAX_IMPORT_BYTES);
  try {
    return await Deno.readTextFile(resolve(host.cwd(), given));
  } catch (error) {
    // A command line is no valid path on some systems, or too long for one.
    if (!(error instanceof Deno.errors.PermissionDenied)) return null;
    throw new CronfetchError("usage", `${given} cannot be read: ${errorMessage(error)}`, {
      cause: error,
    });
  }
}

async function write(path: string, file: string, text: string, force: boolean): Promise<void> {
  try {
    await Deno.writeTextFile(path, text, { createNew: !force });
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) {
      throw new CronfetchError("usage", `${file} already exists`, {
        hint: "--force replaces it; another name as the argument keeps both",
      });
    }
    throw new CronfetchError("usage", `${file} cannot be written: ${errorMessage(error)}`, {
      cause: error,
    });
  }
}

/** Whether other commands find a config: it has one of the names, and is the only one there. */
async function isFoundByItself(file: string, host: Host): Promise<boolean> {
  const names = await Array.fromAsync(Deno.readDir(host.cwd()), ({ name }) => name);
  return CONFIG_NAMES.includes(file) &&
    names.every((name) => name === file || !CONFIG_NAMES.includes(name));
}

/** Writes the schema that the config names, of this version of cronfetch. */
async function writeSchema(folder: string): Promise<void> {
  const { configJsonSchema } = await import("../config/schema/json_schema.ts");
  const text = `${JSON.stringify(configJsonSchema(), null, 2)}\n`;
  await Deno.writeTextFile(join(folder, SCHEMA_FILE), text);
}

/** What was not converted, and the variables to set. */
function noteLines(
  notes: readonly ImportNote[],
  secrets: readonly ImportedSecret[],
): string[] {
  return [
    ...notes.map(({ line, what, reason }) =>
      `warning: ${line === null ? "" : `line ${line}: `}${what}: ${reason}`
    ),
    ...secrets.map(({ name, what }) => `hint: set ${name} in the environment: ${what}`),
  ];
}

/** A valid `cronfetch.jsonc` that shows the most useful options. */
export const INITIAL_CONFIG = `{
  // For completion and checks in editors.
  "$schema": "./cronfetch.schema.json",

  // Where files are stored.
  "store": "./downloads",

  // A cron expression of 5 fields, "@daily", "every 30m", or "manual".
  "schedule": "0 6 * * *",
  "timezone": "UTC",

  "tasks": [
    // A URL is enough.
    "https://www.irs.gov/pub/irs-pdf/f1040.pdf"

    // A task with more options. Add a comma after the one above.
    // {
    //   "id": "rates",
    //   "url": "https://example.org/rates/{date:YYYY-MM-DD}.csv",
    //   "mirrors": ["https://mirror.example.org/rates/{date:YYYY-MM-DD}.csv"],
    //   "to": "rates/{date:YYYY-MM-DD}.csv",
    //   "schedule": "15 16 * * MON-FRI",
    //   "timezone": "Europe/Berlin",
    //   "headers": { "authorization": "Bearer $\{env:RATES_TOKEN}" },
    //   "timeout": { "response": "10s", "idle": "30s" },
    //   "retry": { "attempts": 4, "budget": "2m" },
    //   "expect": { "type": "text/csv", "minSize": "1KB", "minRatio": 0.5, "matches": "^date," },
    //   "keep": 7
    // }
  ]
}
`;

/** Prints a JSON Schema to standard output. */
export async function schema(
  _operands: readonly string[],
  { event, change }: Flags,
  host: Host,
): Promise<number> {
  const made = event
    ? (await import("../report/event_schema.ts")).eventJsonSchema()
    : change
    ? (await import("../report/change_schema.ts")).changeJsonSchema()
    : (await import("../config/schema/json_schema.ts")).configJsonSchema();
  host.stdout.write(`${JSON.stringify(made, null, 2)}\n`);
  return EXIT.good;
}
