/** The kinds of values a config is made of, each with the sentence that says what is allowed. */

import * as z from "zod";
import {
  DURATION_PATTERN,
  formatDuration,
  formatSize,
  parseDuration,
  parseSize,
  SIZE_PATTERN,
} from "./quantities.ts";

// Compiling a validator takes longer than the few values of most configs take without. Of 100,000
// tasks, planning takes a tenth more so.
z.config({ jitless: true });

/** No duration is longer; most mistakes of a unit end above it. */
export const LONGEST_MS: number = 365 * 86_400_000;

/** Timers count milliseconds in 31 bits: 24 days and some hours. */
export const LONGEST_TIMEOUT_MS: number = 24 * 86_400_000;

const LARGEST_SIZE_BYTES = 1000 ** 5;

/** What a schema says about a wrong value, and about one that is not there. */
export function says(sentence: string): { error: (issue: { input?: unknown }) => string } {
  return { error: (issue) => issue.input === undefined ? "is missing" : sentence };
}

/**
 * An object without other keys. Its fields are made when the first object is validated, or when it
 * is described: most configs have few of the objects that they may have.
 */
export function object<Fields extends z.core.$ZodLooseShape>(
  sentence: string,
  fields: () => Fields,
): z.ZodObject<Fields, z.core.$strict> {
  let shape: Fields | undefined;
  return new z.ZodObject({
    type: "object",
    get shape() {
      return shape ??= fields();
    },
    catchall: z.never(),
    ...says(sentence),
  }) as z.ZodObject<Fields, z.core.$strict>;
}

/** A duration within a range; gives milliseconds. */
export function duration(minMs: number, maxMs: number): z.ZodType<number, string> {
  const sentence = `must be a duration such as 30s, 5m or 1h30m, from ${formatDuration(minMs)} ` +
    `to ${formatDuration(maxMs)}`;
  return quantity(DURATION_PATTERN, parseDuration, minMs, maxMs, sentence)
    .meta({ title: "duration" });
}

/** A size, as text or as a number of bytes; gives bytes. */
export function size(minBytes: number): z.ZodType<number, string | number> {
  const sentence = `must be a size such as 512B, 10MB or 10MiB, from ${formatSize(minBytes)} ` +
    `to ${formatSize(LARGEST_SIZE_BYTES)}`;
  return z.union([
    quantity(SIZE_PATTERN, parseSize, minBytes, LARGEST_SIZE_BYTES, sentence),
    wholeNumber(minBytes, LARGEST_SIZE_BYTES, sentence),
  ], says(sentence)).meta({ title: "size" });
}

/** A whole number within a range. */
export function whole(min: number, max: number): z.ZodType<number, number> {
  return wholeNumber(min, max, `must be a whole number from ${min} to ${max}`)
    .meta({ title: "whole number" });
}

/** A fraction of one. */
export function fraction(): z.ZodType<number, number> {
  const sentence = says("must be a number from 0 to 1");
  return z.number(sentence).min(0, sentence).max(1, sentence).meta({ title: "number" });
}

/** Text that is not empty; `what` says what it is. */
export function text(what: string, maxLength = 1_000): z.ZodType<string, string> {
  const sentence = says(`must be ${what}`);
  return z.string(sentence).min(1, sentence)
    .max(maxLength, says(`must be ${what}, of ${maxLength} characters at most`))
    .meta({ title: "text" });
}

/** One of a few words. */
export function choice<const Word extends string>(
  words: readonly [Word, ...Word[]],
): z.ZodType<Word, Word> {
  return z.enum(words, says(`must be ${words.map((word) => `"${word}"`).join(" or ")}`));
}

/** True or false. */
export function yesOrNo(): z.ZodType<boolean, boolean> {
  return z.boolean(says("must be true or false"));
}

/**
 * Makes an option of a schema: it may be left out, and is described.
 *
 * @param standard What counts where it is left out, as a person would write it.
 */
export function option<Schema extends z.ZodType>(
  schema: Schema,
  description: string,
  standard?: unknown,
): z.ZodOptional<Schema> {
  return schema.optional().meta({
    ...schema.meta(),
    description,
    ...(standard === undefined ? {} : { standard }),
  });
}

function wholeNumber(min: number, max: number, sentence: string): z.ZodType<number, number> {
  return z.int(says(sentence)).min(min, says(sentence)).max(max, says(sentence));
}

function quantity(
  pattern: RegExp,
  parse: (text: string) => number | null,
  min: number,
  max: number,
  sentence: string,
): z.ZodType<number, string> {
  return z.string(says(sentence)).regex(pattern, says(sentence)).transform((text, context) => {
    const value = parse(text);
    if (value !== null && value >= min && value <= max) return value;
    context.issues.push({ code: "custom", input: text, message: sentence });
    return z.NEVER;
  });
}
