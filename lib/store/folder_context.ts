/** What the parts of a folder store share. */

import type { Random } from "../core/host.ts";
import type { FileSystem } from "./file_system.ts";
import type { FolderTree } from "./folder_tree.ts";
import type { RunFile } from "./run_file.ts";
import type { Writer } from "./writer.ts";

/** What the parts of a folder store share. */
export interface FolderContext {
  /** Absolute path of the store. */
  readonly root: string;
  /** Whether to wait until the disk holds what was written. */
  readonly sync: boolean;
  /** The folders below. */
  readonly tree: FolderTree;
  /** Says that this run lives, and where it drafts. */
  readonly runFile: RunFile;
  /** For names nobody can guess. */
  readonly random: Random;
  /** The thread that writes large files; null where there is none. */
  readonly writer: () => Promise<Writer | null>;
  /** The calls to make. */
  readonly fileSystem: FileSystem;
}
