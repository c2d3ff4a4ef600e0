/** Refreshes the lists of a run, before its other tasks: they decide which tasks there are. */

import type { ListTemplate } from "../config/config.ts";
import { createUrlRedactor } from "../config/secrets.ts";
import { CronfetchError } from "../core/errors.ts";
import type { ListDocument, ListItem } from "../core/list.ts";
import { loadPatternEngine, type PatternEngine } from "../core/pattern.ts";
import type { TaskResult } from "../core/result.ts";
import type { Plan, Task } from "../core/task.ts";
import type { DownloadOutcome } from "../download/download.ts";
import { deriveItems, readItems, TakenTasks } from "../lists/derive.ts";
import { type ItemTasks, leftOutText, withoutTaken } from "../lists/items.ts";
import { loadParser, ruleId } from "../lists/parse.ts";
import { readPages } from "../lists/pages.ts";
import { checkShrinkage, mergeItems } from "../lists/refresh.ts";
import {
  type KnownItem,
  listFacts,
  type ListSnapshot,
  readSnapshot,
  saveSnapshot,
} from "../lists/snapshot.ts";
import type { ItemBody, TaskRecord } from "../state/state.ts";
import { openMemory } from "../store/memory.ts";
import type { Store } from "../store/store.ts";
import { type ContinueTask, executeTasks } from "./execute.ts";
import { type GatherContext, gatherTasks } from "./gather.ts";
import type { Leases } from "./leases.ts";

/** How the lists of a run are refreshed. */
export interface ListRefresh {
  /** Makes the plan again, with the items of the refreshed lists. */
  readonly replan: () => Promise<Plan>;
  /** Whether a list that has lost too many items is accepted. */
  readonly acceptsShrunk: boolean;
}

/** The lists to refresh. */
export interface ListRequest {
  readonly plan: Plan;
  /** The included lists of the plan. */
  readonly lists: readonly Task[];
  /** Of the lists; they are released. */
  readonly leases: Leases;
  readonly refresh: ListRefresh;
}

/** A list during its refresh. */
interface RefreshedList {
  readonly template: ListTemplate;
  /** The entries of the last good list. */
  readonly entries: ReadonlyMap<string, ItemBody> | undefined;
  /** The tasks whose ids and files its items do not take. */
  readonly taken: TakenTasks;
}

/**
 * Fetches the documents of lists, and saves their items. A list that fails keeps its last items.
 *
 * @returns The plan with the items of the refreshed lists, and its tasks except the lists.
 * @throws {CronfetchError} `state.` codes.
 */
export async function refreshLists(
  { plan, lists, leases, refresh }: ListRequest,
  context: GatherContext,
): Promise<{ readonly plan: Plan; readonly tasks: readonly Task[] }> {
  const { state, config: { tasks: templates } } = context;
  const entries = await state.items(lists.map(({ id }) => id));
  const engine = await loadPatternEngine();
  const known = new Map<string, RefreshedList>();
  const records = new Map<string, TaskRecord>();
  const requested: Task[] = [];
  for (const task of lists) {
    const template = templates.find(({ task: { id } }) => id === task.id)?.list;
    if (template === undefined) continue;
    const own = entries.get(task.id);
    const last = listFacts(own);
    const record = await leases.recordOf(task);
    known.set(task.id, { template, entries: own, taken: takenBefore(task, plan) });
    if (record !== null) records.set(task.id, record);
    // Only a whole list that was read as it would be read now may be unchanged.
    const isCurrent = last !== null && last.rule === ruleId(template.rule) &&
      last.pages === 1 && last.sha256 === record?.published?.sha256;
    requested.push(isCurrent ? task : { ...task, conditional: false });
  }
  // The store has the recorded documents without their bytes, for conditional requests. One that is
  // read again must not be in it, since its bytes would be discarded as unchanged.
  const recorded = requested.flatMap(({ id, conditional }) => {
    const published = conditional ? records.get(id)?.published : null;
    return published ? [published] : [];
  });
  await using store = openMemory(recorded);
  const refresher = new Refresher({ context, store, leases, engine, refresh });
  await gatherTasks({
    ...{ plan, tasks: requested, store, leases, hooks: null, execute: executeTasks },
    accept: async (task, outcome, fetchPage) => {
      const list = known.get(task.id);
      if (list === undefined || outcome.validators === null) return outcome;
      try {
        const isUnread = outcome.result.status === "unchanged" && task.conditional;
        return isUnread || fetchPage === undefined
          ? refresher.keep(outcome, list)
          : await refresher.read(task, outcome, list, fetchPage);
      } catch (error) {
        if (!(error instanceof CronfetchError)) throw error;
        return failedOutcome(outcome, error, createUrlRedactor(context.config.secrets));
      }
    },
  }, context);
  await leases.release();
  const { entries: planned } = await refresh.replan();
  const done = new Set(lists.map(({ id }) => id));
  const tasks = planned.filter(({ task, included }) => included && !done.has(task.id))
    .map(({ task }) => task);
  return { plan: { entries: planned }, tasks };
}

