/** The overview of a state with so many records that it sums and sorts them itself. */

import type { Clock } from "../core/host.ts";
import type { Task } from "../core/task.ts";
import type { RecordIndex, RecordQuery } from "../state/record_index.ts";
import type { State } from "../state/state.ts";
import { NO_FILTER, type Page, tasksPerPage } from "./filter.ts";
import { RECENT_MS } from "./labels.ts";
import type { Overview, OverviewRequest, TaskTotals } from "./overview.ts";
import { type PageTaskFacts, pageTasks, removedTask } from "./page_task.ts";
import type { PageTask } from "./model.ts";

/** From so many records on, the page is made without reading all. */
export const MANY_RECORDS = 20_000;

/** Tasks behind the pages of one list: the pages behind them are reached by filters. */
const MOST_LISTED = 10_000;
/** Tasks that a search for a text finds at most. */
const MOST_FOUND = 1_000;
const LARGEST_PAGE = tasksPerPage({ ...NO_FILTER, isDense: true });

/** A value is read again after this many times its own cost; meanwhile the last one is returned. */
const COST_FACTOR = 9;
const LEAST_AGE_MS = 2_000;

/** What the overview is made of. */
export interface LargeBackend {
  /** A state with an index. */
  readonly state: () => Promise<Pick<State, "index" | "records">>;
  /** All tasks, by id. */
  readonly tasks: () => Promise<ReadonlyMap<string, Task>>;
  readonly facts: () => PageTaskFacts;
}

/** The overview of many records. */
export interface LargeOverview {
  read(request: OverviewRequest): Promise<Overview>;
  /** One task, or null. */
  task(id: string): Promise<PageTask | null>;
  /** Whether a record has a key. */
  isPublished(key: string): Promise<boolean>;
}

/** Creates the overview. Sums are a few seconds old, rows are not. */
export function createLargeOverview(
  { state, tasks, facts }: LargeBackend,
  clock: Pick<Clock, "now" | "monotonicMs">,
): LargeOverview {
  const index = async (): Promise<RecordIndex> => {
    const { index } = await state();
    if (index === undefined) throw new TypeError("the state has no index of its records");
    return index;
  };
  const recently = () => clock.now().subtract({ milliseconds: RECENT_MS });
  const sums = remembered(async () => (await index()).sums(recently()), clock);
  const known = remembered(tasks, clock);

  const rows = async (ids: readonly string[]): Promise<PageTask[]> => {
    const [found, all] = await Promise.all([(await state()).records(ids), known()]);
    const now = facts();
    const shown = await pageTasks(ids.flatMap((id) => all.get(id) ?? []), found, now);
    const byId = new Map(shown.map((task) => [task.id, task]));
    return ids.flatMap((id) => {
      const record = found.get(id);
      return byId.get(id) ?? (record === undefined ? [] : [removedTask(record, now)]);
    });
  };

  const totals = async (running: ReadonlySet<string>): Promise<TaskTotals> => {
    const [{ healths, files, sizeBytes, changed }, { size }] = await Promise.all([sums(), known()]);
    const recorded = healths.healthy + healths.failing + healths.unhealthy;
    const all = { ...healths, new: Math.max(0, size - recorded), stale: 0 };
    return {
      tasks: recorded + all.new,
      healths: all,
      conditions: {
        ...all,
        changed,
        running: running.size,
        paused: facts().activity.paused() ? recorded + all.new : 0,
      },
      ...{ urgent: all.unhealthy, files, sizeBytes },
    };
  };

  const read = async ({ filter, perPage, running }: OverviewRequest): Promise<Overview> => {
    const summed = await totals(running);
    const size = Math.min(perPage, LARGEST_PAGE);
    const { text, health } = filter;
    const listed = (total: number, page = filter.page): Omit<Page<PageTask>, "items"> => {
      const pages = Math.max(1, Math.ceil(Math.min(total, MOST_LISTED) / size));
      return { page: Math.min(page, pages), pages, total };
    };
    const shownPage = async (): Promise<Page<PageTask>> => {
      const selected = queryOf(filter, recently());
      if (selected === null) {
        const wanted = text.toLowerCase();
        const ids = health === "running"
          ? [...running].filter((id) => id.toLowerCase().includes(wanted)).sort()
          : [];
        const at = listed(ids.length);
        return { ...at, items: await rows(ids.slice((at.page - 1) * size, at.page * size)) };
      }
      const opened = await index();
      if (text !== "") {
        const ids = await opened.page({ ...selected, offset: 0, limit: MOST_FOUND });
        const at = listed(ids.length);
        return { ...at, items: await rows(ids.slice((at.page - 1) * size, at.page * size)) };
      }
      const at = listed(health === null ? summed.tasks : summed.conditions[health]);
      const query = { ...selected, offset: (at.page - 1) * size, limit: size };
      return { ...at, items: await rows(await opened.page(query)) };
    };
    return { totals: summed, shown: await shownPage(), isLarge: true };
  };

  return {
    read,
    task: async (id) => (await rows([id]))[0] ?? null,
    isPublished: async (key) => await (await index()).isPublished(key),
  };
}

/** The records that a filter selects; null if these depend on the process or the schedule. */
function queryOf(
  { health, text, order }: OverviewRequest["filter"],
  recently: Temporal.Instant,
): Omit<RecordQuery, "offset" | "limit"> | null {
  const isByChange = order?.column === "changed";
  const oldestFirst = isByChange && !order.isDescending;
  const selected = { text, changedSince: isByChange ? EPOCH : null, oldestFirst };
  switch (health) {
    case null:
    case "paused":
      return { ...selected, health: null };
    case "changed":
      return { ...selected, health: null, changedSince: recently };
    case "healthy":
    case "failing":
    case "unhealthy":
      return { ...selected, health };
    case "running":
    case "stale":
    case "new":
      return null;
    default:
      return health satisfies never;
  }
}

const EPOCH = Temporal.Instant.fromEpochMilliseconds(0);

/** Reads a value again if it is old, without letting callers wait for it, except for the first. */
export function remembered<T>(
  read: () => Promise<T>,
  { monotonicMs }: Pick<Clock, "monotonicMs">,
): () => Promise<T> {
  let last: { readonly value: T; readonly untilMs: number } | null = null;
  let reading: Promise<T> | null = null;
  return () => {
    if (last === null || monotonicMs() >= last.untilMs) {
      const startedMs = monotonicMs();
      reading ??= read().then((value) => {
        const endedMs = monotonicMs();
        const ageMs = Math.max(LEAST_AGE_MS, (endedMs - startedMs) * COST_FACTOR);
        last = { value, untilMs: endedMs + ageMs };
        return value;
      }).finally(() => reading = null);
      if (last === null) return reading;
      // The next caller without a value gets the error.
      reading.catch(() => {});
    }
    return Promise.resolve(last.value);
  };
}
