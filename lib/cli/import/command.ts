/** Reads one call of curl or wget: its downloads, and the parts without an equivalent. */

import { CURL } from "./curl.ts";
import { CommandDraft, type ImportNote } from "./draft.ts";
import { expandGlob, fillName } from "./glob.ts";
import { type Argument, type OptionTable, parseArguments, useOf } from "./options.ts";
import { requestProblem } from "./request.ts";
import { literalOf, type ShellCommand, type Word } from "./shell.ts";
import { plainText, type Resolved, type Text } from "./text.ts";
import { WGET } from "./wget.ts";

/** A file that a command downloads. */
export interface Download {
  /** The URL as written, without the user and the query that options add. */
  readonly url: Text;
  /** The file as written, without the folder of options; null for the name in the URL. */
  readonly path: Text | null;
  /** Whether the command writes a file. Otherwise it writes to standard output. */
  readonly isFile: boolean;
  /** The other options. */
  readonly draft: CommandDraft;
}

/** What a command downloads. */
export interface ImportedCommand {
  readonly downloads: readonly Download[];
  readonly notes: readonly ImportNote[];
}

/** Reserved words, and programs that run the command in their arguments. */
const WRAPPERS: ReadonlySet<string> = new Set([
  ...["!", "do", "elif", "else", "if", "then", "until", "while", "{"],
  ...["builtin", "chronic", "command", "doas", "env", "exec", "flock", "ionice", "nice", "nohup"],
  ...["setsid", "stdbuf", "sudo", "time", "timeout"],
]);

const PROGRAMS: Readonly<Record<string, OptionTable>> = {
  "curl": CURL,
  "curl.exe": CURL,
  "wget": WGET,
  "wget2": WGET,
};

const WITHOUT_FILE = "its output is no file; the file has the name in the URL";

/**
 * Reads a command.
 *
 * @param resolve Substitutes shell variables.
 * @returns Null for a command that calls neither curl nor wget.
 */
export function readCommand(
  command: ShellCommand,
  resolve: (word: Word) => Resolved,
): ImportedCommand | null {
  const start = programIndex(command);
  const program = programOf(command.words[start]);
  if (program === null) {
    const indirect = indirectProgram(command);
    if (indirect === null) return null;
    const reason = "its arguments are not in the text";
    return { downloads: [], notes: [{ line: command.line, what: indirect, reason }] };
  }
  const table = PROGRAMS[program] ?? CURL;
  const groups: Argument[][] = [[]];
  for (const argument of parseArguments(command.words.slice(start + 1), table)) {
    if (argument.name === "next") groups.push([]);
    else groups.at(-1)?.push(argument);
  }
  const drafts = groups.map((group) => {
    const draft = new CommandDraft(command.line);
    setProxy(command, draft, resolve);
    for (const argument of group) apply(argument, draft, table, resolve);
    return draft;
  });
  const downloads = drafts.flatMap((draft) => downloadsOf(draft, program, command, resolve));
  const notes = drafts.flatMap((draft) => draft.notes);
  const hasOptions = command.words.length > start + 1;
  if (downloads.length === 0 && notes.length === 0 && hasOptions) {
    notes.push({ line: command.line, what: program, reason: "it has no URL" });
  }
  return { downloads, notes };
}

/** An option, a number or a duration, as in `nice -n 5` and `timeout 30s`. */
const WRAPPER_ARGUMENT = /^(?:-.*|[0-9]+[smhd]?)$/;

/** Commands that leave the files in their arguments unchanged. */
const HARMLESS: ReadonlySet<string> = new Set([
  ...["[", "[[", "cat", "cd", "cmp", "diff", "echo", "head", "ls", "mkdir", "printf", "stat"],
  ...["tail", "test", "wc"],
]);

/**
 * The program of a command that does something with files, and its arguments; null for one that
 * changes none.
 */
export function fileCommand(
  { words }: ShellCommand,
): { readonly program: string; readonly args: readonly Word[] } | null {
  const start = words.findIndex((word) => {
    const text = literalOf(word) ?? "";
    return !WRAPPERS.has(baseName(text)) && !WRAPPER_ARGUMENT.test(text);
  });
  const program = baseName(literalOf(words[start] ?? []) ?? "");
  if (program === "" || HARMLESS.has(program)) return null;
  return { program, args: words.slice(start + 1) };
}

/** Index of the program in the words of a command, after what runs it. */
function programIndex({ words }: ShellCommand): number {
  const [first = []] = words;
  if (!WRAPPERS.has(baseName(literalOf(first) ?? ""))) return 0;
  return Math.max(0, words.findIndex((word) => programOf(word) !== null));
}

