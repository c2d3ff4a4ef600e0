/** Expectations of a config. Loaded only for a config that has some. */

import {
  DIGEST_ALGORITHMS,
  DIGEST_DIGITS,
  type DigestAlgorithm,
  type Expectations,
  type ExpectedDigest,
} from "../core/task.ts";
import { DEFAULTS } from "./input.ts";
import { type Complaint, withGuess } from "./problem.ts";
import type { TaskDefaults } from "./schema/task_schema.ts";
import { type ChecksumFiles, type Path, readUrl, type Scope } from "./scope.ts";
import { parseTemplate, type Template } from "./template.ts";

/** A type and a subtype (RFC 9110, section 8.3.1), without parameters and wildcards. */
const MEDIA_TYPE = /^[a-z0-9][a-z0-9!#$&^_.+-]*\/[a-z0-9][a-z0-9!#$&^_.+-]*$/;

/** Applies a layer of expectations; problems are reported below `path`. Returns a frozen object. */
export function applyExpectations(
  base: Expectations,
  layer: NonNullable<TaskDefaults["expect"]>,
  path: Path,
  scope: Scope,
): Expectations {
  /** The checked value of the layer, or the value of the base. */
  const checked = (
    name: "type" | "matches",
    check: (value: string) => Complaint | null,
  ): string | null => {
    const value = layer[name];
    if (value === undefined) return base[name];
    if (value === null) return null;
    const problem = scope.memoize(`${name} ${value}`, () => check(value));
    if (problem !== null) scope.addProblem([...path, name], problem);
    return value;
  };
  const digest = (algorithm: DigestAlgorithm): ExpectedDigest => {
    const value = layer[algorithm];
    return value === undefined
      ? base[algorithm]
      : readDigest(value, algorithm, [...path, algorithm], scope);
  };
  const expect: Expectations = {
    type: checked("type", checkMediaType)?.toLowerCase() ?? null,
    minSizeBytes: layer.minSize ?? base.minSizeBytes,
    maxSizeBytes: layer.maxSize === undefined ? base.maxSizeBytes : layer.maxSize,
    minRatio: layer.minRatio === undefined ? base.minRatio : layer.minRatio,
    sha256: digest("sha256"),
    sha512: digest("sha512"),
    sha1: digest("sha1"),
    md5: digest("md5"),
    matches: checked(
      "matches",
      // No pattern is accepted unchecked.
      scope.patterns?.problemWith ??
        (() => "cannot be checked: the pattern engine is not loaded"),
    ),
    json: layer.json ?? base.json,
    sniff: layer.sniff ?? base.sniff,
    knownLength: layer.knownLength ?? base.knownLength,
  };
  if (expect.maxSizeBytes !== null && expect.maxSizeBytes < expect.minSizeBytes) {
    const name = layer.maxSize === undefined ? "minSize" : "maxSize";
    scope.addProblem([...path, name], "allows no size: minSize is larger than maxSize");
  }
  // No two tasks share a digest.
  return DIGEST_ALGORITHMS.some((algorithm) => expect[algorithm] !== null)
    ? Object.freeze(expect)
    : scope.intern(expect);
}

/** A digest, or its checksum file with variables substituted and dates not yet rendered. */
function readDigest(
  digest: string | { readonly url: string; readonly name?: string | undefined } | null,
  algorithm: DigestAlgorithm,
  path: Path,
  scope: Scope,
): ExpectedDigest {
  if (typeof digest === "string") {
    const problem = checkDigest(digest, algorithm);
    if (problem !== null) scope.addProblem(path, problem);
    return digest.toLowerCase();
  }
  if (digest === null) return null;
  const { name = null } = digest;
  const problem = name === null ? undefined : parseTemplate(name, "url").problem;
  if (problem !== undefined) scope.addProblem([...path, "name"], problem);
  const resolved = readUrl(digest.url, DEFAULTS.timezone, [...path, "url"], scope);
  return { url: resolved?.written ?? digest.url, name };
}

/** Returns the checksum files of expected digests, whose problems have already been reported. */
export function readChecksumFiles(expect: Expectations): ChecksumFiles | null {
  const files: { algorithm: DigestAlgorithm; url: Template; name: Template | null }[] = [];
  for (const algorithm of DIGEST_ALGORITHMS) {
    const source = expect[algorithm];
    if (source === null || typeof source === "string") continue;
    const url = parseTemplate(source.url, "url").value;
    const name = source.name === null ? null : parseTemplate(source.name, "url").value;
    if (url && name !== undefined) files.push({ algorithm, url, name });
  }
  if (files.length === 0) return null;
  return {
    dated: files.some(({ url, name }) => url.dated || name?.dated === true),
    render(render, timezone) {
      const sources = files.map(({ algorithm, url, name }) => {
        const rendered = name === null ? null : render(name, timezone);
        return [algorithm, { url: render(url, timezone), name: rendered }];
      });
      return { ...expect, ...Object.fromEntries(sources) };
    },
  };
}

/** Checks a media type. */
function checkMediaType(type: string): string | null {
  return MEDIA_TYPE.test(type.toLowerCase())
    ? null
    : 'must be a media type such as "text/csv", without parameters';
}

/** Checks a digest in hexadecimal. */
function checkDigest(digest: string, algorithm: DigestAlgorithm): Complaint | null {
  const digits = DIGEST_DIGITS[algorithm];
  if (digest.length === digits && /^[0-9a-f]*$/i.test(digest)) return null;
  const other = DIGEST_ALGORITHMS.find((name) => DIGEST_DIGITS[name] === digest.length);
  return withGuess(
    `must be ${digits} hexadecimal digits, or an object of url and name`,
    other === undefined || !/^[0-9a-f]*$/i.test(digest) ? null : `expect.${other}`,
  );
}
