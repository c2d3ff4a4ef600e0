/** Where the tasks of a config are in its files. */

import type { Host } from "../core/host.ts";
import type { Config } from "./config.ts";
import { readSource } from "./source/read.ts";
import type { ConfigPart } from "./source/source.ts";

/** The place of a task. */
export interface TaskPlace {
  /** Absolute path of the config file. */
  readonly file: string;
  /** From 1. */
  readonly line: number;
}

/** Returns the place of a task; null without one, as in a module or an argument. */
export type FindTask = (task: string) => TaskPlace | null;

/**
 * Reads the files of a config again, which costs nothing in a run that needs no places. Tasks of
 * files come first in a config, in the order of the files.
 *
 * @param config A loaded config with all of its tasks.
 */
export async function openTaskPlaces(
  { files, tasks }: Pick<Config, "files" | "tasks">,
  host: Pick<Host, "cwd" | "readStdin">,
): Promise<FindTask> {
  const parts: { readonly file: string; readonly source: ConfigPart; readonly count: number }[] =
    [];
  for (const file of files) {
    const { source } = await readSource(file, host, false);
    const list = typeof source?.value === "object" && source.value !== null
      ? Reflect.get(source.value, "tasks")
      : [];
    // A file that was changed meanwhile has other places.
    if (source === null) return () => null;
    parts.push({ file, source, count: Array.isArray(list) ? list.length : 0 });
  }
  const indexes = new Map(tasks.map(({ task }, index) => [task.id, index]));
  return (task) => {
    let index = indexes.get(task) ?? Infinity;
    for (const { file, source, count } of parts) {
      if (index < count) {
        const { line } = source.place(["tasks", index], "value");
        return line === null ? null : { file, line };
      }
      index -= count;
    }
    return null;
  };
}
