/**
 * Collections beside the records. Each maps an owner (the id of a task or a run) and an entry's id to a
 * small JSON object. Pure.
 *
 * `items` is what is known of the tasks that are derived from a task: its fields are those of the
 * module that derives them, and are preserved as they are.
 */

import { TASK_STATUSES, type TaskStatus } from "../core/result.ts";
import type { ChangedFile, Delivery } from "./delivery.ts";
import type { RecordedAttempt, RunTaskResult } from "./run_record.ts";
import {
  count,
  isObject,
  listOf,
  nothing,
  number,
  oneOf,
  orAbsent,
  orNull,
  shape,
  text,
  time,
  unless,
  unlessEmpty,
  zero,
} from "./shape.ts";
import type { FamilyMember } from "./state.ts";

/**
 * The collections, in the order of a file: members of a task's family by key; items of a list by id;
 * results of a run by task; changes that the hooks of a task have not received, by id.
 */
export const COLLECTIONS = ["members", "items", "results", "outbox"] as const;

/** The name of a collection. */
export type Collection = typeof COLLECTIONS[number];

/** The body of an entry: JSON of at most 61,440 bytes. */
export type Body = Readonly<Record<string, unknown>>;

/** A family member without its key, which is the entry's id. */
export type MemberBody = Omit<FamilyMember, "key">;

/** A result of a run without its task, which is the entry's id. */
export type ResultBody = Omit<RunTaskResult, "task">;

/** A delivery without its id, which is that of the entry. */
export type DeliveryBody = Omit<Delivery, "id">;

/** The entries of one owner, by id. */
export type Owned<B> = Map<string, B>;

/** Entries of several collections. Among changes, a null body removes the entry. */
export type Entries<B = Body | null> = Map<Collection, Map<string, Owned<B>>>;

/** Read-only {@linkcode Entries}. */
export type ReadonlyEntries<B = Body | null> = ReadonlyMap<
  Collection,
  ReadonlyMap<string, ReadonlyMap<string, B>>
>;

/** Sets an entry, replacing one with the same id. */
export function setEntry<B>(
  entries: Entries<B>,
  collection: Collection,
  owner: string,
  id: string,
  body: B,
): void {
  entries.getOrInsertComputed(collection, () => new Map())
    .getOrInsertComputed(owner, () => new Map())
    .set(id, body);
}

/** Removes an entry, and its owner and collection if they become empty. */
function removeEntry(
  entries: Entries<Body>,
  collection: Collection,
  owner: string,
  id: string,
): void {
  const owners = entries.get(collection);
  const owned = owners?.get(owner);
  if (!owners || !owned?.delete(id) || owned.size > 0) return;
  owners.delete(owner);
  if (owners.size === 0) entries.delete(collection);
}

/** Every entry of all collections. */
export function* eachEntry<B>(
  entries: ReadonlyEntries<B>,
): Generator<readonly [collection: Collection, owner: string, id: string, body: B]> {
  for (const [collection, owners] of entries) {
    for (const [owner, owned] of owners) {
      for (const [id, body] of owned) yield [collection, owner, id, body];
    }
  }
}

/** Adds later changes to earlier ones; the later one of two for the same entry wins. */
export function addEntries(entries: Entries, later: ReadonlyEntries): void {
  for (const [collection, owner, id, body] of eachEntry(later)) {
    setEntry(entries, collection, owner, id, body);
  }
}

/** Applies changes to entries. */
export function applyEntries(entries: Entries<Body>, changes: ReadonlyEntries): void {
  for (const [collection, owner, id, body] of eachEntry(changes)) {
    if (body === null) removeEntry(entries, collection, owner, id);
    else setEntry(entries, collection, owner, id, body);
  }
}

