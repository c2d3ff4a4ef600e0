/** One entry of `tasks` -> one TaskTemplate. */

import type { Expectations, Task } from "../core/task.ts";
import { readAddress } from "./address.ts";
import type { Address } from "./address.ts";
import { complaintAboutId } from "./checks.ts";
import type { ChecksumTemplate, TaskTemplate } from "./config.ts";
import { keyOf, NAMELESS } from "./keys.ts";
import { applyOptions } from "./options.ts";
import type { Options } from "./options.ts";
import type { TaskOptions } from "./schema.ts";
import type { Path, Scope } from "./scope.ts";
import { parseTemplate } from "./template.ts";
import type { Template } from "./template.ts";

/**
 * Makes a task of an entry that the schema allows.
 *
 * @param base Options for what the entry does not say.
 * @param override What flags and environment variables make of the options.
 * @param path Where the entry stands in its source.
 * @returns Null after a complaint that leaves no task.
 */
export function compileTask(
  entry: string | TaskOptions,
  base: Options,
  override: (options: Options) => Options,
  path: Path,
  scope: Scope,
): TaskTemplate | null {
  const own: TaskOptions = typeof entry === "string" ? { url: entry } : entry;
  const plain = typeof entry === "string";
  const options = override(plain ? base : applyOptions(base, own, path, scope));
  const { timezone } = options;

  const urlPath = plain ? path : [...path, "url"];
  const address = readAddress(own.url, timezone, urlPath, scope);
  const mirrors = (own.mirrors ?? [])
    .map((mirror, index) => readAddress(mirror, timezone, [...path, "mirrors", index], scope))
    .filter((mirror) => mirror !== null);
  const to = own.to === undefined ? null : readName(own.to, [...path, "to"], scope);
  if (address === null || to?.template === null) return null;

  const namedByUrl = to === null || to.written.endsWith("/");
  const segment = lastSegment(own.url);
  if (namedByUrl && segment.includes("${env:")) {
    scope.complain(urlPath, 'would put a secret into the name of a file; give the name with "to"');
    return null;
  }
  const named = to === null ? null : scope.render(to.template, timezone);
  const key = keyOf(named, address.url);
  if (key.complaint !== undefined) {
    scope.complain([...path, "to"], key.complaint);
    return null;
  }
  const namedByServer = to?.template.named ?? false;
  if (namedByServer && !key.value.slice(key.value.lastIndexOf("/") + 1).includes("{name}")) {
    scope.complain([...path, "to"], "may hold {name} only in its last part");
    return null;
  }

  const checksum = readChecksum(options.expect.sha256);
  const dated = [address, ...mirrors].some((part) => part.template.dated) ||
    to?.template.dated === true || checksum?.url.dated === true || checksum?.name.dated === true;
  const id = own.id ?? (dated ? defaultId(to?.written ?? null, segment) : key.value);
  const wrongId = complaintAboutId(id);
  if (wrongId !== null) scope.complain([...path, "id"], wrongId);

  const { scheduleText: _, ...shared } = options;
  const task: Task = {
    ...shared,
    id,
    url: address.text,
    mirrors: mirrors.length === 0 ? NO_MIRRORS : mirrors.map((mirror) => mirror.text),
    key: key.value,
    namedByServer,
    expect: checksum === null ? options.expect : {
      ...options.expect,
      sha256: {
        url: scope.render(checksum.url, timezone),
        name: scope.render(checksum.name, timezone),
      },
    },
  };
  if (!dated) return { task, dated: null };
  return {
    task,
    dated: {
      url: address.template,
      mirrors: mirrors.map((mirror: Address) => mirror.template),
      to: to?.template ?? null,
      checksum,
    },
  };
}

/** One empty list for the many tasks without mirrors. */
const NO_MIRRORS: readonly string[] = Object.freeze([]);

interface Name {
  readonly written: string;
  readonly template: Template | null;
}

function readName(written: string, path: Path, scope: Scope): Name {
  const template = parseTemplate(written, true);
  if (template.complaint === undefined) return { written, template: template.value };
  scope.complain(path, template.complaint);
  return { written, template: null };
}

/** The templates of a checksum's source, which have been checked before. */
function readChecksum(sha256: Expectations["sha256"]): ChecksumTemplate | null {
  if (sha256 === null || typeof sha256 === "string") return null;
  const [url, name] = [parseTemplate(sha256.url, false), parseTemplate(sha256.name, false)];
  if (url.complaint !== undefined || name.complaint !== undefined) return null;
  return { url: url.value, name: name.value };
}

/** The same from run to run: what was written, its dates not filled in. */
function defaultId(to: string | null, segment: string): string {
  if (to === null) return segment;
  return to.endsWith("/") ? to + segment : to;
}

/** The last segment of a URL as it was written; what stands between braces may hold anything. */
function lastSegment(url: string): string {
  const plain = url.replace(/\{\{|\{[^{}]*\}/g, (hole) => "_".repeat(hole.length));
  const [path = ""] = /^[^?#]*/.exec(plain) ?? [];
  const [authority = ""] = /^[^/]*:\/\/[^/]*/.exec(path) ?? [];
  const start = Math.max(authority.length, path.lastIndexOf("/") + 1);
  return url.slice(start, path.length) || NAMELESS;
}
