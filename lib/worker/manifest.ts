/** The manifest of a store: the published files of a config, for people and for `sha256sum -c`. */

import { CronfetchError } from "../core/errors.ts";
import { isListKey } from "../core/key.ts";
import { MANIFEST_KEYS } from "../core/ownership.ts";
import type { TaskTemplate } from "../config/config.ts";
import type { Task } from "../core/task.ts";
import { publishedDigest } from "../download/publish.ts";
import type { FamilyMember, State, TaskRecord } from "../state/state.ts";
import type { Store } from "../store/store.ts";

/** What writing a manifest uses. */
export interface ManifestContext {
  readonly state: Pick<State, "records" | "members" | "items">;
  readonly store: Pick<Store, "stat" | "digest" | "draft">;
  readonly signal: AbortSignal;
  /** Redacts secrets of a URL. */
  readonly redact: (url: string) => string;
}

/** A published file. */
interface ManifestFile {
  readonly key: string;
  readonly sha256: string;
  readonly sizeBytes: number;
  /** When it was published, RFC 3339 in UTC; null if unknown. */
  readonly publishedAt: string | null;
  readonly task: string;
  /** The requested URL, redacted. */
  readonly url: string;
  /** The URL of the response after redirects, without its query; absent if it is the requested one. */
  readonly finalUrl?: string;
  readonly etag: string | null;
  readonly lastModified: string | null;
  /** Of a member: its archive, which need not be in the store. */
  readonly archive?: { readonly key: string; readonly sha256: string };
}

/** Tasks whose records are read at a time. */
const BATCH = 1_000;

/** How often a manifest is written again that another run has replaced at the same time. */
const TRIES = 3;

/**
 * Writes `cronfetch.manifest.json` and then `SHA256SUMS`, each atomically, and only if it differs. Both
 * depend on the records alone.
 *
 * @param tasks All tasks of the run's plan.
 * @param templates The tasks of the config, whose closed dates are listed.
 * @throws {CronfetchError} `store.` and `state.` codes.
 */
export async function writeManifest(
  tasks: readonly Pick<Task, "id">[],
  templates: readonly TaskTemplate[],
  context: ManifestContext,
): Promise<void> {
  for (let tries = 1;; tries++) {
    try {
      const files = await publishedFiles(tasks, templates, context);
      const [sums, json] = MANIFEST_KEYS;
      await writeText(json, `${JSON.stringify({ version: 1, files }, null, 2)}\n`, context);
      await writeText(
        sums,
        files.map(({ key, sha256 }) => `${sha256}  ${key}\n`).join(""),
        context,
      );
      return;
    } catch (error) {
      const isConflict = error instanceof CronfetchError && error.code === "store.conflict";
      if (!isConflict || tries === TRIES) throw error;
    }
  }
}

/** The newest file of each task and the members of its archive, sorted by key. */
async function publishedFiles(
  tasks: readonly Pick<Task, "id">[],
  templates: readonly TaskTemplate[],
  { state, redact }: ManifestContext,
): Promise<ManifestFile[]> {
  const files = new Map<string, ManifestFile>();
  if (templates.some(({ dates }) => dates !== undefined)) {
    const { closedRecords, withDates } = await import("../lists/dates.ts");
    const closed = await closedRecords(withDates(templates), state, redact);
    const families = await state.members(closed.keys());
    for (const record of closed.values()) {
      for (const file of filesOf(record, families.get(record.task) ?? [])) {
        files.set(file.key, file);
      }
    }
  }
  for (let start = 0; start < tasks.length; start += BATCH) {
    const ids = tasks.slice(start, start + BATCH).map(({ id }) => id);
    const records = await state.records(ids);
    const families = await state.members(ids);
    for (const id of ids) {
      const record = records.get(id);
      if (!record) continue;
      for (const file of filesOf(record, families.get(id) ?? [])) files.set(file.key, file);
    }
  }
  return [...files.values()].sort((one, other) => one.key < other.key ? -1 : 1);
}

function* filesOf(
  { task, published, publishedAt }: TaskRecord,
  members: readonly FamilyMember[],
): Generator<ManifestFile> {
  if (published === null || isListKey(published.key)) return;
  const { key, sha256, sizeBytes, source, finalUrl, etag, lastModified, unpacked } = published;
  const origin = {
    task,
    url: source,
    ...(finalUrl !== undefined && { finalUrl }),
    etag,
    lastModified,
  };
  if (unpacked?.isPublished !== false) yield { key, sha256, sizeBytes, publishedAt, ...origin };
  if (unpacked === undefined) return;
  const archive = { key, sha256 };
  for (const member of members) {
    if (member.kind !== "member" || member.publishedAt === null || member.sha256 === null) continue;
    yield {
      key: member.key,
      sha256: member.sha256,
      sizeBytes: member.sizeBytes,
      publishedAt: member.publishedAt,
      ...origin,
      archive,
    };
  }
}

async function writeText(key: string, text: string, context: ManifestContext): Promise<void> {
  const { store, signal } = context;
  const bytes = new TextEncoder().encode(text);
  const sha256 = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
  const { length } = bytes;
  if (await publishedDigest(store, key, signal) === sha256) return;
  await using draft = await store.draft(key, { expectedBytes: length });
  await draft.write(bytes);
  await draft.seal();
  await draft.publish();
}
