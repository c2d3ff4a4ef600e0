/** The tasks of a list's items. Pure. */

import type { ListTemplate } from "../config/config.ts";
import { checkId } from "../config/checks.ts";
import { keyFor } from "../config/keys.ts";
import { partsOf as complaintParts } from "../config/problem.ts";
import { createRenderer, type Template } from "../config/template.ts";
import { foldKey, nameOf } from "../core/key.ts";
import type { ListRule } from "../core/list.ts";
import type { PatternEngine } from "../core/pattern.ts";
import { DIGEST_ALGORITHMS, type Task } from "../core/task.ts";
import { quoteServerText } from "../core/text.ts";
import { hostKind } from "../http/egress.ts";
import { releaseOrigins } from "./releases.ts";
import { selectItems } from "./select.ts";
import type { KnownItem, ListSnapshot } from "./snapshot.ts";

/** The tasks of a list, and the items that are none. */
export interface ItemTasks {
  readonly tasks: readonly Task[];
  /** The items that are no tasks although the options of the list include them. */
  readonly leftOut: readonly LeftOut[];
  /** The tasks of items that have disappeared from the list, the latest first. */
  readonly gone: readonly GoneTask[];
}

/** Items that are left out for one reason. */
export interface LeftOut {
  readonly count: number;
  /** The name of the item, or what several ones have in common. */
  readonly what: string;
  /** Why, and what admits it, as a clause. */
  readonly why: string;
}

/** The task of an item that has disappeared. */
export interface GoneTask {
  readonly task: Task;
  /** When a list first lacked it, RFC 3339 in UTC. */
  readonly goneSince: string;
}

/** Whether another task has an id or writes a file. */
export type IsTaken = (task: Pick<Task, "id" | "key">) => boolean;

/**
 * Derives tasks from the items of the last good list: those that its options select, with the name
 * that `to` gives. Of two items with the same file, the first becomes a task.
 */
export function itemTasks(
  list: ListTemplate,
  snapshot: ListSnapshot,
  engine: PatternEngine,
): ItemTasks {
  const { selection } = list;
  const own = ownOrigins(list, snapshot.url);
  const { present = [], absent = [] } = Object.groupBy(
    snapshot.items,
    ({ goneSince }) => goneSince === null ? "present" : "absent",
  );
  const { items, foreign, beyondLimit } = selectItems(present, selection, own, engine);
  const leftOut: LeftOut[] = [];
  const [first] = foreign;
  if (first !== undefined) {
    const count = foreign.length;
    const what = `${count} of another origin`;
    leftOut.push({ count, what, why: `from.allowOrigins lacks ${originOf(first.url)}` });
  }
  if (beyondLimit > 0) {
    const what = `${beyondLimit} of the oldest`;
    leftOut.push({
      ...{ count: beyondLimit, what },
      why: `from.limit is ${selection.limit}`,
    });
  }
  const builder = new TaskBuilder(list);
  const tasks: Task[] = [];
  for (const item of items) {
    const task = builder.build(item);
    if (typeof task === "string") {
      leftOut.push({ count: 1, what: quoteServerText(item.name), why: task });
    } else {
      tasks.push(task);
    }
  }
  // Those that the options would still select, whatever the number.
  const every = { ...selection, newest: null, limit: Infinity };
  const gone = selectItems(absent, every, own, engine).items.flatMap((item): GoneTask[] => {
    const task = builder.build(item);
    return item.goneSince === null || typeof task === "string"
      ? []
      : [{ task, goneSince: item.goneSince }];
  });
  return { tasks, leftOut, gone };
}

/** Leaves out the tasks whose id or file another task has. */
export function withoutTaken(items: ItemTasks, isTaken: IsTaken): ItemTasks {
  const { free = [], taken = [] } = Object.groupBy(
    items.tasks,
    (task) => isTaken(task) ? "taken" : "free",
  );
  const leftOut = taken.map(({ key }): LeftOut => {
    return {
      count: 1,
      what: quoteServerText(nameOf(key)),
      why: `another task has the file ${key}`,
    };
  });
  return {
    tasks: free,
    leftOut: [...items.leftOut, ...leftOut],
    gone: items.gone.filter(({ task }) => !isTaken(task)),
  };
}

/** Reasons that a message has. */
const MOST_REASONS = 3;

