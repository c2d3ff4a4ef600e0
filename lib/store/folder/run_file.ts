/**
 * The run file: a file in the root of the store that lists the folders in which a run writes
 * drafts, locked until the run ends. The operating system releases the lock of a crashed run, whose
 * drafts a later run then removes.
 */

import { join } from "@std/path";
import type { Random } from "../../core/host.ts";
import { DriverError } from "../errors.ts";
import { keyFault, OWN_PREFIX } from "../../core/key.ts";
import { type FileSystem, type OpenFile, writeAll } from "./file_system.ts";

const RUN_FILE_PREFIX = `${OWN_PREFIX}run-`;
const DRAFT_SUFFIX = ".part";

/** The name of the file of a run. */
export function runFileName(run: string): string {
  return RUN_FILE_PREFIX + run;
}

/** The run of a run file, or null for another file. */
export function runOfFile(fileName: string): string | null {
  return fileName.startsWith(RUN_FILE_PREFIX) ? fileName.slice(RUN_FILE_PREFIX.length) : null;
}

/** The name of a draft, of fixed length: it fits into any folder, however long the target's is. */
export function draftName(run: string, random: string): string {
  return `${OWN_PREFIX}${run}-${random}${DRAFT_SUFFIX}`;
}

/** The name of a suspended draft. It belongs to no run, so that no sweep removes it. */
export function suspendedName(random: string): string {
  return `${OWN_PREFIX}suspended-${random}${DRAFT_SUFFIX}`;
}

/** Whether a text, perhaps of a damaged state, is the name of a suspended draft. */
export function isSuspendedName(name: string): boolean {
  return /^\.cronfetch-suspended-[0-9a-z]+\.part$/.test(name);
}

/** Whether a file of this name is a draft of the run. */
export function isDraftOf(run: string, fileName: string): boolean {
  return fileName.startsWith(`${OWN_PREFIX}${run}-`) && fileName.endsWith(DRAFT_SUFFIX);
}

/** A folder as a line of a run file. The line break comes first, in case a write before was torn. */
export function folderLine(folder: string): string {
  return `\n${JSON.stringify(folder)}`;
}

/** The folders in the text of a run file; torn lines and invalid keys are skipped. */
export function foldersIn(text: string): string[] {
  return text.split("\n").flatMap((line) => {
    const folder = parseLine(line);
    const isFolder = typeof folder === "string" && (folder === "" || keyFault(folder) === null);
    return isFolder ? [folder] : [];
  });
}

function parseLine(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}

/** Tries to lock a run file. Returns null on a file system without locks. */
export async function tryLock(file: OpenFile): Promise<boolean | null> {
  try {
    return await file.tryLock(true);
  } catch {
    return null;
  }
}

/** Attempts to create a run file, each of which fails if a sweep removes it before it is locked. */
const MAX_ATTEMPTS = 10;

interface LockedFile {
  readonly run: string;
  readonly path: string;
  readonly file: OpenFile;
}

/** The file of the current run, created with the first draft. */
export class RunFile {
  readonly #root: string;
  readonly #sync: boolean;
  readonly #random: Random;
  readonly #fileSystem: FileSystem;
  readonly #added = new Map<string, Promise<string>>();
  /** Folders that are in the file. */
  readonly #written = new Set<string>();
  /** The name of the run; empty until a folder is in the file. */
  #run = "";
  #locked: Promise<LockedFile> | null = null;
  #lastLine: Promise<void> = Promise.resolve();

  /** @param root Absolute path of the store. */
  constructor(root: string, sync: boolean, random: Random, fileSystem: FileSystem) {
    this.#root = root;
    this.#sync = sync;
    this.#random = random;
    this.#fileSystem = fileSystem;
  }

  /** The name of the run, if a folder is in the file; else null, and {@linkcode add} adds it. */
  runOf(folder: string): string | null {
    return this.#written.has(folder) ? this.#run : null;
  }

  /**
   * Adds a folder to the file, unless it is already in it. Await it before creating a draft there:
   * a draft in a folder that is not listed is never removed.
   *
   * @returns The name of the run.
   */
  add(folder: string): Promise<string> {
    const added = this.#added.get(folder);
    if (added !== undefined) return added;
    const adding = this.#write(folder);
    this.#added.set(folder, adding);
    adding.catch(() => this.#added.delete(folder));
    return adding;
  }

  /** Whether a run is the current one. */
  async isOwn(run: string): Promise<boolean> {
    return (await this.#current())?.run === run;
  }

  /**
   * Closes the file. Its lock is released last: an unlocked file belongs to a crashed run.
   *
   * @param isClean Whether no draft is left; else the file is kept for a sweep.
   */
  async close(isClean: boolean): Promise<void> {
    const locked = await this.#current();
    this.#locked = null;
    this.#added.clear();
    this.#written.clear();
    if (locked === null) return;
    await this.#lastLine;
    if (isClean) await this.#fileSystem.remove(locked.path).catch(() => {});
    locked.file.close();
  }

  async #write(folder: string): Promise<string> {
    const { run, file } = await this.#ensureCreated();
    const line = new TextEncoder().encode(folderLine(folder));
    const writing = this.#lastLine.then(() => writeAll(file, line));
    this.#lastLine = writing.catch(() => {});
    await writing;
    if (this.#sync) await file.sync();
    this.#run = run;
    this.#written.add(folder);
    return run;
  }

  #ensureCreated(): Promise<LockedFile> {
    if (this.#locked !== null) return this.#locked;
    const creating = this.#create();
    this.#locked = creating;
    creating.catch(() => this.#locked = null);
    return creating;
  }

  async #current(): Promise<LockedFile | null> {
    return await this.#locked?.catch(() => null) ?? null;
  }

  async #create(): Promise<LockedFile> {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const run = this.#random.name();
      const path = join(this.#root, runFileName(run));
      const file = await this.#fileSystem.open(path, { read: true, write: true, createNew: true });
      // Until it is locked, a sweep takes it for the file of a crashed run.
      if (await tryLock(file) !== false && await this.#exists(path)) return { run, path, file };
      await this.#fileSystem.remove(path).catch(() => {});
      file.close();
    }
    throw new DriverError("store.failed", `other processes keep removing files of ${this.#root}`);
  }

  async #exists(path: string): Promise<boolean> {
    try {
      await this.#fileSystem.lstat(path);
      return true;
    } catch {
      return false;
    }
  }
}
