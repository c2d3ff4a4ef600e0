/** Where imported files go: a store that all have in common, and names in it. */

import { join } from "@std/path";
import type { ImportNote } from "./draft.ts";
import type { PlacedDownload } from "./script.ts";
import { nameText, type Text } from "./text.ts";

/** The place of a file, as templates of names. */
export interface FilePlace {
  /** The folder; `""` for the current one. */
  readonly folder: string;
  /** The name in the folder; null if the URL names the file. */
  readonly name: string | null;
  /** Whether the command writes a file there. */
  readonly isFile: boolean;
  readonly line: number;
}

/** The place of a download. */
export function placeOf(
  { path, isFile, workingFolder, draft }: PlacedDownload,
  notes: ImportNote[],
): FilePlace {
  const written = path === null ? "" : nameText(path) ?? lastPart(path);
  const folders = [workingFolder, draft.folder ?? []].map(nameText);
  if (folders.includes(null) || (path !== null && nameText(path) === null)) {
    const reason = "it cannot contain a variable of the environment; the file is in the store";
    notes.push({ line: draft.line, what: "the folder", reason });
  }
  const [working = "", folder = ""] = folders;
  // An option names a folder relative to the working folder; a path may be absolute.
  const base = isAbsolute(folder ?? "") ? folder : joined(working ?? "", folder ?? "");
  const full = isAbsolute(written ?? "") ? written ?? "" : joined(base ?? "", written ?? "");
  if (!written) return { folder: full, name: serverName(draft), isFile, line: draft.line };
  const slash = full.lastIndexOf("/");
  return {
    folder: slash === 0 ? "/" : full.slice(0, Math.max(slash, 0)),
    name: full.slice(slash + 1),
    isFile,
    line: draft.line,
  };
}

/** The name after a folder with a variable; "" if the name has a variable itself. */
function lastPart(path: Text): string {
  const variable = path.findLastIndex((part) => typeof part === "object" && "env" in part);
  const rest = nameText(path.slice(variable + 1)) ?? "";
  return rest.slice(rest.lastIndexOf("/") + 1 || rest.length);
}

function serverName({ isNamedByServer, prefix }: PlacedDownload["draft"]): string | null {
  if (isNamedByServer) return `${prefix}{name}`;
  return prefix === "" ? null : prefix;
}

function isAbsolute(path: string): boolean {
  return path.startsWith("/") || /^[a-z]:[/\\]/i.test(path);
}

/** Joins two relative paths; "" is the current folder. */
function joined(folder: string, path: string): string {
  const whole = join(folder === "" ? "." : folder, path === "" ? "." : path).replaceAll("\\", "/");
  return whole === "." ? "" : whole.replace(/\/$/, "");
}

/**
 * The folder that all files have in common; null if no command writes a file. If some paths are
 * absolute and others are not, it is the folder of the larger group: a single absolute path must not
 * place all other files below `/tmp`.
 */
export function storeOf(places: readonly FilePlace[]): string | null {
  const folders = places.filter(({ isFile }) => isFile).map(({ folder }) => fixedPart(folder));
  const absolute = folders.filter(isAbsolute);
  const isMostlyAbsolute = absolute.length * 2 >= folders.length;
  const [first, ...others] = folders.filter((folder) => isAbsolute(folder) === isMostlyAbsolute);
  if (first === undefined) return null;
  let common = first.split("/");
  for (const folder of others) {
    const parts = folder.split("/");
    const end = common.findIndex((part, index) => part !== parts[index]);
    if (end >= 0) common = common.slice(0, end);
  }
  const store = common.join("/");
  // Nothing in common: the root is no place for a store.
  if (store === "") return isMostlyAbsolute ? first : ".";
  return isAbsolute(store) || store.startsWith(".") ? store : `./${store}`;
}

/** The part of a folder before its first placeholder. */
function fixedPart(folder: string): string {
  const brace = folder.indexOf("{");
  return brace < 0 ? folder : folder.slice(0, Math.max(folder.lastIndexOf("/", brace), 0));
}

/** The value of `to` that puts a file at its place; none if its URL names it. */
export function toInStore(
  { folder, name, isFile, line }: FilePlace,
  store: string | null,
  notes: ImportNote[],
): { readonly to?: string } {
  const root = (store ?? "").replace(/^\.\/?/, "");
  const isInside = root === "" ? !isAbsolute(folder) : `${folder}/`.startsWith(`${root}/`);
  if (!isInside && isFile) {
    const reason = `a config has one store; the file is below ${store}`;
    notes.push({ line, what: `the folder ${folder || "."}`, reason });
  }
  const relative = (isInside ? folder.slice(root.length) : folder).replace(/^\/+/, "");
  const to = relative === "" ? name ?? "" : `${relative}/${name ?? ""}`;
  return to === "" ? {} : { to };
}
