/**
 * The file by which a run says that it lives, and where it drafts. It stands in
 * the root of the store and is locked for as long as the run lives; when the
 * run dies in whatever way, the system lets go of the lock.
 */

import { join } from "@std/path";
import type { Random } from "../../core/host.ts";
import { DriverError } from "../errors.ts";
import { type FileSystem, type OpenFile, writeAll } from "./file_system.ts";
import { keyFault, OWN_PREFIX } from "../key.ts";

const RUN_FILE_PREFIX = `${OWN_PREFIX}run-`;
const DRAFT_SUFFIX = ".part";

/** Name of the file of a run, in the root of the store. */
export function runFileName(run: string): string {
  return RUN_FILE_PREFIX + run;
}

/** Name of the run whose file this is, or null for another file. */
export function runOfFile(fileName: string): string | null {
  return fileName.startsWith(RUN_FILE_PREFIX) ? fileName.slice(RUN_FILE_PREFIX.length) : null;
}

/** Name of a draft: of one length whatever its target is called, so that it fits where that fits. */
export function draftName(run: string, random: string): string {
  return `${OWN_PREFIX}${run}-${random}${DRAFT_SUFFIX}`;
}

/** Name of a suspended draft. It is no run's, so no sweep takes it. */
export function suspendedName(random: string): string {
  return `${OWN_PREFIX}suspended-${random}${DRAFT_SUFFIX}`;
}

/** Whether a text can be the name of a suspended draft, and of nothing else. */
export function isSuspendedName(name: string): boolean {
  return /^\.cronfetch-suspended-[0-9a-z]+\.part$/.test(name);
}

/** Whether a file of this name is a draft of the run. */
export function isDraftOf(run: string, fileName: string): boolean {
  return fileName.startsWith(`${OWN_PREFIX}${run}-`) && fileName.endsWith(DRAFT_SUFFIX);
}

/** A folder as a line of a run file. It begins with the line's end, lest a torn line spoil it. */
export function folderLine(folder: string): string {
  return `\n${JSON.stringify(folder)}`;
}

/** The folders that a run file names; what is torn, or is no folder of a store, is left out. */
export function foldersIn(text: string): string[] {
  return text.split("\n").flatMap((line) => {
    const folder = parseLine(line);
    const known = typeof folder === "string" && (folder === "" || keyFault(folder) === null);
    return known ? [folder] : [];
  });
}

function parseLine(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}

/**
 * Takes the lock of a run file, if nobody holds it.
 *
 * @returns Whether it is ours now; null on a file system that knows no locks.
 */
export async function takeLock(file: OpenFile): Promise<boolean | null> {
  try {
    return await file.tryLock(true);
  } catch {
    return null;
  }
}

/** How often a run begins anew when sweeps take its unlocked file away. */
const MAX_ATTEMPTS = 10;

/** An open run file. */
interface HeldRunFile {
  readonly run: string;
  readonly path: string;
  readonly file: OpenFile;
}

/** The file of a run that goes on; on disk from the first draft to the end. */
export class RunFile {
  readonly #root: string;
  readonly #sync: boolean;
  readonly #random: Random;
  readonly #fileSystem: FileSystem;
  readonly #noted = new Map<string, Promise<string>>();
  #held: Promise<HeldRunFile> | null = null;
  #lastLine: Promise<void> = Promise.resolve();

  /** Prepares a run in the store at `root`; touches nothing. */
  constructor(root: string, sync: boolean, random: Random, fileSystem: FileSystem) {
    this.#root = root;
    this.#sync = sync;
    this.#random = random;
    this.#fileSystem = fileSystem;
  }

  /**
   * Notes that the run drafts in a folder. To be waited for before each draft;
   * a folder is written down once.
   *
   * @returns Name of the run.
   */
  note(folder: string): Promise<string> {
    const noted = this.#noted.get(folder);
    if (noted !== undefined) return noted;
    const noting = this.#write(folder);
    this.#noted.set(folder, noting);
    noting.catch(() => this.#noted.delete(folder));
    return noting;
  }

  /** Whether this is the file of the run itself. */
  async isOwn(run: string): Promise<boolean> {
    return (await this.#current())?.run === run;
  }

  /**
   * Ends the run. Lets go of the lock in the end, so that nobody sees an
   * unlocked file of a run that lives.
   *
   * @param swept Whether no draft is left; otherwise the file stays, for a sweep.
   */
  async end(swept: boolean): Promise<void> {
    const held = await this.#current();
    this.#held = null;
    this.#noted.clear();
    if (held === null) return;
    await this.#lastLine;
    if (swept) await this.#fileSystem.remove(held.path).catch(() => {});
    held.file.close();
  }

  async #write(folder: string): Promise<string> {
    const { run, file } = await this.#hold();
    const line = new TextEncoder().encode(folderLine(folder));
    const writing = this.#lastLine.then(() => writeAll(file, line));
    this.#lastLine = writing.catch(() => {});
    await writing;
    if (this.#sync) await file.sync();
    return run;
  }

  #hold(): Promise<HeldRunFile> {
    if (this.#held !== null) return this.#held;
    const holding = this.#begin();
    this.#held = holding;
    holding.catch(() => this.#held = null);
    return holding;
  }

  async #current(): Promise<HeldRunFile | null> {
    return await this.#held?.catch(() => null) ?? null;
  }

  async #begin(): Promise<HeldRunFile> {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const run = this.#random.name();
      const path = join(this.#root, runFileName(run));
      const file = await this.#fileSystem.open(path, { read: true, write: true, createNew: true });
      // Until it is locked, a sweep takes it for the file of a dead run.
      if (await takeLock(file) !== false && await this.#isThere(path)) return { run, path, file };
      await this.#fileSystem.remove(path).catch(() => {});
      file.close();
    }
    throw new DriverError("store.failed", `${this.#root} was swept over and over meanwhile`);
  }

  async #isThere(path: string): Promise<boolean> {
    try {
      await this.#fileSystem.lstat(path);
      return true;
    } catch {
      return false;
    }
  }
}
