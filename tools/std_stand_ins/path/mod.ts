/** Stands in for `@std/path` where JSR cannot be reached: the functions used here, nothing else. */

import { isAbsolute } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

export {
  basename,
  dirname,
  extname,
  isAbsolute,
  join,
  normalize,
  relative,
  resolve,
  sep as SEPARATOR,
} from "node:path";

/** The path of a `file:` URL. Throws a TypeError for any other. */
export function fromFileUrl(url: string | URL): string {
  return fileURLToPath(url);
}

/** The `file:` URL of an absolute path. Throws a TypeError for a relative one. */
export function toFileUrl(path: string): URL {
  if (isAbsolute(path)) return pathToFileURL(path);
  throw new TypeError(`Path must be absolute: received "${path}"`);
}
