/** The log of `watch` and `serve`: lines with a time, or JSON. */

import type { Clock, Output } from "../core/host.ts";
import { escapeControlInJson, trimEndOf } from "../core/text.ts";

/** Formats of the log; the values of `--log-format`. */
export const LOG_FORMATS = ["text", "json"] as const;

/** A format of the log. */
export type LogFormat = typeof LOG_FORMATS[number];

/** How much a line of the log matters. */
export type LogLevel = "info" | "warning" | "error";

/**
 * Makes an output a log: `text` writes an RFC 3339 time before each line, `json` one object per
 * call of `write`, with `time`, `level` and `message`.
 */
export function logOutput(
  output: Output,
  { clock, format }: { readonly clock: Pick<Clock, "now">; readonly format: LogFormat },
): Output {
  const write = (text: string): boolean => {
    const now = clock.now();
    switch (format) {
      case "text": {
        const time = now.toString({ smallestUnit: "second" });
        return output.write(
          text.split("\n").map((line) => `${time} ${line}`.trimEnd() + "\n").join(""),
        );
      }
      case "json": {
        const time = now.toString({ smallestUnit: "millisecond" });
        const json = JSON.stringify({ time, level: levelOf(text), message: text });
        return output.write(`${escapeControlInJson(json)}\n`);
      }
      default:
        return format satisfies never;
    }
  };
  return {
    ready: () => output.ready(),
    end: (patienceMs, signal) => output.end(patienceMs, signal),
    isTerminal: () => false,
    columns: () => output.columns(),
    write: (text) => write(trimEndOf(text, "\n")),
  };
}

/** The level of a message, by its first word: a prefix, or what happened to tasks. */
function levelOf(text: string): LogLevel {
  const [word = ""] = text.split(/[ :]/, 1);
  return LEVELS.get(word) ?? "info";
}

const LEVELS: ReadonlyMap<string, LogLevel> = new Map([
  ["error", "error"],
  ["failed", "error"],
  ["unhealthy", "error"],
  ["warning", "warning"],
  ["deferred", "warning"],
]);
