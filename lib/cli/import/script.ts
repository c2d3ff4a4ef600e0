/** Reads shell scripts, crontabs and command lines: follows their variables and folders. */

import { baseName, type Download, fileCommand, readCommand } from "./command.ts";
import type { ImportNote } from "./draft.ts";
import {
  literalOf,
  parseShell,
  precedesAssignment,
  type ShellCommand,
  type Word,
} from "./shell.ts";
import { nameText, type Resolved, resolveWord, type Text } from "./text.ts";

/** A download with what surrounds its command. */
export interface PlacedDownload extends Download {
  /** The folder that the command runs in; empty for that of the text. */
  readonly workingFolder: Text;
  /** The cron expression of its line; null without one. */
  readonly schedule: string | null;
}

/** The downloads of a text. */
export interface ImportedScript {
  readonly downloads: readonly PlacedDownload[];
  readonly notes: readonly ImportNote[];
  /** The time zone that a crontab names; null without one. */
  readonly timezone: string | null;
}

/**
 * Reads a text.
 *
 * @param home The folder that `~` and `$HOME` are.
 */
export function readScript(text: string, home: string): ImportedScript {
  const entries = crontabEntries(text);
  if (entries.length > 0) return readCrontab(text, entries, home);
  const reader = new ScriptReader(home);
  reader.read(text, 0, null);
  return { downloads: reader.downloads, notes: reader.notes, timezone: null };
}

/** A line of a crontab. */
interface CrontabEntry {
  /** From 1. */
  readonly line: number;
  /** An expression of five fields; null for `@reboot`. */
  readonly schedule: string | null;
  readonly command: string;
}

/** What the names of cron stand for. */
const NAMED_SCHEDULES: Readonly<Record<string, string | null>> = {
  "@yearly": "0 0 1 1 *",
  "@annually": "0 0 1 1 *",
  "@monthly": "0 0 1 * *",
  "@weekly": "0 0 * * 0",
  "@daily": "0 0 * * *",
  "@midnight": "0 0 * * *",
  "@hourly": "0 * * * *",
  "@reboot": null,
};

/** Minute, hour and day of the month have no names, unlike month and weekday. */
const FIELDS = [/^[0-9*,/-]+$/, /^[0-9*,/-]+$/, /^[0-9*,/-]+$/, /^[\w*,/-]+$/, /^[\w*,/-]+$/];

/** The entries of a crontab; none in a text of another kind. */
function crontabEntries(text: string): CrontabEntry[] {
  return text.split("\n").flatMap((written, index) => {
    const words = written.trim().split(/\s+/, FIELDS.length);
    const [first = ""] = words;
    const named = Object.hasOwn(NAMED_SCHEDULES, first);
    const isCron = words.length === FIELDS.length &&
      FIELDS.every((field, at) => field.test(words[at] ?? ""));
    if (!named && !isCron) return [];
    const count = named ? 1 : FIELDS.length;
    return [{
      line: index + 1,
      schedule: named ? NAMED_SCHEDULES[first] ?? null : words.join(" "),
      command: unescaped(afterWords(written, count)),
    }];
  });
}

/** The text after a number of words. */
function afterWords(text: string, count: number): string {
  let rest = text.trimStart();
  for (let index = 0; index < count; index++) {
    const end = rest.search(/\s/);
    rest = end < 0 ? "" : rest.slice(end).trimStart();
  }
  return rest;
}

/** In a crontab `%` is the end of the command, and `\%` is a percent sign. */
function unescaped(command: string): string {
  const end = command.search(/(?:^|[^\\])%/);
  const kept = end < 0 ? command : command.slice(0, command[end] === "%" ? end : end + 1);
  return kept.replaceAll("\\%", "%");
}

