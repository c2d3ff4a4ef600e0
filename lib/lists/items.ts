/** The tasks of a list's items. Pure. */

import type { ListTemplate } from "../config/config.ts";
import { checkId } from "../config/checks.ts";
import { keyFor } from "../config/keys.ts";
import { partsOf as complaintParts } from "../config/problem.ts";
import { createRenderer, type Template } from "../config/template.ts";
import { foldKey } from "../core/key.ts";
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
  /** Why items are no tasks although they are selected: a sentence for each. */
  readonly refused: readonly string[];
  /** Ids of the tasks of items that have disappeared from the list. */
  readonly gone: readonly GoneTask[];
}

/** The task of an item that has disappeared. */
export interface GoneTask {
  readonly task: Task;
  /** When a list first lacked it, RFC 3339 in UTC. */
  readonly goneSince: string;
}

/**
 * Derives tasks from the items of the last good list: those that its options select, with the name
 * that `to` gives. Of two items with the same file, the first becomes a task.
 *
 * @param isTaken Whether another task of the config has an id or writes a file.
 */
export function itemTasks(
  list: ListTemplate,
  snapshot: ListSnapshot,
  engine: PatternEngine,
  isTaken: (task: Pick<Task, "id" | "key">) => boolean,
): ItemTasks {
  const present = snapshot.items.filter(({ goneSince }) => goneSince === null);
  const own = ownOrigins(list, snapshot.url);
  const { items, foreign, beyondLimit } = selectItems(present, list.selection, own, engine);
  const refused: string[] = [];
  const [first] = foreign;
  if (first !== undefined) {
    refused.push(
      `${foreign.length} of another origin, such as ${originOf(first.url)}: ` +
        "from.allowOrigins allows it",
    );
  }
  if (beyondLimit > 0) refused.push(`${beyondLimit} beyond from.limit`);
  const builder = new TaskBuilder(list, isTaken);
  const tasks: Task[] = [];
  for (const item of items as readonly KnownItem[]) {
    const task = builder.build(item);
    if (typeof task === "string") refused.push(`${quoteServerText(item.name)}: ${task}`);
    else tasks.push(task);
  }
  const absent = snapshot.items.filter(({ goneSince }) => goneSince !== null);
  // Those that the options would still select, whatever the number.
  const every = { ...list.selection, newest: null, limit: Infinity };
  const known = selectItems(absent, every, own, engine).items as readonly KnownItem[];
  const gone = known.flatMap((item): GoneTask[] => {
    const { goneSince } = item;
    const task = goneSince === null ? "" : builder.build(item);
    return goneSince === null || typeof task === "string" ? [] : [{ task, goneSince }];
  });
  return { tasks, refused, gone };
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
  readonly #isTaken: (task: Pick<Task, "id" | "key">) => boolean;
  readonly #keys = new Set<string>();
  readonly #folder: string;
  readonly #origin: string;
  readonly #foreignHeaders: Pick<Task, "headers" | "publicHeaders">;
  /** Whether items may be in a private network: those of a list there, as after a redirect. */
  readonly #allowsPrivate: boolean;

  constructor(list: ListTemplate, isTaken: (task: Pick<Task, "id" | "key">) => boolean) {
    this.#list = list;
    this.#isTaken = isTaken;
    this.#folder = literalFolder(list.to);
    this.#origin = originOf(list.item.url);
    const { publicHeaders, allowPrivate } = list.item;
    const { hostname } = new URL(list.item.url);
    this.#allowsPrivate = allowPrivate || hostKind(hostname) === "private";
    this.#foreignHeaders = { headers: publicHeaders, publicHeaders };
  }

  /** The task of an item, or why it has none, as a clause. */
  build(item: KnownItem): Task | string {
    const { item: template, to } = this.#list;
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
    if (this.#isTaken({ id, key })) return `another task has the file ${key}`;
    this.#keys.add(folded);
    return {
      ...template,
      id,
      url: item.url,
      key,
      // Credentials are for the origin of the list.
      ...(url.origin === this.#origin ? {} : this.#foreignHeaders),
      expect: expectationsOf(template.expect, item),
    };
  }
}

const NO_DATE = "1970-01-01T00:00:00Z";

/** The size and the digests of an item are expected, unless the config expects others. */
function expectationsOf(expect: Task["expect"], item: KnownItem): Task["expect"] {
  const { sizeBytes, digests } = item;
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
