/** Names of archive members: which are published, and under which keys. Pure. */

import { safeMemberName } from "../config/keys.ts";
import type { CronfetchError } from "../core/errors.ts";
import { folderOf, foldKey, nameOf } from "../core/key.ts";
import type { Unpack } from "../core/task.ts";
import { quoteServerText } from "../core/text.ts";
import { unpackError } from "../content/archive.ts";

/** Extensions of archives, the longer ones first. */
const ARCHIVE_EXTENSION = /\.(?:tar\.(?:gz|zst)|tgz|tzst|tar|zip|gz|zst)$/i;

/** Maximum length of a key in bytes, as in S3. */
const MAX_KEY_BYTES = 1_024;

/** Where the members of an archive go. */
export interface MemberPlace {
  /** Folder in the store; `""` for its root. */
  readonly folder: string;
  /** Name of the only member, of an archive without names. */
  readonly stem: string;
}

/**
 * Where the members of an archive go, by default: `a/gtfs.zip` is unpacked to the folder `a/gtfs`, and
 * `a/rates.csv.gz` to the file `a/rates.csv`.
 *
 * @param key Of the archive.
 */
export function memberPlace(key: string, { to }: Unpack, isSingleFile: boolean): MemberPlace {
  const stem = stemOf(nameOf(key), isSingleFile);
  const parent = folderOf(key);
  return { folder: to ?? (isSingleFile ? parent : joinKey(parent, stem)), stem };
}

/** The name of an archive without its extension; never the name of the archive itself. */
function stemOf(name: string, isSingleFile: boolean): string {
  const known = name.replace(ARCHIVE_EXTENSION, "");
  const stem = known !== name || isSingleFile ? known : name.replace(/\.[^.]+$/, "");
  return stem === "" || stem === name ? `${name}.unpacked` : stem;
}

function joinKey(folder: string, name: string): string {
  return folder === "" ? name : `${folder}/${name}`;
}

/**
 * The path of a member as globs see it: with slashes, without empty segments and `.`. Parent folders
 * and the like remain.
 */
export function memberPath(path: string): string {
  const slashed = path.replaceAll("\\", "/");
  const segments = slashed.split("/").filter((segment) => segment !== "" && segment !== ".");
  return (slashed.startsWith("/") ? "/" : "") + segments.join("/");
}

/**
 * The key of a member. Characters that are unsafe in a name on some system are replaced, as in the names
 * of servers.
 *
 * @param path As {@linkcode memberPath} returns it.
 * @param folder In the store; `""` for its root.
 * @returns Null if `strip` leaves no name.
 * @throws {CronfetchError} `content.unpack`: the path is outside of the archive, or has no safe name.
 */
export function memberKey(path: string, folder: string, strip: number): string | null {
  const fault = pathFault(path);
  if (fault !== null) throw refusedMember(path, fault);
  const segments = path.normalize("NFC").split("/").slice(strip);
  if (segments.length === 0) return null;
  const safe = segments.map((segment) => {
    const name = safeMemberName(segment);
    if (name === null) throw refusedMember(path, "it has no safe name");
    return name;
  });
  const key = joinKey(folder, safe.join("/"));
  if (new TextEncoder().encode(key).length > MAX_KEY_BYTES) {
    throw refusedMember(path, `its key has more than ${MAX_KEY_BYTES} bytes`);
  }
  return key;
}

/** Why a path is refused, as a clause; or null. */
function pathFault(path: string): string | null {
  if (path === "") return "it has no name";
  if (path.startsWith("/")) return "its path is absolute";
  if (/^[a-z]:(?:\/|$)/i.test(path)) return "its path has a drive letter";
  if (path.split("/").includes("..")) return "its path leads out of the archive";
  if (/\p{Cc}/u.test(path)) return "its name contains a control character";
  if (!path.isWellFormed() || path.includes("\ufffd")) return "its name is no valid text";
  return null;
}

/** The keys of the members of one archive, of which no two may be one file on any system. */
export class MemberKeys {
  /** Folded keys, and the paths of their members. */
  readonly #files = new Map<string, string>();
  /** Folded folders of the keys, and the path of a member in each. */
  readonly #folders = new Map<string, string>();

  /**
   * Adds a key.
   *
   * @throws {CronfetchError} `content.unpack`: another member has the same one, or needs a folder there.
   */
  add(key: string, path: string): void {
    const folded = foldKey(key);
    const other = this.#files.get(folded) ?? this.#folders.get(folded);
    if (other !== undefined) throw clash(path, other);
    for (let folder = folderOf(folded); folder !== ""; folder = folderOf(folder)) {
      const file = this.#files.get(folder);
      if (file !== undefined) throw clash(path, file);
      this.#folders.set(folder, path);
    }
    this.#files.set(folded, path);
  }
}

function clash(path: string, other: string): CronfetchError {
  return refusedMember(path, `${quoteServerText(other)} has the same name on some systems`);
}

/** The error of a member because of which an archive is not unpacked. `fault` is a clause. */
export function refusedMember(path: string, fault: string): CronfetchError {
  return unpackError(`${quoteServerText(path)} is refused: ${fault}`);
}