/** The program that a command runs with arguments of its own, as `xargs curl` does; or null. */
function indirectProgram({ words }: ShellCommand): string | null {
  const [first = []] = words;
  if (!/^(?:find|parallel|ssh|xargs)$/.test(baseName(literalOf(first) ?? ""))) return null;
  return words.map(programOf).find((name) => name !== null) ?? null;
}

function programOf(word: Word | undefined): string | null {
  const name = baseName(word === undefined ? "" : literalOf(word) ?? "");
  return Object.hasOwn(PROGRAMS, name) ? name : null;
}

export function baseName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** Sets the proxy that the command has in its environment. */
function setProxy(
  { assignments }: ShellCommand,
  draft: CommandDraft,
  resolve: (word: Word) => Resolved,
): void {
  const value = assignments.findLast(([name]) => /^(?:https?|all)_proxy$/i.test(name))?.[1];
  const proxy = value === undefined ? null : resolve(value).text;
  if (proxy !== null && proxy.length > 0) draft.connection.proxy = proxy;
}

/** Adds an argument to the draft, or a note that it has no equivalent. */
function apply(
  { name, shown, value }: Argument,
  draft: CommandDraft,
  table: OptionTable,
  resolve: (word: Word) => Resolved,
): void {
  const resolved = value === null ? null : resolve(value);
  if (resolved?.text === null) {
    const reason = `${resolved.unknown} has a value only when the script runs`;
    draft.note(name === null ? "URL" : shown, reason);
    return;
  }
  const text = resolved?.text ?? [];
  if (name === null) {
    draft.urls.push(text);
    return;
  }
  const use = useOf(name, table);
  if (use === null) return;
  const problem = typeof use === "function"
    ? use(draft, text, shown)
    : use ?? "it has no equivalent";
  if (problem !== null) draft.note(shown, problem);
}

/** The files of a draft, in the order of the URLs. */
function downloadsOf(
  draft: CommandDraft,
  program: string,
  { stdout, isPiped }: ShellCommand,
  resolve: (word: Word) => Resolved,
): Download[] {
  if (draft.urls.length === 0) return [];
  // The option that leaves the command out has its note already.
  if (draft.leftOut !== null) return [];
  const problem = requestProblem(draft);
  if (problem !== null) {
    draft.note(problem.what, problem.reason);
    return [];
  }
  const isCurl = PROGRAMS[program] === CURL;
  const redirected = stdout === null ? null : resolve(stdout).text;
  const downloads: Download[] = [];
  draft.urls.forEach((url, index) => {
    const output = draft.outputs[isCurl ? index : 0];
    const isRemoteNamed = !isCurl || draft.isRemoteNamed;
    const target = targetOf(output, isRemoteNamed, redirected);
    if (target === "nowhere") {
      return draft.note(program, "it discards the content; the URL is left out");
    }
    if (target === "output") draft.note(isPiped ? "|" : program, WITHOUT_FILE);
    const path = typeof target === "string" ? null : target;
    const isFile = target !== "output";
    for (const match of matchesOf(url, path, draft, isCurl)) {
      downloads.push({ ...match, isFile, draft });
    }
  });
  if (!isCurl && draft.outputs.length > 0 && draft.urls.length > 1) {
    draft.note("-O", "several URLs in one file have no equivalent; each has its own file");
    return downloads.map((download) => ({ ...download, path: null }));
  }
  return downloads;
}

/** Where a file goes: a path, the name in the URL, the output of the command, or nowhere. */
function targetOf(
  output: Text | null | undefined,
  isRemoteNamed: boolean,
  redirected: Text | null,
): Text | "url" | "output" | "nowhere" {
  if (output === null || (output === undefined && isRemoteNamed)) return "url";
  const target = output === undefined || isOutput(output) ? redirected : output;
  if (target === null || isOutput(target)) return "output";
  return ["/dev/null", "NUL"].includes(plainText(target) ?? "") ? "nowhere" : target;
}

function isOutput(text: Text): boolean {
  return ["-", "/dev/stdout"].includes(plainText(text) ?? "");
}

/** Expands the globs of a URL: curl's, and the braces of a shell. */
function matchesOf(
  url: Text,
  path: Text | null,
  draft: CommandDraft,
  isCurl: boolean,
): Pick<Download, "url" | "path">[] {
  const plain = plainText(url);
  if (plain === null || !isCurl || !draft.hasGlobs || !/[{[]/.test(plain)) return [{ url, path }];
  const matches = expandGlob(plain);
  if (matches === null) {
    draft.note("URL", "its pattern has more than 1,000 URLs");
    return [];
  }
  const name = path === null ? null : plainText(path);
  return matches.map(({ url, values }) => ({
    url: [url],
    path: name === null ? path : [fillName(name, values)],
  }));
}
