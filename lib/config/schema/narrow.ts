/**
 * Schemas of only the keys that an object has. Zod visits every key of a schema, and a task has a few
 * of many.
 */

import * as z from "zod/mini";
import { type TaskOptions, taskSchema } from "./task_schema.ts";

/** Most combinations of keys that have a schema of their own. */
const MOST_SCHEMAS = 50;

/**
 * Creates a function that returns the schema of a task with exactly the keys of a value, or null if
 * the value is no object, lacks both a URL and a list or has an unknown key. Its output lacks only options that the
 * value lacks; messages come from {@linkcode taskSchema}.
 */
export function narrowTaskSchemas(): (value: unknown) => z.ZodMiniType<TaskOptions> | null {
  const known = new Map<string, z.ZodMiniType<TaskOptions> | null>();
  return (value) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return null;
    const keys = Object.keys(value);
    const signature = keys.join(" ");
    const before = known.get(signature);
    if (before !== undefined || known.size >= MOST_SCHEMAS) return before ?? null;
    const { shape } = taskSchema;
    const isValid = (keys.includes("url") || keys.includes("from")) &&
      keys.every((key) => Object.hasOwn(shape, key));
    const mask = Object.fromEntries(keys.map((key) => [key, true]));
    const made: z.ZodMiniType | null = isValid ? z.pick(taskSchema, mask as never) : null;
    known.set(signature, made as z.ZodMiniType<TaskOptions> | null);
    return known.get(signature) ?? null;
  };
}