/** A variable of a crontab; cron allows blanks around the sign and quotes around the value. */
const CRONTAB_VARIABLE = /^\s*([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(\S.*)?$/;

function readCrontab(
  text: string,
  entries: readonly CrontabEntry[],
  home: string,
): ImportedScript {
  const set: string[] = [];
  let timezone: string | null = null;
  for (const line of text.split("\n")) {
    const [, name, value = ""] = CRONTAB_VARIABLE.exec(line) ?? [];
    if (name === undefined) continue;
    const plain = withoutQuotes(value.trim());
    if (name === "CRON_TZ" || name === "TZ") timezone = plain;
    else set.push(`${name}='${plain.replaceAll("'", "'\\''")}'`);
  }
  const downloads: PlacedDownload[] = [];
  const notes: ImportNote[] = [];
  for (const { line, schedule, command } of entries) {
    const reader = new ScriptReader(home);
    reader.read(set.join("\n"), 0, null);
    reader.read(command, line - 1, schedule);
    downloads.push(...reader.downloads);
    notes.push(...reader.notes);
    if (schedule === null && reader.downloads.length > 0) {
      notes.push({ line, what: "@reboot", reason: "the task has the schedule of the config" });
    }
  }
  if (timezone === null && downloads.some(({ schedule }) => schedule !== null)) {
    const reason = "a crontab has the time zone of its machine; set it in the config";
    notes.push({ line: null, what: "timezone", reason });
  }
  return { downloads, notes, timezone };
}

function withoutQuotes(value: string): string {
  const quote = value.charAt(0);
  const isQuoted = value.length > 1 && value.endsWith(quote) && (quote === '"' || quote === "'");
  return isQuoted ? value.slice(1, -1) : value;
}

const BLOCK_STARTS: ReadonlySet<string> = new Set(["case", "for", "if", "until", "while"]);
const BLOCK_ENDS: ReadonlySet<string> = new Set(["done", "esac", "fi"]);

/** Reads commands in their order. */
class ScriptReader {
  readonly downloads: PlacedDownload[] = [];
  readonly notes: ImportNote[] = [];
  /** Names of the downloaded files. */
  readonly #names = new Set<string | null>();
  readonly #variables: Map<string, Word | null>;
  #folder: Text = [];
  /** Nesting of conditions and loops. */
  #depth = 0;

  constructor(home: string) {
    this.#variables = new Map([["HOME", [home]], ["PWD", ["."]]]);
  }

  /**
   * Reads a text.
   *
   * @param linesBefore Number of lines before it.
   */
  read(text: string, linesBefore: number, schedule: string | null): void {
    for (const found of parseShell(text)) {
      const located = { ...found, line: found.line + linesBefore };
      const command = schedule === null ? located : withoutUser(located);
      this.#assign(command);
      this.#follow(command);
      const imported = readCommand(this.#expand(command), (word) => this.#resolve(word));
      if (imported === null) {
        this.#noteProcessing(command);
        continue;
      }
      this.notes.push(...imported.notes);
      for (const { path, url } of imported.downloads) this.#names.add(nameOf(path ?? url));
      const place = { workingFolder: this.#folder, schedule };
      this.downloads.push(...imported.downloads.map((download) => ({ ...download, ...place })));
    }
  }

  /** Notes a command that processes a file downloaded before, such as `gunzip`. */
  #noteProcessing(command: ShellCommand): void {
    const found = fileCommand(command);
    if (found === null) return;
    const name = found.args.map((word) => nameOf(this.#resolve(word).text))
      .find((name) => name !== null && this.#names.has(name));
    if (name === undefined) return;
    const reason = `cronfetch does not process files; ${name} is kept as downloaded`;
    this.notes.push({ line: command.line, what: found.program, reason });
  }

  /** Adds the exported proxy, and splits variables that hold options. */
  #expand(command: ShellCommand): ShellCommand {
    const exported = [...this.#variables].flatMap(([name, value]): [string, Word][] =>
      value !== null && /_proxy$/i.test(name) ? [[name, value]] : []
    );
    const words = command.words.flatMap((word) => {
      const [part] = word;
      if (word.length !== 1 || typeof part !== "object" || !("variable" in part)) return [word];
      const value = literalOf(this.#variables.get(part.variable) ?? []) ?? "";
      return value.startsWith("-") ? parseShell(value)[0]?.words ?? [word] : [word];
    });
    return { ...command, words, assignments: [...exported, ...command.assignments] };
  }

  #resolve(word: Word): Resolved {
    return resolveWord(word, this.#variables);
  }

  /** Follows assignments. One in a block may not be executed, or several times. */
  #assign({ assignments, words }: ShellCommand): void {
    // `A=b command` sets the variable for that command only.
    const isLasting = words.every(precedesAssignment);
    for (const [name, value] of assignments) {
      const isComputed = this.#depth > 0 && this.#variables.has(name);
      if (isLasting) this.#variables.set(name, isComputed ? null : value);
    }
  }

  /** Follows blocks, the variables that they set, and changes of the folder. */
  #follow({ words }: ShellCommand): void {
    const [first = "", second] = words.slice(0, 2).map((word) => literalOf(word) ?? "");
    if (BLOCK_STARTS.has(first)) this.#depth++;
    if (BLOCK_ENDS.has(first)) this.#depth--;
    if (first === "for" && second !== undefined) this.#variables.set(second, null);
    const read = words.findIndex((word) => literalOf(word) === "read");
    for (const word of read < 0 ? [] : words.slice(read + 1)) {
      this.#variables.set(literalOf(word) ?? "", null);
    }
    if (first !== "cd" || words[1] === undefined) return;
    const folder = this.#resolve(words[1]).text;
    if (folder === null) return;
    const [start] = folder;
    const isAbsolute = typeof start === "string" && start.startsWith("/");
    this.#folder = isAbsolute || this.#folder.length === 0
      ? folder
      : [...this.#folder, "/", ...folder];
  }
}

/** A command of a system's crontab, without the user in front. */
function withoutUser(command: ShellCommand): ShellCommand {
  const [user, program] = command.words.slice(0, 2).map((word) => literalOf(word) ?? "");
  const isUser = user !== undefined && program !== undefined && /^[a-z_][a-z0-9_-]*$/.test(user) &&
    /(?:^|\/)(?:curl|wget2?|cd)$/.test(program) && !/^(?:echo|printf|which|xargs)$/.test(user);
  return isUser ? { ...command, words: command.words.slice(1) } : command;
}

/** The file's name at the end of a path or URL; null if it is unknown. */
function nameOf(text: Text | null): string | null {
  const path = text === null ? null : nameText(text);
  const name = path === null ? "" : baseName(path.replace(/[?#].*$/s, ""));
  return name === "" ? null : name;
}
