/** Refreshes the lists of a run, before its other tasks: they decide which tasks there are. */

import type { ListTemplate } from "../config/config.ts";
import { createUrlRedactor } from "../config/secrets.ts";
import { CronfetchError } from "../core/errors.ts";
import type { ListDocument } from "../core/list.ts";
import { loadPatternEngine, type PatternEngine } from "../core/pattern.ts";
import type { TaskResult } from "../core/result.ts";
import type { Plan, Task } from "../core/task.ts";
import type { DownloadOutcome } from "../download/download.ts";
import { createDeriver } from "../lists/derive.ts";
import { loadParser, ruleId } from "../lists/parse.ts";
import { readPages } from "../lists/pages.ts";
import { checkShrinkage, mergeItems } from "../lists/refresh.ts";
import {
  type KnownItem,
  type ListSnapshot,
  readSnapshot,
  saveSnapshot,
} from "../lists/snapshot.ts";
import type { TaskRecord } from "../state/state.ts";
import { openMemory } from "../store/memory.ts";
import type { Store } from "../store/store.ts";
import { executeTasks } from "./execute.ts";
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
  /** The last good list, or null. */
  readonly last: ListSnapshot | null;
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
    const last = readSnapshot(entries.get(task.id));
    const record = await leases.recordOf(task);
    known.set(task.id, { template, last });
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
    accept: async (task, outcome) => {
      const list = known.get(task.id);
      if (list === undefined || outcome.validators === null) return outcome;
      if (outcome.result.status === "unchanged" && task.conditional) return outcome;
      try {
        return await refresher.read(task, outcome, list, entries.get(task.id));
      } catch (error) {
        if (!(error instanceof CronfetchError)) throw error;
        return failedOutcome(outcome, error, createUrlRedactor(context.config.secrets));
      }
    },
  }, context);
  await leases.release();
  await refresher.reportGone(known);
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
  /** The lists whose items were saved. */
  readonly #saved = new Map<string, ListSnapshot>();

  constructor(shared: RefresherContext) {
    this.#shared = shared;
    this.#context = shared.context;
    this.#store = shared.store;
    this.#engine = shared.engine;
  }

  /**
   * Reads a fetched list, and saves its items.
   *
   * @throws {CronfetchError} `list.` codes, those of a further document, and `state.` codes.
   */
  async read(
    task: Task,
    outcome: DownloadOutcome,
    { template, last }: RefreshedList,
    entries: Parameters<typeof saveSnapshot>[2],
  ): Promise<DownloadOutcome> {
    const { state, host: { clock } } = this.#context;
    const first = await this.#documentOf(task, outcome);
    let pages = 1;
    const items = await readPages(first, {
      parse: await loadParser(template.rule, this.#engine),
      maxPages: template.maxPages,
      fetchPage: async (url) => {
        pages++;
        return await this.#fetchPage({ ...task, url, mirrors: [], conditional: false }, pages);
      },
    });
    const rule = ruleId(template.rule);
    if (!this.#shared.refresh.acceptsShrunk) {
      const before = last?.rule === rule ? last : null;
      checkShrinkage(template, { url: first.url, items }, before, this.#engine);
    }
    const now = clock.now().toString();
    const merged = mergeItems(items, last, now);
    const sha256 = outcome.validators?.sha256 ?? "";
    const snapshot = { rule, sha256, pages, url: first.url, changedAt: now, items: merged };
    const isSame = last !== null && isSameList(merged, last);
    if (!isSame || last.rule !== rule || last.sha256 !== sha256 || last.pages !== pages) {
      await saveSnapshot(task.id, snapshot, entries, state);
      this.#saved.set(task.id, snapshot);
    }
    const status = isSame ? "unchanged" : last === null ? "created" : "updated";
    return { ...outcome, result: { ...outcome.result, status } };
  }

  /** Emits an event for each item that has disappeared from a saved list. */
  async reportGone(lists: ReadonlyMap<string, RefreshedList>): Promise<void> {
    const { config: { tasks: templates }, state, emit } = this.#context;
    const derive = await createDeriver(templates.map(({ task }) => task));
    for (const [id, snapshot] of this.#saved) {
      const template = templates.find(({ task }) => task.id === id);
      if (template === undefined || !lists.has(id)) continue;
      const gone = (derive(template, snapshot)?.gone ?? [])
        .filter(({ goneSince }) => goneSince === snapshot.changedAt);
      // Of an item beyond "newest" or "limit", nothing was fetched.
      const records = await state.records(gone.map(({ task }) => task.id));
      for (const { task } of gone) {
        if (records.has(task.id)) emit({ type: "task.gone", task: task.id, list: id });
      }
    }
  }

  /** Fetches a further document, without events and a record of its own. */
  async #fetchPage(task: Task, number: number): Promise<ListDocument> {
    const page = { ...task, key: `${task.key}?${number}` };
    const { leases } = this.#shared;
    const { promise, resolve } = Promise.withResolvers<DownloadOutcome>();
    await executeTasks({
      ...this.#context,
      ...{ plan: { entries: [] }, tasks: [page], store: this.#store, leases, claimChange: null },
      isReported: () => false,
      emit: () => {},
      settle: (_task, outcome) => resolve(outcome),
    });
    const outcome = await promise;
    const { code, message = "" } = outcome.result;
    if (outcome.validators === null) {
      throw new CronfetchError(code ?? "list.invalid", `page ${number}: ${message}`, {
        retry: outcome.permanent ? "never" : "later",
      });
    }
    return await this.#documentOf(page, outcome);
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
  const items = present(merged);
  const before = present(last.items);
  return before.length === items.length &&
    before.every((item, index) =>
      JSON.stringify(sorted(item)) === JSON.stringify(sorted(items[index]))
    );
}

function present(items: readonly KnownItem[]): readonly KnownItem[] {
  return items.filter(({ goneSince }) => goneSince === null);
}

function sorted(item: KnownItem | undefined): unknown {
  return Object.entries(item ?? {}).sort(([one], [other]) => one < other ? -1 : 1);
}

/** The failure of a list whose document was received but not accepted. */
function failedOutcome(
  { result, response: _, validators: __, ...outcome }: DownloadOutcome,
  { code, message, retry }: CronfetchError,
  redact: (text: string) => string,
): DownloadOutcome {
  const failed: TaskResult = {
    ...result,
    status: "failed",
    code,
    message: `fetching ${result.url}: ${redact(message)}`,
    sha256: null,
    sizeBytes: null,
  };
  return { ...outcome, result: failed, permanent: retry === "never", validators: null };
}
