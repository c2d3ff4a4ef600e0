/** Publishes received bytes once they are checked, unless the same bytes are published already. */

import { shortDigest } from "../core/sha256.ts";
import { checkContent, type Content } from "../content/expect.ts";
import {
  type ExpectedDigests,
  isNamedByServer,
  type SameRule,
  type Task,
  type Transform,
} from "../core/task.ts";
import { CronfetchError } from "../core/errors.ts";
import type { HeaderFields } from "../core/http.ts";
import type { MemberCounts, ReceivedContent, Validators, Warning } from "../core/result.ts";
import { errorMessage } from "../core/text.ts";
import type { Provenance, PublishedFile, Store, StoredFile } from "../store/store.ts";
import type { AttemptContext, Received } from "./attempt.ts";
import { compareToStored, modifiedTime, responseValidators } from "./conditional.ts";
import { digestsOf } from "./expected_digests.ts";
import type { Family } from "./family.ts";
import type { Unpacking } from "./unpack.ts";

/** What publishing needs in addition to the bytes. */
export interface PublishContext {
  readonly store: Store;
  readonly signal: AbortSignal;
  /** Validators of the published file, if the stored file is still that file; else null. */
  readonly current: Validators | null;
  /** Recorded validators, or null. */
  readonly recorded: Validators | null;
  /** The requested URL, redacted. */
  readonly source: string;
  /** Headers of the response. */
  readonly headers: HeaderFields;
  /** Wall clock, milliseconds since the epoch. */
  readonly nowMs: number;
  /** The files that the task has published. */
  readonly family: Family;
  /** Runs the transform of the task; null without one. */
  readonly transform: ((received: Received) => Promise<Received>) | null;
  /** Identifies the transform; undefined without one. */
  readonly transformId: string | undefined;
  /** Publishes the members of an archive; null without `unpack`. */
  readonly unpacking: Unpacking | null;
}

/** The fields of a task without a transform. */
export const NO_TRANSFORM: Pick<PublishContext, "transform" | "transformId"> = {
  transform: null,
  transformId: undefined,
};

/** Result of {@linkcode publish}. */
export interface Published {
  readonly status: "created" | "updated" | "unchanged";
  readonly validators: Validators;
  /** Size of the file that was replaced, or null. */
  readonly previousSizeBytes: number | null;
  /** A reservation about the result. */
  readonly warning?: Warning;
  /** The members of an archive, if it was unpacked. */
  readonly members?: MemberCounts;
}

/**
 * Checks received bytes against the expectations of the task, and publishes them unless the same
 * bytes are published already. Disposes of the draft in any case.
 *
 * @throws {CronfetchError} `body.too-small`, `expect.`, `content.transform` and `store.` codes.
 */
export async function publish(
  task: Task,
  digests: ExpectedDigests,
  received: Received,
  context: PublishContext,
): Promise<Published> {
  const { key, sealed } = received;
  await using draft = received.draft;
  const { headers, family, current } = context;
  const provenance: Provenance = {
    source: context.source,
    contentType: headers.get("content-type"),
    etag: headers.get("etag"),
    lastModified: headers.get("last-modified"),
    fetchedAt: new Date(context.nowMs).toISOString(),
  };
  const isCurrent = current?.key === key && draft.existing !== null;
  const content: Content = {
    head: draft.head,
    sizeBytes: sealed.sizeBytes,
    sha256: sealed.sha256,
    contentType: headers.get("content-type"),
    previousSizeBytes: current?.received?.sizeBytes ?? draft.existing?.sizeBytes ?? null,
    read: () => draft.read(),
    digests: (algorithms) => digestsOf(draft, algorithms, context.signal),
  };
  try {
    await checkContent(content, task.expect, digests, key);
    // With --force, a program transforms the same file again: it may have changed itself.
    const mayKeep = task.conditional || task.transform === null;
    if (isCurrent && mayKeep && current.received?.sha256 === sealed.sha256) {
      return keptFile(task, current, draft.existing, received, context, current.received.same);
    }
    if (context.transform === null) {
      return await publishContent(task, received, received, provenance, context);
    }
    const output = await context.transform(received);
    await using _output = output.draft;
    return await publishContent(task, output, received, provenance, context);
  } catch (error) {
    const isRefusal = error instanceof CronfetchError && REFUSALS.test(error.code);
    throw task.quarantine && isRefusal
      ? await quarantine(received, provenance, family, error)
      : error;
  }
}

/** Codes of content that is not published, and kept for inspection. */
const REFUSALS = /^(?:body|content|expect)\./;

/**
 * The published file stays, although other bytes were received.
 *
 * @param same Identifies the rule by which both have the same substance; undefined without one.
 */
