/** What one call of curl or wget downloads, while its options are read. */

import { checkHeaderName } from "../../config/checks.ts";
import type { ConfigInput, TaskInput } from "../../config/input.ts";
import { plainText, type Text } from "./text.ts";

/** An option, or another part of a command, that a config cannot express. */
export interface ImportNote {
  /** The line of the text, from 1; null if it is not known. */
  readonly line: number | null;
  /** The part as written, without its value. */
  readonly what: string;
  /** A clause: what cronfetch does, or what can be done. */
  readonly reason: string;
}

/** Options of a task that options of a command set. */
export type ImportedOptions = Pick<TaskInput, "timeout" | "retry" | "expect" | "keep" | "mtime">;

/** How to connect to the hosts of a command. */
export interface ConnectionOptions {
  proxy?: Text;
  caFile?: Text;
  certFile?: Text;
  keyFile?: Text;
}

/** Collects the options of one command. */
export class CommandDraft {
  readonly line: number;
  readonly urls: Text[] = [];
  /** Names of files in their order; null for the name in the URL. */
  readonly outputs: (Text | null)[] = [];
  /** Whether further files have the names in their URLs, and are not written to standard output. */
  isRemoteNamed = false;
  /** Whether the server names the files. */
  isNamedByServer = false;
  /** Folders before the name in the URL, as placeholders: `{host}/{path}/`. */
  prefix = "";
  folder: Text | null = null;
  readonly headers = new Map<string, Text>();
  user: Text | null = null;
  password: Text | null = null;
  proxyUser: Text | null = null;
  /** The method of the request, and its option; null for the default. */
  method: { readonly name: string; readonly shown: string } | null = null;
  /** Content of the request, or the query with `isQuery`, and the options. */
  readonly data: { readonly text: Text; readonly shown: string }[] = [];
  /** Parts of the query in addition to that of the URL. */
  readonly query: Text[] = [];
  isQuery = false;
  /** Why nothing is downloaded; null if something is. */
  leftOut: string | null = null;
  /** Whether `{a,b}` and `[1-9]` in URLs are expanded. */
  hasGlobs = true;
  readonly task: { -readonly [Name in keyof ImportedOptions]: ImportedOptions[Name] } = {};
  readonly limits: NonNullable<ConfigInput["limits"]> = {};
  readonly connection: ConnectionOptions = {};
  readonly notes: ImportNote[] = [];

  constructor(line: number) {
    this.line = line;
  }

  note(what: string, reason: string): void {
    this.notes.push({ line: this.line, what, reason });
  }

  /** Adds a header that is written as `Name: value`. Returns why it is not converted, or null. */
  addHeader(text: Text): string | null {
    const [first, ...rest] = text;
    if (typeof first !== "string") return "the name of the header is not in the text";
    if (first.startsWith("@")) return "headers are not read from a file: name them in the config";
    const colon = first.indexOf(":");
    const name = first.slice(0, colon < 0 ? undefined : colon).trim();
    if (colon < 0) return `the header ${name} has no value`;
    const start = first.slice(colon + 1).trimStart();
    if (start === "" && rest.length === 0) return `cronfetch sends no header ${name} by itself`;
    return this.setHeader(name, [start, ...rest]);
  }

  /** Sets a header. Returns why it is not converted, or null. */
  setHeader(name: string, value: Text): string | null {
    const problem = checkHeaderName(name);
    if (problem !== null) return `${name} ${problem}`;
    this.headers.set(name.toLowerCase(), trimmed(value));
    return null;
  }

  /** Sets the user, and the password after the first colon. */
  setUser(text: Text): null {
    const index = text.findIndex((part) => typeof part === "string" && part.includes(":"));
    const part = text[index];
    if (typeof part !== "string") {
      this.user = text;
      return null;
    }
    const colon = part.indexOf(":");
    this.user = [...text.slice(0, index), part.slice(0, colon)];
    this.password = [part.slice(colon + 1), ...text.slice(index + 1)];
    return null;
  }

  /** Sets a timeout of an attempt, from seconds. Returns why it is not converted, or null. */
  setTimeLimit(part: "connect" | "response" | "idle" | "attempt", seconds: Text): string | null {
    const duration = durationOf(seconds);
    if (duration === null) return "the number of seconds is not in the text";
    const timeout = typeof this.task.timeout === "object" ? this.task.timeout : {};
    // Zero is no limit, which is the default of the whole attempt only.
    if (duration !== "0s") this.task.timeout = { ...timeout, [part]: duration };
    return null;
  }

  /** Sets how often a task is tried. Returns why it is not converted, or null. */
  setRetry(retry: NonNullable<TaskInput["retry"]>): null {
    this.task.retry = { ...this.task.retry, ...retry };
    return null;
  }
}

function trimmed(value: Text): Text {
  return value.map((part, index) =>
    typeof part === "string" && index === value.length - 1 ? part.trimEnd() : part
  ).filter((part) => part !== "");
}

/** Units of durations in milliseconds, as wget has them; the default is seconds. */
const UNIT_MS: Readonly<Record<string, number>> = {
  "": 1_000,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** A number of seconds, or with a unit, as a duration of a config; null if it is none. */
export function durationOf(text: Text): string | null {
  const [, count, unit = ""] =
    /^([0-9]{1,9}(?:\.[0-9]{1,9})?)([smhd]?)$/.exec(plainText(text) ?? "") ?? [];
  if (count === undefined) return null;
  const milliseconds = Math.round(Number(count) * (UNIT_MS[unit] ?? 0));
  return milliseconds % 1_000 === 0 ? `${milliseconds / 1_000}s` : `${milliseconds}ms`;
}

/** A whole number; null if it is none. */
export function numberOf(text: Text): number | null {
  const digits = plainText(text) ?? "";
  return /^[0-9]{1,9}$/.test(digits) ? Number(digits) : null;
}

/** A size as curl and wget write it, with powers of 1,024, as a size of a config; or null. */
export function sizeOf(text: Text): string | null {
  const [, count, unit = ""] = /^([0-9]{1,15})([kmgt]?)b?$/i.exec(plainText(text) ?? "") ?? [];
  if (count === undefined) return null;
  return unit === "" ? `${count}B` : `${count}${unit.toUpperCase()}iB`;
}