/** What the refresh of all lists shares. */
interface RefresherContext extends Pick<ListRequest, "leases" | "refresh"> {
  readonly context: GatherContext;
  /** The documents, in memory. */
  readonly store: Store;
  readonly engine: PatternEngine;
}

/** Reads and saves lists. */
class Refresher {
  readonly #shared: RefresherContext;
  readonly #context: GatherContext;
  readonly #store: Store;
  readonly #engine: PatternEngine;
  readonly #redact: (text: string) => string;

  constructor(shared: RefresherContext) {
    this.#shared = shared;
    this.#context = shared.context;
    this.#store = shared.store;
    this.#engine = shared.engine;
    this.#redact = createUrlRedactor(shared.context.config.secrets);
  }

  /** The outcome of an unchanged list. */
  keep(outcome: DownloadOutcome, { template, entries, taken }: RefreshedList): DownloadOutcome {
    const items = readItems(template, entries, this.#engine);
    return items === null ? outcome : this.#warned(outcome, withoutTaken(items, taken.has));
  }

  /**
   * Reads a fetched list, saves its items, and emits an event for each that has disappeared.
   *
   * @throws {CronfetchError} `list.` codes, those of a further document, and `state.` codes.
   */
  async read(
    task: Task,
    outcome: DownloadOutcome,
    { template, entries, taken }: RefreshedList,
    fetchPage: ContinueTask,
  ): Promise<DownloadOutcome> {
    const { state, host: { clock }, emit } = this.#context;
    const last = readSnapshot(entries);
    const first = await this.#documentOf(task, outcome);
    let pages = 1;
    const items = await readPages(first, {
      parse: await loadParser(template.rule, this.#engine),
      maxPages: template.maxPages,
      fetchPage: async (url) => {
        pages++;
        const page = { ...task, url, key: `${task.key}?${pages}`, mirrors: [], conditional: false };
        return await this.#documentOf(page, checkedPage(await fetchPage(page), pages));
      },
    });
    const rule = ruleId(template.rule);
    if (!this.#shared.refresh.acceptsShrunk) {
      const before = last?.rule === rule ? last : null;
      checkShrinkage(template, { url: first.url, items }, before, this.#engine);
    }
    const now = clock.now().toString();
    const sha256 = outcome.validators?.sha256 ?? "";
    const merged = mergeItems(items, last, now);
    const isSame = last !== null && isSameList(merged, last);
    const isCurrent = isSame && last.rule === rule && last.sha256 === sha256 &&
      last.pages === pages;
    const status = isSame ? "unchanged" : last === null ? "created" : "updated";
    const read = { ...outcome, result: { ...outcome.result, status } } as const;
    if (isCurrent) return this.keep(read, { template, entries, taken });
    const snapshot = { rule, sha256, pages, url: first.url, changedAt: now, items: merged };
    const facts = await saveSnapshot(task.id, snapshot, entries, state);
    const derived = withoutTaken(
      deriveItems(template, snapshot, facts, this.#engine),
      taken.has,
    );
    const gone = derived.gone.filter(({ goneSince }) => goneSince === now)
      .map(({ task: { id } }) => id);
    // Of an item beyond "newest" or "limit", nothing was fetched.
    const records = await state.records(gone);
    for (const id of gone) {
      if (records.has(id)) emit({ type: "task.gone", task: id, list: task.id });
    }
    return this.#warned(read, derived);
  }

  /** Adds which items are left out. */
  #warned(outcome: DownloadOutcome, items: ItemTasks): DownloadOutcome {
    if (items.leftOut.length === 0) return outcome;
    const { result } = outcome;
    const message = this.#redact(leftOutText(items));
    const warnings = [...result.warnings, "itemsLeftOut"] as const;
    return { ...outcome, result: { ...result, message, warnings } };
  }

  async #documentOf(task: Task, { response }: DownloadOutcome): Promise<ListDocument> {
    const pieces: BlobPart[] = [];
    const { signal } = this.#context;
    for await (const piece of await this.#store.read(task.key, signal) ?? []) {
      pieces.push(piece.slice());
    }
    // Not needed again, and up to 64 MiB.
    await this.#store.remove(task.key);
    return {
      bytes: new Uint8Array(await new Blob(pieces).arrayBuffer()),
      url: withoutCredentials(response?.servedFrom ?? task.url),
      contentType: response?.headers.get("content-type") ?? null,
      link: response?.headers.get("link") ?? null,
    };
  }
}

/** A URL without user name and password, which relative references would repeat. */
function withoutCredentials(text: string): string {
  const url = new URL(text);
  url.username = "";
  url.password = "";
  return url.href;
}

/** Whether a list has the items of the last good one, in their order. */
function isSameList(merged: readonly KnownItem[], last: ListSnapshot): boolean {
  const items = presentAmong(merged);
  const before = presentAmong(last.items);
  return before.length === items.length &&
    before.every((item, index) => isSameItem(item, items[index] ?? item));
}

function presentAmong(items: readonly KnownItem[]): readonly KnownItem[] {
  return items.filter(({ goneSince }) => goneSince === null);
}

/** Whether two items are the same, except when they were seen. */
function isSameItem(one: ListItem, other: ListItem): boolean {
  return one.url === other.url && one.name === other.name && one.id === other.id &&
    one.sizeBytes === other.sizeBytes && one.date === other.date &&
    hasSameTexts(one.digests, other.digests) && hasSameTexts(one.fields, other.fields);
}

function hasSameTexts(
  one: Readonly<Record<string, string>>,
  other: Readonly<Record<string, string>>,
): boolean {
  const names = Object.keys(one);
  return names.length === Object.keys(other).length &&
    names.every((name) => one[name] === other[name]);
}

/** The tasks that precede a list, and those of the config that follow it. */
function takenBefore({ id }: Task, { entries }: Plan): TakenTasks {
  const tasks = entries.map(({ task }) => task);
  const index = tasks.findIndex((task) => task.id === id);
  return new TakenTasks(
    tasks.filter(({ origin }, at) => origin?.kind !== "item" || at < index),
  );
}

/**
 * Rejects a further document that was not received.
 *
 * @throws {CronfetchError} The code of the outcome.
 */
function checkedPage(outcome: DownloadOutcome, number: number): DownloadOutcome {
  if (outcome.validators !== null) return outcome;
  const { code, message = "" } = outcome.result;
  throw new CronfetchError(code ?? "list.invalid", `page ${number}: ${message}`, {
    retry: outcome.permanent ? "never" : "later",
  });
}

/** The failure of a list whose document was received but not accepted. */
function failedOutcome(
  { result, response: _, validators: __, ...outcome }: DownloadOutcome,
  { code, message, hint, retry }: CronfetchError,
  redact: (text: string) => string,
): DownloadOutcome {
  const failed: TaskResult = {
    ...result,
    status: "failed",
    code,
    message: `fetching ${result.url}: ${redact(hint === null ? message : `${message}; ${hint}`)}`,
    sha256: null,
    sizeBytes: null,
  };
  return { ...outcome, result: failed, permanent: retry === "never", validators: null };
}
