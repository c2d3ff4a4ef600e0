/** One entry of `tasks` -> one TaskTemplate. */

import { DIGEST_ALGORITHMS } from "../core/digest.ts";
import type { Expectations, Task } from "../core/task.ts";
import { readAddress } from "./address.ts";
import type { Address } from "./address.ts";
import { complaintAboutId } from "./checks.ts";
import type { ChecksumTemplate, TaskTemplate } from "./config.ts";
import { NAMELESS } from "./keys.ts";
import { holdsSecret, keyFor } from "./name_from_url.ts";
import { applyOptions, readName } from "./options.ts";
import type { Name, Options } from "./options.ts";
import { DEFAULTS } from "./schema.ts";
import type { TaskOptions } from "./schema.ts";
import type { Path, Scope } from "./scope.ts";
import { withChecksums } from "./tasks.ts";
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
  const to = own.to === undefined ? options.to : readName(own.to, [...path, "to"], scope);
  if (address === null || to?.template === null) return null;

  const template = to?.template ?? null;
  if (holdsSecret(own.url, template, timezone, scope.render, scope.host)) {
    scope.complain(urlPath, 'would put a secret into the name of a file; give the name with "to"');
    return null;
  }
  const key = keyFor(template, address.url, timezone, scope.render);
  if (key.complaint !== undefined) {
    if (own.to !== undefined) scope.complain([...path, "to"], key.complaint);
    else scope.complain(path, `gets a name from "defaults.to" that ${key.complaint}`);
    return null;
  }
  const namedByServer = template?.named ?? false;
  if (namedByServer && !key.value.slice(key.value.lastIndexOf("/") + 1).includes("{name}")) {
    const place = own.to === undefined ? path : [...path, "to"];
    scope.complain(place, "may hold {name} only in its last part");
    return null;
  }

  const checksums = readChecksums(options.expect);
  const dated = [address, ...mirrors].some((part) => part.template.dated) ||
    to?.template.dated === true ||
    checksums.some(({ url, name }) => url.dated || name?.dated === true);
  const isOwn = own.to !== undefined;
  const id = own.id ?? defaultId({ url: own.url, to, isOwn, dated, key: key.value }, scope);
  const wrongId = complaintAboutId(id);
  if (wrongId !== null) scope.complain([...path, "id"], wrongId);

  const { scheduleText: _, to: __, ...shared } = options;
  const task: Task = {
    ...shared,
    id,
    url: address.text,
    mirrors: mirrors.length === 0 ? NO_MIRRORS : mirrors.map((mirror) => mirror.text),
    key: key.value,
    namedByServer,
    expect: withChecksums(options.expect, checksums, scope.render, timezone),
  };
  if (!dated) return { task, dated: null };
  return {
    task,
    dated: {
      url: address.template,
      mirrors: mirrors.map((mirror: Address) => mirror.template),
      to: to?.template ?? null,
      checksums,
    },
  };
}

/** One empty list for the many tasks without mirrors. */
const NO_MIRRORS: readonly string[] = Object.freeze([]);

/** One empty list for the many tasks without checksum files. */
const NO_CHECKSUMS: readonly ChecksumTemplate[] = Object.freeze([]);

/** The templates of checksum files, which have been checked before. */
function readChecksums(expect: Expectations): readonly ChecksumTemplate[] {
  let found: ChecksumTemplate[] | null = null;
  for (const algorithm of DIGEST_ALGORITHMS) {
    const source = expect[algorithm];
    if (source === null || typeof source === "string") continue;
    const url = parseTemplate(source.url, false).value;
    const name = source.name === null ? null : parseTemplate(source.name, false).value;
    if (url && name !== undefined) (found ??= []).push({ algorithm, url, name });
  }
  return found ?? NO_CHECKSUMS;
}

/** What a default id is made of. */
interface Identity {
  /** As it was written. */
  readonly url: string;
  readonly to: Name | null;
  /** Whether `to` is the task's own, and so different for each task. */
  readonly isOwn: boolean;
  readonly dated: boolean;
  readonly key: string;
}

/** The same from run to run: dates are not filled in, and the server's name is the URL's. */
function defaultId({ url, to, isOwn, dated, key }: Identity, scope: Scope): string {
  const template = to?.template ?? null;
  if (!dated && (template === null || isOwn && !template.fromUrl || !template.named)) return key;
  const segment = lastSegment(url);
  if (to === null || template === null) return segment;
  if (isOwn && !template.fromUrl) {
    return to.written.endsWith("/") ? to.written + segment : to.written;
  }
  const parsed = dated ? URL.parse(url) : null;
  if (dated && parsed === null) return segment;
  const name = parsed === null ? key : nameOfDated(template, parsed, scope) ?? segment;
  return template.named ? name.replace("{name}", () => segment) : name;
}

/** A name with its dates as they are written. */
function nameOfDated(template: Template, url: URL, scope: Scope): string | null {
  const parts = template.parts.map((part) =>
    typeof part === "object" && "format" in part ? `{${part.source}}` : part
  );
  const undated = { ...template, parts, dated: false };
  return keyFor(undated, url, DEFAULTS.timezone, scope.render).value ?? null;
}

/** The last segment of a URL as it was written; what stands between braces may hold anything. */
function lastSegment(url: string): string {
  const plain = url.replace(/\{\{|\{[^{}]*\}/g, (hole) => "_".repeat(hole.length));
  const [path = ""] = /^[^?#]*/.exec(plain) ?? [];
  const [authority = ""] = /^[^/]*:\/\/[^/]*/.exec(path) ?? [];
  const start = Math.max(authority.length, path.lastIndexOf("/") + 1);
  return url.slice(start, path.length) || NAMELESS;
}