/** The existing entries of some owners; of all for null. */
export function chosenEntries(
  entries: ReadonlyEntries<Body>,
  collection: Collection,
  owners: ReadonlySet<string> | null,
): Map<string, Owned<Body>> {
  const chosen = new Map<string, Owned<Body>>();
  const all = entries.get(collection);
  for (const owner of all ? owners ?? all.keys() : []) {
    const owned = all?.get(owner);
    if (owned) chosen.set(owner, new Map(owned));
  }
  return chosen;
}

const MEMBER = shape<MemberBody>({
  kind: oneOf<MemberBody["kind"]>(["file", "version", "refused", "member", "dropped"]),
  sha256: orNull(text),
  sizeBytes: count,
  publishedAt: orNull(time),
  revision: orAbsent(text),
});

const PREVIOUS = shape<NonNullable<ChangedFile["previous"]>>({
  key: text,
  sha256: unless(nothing, orNull(text)),
  sizeBytes: count,
});

const DELIVERY = shape<DeliveryBody>({
  status: oneOf<Delivery["status"]>(["created", "updated"]),
  run: text,
  url: text,
  files: listOf(shape<ChangedFile>({
    key: text,
    sha256: text,
    sizeBytes: count,
    previous: unless(nothing, orNull(PREVIOUS)),
  })),
  claimedAt: time,
  publishedAt: unless(nothing, orNull(time)),
  received: unlessEmpty(listOf(text)),
  failures: unless(zero, count),
  retryAt: unless(nothing, orNull(time)),
  message: unless(nothing, orNull(text)),
});

const ATTEMPT = shape<RecordedAttempt>({
  code: unless(nothing, orNull(text)),
  httpStatus: unless(nothing, orNull(count)),
  delayMs: unless(zero, number),
});

const RUN_RESULT = shape<ResultBody>({
  status: oneOf<TaskStatus>(TASK_STATUSES),
  code: unless(nothing, orNull(text)),
  message: unless(nothing, orNull(text)),
  httpStatus: unless(nothing, orNull(count)),
  bytes: unless(zero, count),
  sizeBytes: unless(nothing, orNull(count)),
  previousSizeBytes: unless(nothing, orNull(count)),
  durationMs: unless(zero, number),
  attempts: unlessEmpty(listOf(ATTEMPT)),
  warnings: unlessEmpty(listOf(text)),
});

/** Whether a stored value is the body of an entry of a collection. */
export function isBody(collection: Collection, body: unknown): body is Body {
  switch (collection) {
    case "members":
      return MEMBER.is(body);
    case "results":
      return RUN_RESULT.is(body);
    case "outbox":
      return DELIVERY.is(body);
    case "items":
      return isObject(body);
    default:
      return collection satisfies never;
  }
}

/**
 * The fields of an entry in an order that never changes, without those that have their default. A later
 * version decides about its own collections.
 */
export function arrangeBody(collection: Collection, body: Body): object {
  switch (collection) {
    case "members":
      return MEMBER.arrange(body as MemberBody);
    case "results":
      return RUN_RESULT.arrange(body as ResultBody);
    case "outbox":
      return DELIVERY.arrange(body as DeliveryBody);
    case "items":
      return body;
    default:
      return collection satisfies never;
  }
}

/** An entry of a collection in Deno KV; owner and id only if the key contains their digests. */
export interface StoredEntry {
  readonly owner?: string;
  readonly id?: string;
  readonly body: Body;
}

/** Whether a stored value is an entry of a collection. */
export function isStoredEntry(value: unknown): value is StoredEntry {
  return isObject(value) && isObject(value.body) &&
    [value.owner, value.id].every((name) => name === undefined || text.is(name));
}

/** A stored result with the fields that have their default. */
export function readResult(stored: ResultBody): ResultBody {
  const body = { ...stored, attempts: stored.attempts?.map((attempt) => ({ ...attempt })) };
  RUN_RESULT.addDefaults(body);
  return body;
}

/** A stored delivery with the fields that have their default. */
export function readDelivery(stored: DeliveryBody): DeliveryBody {
  const body = { ...stored, files: stored.files.map((file) => ({ ...file })) };
  DELIVERY.addDefaults(body);
  return body;
}
