/**
 * Schemas of the kinds of values in a config, each with its message.
 *
 * They use `zod/mini`: `zod` attaches all methods to every schema, which takes time at every start.
 */

import { didYouMean } from "../problem.ts";
import * as z from "zod/mini";
import { DURATION_UNITS, durationText } from "../../core/time.ts";
import { guessBoolean, guessDuration, guessFraction, guessInteger, guessSize } from "../guess.ts";

// Compiling a validator takes longer than validating most configs without. With 100,000 tasks,
// planning takes a tenth longer.
z.config({ jitless: true });

/** Maximum duration; most durations with a wrong unit exceed it. */
export const MAX_DURATION_MS: number = 365 * 86_400_000;

/** Maximum timeout: timers count milliseconds in 31 bits, 24 days and some hours. */
export const MAX_TIMEOUT_MS: number = 24 * 86_400_000;

const MAX_SIZE_BYTES = 1000 ** 5;

/** The message of a schema for an invalid value; a missing one has its own message. */
export function withMessage(sentence: string): { error: (issue: { input?: unknown }) => string } {
  return { error: (issue) => issue.input === undefined ? "is missing" : sentence };
}

/** Suggests a valid value for an invalid one, by the message of the schema. */
const suggestions = new Map<string, (value: unknown) => string | number | boolean | null>();

/** What to do about a text in place of an object or a list, by the message of the schema. */
const textHints = new Map<string, string>();

/**
 * Returns a hint for an invalid value: the valid one that was probably meant.
 *
 * @param sentence The message of the schema.
 */
export function suggestValue(sentence: string, value: unknown): string | null {
  const hint = typeof value === "string" ? textHints.get(sentence) : undefined;
  return hint ?? didYouMean(suggestions.get(sentence)?.(value) ?? null);
}

/** Within a range, or null. */
function within(value: number | null, min: number, max: number): number | null {
  return value === null || value < min || value > max ? null : value;
}

/**
 * An object without other keys. Its fields are created when zod first reads `shape`, to validate or
 * describe an object: most configs contain few of the possible objects.
 *
 * @param main The option that a text in place of the object is probably meant as. Default: none.
 */
export function object<Fields extends z.core.$ZodLooseShape>(
  sentence: string,
  fields: () => Fields,
  main?: string & keyof Fields,
): z.ZodMiniObject<Fields, z.core.$strict> {
  if (main !== undefined) textHints.set(sentence, `write { "${main}": … }`);
  let shape: Fields | undefined;
  return new z.ZodMiniObject({
    type: "object",
    get shape() {
      return shape ??= fields();
    },
    catchall: z.never(),
    ...withMessage(sentence),
  }) as z.ZodMiniObject<Fields, z.core.$strict>;
}

/** A duration within a range, as milliseconds. */
export function duration(minMs: number, maxMs: number): z.ZodMiniType<number, string> {
  const sentence = `must be a duration such as 30s, 5m or 1h30m, from ${durationText(minMs)} ` +
    `to ${durationText(maxMs)}`;
  suggestions.set(sentence, (value) => {
    const guess = guessDuration(value);
    return guess !== null && within(parseDuration(guess), minMs, maxMs) !== null ? guess : null;
  });
  return titled("duration", quantity(DURATION_PATTERN, parseDuration, minMs, maxMs, sentence));
}

/** A size within a range, as text or a number, as bytes. */
export function size(minBytes: number): z.ZodMiniType<number, string | number> {
  const sentence = `must be a size such as 512B, 10MB or 10MiB, from ${formatSize(minBytes)} ` +
    `to ${formatSize(MAX_SIZE_BYTES)}`;
  suggestions.set(sentence, (value) => {
    const guess = typeof value === "string" ? guessSize(value) : null;
    const sizeBytes = guess === null ? null : within(parseSize(guess), minBytes, MAX_SIZE_BYTES);
    return sizeBytes === null ? null : guess;
  });
  return titled(
    "size",
    z.union([
      quantity(SIZE_PATTERN, parseSize, minBytes, MAX_SIZE_BYTES, sentence),
      wholeNumber(minBytes, MAX_SIZE_BYTES, sentence),
    ], withMessage(sentence)),
  );
}

