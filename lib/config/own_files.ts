/** The files of cronfetch itself that are inside of a store. */

import { basename, dirname, join } from "@std/path";
import { stateFile, type StateLocation, type StoreLocation } from "../core/location.ts";
import { foldKey } from "../core/key.ts";
import { MANIFEST_KEYS, type OwnFile, ownFilesIn } from "../core/ownership.ts";

/** What cronfetch keeps on disk besides the published files. */
export interface OwnFileLocations {
  /** Null for a store of the caller's, which is no folder. */
  readonly store: StoreLocation | null;
  /** Null for a state of the caller's, which is no file. */
  readonly state: StateLocation | null;
  /** Absolute paths of the files of the config. */
  readonly files: readonly string[];
  /** Absolute paths of certificates and keys. */
  readonly hostFiles: readonly string[];
  /** Absolute paths of secret files. */
  readonly secretFiles: readonly string[];
  /** Whether the store has a manifest. */
  readonly manifest: boolean;
}

/**
 * The files of cronfetch itself that are inside of a store, by their paths as written and without
 * symbolic links: any of the folders may be one.
 */
export function ownFilesOf(
  { store, state, files, hostFiles, secretFiles, manifest }: OwnFileLocations,
): OwnFile[] {
  const manifests = manifest
    ? MANIFEST_KEYS.map((key): OwnFile => ({ key: foldKey(key), kind: "manifest" }))
    : [];
  if (store?.kind !== "folder") return manifests;
  const statePath = state && stateFile(state);
  const own = ownFilesIn({
    stores: spellings(store.path),
    configs: files.flatMap(spellings),
    credentials: hostFiles.flatMap(spellings),
    secrets: secretFiles.flatMap(spellings),
    states: statePath === null ? [] : spellings(statePath),
  });
  return [...own, ...manifests];
}

/** A path as written; in its real folder; and its target if it is a link itself. */
function spellings(path: string): string[] {
  return [...new Set([path, join(realPath(dirname(path)), basename(path)), realPath(path)])];
}

/**
 * The real path. Of a path that does not exist yet, the deepest existing folder is resolved. The
 * path as written if reading it is not permitted: the permission is not requested.
 */
function realPath(path: string): string {
  if (Deno.permissions.querySync({ name: "read", path }).state !== "granted") return path;
  try {
    return Deno.realPathSync(path);
  } catch {
    const above = dirname(path);
    return above === path ? path : join(realPath(above), basename(path));
  }
}
