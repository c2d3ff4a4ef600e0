/** Tasks and their files as shown on the page, from the config and the state. */

import { redactUrl } from "../config/secrets.ts";
import { isListKey } from "../core/key.ts";
import type { Task } from "../core/task.ts";
import { countItems, type ItemTasks } from "../lists/items.ts";
import { itemsText } from "../report/format.ts";
import { taskHealth } from "../report/task_health.ts";
import type { FamilyMember, TaskRecord } from "../state/state.ts";
import type { PageActivity, PageTask, PageVersion } from "./model.ts";

/** What a task is shown with. */
export interface PageTaskFacts {
  readonly now: Temporal.Instant;
  readonly redact: (text: string) => string;
  readonly activity: Pick<PageActivity, "paused" | "isPaused">;
}

/**
 * Tasks of the config with their records, as shown on the page.
 *
 * @param lists The items of the lists, by id. Default: not shown.
 */
export async function pageTasks(
  tasks: readonly Task[],
  records: ReadonlyMap<string, TaskRecord>,
  facts: PageTaskFacts,
  lists: ReadonlyMap<string, ItemTasks> = NO_LISTS,
): Promise<PageTask[]> {
  // Loaded only now: its package would take a third of the start of `serve`.
  const { scheduleWords } = await import("./schedule_words.ts");
  return tasks.map((task) => {
    const items = lists.get(task.id);
    return {
      ...pageTask(task, records.get(task.id), facts),
      scheduleWords: scheduleWords(task.schedule, task.timezone),
      ...(items && listFields(items, facts)),
    };
  });
}

const NO_LISTS: ReadonlyMap<string, ItemTasks> = new Map();

function listFields(
  items: ItemTasks,
  { redact }: PageTaskFacts,
): Pick<PageTask, "note" | "items"> {
  return {
    note: itemsText(countItems(items)),
    items: {
      gone: items.gone.map(({ task, goneSince }) => ({ task: redact(task.id), goneSince })),
      leftOut: items.leftOut.map(({ what, why }) => redact(`${what}: ${why}`)),
    },
  };
}

/** A record whose task the config does not have, as shown on the page. */
export function removedTask(record: TaskRecord, { redact }: PageTaskFacts): PageTask {
  const shown = redactedRecord(record, redact);
  return {
    ...{ id: record.task, url: shown.published?.source ?? "", mirrors: [] },
    ...{ key: shown.published?.key ?? "", timezone: "UTC", health: record.health },
    ...{ schedule: "not in the config", scheduleWords: "Not in the config" },
    ...{ stale: false, staleFrom: null, due: false, nextDue: null, paused: false },
    record: shown,
  };
}

function pageTask(
  task: Task,
  record: TaskRecord | undefined,
  { now, redact, activity }: PageTaskFacts,
): Omit<PageTask, "scheduleWords"> {
  const { health, stale, staleFrom, due, nextDue, schedule } = taskHealth(task, record, now);
  return {
    ...{ id: task.id, key: redact(task.key), schedule, health, stale, staleFrom, due, nextDue },
    url: redactUrl(redact(task.url)),
    timezone: task.timezone,
    mirrors: task.mirrors.map((mirror) => redactUrl(redact(mirror))),
    paused: activity.paused() || activity.isPaused(task.id),
    record: record ? redactedRecord(record, redact) : null,
  };
}

/**
 * Records are written redacted, but a later config may declare further secrets, and a server may
 * choose a name with one.
 */
function redactedRecord(record: TaskRecord, redact: (text: string) => string): TaskRecord {
  const { published, results } = record;
  const redactOrNull = (text: string | null) => text === null ? null : redact(text);
  return {
    ...record,
    part: null,
    published: published && {
      ...published,
      key: redact(published.key),
      source: redact(published.source),
      etag: redactOrNull(published.etag),
      lastModified: redactOrNull(published.lastModified),
    },
    results: results.map((result) => ({ ...result, message: redactOrNull(result.message) })),
  };
}

/** The files of a task. */
export function versionsOf({ record }: PageTask, members: readonly FamilyMember[]): PageVersion[] {
  const published = record?.published ?? null;
  // Of an archive, perhaps only the members are published; the document of a list never is.
  const isStored = published !== null && published.unpacked?.isPublished !== false &&
    !isListKey(published.key);
  const current: PageVersion[] = !isStored ? [] : [{
    key: published.key,
    kind: "current",
    sha256: published.sha256,
    sizeBytes: published.sizeBytes,
    publishedAt: record?.publishedAt ?? null,
  }];
  const others = members
    .flatMap(({ kind, ...member }): PageVersion[] => {
      // A file without a time is only a claim on its name.
      if (member.key === published?.key || member.publishedAt === null) return [];
      return [{ ...member, kind: kind === "file" ? "earlier" : kind }];
    })
    .toSorted((one, other) => (other.publishedAt ?? "") < (one.publishedAt ?? "") ? -1 : 1);
  return [...current, ...others];
}
