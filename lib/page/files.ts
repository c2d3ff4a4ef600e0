/** Downloads, previews and differences of the files that tasks have published. */

import type { Clock, Timers } from "../core/host.ts";
import { isListKey, nameOf } from "../core/key.ts";
import { idBehind } from "./assets.ts";
import type { PageFiles, PageSource, PageTask, PageVersion } from "./source.ts";
import {
  diffText,
  MAX_DIFF_BYTES,
  type Preview,
  preview,
  PREVIEW_BYTES,
  type TextDiff,
  unavailable,
} from "./text_diff.ts";

/**
 * Serves a file of a task: the published one, or with `?task=ID` any of its family, and nothing else
 * in the store. The browser saves it and never renders it, so that foreign HTML cannot run on this
 * origin; if it did, the policy would give it an origin of its own.
 *
 * @returns Null if there is no such file, or downloads are disabled.
 */
export async function answerFile(
  request: Request,
  source: Pick<PageSource, "files" | "task" | "isPublished" | "versions">,
): Promise<Response | null> {
  const key = idBehind("/files/", request.url);
  if (source.files === null || key === null || !await isOfTask(key, request, source)) return null;
  const file = await source.files.open(key);
  if (file === null) return null;
  const headers = {
    "content-type": "application/octet-stream",
    "content-disposition": `attachment; filename*=UTF-8''${encodedName(nameOf(key))}`,
    "content-length": `${file.sizeBytes}`,
    "content-security-policy": "default-src 'none'; sandbox",
  };
  if (request.method !== "HEAD") return new Response(file.body, { headers });
  await file.body.cancel();
  return new Response(null, { headers });
}

async function isOfTask(
  key: string,
  request: Request,
  source: Pick<PageSource, "task" | "isPublished" | "versions">,
): Promise<boolean> {
  const id = new URL(request.url).searchParams.get("task");
  if (id === null) {
    return await source.isPublished(key);
  }
  const task = await source.task(id);
  return task !== null &&
    (await versionsOfTask(task, source)).some((version) => version.key === key);
}

/** The files of one task. */
export async function versionsOfTask(
  task: PageTask,
  source: Pick<PageSource, "versions">,
): Promise<readonly PageVersion[]> {
  return (await source.versions([task])).get(task.id) ?? [];
}

/** Encodes a file name for `filename*` (RFC 8187). */
function encodedName(name: string): string {
  return encodeURIComponent(name.toWellFormed())
    .replace(/['()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** The beginning of a task's file; null if it is unavailable or downloads are disabled. */
export async function readPreview(
  { files }: Pick<PageSource, "files">,
  { record }: PageTask,
): Promise<Preview | null> {
  if (files === null || !record?.published || isListKey(record.published.key)) return null;
  const read = await readStart(files, record.published.key, PREVIEW_BYTES);
  return read && preview(read.bytes, read.isWhole);
}

/** Compares two files of a task. */
export type Comparer = (older: PageVersion, newer: PageVersion) => Promise<TextDiff>;

/** A comparison is followed by this many times its own time for other work. */
const COMPARE_COST_FACTOR = 9;

/** Comparisons that wait for their turn, the current one included. */
const MAX_COMPARISONS = 5;

/**
 * Creates a comparer that works on one pair at a time, and a tenth of the time at most: a comparison
 * blocks the process for up to half a second, and every visitor may request them.
 */
export function createComparer(
  source: Pick<PageSource, "files">,
  { clock, timers, closing }: {
    readonly clock: Pick<Clock, "monotonicMs">;
    readonly timers: Pick<Timers, "sleep">;
    /** Ends pending delays. */
    readonly closing: AbortSignal;
  },
): Comparer {
  let last: Promise<unknown> = Promise.resolve();
  let pending = 0;
  let freeFromMs = 0;

  const compareTimed: typeof diffText = async (older, newer) => {
    const startMs = clock.monotonicMs();
    try {
      return await diffText(older, newer);
    } finally {
      const endMs = clock.monotonicMs();
      freeFromMs = endMs + COMPARE_COST_FACTOR * (endMs - startMs);
    }
  };

  const compareInTurn = async (older: PageVersion, newer: PageVersion): Promise<TextDiff> => {
    const pauseMs = freeFromMs - clock.monotonicMs();
    if (pauseMs > 0) await timers.sleep(pauseMs, closing).catch(() => {});
    return await readDiff(source, older, newer, compareTimed);
  };

  return async (older, newer) => {
    if (pending >= MAX_COMPARISONS) {
      return unavailable("Too many files are being compared now; reload the page later.");
    }
    pending++;
    const turn = last.then(() => compareInTurn(older, newer)).finally(() => pending--);
    last = turn.catch(() => {});
    return await turn;
  };
}

async function readDiff(
  { files }: Pick<PageSource, "files">,
  older: PageVersion,
  newer: PageVersion,
  compare: typeof diffText,
): Promise<TextDiff> {
  if (files === null) return unavailable("Downloads are disabled in the config.");
  if (older.sha256 !== null && older.sha256 === newer.sha256) return { kind: "equal" };
  const [one, other] = await Promise.all(
    [older, newer].map(({ key }) => readStart(files, key, MAX_DIFF_BYTES)),
  );
  if (!one || !other) return unavailable("One of the files is no longer in the store.");
  if (!one.isWhole || !other.isWhole) return unavailable("The files are too large to compare.");
  return await compare(one.bytes, other.bytes);
}

/** Reads at most `maxBytes` of a file; null if there is none. */
async function readStart(
  files: PageFiles,
  key: string,
  maxBytes: number,
): Promise<{ readonly bytes: Uint8Array; readonly isWhole: boolean } | null> {
  const file = await files.open(key);
  if (file === null) return null;
  const bytes = new Uint8Array(Math.min(maxBytes, file.sizeBytes));
  let size = 0;
  for await (const piece of file.body) {
    const part = piece.subarray(0, bytes.length - size);
    bytes.set(part, size);
    size += part.length;
    // Ending the loop cancels the body.
    if (size === bytes.length) break;
  }
  return { bytes: bytes.subarray(0, size), isWhole: file.sizeBytes <= maxBytes };
}

/** The pair of versions that a request compares: by default the published file and the one before. */
export function versionsToCompare(
  versions: readonly PageVersion[],
  query: URLSearchParams,
): { readonly older: PageVersion; readonly newer: PageVersion } | null {
  const named = (name: string) => versions.find(({ key }) => key === query.get(name));
  const accepted = comparable(versions);
  const newer = query.has("new") ? named("new") : accepted[0];
  const older = query.has("old") ? named("old") : newer && versionBefore(versions, newer);
  return older && newer && older !== newer ? { older, newer } : null;
}

/** The version that a file is compared with by default: quarantined content with the published file. */
export function versionBefore(
  versions: readonly PageVersion[],
  { key, kind }: PageVersion,
): PageVersion | undefined {
  if (kind === "member" || kind === "dropped") return undefined;
  const accepted = comparable(versions);
  if (kind === "refused") return accepted[0];
  return accepted[accepted.findIndex((version) => version.key === key) + 1];
}

/** The published file and its versions, without members of archives, which are different files. */
function comparable(versions: readonly PageVersion[]): readonly PageVersion[] {
  return versions.filter(({ kind }) => !["refused", "member", "dropped"].includes(kind));
}
