/** What hooks receive: the document about a change, and the environment variables of commands. Pure. */

import { shortDigest } from "../core/sha256.ts";
import type { ChangedFile, Delivery } from "../state/state.ts";
import type { Hook } from "../core/task.ts";
import type { Payload } from "./send.ts";

/** A changed file of a {@linkcode ChangeDocument}. */
export interface ChangedFileDocument extends ChangedFile {
  /** Absolute path; null if the store is no folder, or this machine does not have the file. */
  readonly path: string | null;
}

/** The JSON document that a hook receives about a change. */
export interface ChangeDocument {
  /** Kinds of documents may be added. */
  readonly type: "task.changed";
  /** The idempotency key: a change that is delivered again has the same. */
  readonly id: string;
  /** The task's id. */
  readonly task: string;
  /** The status of the result. */
  readonly status: "created" | "updated";
  /** Id of the run that published the files. */
  readonly run: string;
  /** The requested URL, without secrets. */
  readonly url: string;
  /** When they were published, RFC 3339 in UTC. */
  readonly publishedAt: string;
  /** Number of the attempt to deliver the change; the first is 1. */
  readonly attempt: number;
  /** The changed files; at least one. */
  readonly files: readonly ChangedFileDocument[];
}

/**
 * The document about a change.
 *
 * @param pathOf Absolute path of a file; null if it has none here.
 */
export function changeDocument(
  task: string,
  { id, status, run, url, claimedAt, publishedAt, failures, files }: Delivery,
  pathOf: (key: string) => string | null,
): ChangeDocument {
  return {
    ...{ type: "task.changed", id, task, status, run, url },
    publishedAt: publishedAt ?? claimedAt,
    attempt: failures + 1,
    files: files.map(({ key, sha256, sizeBytes, previous }) => {
      return { key, path: pathOf(key), sha256, sizeBytes, previous };
    }),
  };
}

/** The document as a hook receives it. */
export function changePayload(document: ChangeDocument): Payload {
  const { id, task, status, url, files: [file] } = document;
  return {
    headers: { "content-type": "application/json", "idempotency-key": id },
    body: `${JSON.stringify(document)}\n`,
    variables: {
      CRONFETCH_ID: id,
      CRONFETCH_TASK: task,
      CRONFETCH_STATUS: status,
      CRONFETCH_URL: url,
      CRONFETCH_KEY: file?.key ?? "",
      CRONFETCH_PATH: file?.path ?? "",
      CRONFETCH_SHA256: file?.sha256 ?? "",
      CRONFETCH_SIZE: `${file?.sizeBytes ?? ""}`,
      CRONFETCH_PREVIOUS_SHA256: file?.previous?.sha256 ?? "",
    },
  };
}

/**
 * Identifies a hook in the state, without its secrets in readable form.
 *
 * @returns 16 hexadecimal digits. Other headers and variables do not make it another hook.
 */
export async function hookId(hook: Hook): Promise<string> {
  const identity = hook.kind === "webhook" ? [hook.url] : [hook.cwd, ...hook.command];
  return await shortDigest(identity);
}
