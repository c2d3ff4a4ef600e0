/**
 * Which keys a task may write to. Pure. docs/stores.md, "Which files a task may write", describes it.
 */

import { baseKey, folderOf, foldKey, nameOf } from "./key.ts";
import { trimEndOf } from "./text.ts";

/** Names of a config that is found without --config, in the order of help. */
export const CONFIG_NAMES: readonly string[] = ["jsonc", "json", "yaml", "yml", "ts", "txt"]
  .map((extension) => `cronfetch.${extension}`);

const FOLDED_CONFIG_NAMES: ReadonlySet<string> = new Set(CONFIG_NAMES.map(foldKey));

/** A file of cronfetch itself inside of a store. */
export interface OwnFile {
  /** Its key, folded. */
  readonly key: string;
  readonly kind: "config" | "credentials" | "secret" | "state" | "manifest";
}

/** The files of a manifest. */
export const MANIFEST_KEYS = ["SHA256SUMS", "cronfetch.manifest.json"] as const;

/** Absolute paths, each as written and without symbolic links. */
export interface OwnPaths {
  /** The store's folder; empty if the store is no folder. */
  readonly stores: readonly string[];
  readonly configs: readonly string[];
  /** Certificates and keys of the config. */
  readonly credentials: readonly string[];
  /** Files of secrets. */
  readonly secrets: readonly string[];
  /** The file of the state; empty if the state is no file. */
  readonly states: readonly string[];
}

/** The files of cronfetch itself inside of the store, with any spelling of the paths. */
export function ownFilesIn(
  { stores, configs, credentials, secrets, states }: OwnPaths,
): OwnFile[] {
  const files = new Map<string, OwnFile>();
  const add = (kind: OwnFile["kind"], path: string) => {
    for (const store of stores) {
      const key = keyBelow(store, path);
      if (key !== null) files.set(`${kind} ${key}`, { key, kind });
    }
  };
  for (const path of configs) add("config", path);
  for (const path of credentials) add("credentials", path);
  for (const path of secrets) add("secret", path);
  for (const path of states) add("state", path);
  return [...files.values()];
}

/** Folded key of a path below a folder, or null if it is elsewhere. */
function keyBelow(folder: string, path: string): string | null {
  const [root, place] = [folder, path].map((text) => foldKey(text.replaceAll("\\", "/")));
  if (root === undefined || place === undefined) return null;
  const prefix = root.endsWith("/") ? root : `${root}/`;
  return place.startsWith(prefix) ? place.slice(prefix.length) : null;
}

/** Suffixes of a state's companions, folded, except backups. */
const COMPANION =
  /^(?:-(?:WAL|SHM|JOURNAL)|\.(?:NEW|LOCK|LEASES|LEASES\.NEW|CHECKED|FAILED|RUN-.*))$/s;

/** Whether a suffix of the state's name makes the name of a companion. */
function isCompanion(rest: string): boolean {
  if (rest.includes("/")) return false;
  return COMPANION.test(rest) || /^[-.~]/.test(rest) && /BAK|BACKUP|OLD|FORMAT/.test(rest);
}

/** Characters that HFS+ ignores in names, so that `.g\u200cit` is `.git` there. */
const IGNORED = /[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]/g;

/** Every segment that needs all checks contains one of these. */
const SUSPECT = /git|cronfetch|[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff\u0130\u0131]/i;

/**
 * Why no task may write to a key, as a clause; or null.
 *
 * @param namedByServer Whether the server chose the name.
 * @param own See {@linkcode ownFilesIn}.
 */
export function reservedKey(
  key: string,
  namedByServer: boolean,
  own: readonly OwnFile[],
): string | null {
  if (own.length === 0 && !SUSPECT.test(key)) return null;
  const folded = foldKey(key);
  for (const segment of folded.split("/")) {
    const name = trimEndOf(segment.replace(IGNORED, ""), ". ");
    if (name === ".GIT" || name === "GIT~1") return "it is part of a git repository";
    if (/^\.CRONFETCH(?:-|$)/.test(name)) return "it is a name of cronfetch's own";
  }
  if (namedByServer && FOLDED_CONFIG_NAMES.has(nameOf(folded))) {
    return "a server must not name a config";
  }
  for (const file of own) {
    const fault = reservedByFile(folded, file);
    if (fault !== null) return fault;
  }
  return null;
}

const KIND_TEXTS = {
  config: "the config",
  credentials: 'a certificate or key of "hosts"',
  secret: "a secret of the config",
  state: "the state",
  manifest: 'a file of "manifest"',
} as const satisfies Record<OwnFile["kind"], string>;

function reservedByFile(folded: string, { key, kind }: OwnFile): string | null {
  const what = KIND_TEXTS[kind];
  if (folded === key) return `it is ${what}`;
  if (key.startsWith(`${folded}/`)) return `${what} is in a folder of that name`;
  if (folded.startsWith(`${key}/`)) return `it is ${what}, and no folder`;
  switch (kind) {
    case "config":
      return folderOf(folded) === folderOf(key) && FOLDED_CONFIG_NAMES.has(nameOf(folded))
        ? "a config would be found under that name"
        : null;
    case "credentials":
    case "secret":
    case "manifest":
      return null;
    case "state":
      return folded.startsWith(key) && isCompanion(folded.slice(key.length))
        ? "it belongs to the state"
        : null;
    default:
      return kind satisfies never;
  }
}

/** The keys of all tasks, to protect the files of one task from another. */
export class KeyOwners {
  readonly #owners = new Map<string, string>();
  /** Keys from which a task's key is derived, and the task. */
  readonly #bases = new Map<string, string>();
  /** Folders of the tasks' keys. */
  readonly #folders = new Set<string>();

  /** Assigns a key to a task, unless it is another's. */
  add(key: string, task: string): void {
    const folded = foldKey(key);
    if (this.#owners.has(folded)) return;
    this.#owners.set(folded, task);
    const base = baseKey(folded);
    if (base !== null && !this.#bases.has(base)) this.#bases.set(base, task);
    for (let end = folded.indexOf("/"); end >= 0; end = folded.indexOf("/", end + 1)) {
      this.#folders.add(folded.slice(0, end));
    }
  }

  /** Why a task may not write to a key, as a clause; null if it may. */
  faultOf(key: string, task: string): string | null {
    const folded = foldKey(key);
    const owner = this.#owners.get(folded);
    if (this.#isOther(owner, task)) return "another task writes to it";
    const base = baseKey(folded);
    if (base !== null && this.#isOther(this.#owners.get(base), task)) {
      return "it is named like an older version or refused content of another task's file";
    }
    if (owner === task) return null;
    if (this.#isOther(this.#bases.get(folded), task)) {
      return "another task's file is named like an older version or refused content of it";
    }
    return this.#folders.has(folded) ? "another task needs a folder of that name" : null;
  }

  /** Whether a key is another task's. */
  isOthers(key: string, task: string): boolean {
    return this.#isOther(this.#owners.get(foldKey(key)), task);
  }

  #isOther(owner: string | undefined, task: string): boolean {
    return owner !== undefined && owner !== task;
  }
}