/** How many items are left out, and why, as a sentence. */
export function leftOutText({ leftOut, tasks }: Pick<ItemTasks, "leftOut" | "tasks">): string {
  const count = leftOutCount(leftOut);
  const shown = leftOut.slice(0, MOST_REASONS);
  const rest = count - leftOutCount(shown);
  const reasons = shown.map(({ what, why }) => `${what} (${why})`);
  return `${count} of ${count + tasks.length} items left out: ` +
    [...reasons, ...(rest > 0 ? [`and ${rest} more`] : [])].join(", ");
}

/** Numbers of a list's items. */
export function countItems(
  { tasks, gone, leftOut }: ItemTasks,
): { readonly tasks: number; readonly gone: number; readonly leftOut: number } {
  return { tasks: tasks.length, gone: gone.length, leftOut: leftOutCount(leftOut) };
}

/** The number of items that are left out. */
export function leftOutCount(leftOut: readonly LeftOut[]): number {
  return leftOut.reduce((sum, { count }) => sum + count, 0);
}

/**
 * The origins that the items of a list may have without being allowed.
 *
 * @param url Of the document after redirects.
 */
export function ownOrigins({ item, rule }: ListTemplate, url: string): readonly string[] {
  const origins = [originOf(item.url), originOf(url)];
  return rule.kind === "github" ? [...origins, ...releaseOrigins(rule)] : origins;
}

/** Makes the tasks of items, each with a file of its own. */
class TaskBuilder {
  readonly #list: ListTemplate;
  readonly #keys = new Set<string>();
  readonly #folder: string;
  readonly #origin: string;
  readonly #foreignHeaders: Pick<Task, "headers" | "publicHeaders">;
  /** Whether items may be in a private network: those of a list there, as after a redirect. */
  readonly #allowsPrivate: boolean;

  constructor(list: ListTemplate) {
    this.#list = list;
    this.#folder = literalFolder(list.to);
    this.#origin = originOf(list.item.url);
    const { publicHeaders, allowPrivate } = list.item;
    const { hostname } = new URL(list.item.url);
    this.#allowsPrivate = allowPrivate || hostKind(hostname) === "private";
    this.#foreignHeaders = { headers: publicHeaders, publicHeaders };
  }

  /** The task of an item, or why it has none, as a clause. */
  build(item: KnownItem): Task | string {
    const { item: template, to, rule } = this.#list;
    if (to.dated && item.date === null) return "it has no date";
    const url = URL.parse(item.url);
    if (url === null) return "its URL is invalid";
    if (!this.#allowsPrivate && hostKind(url.hostname) === "private") {
      return `${url.hostname} is in a private network, and the list is not`;
    }
    const { timezone } = template;
    const render = createRenderer(Temporal.Instant.from(item.date ?? NO_DATE));
    const fields = { ...item.fields, name: item.name };
    const { value: key, problem } = keyFor(to, url, timezone, render, fields);
    if (key === undefined) return complaintParts(problem).message;
    const name = key.startsWith(this.#folder) ? key.slice(this.#folder.length) : key;
    const id = `${template.id}/${name}`;
    const fault = checkId(id);
    if (fault !== null) return `its id ${fault}`;
    const folded = foldKey(key);
    if (this.#keys.has(folded)) return `another item has the file ${key}`;
    this.#keys.add(folded);
    return {
      ...template,
      id,
      url: item.url,
      key,
      // Credentials are for the origin of the list.
      ...(url.origin === this.#origin ? {} : this.#foreignHeaders),
      expect: expectationsOf(template.expect, item, rule),
    };
  }
}

const NO_DATE = "1970-01-01T00:00:00Z";

/**
 * The size and the digests of an item are expected, unless the config expects others. Feeds state
 * wrong sizes: podcasts insert advertisements.
 */
function expectationsOf(
  expect: Task["expect"],
  { sizeBytes: stated, digests }: KnownItem,
  { kind }: ListRule,
): Task["expect"] {
  const sizeBytes = kind === "feed" ? null : stated;
  const known = DIGEST_ALGORITHMS.filter((name) =>
    digests[name] !== undefined && expect[name] === null
  );
  if (sizeBytes === null && known.length === 0) return expect;
  return {
    ...expect,
    ...(sizeBytes !== null && sizeBytes >= expect.minSizeBytes &&
      {
        minSizeBytes: sizeBytes,
        maxSizeBytes: Math.min(sizeBytes, expect.maxSizeBytes ?? sizeBytes),
      }),
    ...Object.fromEntries(known.map((name) => [name, digests[name]])),
  };
}

/** The literal folders at the beginning of a name. */
function literalFolder({ parts: [first] }: Template): string {
  return typeof first === "string" ? first.slice(0, first.lastIndexOf("/") + 1) : "";
}

function originOf(url: string): string {
  return new URL(url).origin;
}