/** A whole number within a range. */
export function integer(min: number, max: number): z.ZodMiniType<number, number> {
  const sentence = `must be a whole number from ${min} to ${max}`;
  suggestions.set(sentence, (value) => within(guessInteger(value), min, max));
  return titled("whole number", wholeNumber(min, max, sentence));
}

/** A fraction of one. */
export function fraction(): z.ZodMiniType<number, number> {
  const text = "must be a number from 0 to 1";
  suggestions.set(text, (value) => within(guessFraction(value), 0, 1));
  const sentence = withMessage(text);
  return titled("number", z.number(sentence).check(z.gte(0, sentence), z.lte(1, sentence)));
}

/**
 * Text that is not empty.
 *
 * @param what Describes it in the message.
 * @param unit Completes a number, if a number is probably meant as a text. Default: none.
 */
export function text(
  what: string,
  maxLength = 1_000,
  // YAML reads an unquoted 2026 as a number.
  unit: string | null = what.startsWith("text") ? "" : null,
): z.ZodMiniType<string, string> {
  const sentence = withMessage(`must be ${what}`);
  if (unit !== null) {
    suggestions.set(
      `must be ${what}`,
      (value) =>
        Number.isSafeInteger(value) || (typeof value === "boolean" && unit === "")
          ? `${value}${unit}`
          : null,
    );
  }
  const tooLong = withMessage(`must be ${what}, of at most ${maxLength} characters`);
  return titled(
    "text",
    z.string(sentence).check(z.minLength(1, sentence), z.maxLength(maxLength, tooLong)),
  );
}

/** A list of texts; `what` describes one in the messages. */
export function texts(
  what: string,
  most: number,
  entry: z.ZodMiniType<string, string> = text(`a ${what}`),
): z.ZodMiniArray<z.ZodMiniType<string, string>> {
  const sentence = `must be a list of ${plural(what)}`;
  textHints.set(sentence, "write [ ] around it");
  const tooMany = withMessage(`must be at most ${most} ${plural(what)}`);
  return titled(
    `list of ${plural(what)}`,
    z.array(entry, withMessage(sentence)).check(z.maxLength(most, tooMany)),
  );
}

function plural(what: string): string {
  return what.endsWith("query") ? what.replace(/y$/, "ies") : `${what}s`;
}

/** The text of a URL. */
export function url(): z.ZodMiniType<string, string> {
  return text("an absolute http or https URL", 8_000);
}

/** One of some words. */
export function oneOf<const Word extends string>(
  words: readonly [Word, ...Word[]],
): z.ZodMiniType<Word, Word> {
  return z.enum(words, withMessage(`must be ${words.map((word) => `"${word}"`).join(" or ")}`));
}

/** True or false. */
export function boolean(): z.ZodMiniType<boolean, boolean> {
  const sentence = "must be true or false";
  suggestions.set(sentence, guessBoolean);
  return z.boolean(withMessage(sentence));
}

/** Sets the kind of value, for the docs and the JSON Schema. */
export function titled<Schema extends z.ZodMiniType>(title: string, schema: Schema): Schema {
  return addMeta(schema, { title });
}

/** Makes a required field of a schema. */
export function required<Schema extends z.ZodMiniType>(
  schema: Schema,
  description: string,
): Schema {
  return addMeta(schema, { description });
}

/**
 * Makes an optional field of a schema.
 *
 * @param defaultValue Its default, as in a config file.
 */
export function option<Schema extends z.ZodMiniType>(
  schema: Schema,
  description: string,
  defaultValue?: unknown,
): z.ZodMiniOptional<Schema> {
  return addMeta(z.optional(schema), {
    ...z.globalRegistry.get(schema),
    description,
    ...(defaultValue === undefined ? {} : { standard: defaultValue }),
  });
}

/** Adds to the metadata of a schema. */
function addMeta<Schema extends z.ZodMiniType>(schema: Schema, meta: z.core.GlobalMeta): Schema {
  z.globalRegistry.add(schema, { ...z.globalRegistry.get(schema), ...meta });
  return schema;
}