function keptFile(
  task: Task,
  current: Validators,
  existing: StoredFile,
  received: Received,
  context: PublishContext,
  same: string | undefined,
): Published {
  const { sha256, sizeBytes } = current;
  const validators = validatorsOf(
    task,
    { ...received, sealed: { sha256, sizeBytes } },
    existing,
    context,
  );
  return {
    status: "unchanged",
    validators: {
      ...validators,
      received: { ...receivedContent(received, context), ...(same !== undefined && { same }) },
    },
    previousSizeBytes: null,
  };
}

const NO_VALIDATORS: Pick<Validators, "etag" | "lastModified"> = { etag: null, lastModified: null };

function validatorsOf(
  { request }: Task,
  { key, sealed: { sha256, sizeBytes } }: Pick<Received, "key" | "sealed">,
  { revision }: PublishedFile,
  { source, headers, nowMs, unpacking }: PublishContext,
): Validators {
  // A later GET of the same URL must not be compared with the response to another method.
  const response = request === null ? responseValidators(headers, nowMs) : NO_VALIDATORS;
  const validators = { key, source, ...response, sha256, sizeBytes, revision };
  return unpacking === null ? validators : { ...validators, unpacked: unpacking.unpacked };
}

function receivedContent(
  { sealed: { sha256, sizeBytes } }: Received,
  { transformId }: PublishContext,
): ReceivedContent {
  return { sha256, sizeBytes, ...(transformId !== undefined && { transform: transformId }) };
}

/**
 * Publishes a file, unless the same bytes, or by `same` the same substance, are published already.
 *
 * @param output The file to publish.
 * @param received The file that was received, which is another one after a transform.
 */
async function publishContent(
  task: Task,
  output: Received,
  received: Received,
  provenance: Provenance,
  context: PublishContext,
): Promise<Published> {
  const { key, sealed, draft } = output;
  const { family, current } = context;
  const { existing } = draft;
  const validators = (file: PublishedFile): Validators => {
    const published = validatorsOf(task, output, file, context);
    if (output === received) return published;
    return { ...published, received: receivedContent(received, context) };
  };
  const isEqual = existing !== null && await isPublished(existing, output, context);
  if (isEqual && (context.unpacking === null || current?.key === key)) {
    family.recordPrevious(key);
    return { status: "unchanged", validators: validators(existing), previousSizeBytes: null };
  }
  if (!isEqual && task.same !== null && existing && current?.key === key) {
    if (await isSameAsPublished(task.same, output, context)) {
      const same = await shortDigest(task.same);
      const kept = keptFile(task, current, existing, received, context, same);
      return { ...kept, warning: "sameInSubstance" };
    }
  }
  if (context.unpacking === null) {
    return await replaceFile(task, output, provenance, validators, context);
  }
  // The archive is last: once it is published, its members are.
  const members = await context.unpacking.unpack(output, provenance);
  if (isEqual || !context.unpacking.unpacked.isPublished) {
    family.recordPrevious(key);
    const file = isEqual ? existing : { sizeBytes: sealed.sizeBytes, revision: "" };
    const previous = isEqual ? existing : context.recorded;
    return {
      ...changeOf(members, previous?.sizeBytes ?? null),
      validators: validators(file),
      members,
    };
  }
  return { ...await replaceFile(task, output, provenance, validators, context), members };
}

/** How the members of an archive have changed, which is published already, or not published itself. */
function changeOf(
  { created, updated }: MemberCounts,
  previousSizeBytes: number | null,
): Pick<Published, "status" | "previousSizeBytes"> {
  if (created + updated === 0) return { status: "unchanged", previousSizeBytes: null };
  if (previousSizeBytes === null) return { status: "created", previousSizeBytes };
  return { status: "updated", previousSizeBytes };
}

/** Publishes a file in place of the existing one. */
async function replaceFile(
  task: Task,
  { key, sealed, draft }: Received,
  provenance: Provenance,
  validators: (file: PublishedFile) => Validators,
  context: PublishContext,
): Promise<Published> {
  const { family, current } = context;
  const { existing } = draft;
  // The older version is kept before the newer one replaces it.
  if (existing && task.keep > 0) {
    await family.keepVersion(key, current?.key === key ? current.sha256 : existing.sha256);
  }
  const file = await family.publish(
    draft,
    key,
    sealed,
    provenance,
    task.mtime === null ? null : modifiedTime(context.headers, context.nowMs),
  );
  family.recordPrevious(key);
  if (file.sizeBytes !== sealed.sizeBytes) {
    throw new CronfetchError(
      "store.failed",
      `${sealed.sizeBytes} bytes were published, the store has ${file.sizeBytes}`,
    );
  }
  if (task.keep > 0 || isNamedByServer(task)) await family.cleanUp(key);
  return {
    status: existing ? "updated" : "created",
    validators: validators(file),
    previousSizeBytes: existing?.sizeBytes ?? null,
  };
}

