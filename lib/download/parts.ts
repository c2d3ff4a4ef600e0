/** Parts of files between runs: put aside by one run, taken up by the next. */

import type { Task } from "../core/task.ts";
import type { PartRecord } from "../state/state.ts";
import type { Store, Survey } from "../store/store.ts";
import type { HeldPart } from "./attempt.ts";
import { canResume } from "./resume.ts";

/** A smaller part is fetched again sooner than it is looked after. */
const MIN_PART_BYTES = 64 * 1024;

/** The part a task has, over the course of its sources. */
export interface Parts {
  /** What a source may continue; null where there is nothing for it. */
  takeUp(source: string): Promise<HeldPart | null>;
  /** Keeps what a source was left with, for the next run, if that is worth it; else discards it. */
  putAside(held: HeldPart, source: string): Promise<void>;
  /** Ends the course. Returns what the next run may continue: nothing, once the file is good. */
  settle(isGood: boolean): Promise<PartRecord | null>;
}

/** What {@linkcode createParts} needs. */
export interface PartsOptions {
  readonly store: Store;
  /** Looks at the keys of the run's tasks. */
  readonly survey: Survey;
  readonly signal: AbortSignal;
  readonly task: Pick<Task, "key" | "conditional" | "expect">;
  /** What an earlier run has put aside. */
  readonly remembered: PartRecord | null;
  /** Whether there will be anybody to remember it. */
  readonly durable: boolean;
}

/** At most one part a task is kept: the newest. Sources are told apart by their redacted URLs. */
export function createParts(options: PartsOptions): Parts {
  const { store, survey, signal, task, durable } = options;
  const { key } = task;
  let remembered = options.remembered;
  let aside: PartRecord | null = null;

  const drop = async (part: PartRecord | null) => {
    // What cannot be removed is invisible, and in nobody's way.
    if (part) await store.drop(part.key, part.draft).catch(() => {});
  };

  const takeUpDraft = async (part: PartRecord) => {
    const expectedBytes = part.totalBytes;
    try {
      return await store.resume(key, part.draft, signal, { survey, expectedBytes });
    } catch (error) {
      // It may be there still, for a run that is not interrupted.
      aside ??= part;
      throw error;
    }
  };

  return {
    takeUp: async (source) => {
      const part = remembered;
      if (part?.source !== source || part.key !== key) return null;
      // It is dropped unread.
      if (!canResume(part.validator, task)) return null;
      remembered = null;
      const resumed = await takeUpDraft(part);
      if (!resumed) return null;
      const { draft, head } = resumed;
      const { sizeBytes, totalBytes, validator } = part;
      if (draft.sizeBytes !== sizeBytes) {
        await draft.discard();
        return null;
      }
      return { draft, key, head: { bytes: head }, sizeBytes, totalBytes, validator };
    },
    putAside: async (held, source) => {
      const { draft, sizeBytes, totalBytes, validator } = held;
      if (!durable || aside || sizeBytes < MIN_PART_BYTES) return await draft.discard();
      try {
        const name = await draft.suspend();
        aside = { key: held.key, source, validator, sizeBytes, totalBytes, draft: name };
      } catch {
        await draft.discard();
      }
    },
    settle: async (isGood) => {
      // Not come to, or about a name or a place the task no longer has.
      await drop(remembered);
      remembered = null;
      if (isGood) {
        // What one place was left with, before another had the whole.
        await drop(aside);
        aside = null;
      }
      return aside;
    },
  };
}
