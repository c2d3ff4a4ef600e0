/** A store in a folder. */

import type { Random } from "../core/host.ts";
import { type BytesBefore, createDraft, type DraftSteps } from "./draft.ts";
import { explained, storeClosed, storeError } from "./errors.ts";
import { type FileSystem, machineFileSystem, removeIfThere, storedFile } from "./file_system.ts";
import type { FolderContext } from "./folder_context.ts";
import { copyPublished } from "./folder_copy.ts";
import { dropFolderDraft, openFolderDraft, resumeFolderDraft } from "./folder_draft.ts";
import { digestFile, findFile, listFiles } from "./folder_files.ts";
import { FolderTree, replaced } from "./folder_tree.ts";
import { checkKey, checkPrefix } from "./key.ts";
import { RunFile } from "./run_file.ts";
import type { Draft, ListedFile, Resumed, Store, StoredFile } from "./store.ts";
import { sweepDeadRuns } from "./sweep.ts";

/** What a folder store needs beside its folder. */
export interface FolderOptions {
  /** Whether to wait until the disk holds what was written; else a power failure may lose it. */
  readonly sync: boolean;
  /** For names nobody can guess. */
  readonly random: Random;
}

/**
 * Opens a store in a folder. The folder is made when the first draft is; it may
 * be a symbolic link, but none below it is followed, nor replaced.
 *
 * @param root Absolute path of the folder.
 * @param fileSystem The calls to make; by default those of this machine.
 */
export function openFolder(
  root: string,
  options: FolderOptions,
  fileSystem: FileSystem = machineFileSystem,
): Store {
  const { sync, random } = options;
  const runFile = new RunFile(root, sync, random, fileSystem);
  const tree = new FolderTree(root, fileSystem);
  const context: FolderContext = { root, sync, random, tree, runFile, fileSystem };
  const drafts = new Set<Draft>();
  const busy = new Set<Promise<unknown>>();
  let closed = false;

  function register(steps: DraftSteps, before?: BytesBefore): Draft {
    const draft = createDraft(steps, () => drafts.delete(draft), before);
    drafts.add(draft);
    return draft;
  }

  async function startDraft(key: string): Promise<Draft> {
    return register(await openFolderDraft(key, context));
  }

  /** Does what leaves traces on disk: the store is not closed before it is over. */
  async function tracked<T>(work: () => Promise<T>): Promise<T> {
    if (closed) throw storeClosed();
    const working = work();
    busy.add(working);
    try {
      return await working;
    } finally {
      busy.delete(working);
    }
  }

  async function draft(key: string): Promise<Draft> {
    checkKey(key);
    return await tracked(() => startDraft(key));
  }

  async function resume(key: string, name: string, signal: AbortSignal): Promise<Resumed | null> {
    checkKey(key);
    return await tracked(async () => {
      const resumed = await resumeFolderDraft(key, name, signal, context);
      return resumed && { draft: register(resumed.steps, resumed.before), head: resumed.head };
    });
  }

  async function drop(key: string, name: string): Promise<void> {
    checkKey(key);
    await explained(
      `removing a draft of ${JSON.stringify(key)}`,
      () => dropFolderDraft(key, name, context),
    );
  }

  async function stat(key: string): Promise<StoredFile | null> {
    checkKey(key);
    const found = await explained(reading(key), () => findFile(key, context));
    return found && storedFile(found.info);
  }

  async function digest(key: string, signal: AbortSignal): Promise<string | null> {
    checkKey(key);
    try {
      return await digestFile(key, signal, context);
    } catch (error) {
      signal.throwIfAborted();
      throw storeError(reading(key), error);
    }
  }

  async function* list(prefix: string): AsyncGenerator<ListedFile> {
    checkPrefix(prefix);
    try {
      yield* listFiles(prefix, context);
    } catch (error) {
      throw storeError(`listing ${JSON.stringify(prefix)}`, error);
    }
  }

  async function copy(from: string, to: string): Promise<void> {
    checkKey(from);
    checkKey(to);
    const doing = `copying ${JSON.stringify(from)} to ${JSON.stringify(to)}`;
    await tracked(() => explained(doing, () => copyPublished(from, to, context, startDraft)));
  }

  async function remove(key: string): Promise<void> {
    checkKey(key);
    await explained(`removing ${JSON.stringify(key)}`, async () => {
      const found = await findFile(key, context);
      if (found === null) return;
      if (!await tree.isIntact(found.folder)) throw replaced(found.folder.path);
      await removeIfThere(fileSystem, found.path);
    });
  }

  async function dispose(): Promise<void> {
    closed = true;
    await Promise.allSettled(busy);
    await Promise.all([...drafts].map((draft) => draft.discard()));
    // What could not be removed is still among the drafts.
    await runFile.end(drafts.size === 0);
  }

  return {
    location: root,
    draft,
    resume,
    drop,
    stat,
    digest,
    list,
    copy,
    remove,
    sweep: () => explained(`sweeping ${root}`, () => sweepDeadRuns(context)),
    [Symbol.asyncDispose]: dispose,
  };
}

function reading(key: string): string {
  return `reading ${JSON.stringify(key)}`;
}