/** Keeps refused content for inspection. Returns the refusal with the key of the content. */
async function quarantine(
  { draft, key, sealed }: Received,
  provenance: Provenance,
  family: Family,
  refusal: unknown,
): Promise<unknown> {
  if (!(refusal instanceof CronfetchError)) return refusal;
  const { code, message, retry } = refusal;
  let aside: string;
  try {
    aside = await family.quarantine(draft, key, sealed, provenance);
  } catch (error) {
    const why = errorMessage(error);
    return new CronfetchError(code, `${message}; it could not be kept aside: ${why}`, { retry });
  }
  const where = JSON.stringify(aside);
  return new CronfetchError(code, `${message}; it is kept aside as ${where}`, { retry });
}

/** Whether received bytes and the published file have the same substance. */
async function isSameAsPublished(
  rule: SameRule,
  { draft, key, sealed }: Received,
  { store, signal, current }: PublishContext,
): Promise<boolean> {
  /** Opens the file when it is read: a received file without substance is compared with nothing. */
  async function* published() {
    const pieces = await store.read(key, signal);
    if (pieces === null) throw new CronfetchError("store.failed", `${key} is missing`);
    yield* pieces;
  }
  // Loaded on demand: few tasks have the option.
  const { isSame } = await import("../content/same.ts");
  return await isSame(
    rule,
    { sizeBytes: sealed.sizeBytes, pieces: () => draft.pieces() },
    { sizeBytes: current?.sizeBytes ?? 0, pieces: published },
  );
}

/** Whether the received bytes are published already, by their digest. */
async function isPublished(
  existing: StoredFile,
  { key, sealed }: Received,
  { store, signal, current }: PublishContext,
): Promise<boolean> {
  if (existing.sizeBytes !== sealed.sizeBytes) return false;
  const published = existing.sha256 ??
    (current?.key === key ? current.sha256 : await publishedDigest(store, key, signal));
  return published === sealed.sha256;
}

/**
 * Digest of a published file: from the store's metadata, or else by reading it; null if missing.
 */
export async function publishedDigest(
  store: Pick<Store, "stat" | "digest">,
  key: string,
  signal: AbortSignal,
): Promise<string | null> {
  return (await store.stat(key))?.sha256 ?? await store.digest(key, signal);
}

/**
 * Identifies a transform in a record: a file whose transform has changed is requested again.
 *
 * @returns 16 hexadecimal digits; undefined without a transform.
 */
export async function transformId(transform: Transform | null): Promise<string | undefined> {
  if (transform === null) return undefined;
  const { command, expect } = transform;
  return await shortDigest([command, expect]);
}

const NOTHING_RECEIVED: Partial<ReceivedContent> = {};

/** What the check of a stored file needs. */
export interface StoredFileContext
  extends Pick<AttemptContext, "statCache" | "store" | "signal" | "family"> {
  /** Redacts secrets. */
  readonly redact: (text: string) => string;
}

/**
 * The recorded validators, if they are of this URL and the stored file is still that file; if it was
 * unpacked, with all its members.
 */
export function checkStored(
  url: string,
  recorded: Validators,
  task: Task,
  context: StoredFileContext,
): Promise<Validators | null> {
  const { unpack } = task;
  const checked = checkFile(url, recorded, task, context);
  return unpack === null ? checked : checked.then(async (stored) => {
    if (stored === null) return null;
    // Loaded on demand: few tasks have the option.
    const { areMembersCurrent } = await import("./unpack.ts");
    return await areMembersCurrent(unpack, stored, context) ? stored : null;
  });
}

/** {@linkcode checkStored} without the members. */
async function checkFile(
  url: string,
  recorded: Validators,
  task: Task,
  { statCache, store, redact, signal }: StoredFileContext,
): Promise<Validators | null> {
  const { transform, same } = recorded.received ?? NOTHING_RECEIVED;
  if ((task.transform ?? transform) && await transformId(task.transform) !== transform) return null;
  // Kept by another rule than that of the config: the file of the server may have to be published.
  if (same !== undefined && await shortDigest(task.same) !== same) return null;
  const key = task.namedByServer ? recorded.key : task.key;
  // A date in the name has changed: the file is not requested from the store.
  if (recorded.key !== key) return null;
  if (recorded.unpacked?.isPublished === false) {
    return task.unpack !== null && recorded.source === redact(url) ? recorded : null;
  }
  const stored = await statCache.get(recorded.key);
  if (stored === null) return null;
  const match = compareToStored(recorded, stored, { key, source: redact(url) });
  if (match === "other") return null;
  // Touched or restored: equal bytes are the same file.
  if (match === "unclear") {
    const digest = await publishedDigest(store, recorded.key, signal);
    if (digest !== recorded.sha256) return null;
  }
  return { ...recorded, revision: stored.revision };
}
