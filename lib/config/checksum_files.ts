/** Checksum files of expected digests, whose URLs and names may contain dates. */

import { DIGEST_ALGORITHMS, type DigestAlgorithm, type Expectations } from "../core/task.ts";
import { parseTemplate, type Render, type Template } from "./template.ts";

/** The checksum file of an expected digest. */
export interface ChecksumTemplate {
  readonly algorithm: DigestAlgorithm;
  readonly url: Template;
  /** The file's name in the checksum file; null to search for the names in the URL and the key. */
  readonly name: Template | null;
}

/** Shared by all tasks without checksum files. */
const NO_CHECKSUMS: readonly ChecksumTemplate[] = Object.freeze([]);

/** The templates of checksum files; their problems have already been reported. */
export function readChecksums(expect: Expectations): readonly ChecksumTemplate[] {
  let found: ChecksumTemplate[] | null = null;
  for (const algorithm of DIGEST_ALGORITHMS) {
    const source = expect[algorithm];
    if (source === null || typeof source === "string") continue;
    const url = parseTemplate(source.url, "url").value;
    const name = source.name === null ? null : parseTemplate(source.name, "url").value;
    if (url && name !== undefined) (found ??= []).push({ algorithm, url, name });
  }
  return found ?? NO_CHECKSUMS;
}

/** Expectations with rendered checksum files. */
export function withChecksums(
  expect: Expectations,
  checksums: readonly ChecksumTemplate[],
  render: Render,
  timezone: string,
): Expectations {
  if (checksums.length === 0) return expect;
  const sources = checksums.map(({ algorithm, url, name }) => {
    const rendered = name === null ? null : render(name, timezone);
    return [algorithm, { url: render(url, timezone), name: rendered }];
  });
  return { ...expect, ...Object.fromEntries(sources) };
}
