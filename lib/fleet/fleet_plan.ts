/** The tasks of a config, by what a fleet needs to know of them: their ids, hosts and due times. */

import { type Config, isExpanded, tasksOf, type TaskTemplate } from "../config/config.ts";
import { CronfetchError } from "../core/errors.ts";
import type { Task } from "../core/task.ts";
import { decideDue, describeSchedule, type DueMemory } from "../schedule/due.ts";
import type { DueHint } from "../state/postgres/fleet.ts";
import { hostOf } from "../worker/parking.ts";

/** The tasks of a config. */
export class FleetPlan {
  readonly #templates: ReadonlyMap<string, TaskTemplate>;

  /** @throws {CronfetchError} `config.invalid`: the config has what workers do not execute. */
  constructor(config: Pick<Config, "tasks" | "manifest">) {
    const expanded = config.tasks.find(isExpanded);
    if (expanded !== undefined) {
      const option = expanded.list === undefined ? "dates" : "from";
      const message = `cronfetch work executes no tasks with ${JSON.stringify(option)}, as ` +
        `${JSON.stringify(expanded.task.id)} has`;
      throw new CronfetchError("config.invalid", message, {
        hint: "move them to a config of their own, with another state, and run that with watch",
      });
    }
    if (config.manifest) {
      throw new CronfetchError("config.invalid", 'cronfetch work writes no "manifest"', {
        hint: 'remove "manifest", or run the config with watch on one machine',
      });
    }
    this.#templates = new Map(config.tasks.map((template) => [template.task.id, template]));
  }

  /** Whether a task is one of the config. */
  has(id: string): boolean {
    return this.#templates.has(id);
  }

  /** Tasks with their dates filled in; unknown ids are ignored. Default: all tasks. */
  tasks(at: Temporal.Instant, ids: Iterable<string> = this.#templates.keys()): Task[] {
    const tasks = [...ids].flatMap((id) => this.#templates.get(id) ?? []);
    return tasksOf({ tasks }, at);
  }

  /** A digest of what workers must agree on: which tasks there are, where, and when they are due. */
  async revision(): Promise<string> {
    const lines = this.#templates.values().map(({ task }) => {
      const { id, schedule, timezone } = task;
      // As it was written, without a date; a secret in a URL is not in its host.
      return JSON.stringify([id, new URL(task.url).host, describeSchedule(schedule, timezone)]);
    });
    const bytes = new TextEncoder().encode([...lines].sort().join("\n"));
    return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex().slice(0, 16);
  }
}

/** When a task is due, for the state. */
export function hintOf(task: Task, memory: DueMemory, now: Temporal.Instant): DueHint {
  const { due, nextDue } = decideDue(task, memory, now);
  return { task: task.id, host: hostOf(task), dueAt: due ? now : nextDue };
}
