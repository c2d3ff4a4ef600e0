/** Where things stand on the page: paths from ids, and ids from paths. Pure. */

/**
 * The path of a task below `prefix`. Browsers take `.` and `..` for steps however they are
 * written, so these two go into the query.
 */
export function taskPath(id: string, prefix = "/tasks"): string {
  if (id === "." || id === "..") return `${prefix}/?id=${id}`;
  return `${prefix}/${encodeURIComponent(id.toWellFormed())}`;
}

/** The path of a run. */
export function runPath(run: string): string {
  return `/runs/${encodeURIComponent(run.toWellFormed())}`;
}

/** The path of a published file; its last segment is the name a browser saves it by. */
export function filePath(key: string): string {
  return `/files/${
    key.split("/").map((part) => encodeURIComponent(part.toWellFormed())).join("/")
  }`;
}

/**
 * What stands in a URL behind `prefix`, decoded once and whole: a `/` in an id is as good
 * encoded as plain, since some proxies decode it.
 *
 * @returns Null for what cannot be decoded.
 */
export function idBehind(prefix: string, url: string): string | null {
  const { pathname, searchParams } = new URL(url);
  const rest = pathname.slice(prefix.length);
  if (rest === "") return searchParams.get("id");
  try {
    return decodeURIComponent(rest);
  } catch {
    return null;
  }
}

/** A URL that may become a link: http or https, and nothing in it masked. Else null. */
export function linkable(url: string): string | null {
  const protocol = URL.parse(url)?.protocol;
  const safe = protocol === "http:" || protocol === "https:";
  return safe && !url.includes("***") ? url : null;
}