function wholeNumber(min: number, max: number, sentence: string): z.ZodMiniType<number, number> {
  return z.int(withMessage(sentence)).check(
    z.gte(min, withMessage(sentence)),
    z.lte(max, withMessage(sentence)),
  );
}

function quantity(
  pattern: RegExp,
  parse: (text: string) => number | null,
  min: number,
  max: number,
  sentence: string,
): z.ZodMiniType<number, string> {
  return z.pipe(
    z.string(withMessage(sentence)).check(z.regex(pattern, withMessage(sentence))),
    z.transform((text: string, context) => {
      const value = parse(text);
      if (value !== null && value >= min && value <= max) return value;
      context.issues.push({ code: "custom", input: text, message: sentence });
      return z.NEVER;
    }),
  );
}

/** Bytes of each unit of a size: decimal ones by 1000, `i` ones by 1024 (IEC 80000-13). */
const SIZE_UNITS = {
  TB: 1000 ** 4,
  TiB: 1024 ** 4,
  GB: 1000 ** 3,
  GiB: 1024 ** 3,
  MB: 1000 ** 2,
  MiB: 1024 ** 2,
  KB: 1000,
  kB: 1000,
  KiB: 1024,
  B: 1,
} as const;

const NUMBER = "[0-9]+(?:\\.[0-9]+)?";

/** A duration: each unit at most once, the largest first. */
const DURATION_PATTERN: RegExp = new RegExp(
  `^(?=.)${Object.keys(DURATION_UNITS).map((unit) => `(?:${NUMBER}${unit})?`).join("")}$`,
);

/** A size. */
const SIZE_PATTERN: RegExp = new RegExp(
  `^${NUMBER} ?(?:${Object.keys(SIZE_UNITS).join("|")})$`,
);

/**
 * Parses a duration such as `250ms`, `30s`, `1.5h` or `1h30m`.
 *
 * @returns Whole milliseconds, or null for anything else.
 */
export function parseDuration(text: string): number | null {
  if (!DURATION_PATTERN.test(text)) return null;
  let totalMs = 0;
  for (const [, number, unit] of text.matchAll(/([0-9.]+)([a-z]+)/gy)) {
    totalMs += Number(number) * DURATION_UNITS[unit as keyof typeof DURATION_UNITS];
  }
  return Math.round(totalMs);
}

/**
 * Parses a size such as `512B`, `10MB` or `1.5 GiB`.
 *
 * @returns Whole bytes, or null for anything else.
 */
export function parseSize(text: string): number | null {
  if (!SIZE_PATTERN.test(text)) return null;
  const number = Number.parseFloat(text);
  const unit = text.replace(/^[0-9. ]+/, "");
  return Math.round(number * SIZE_UNITS[unit as keyof typeof SIZE_UNITS]);
}

/** Formats bytes in the largest exact decimal unit, for {@linkcode parseSize}. */
export function formatSize(sizeBytes: number): string {
  for (const unit of ["TB", "GB", "MB", "KB"] as const) {
    const bytes = SIZE_UNITS[unit];
    if (sizeBytes > 0 && sizeBytes % bytes === 0) return `${sizeBytes / bytes}${unit}`;
  }
  return `${sizeBytes}B`;
}

/** Request headers. */
export const headers = (): z.ZodMiniRecord<z.ZodMiniString, z.ZodMiniType<string, string>> =>
  titled(
    "object of text",
    z.record(
      z.string(),
      text("text", 8_000),
      withMessage("must be an object of header names and values"),
    ),
  );

/** A program and its arguments. */
export const command = (): z.ZodMiniArray<z.ZodMiniType<string, string>> =>
  titled(
    "list of words",
    z.array(text("a word of a command"), withMessage("must be a list of words")).check(
      z.minLength(1, withMessage("must name a program")),
    ),
  );

/** Environment variables of a program. */
export const variables = (): z.ZodMiniOptional<
  z.ZodMiniRecord<z.ZodMiniString, z.ZodMiniType<string, string>>
> =>
  option(
    titled("object of text", z.record(z.string(), text("text", 8_000))),
    "Environment variables in addition to the few that it always has; `${env:…}` and `${file:…}` are substituted.",
  );
