/**
 * Checksum files: the formats of `sha256sum`, BSD's `sha256`, `openssl dgst` and `gpg --print-md`
 * (Apache), and a single digest without a name.
 */

import type { DigestAlgorithm } from "../core/task.ts";
import { CronfetchError } from "../core/errors.ts";

/** One entry of a checksum file. */
export interface ChecksumLine {
  /** In lower case; may be one that no task can expect. */
  readonly algorithm: string;
  /** Lower-case hexadecimal. */
  readonly digest: string;
  /** The name of the file, or null for a digest without a name. */
  readonly name: string | null;
}

/** `digest  name` or `digest *name`; a leading backslash means that the name is escaped. */
const GNU_LINE =
  /^(?<escaped>\\?)(?:(?<algorithm>md5|sha-?[0-9]{1,3}):)?(?<digest>[0-9a-f]+)[ \t]+\*?(?<name>.+)$/is;
/** `SHA256 (name) = digest`. */
const BSD_LINE =
  /^(?<escaped>\\?)(?<algorithm>[a-z][a-z0-9/-]{0,20}) ?\((?<name>.+)\) ?= ?(?<digest>[0-9a-f]+)$/is;
/** Groups of hexadecimal digits. */
const GROUPS = /^[ \t]*[0-9a-f]+(?:[ \t]+[0-9a-f]+)*[ \t]*$/i;
/** The rest of a line after `name:`: perhaps an algorithm, and the first groups. */
const AFTER_COLON =
  /^(?:[ \t]*(?<algorithm>[a-z][a-z0-9/-]{0,20})[ \t]*=)?(?<groups>[ \t0-9a-f]*)$/i;

/** Algorithms by number of hexadecimal digits, for digests without a named algorithm. */
const ALGORITHM_BY_DIGITS: ReadonlyMap<number, string> = new Map([
  [32, "md5"],
  [40, "sha1"],
  [56, "sha224"],
  [64, "sha256"],
  [96, "sha384"],
  [128, "sha512"],
]);

const MAX_DIGITS = 128;

/**
 * Finds the digest of a file in the text of a checksum file. An entry matches if its name is equal,
 * except for `./`; otherwise, if one of the two names ends with the other (`dist/a.zip` and
 * `a.zip`). A digest without a name matches if no entry has a name and each algorithm occurs once.
 * Comments, signatures and other lines are skipped.
 *
 * @param names Names of the file; the first with an entry counts.
 * @returns Lower-case hexadecimal.
 * @throws {CronfetchError} `expect.digest` without a matching entry of the algorithm, or with
 * different ones.
 */
export function parseChecksums(
  text: string,
  names: readonly string[],
  algorithm: DigestAlgorithm,
): string {
  const entries = readEntries(text);
  const found = names.map((name) => entriesFor(name, entries)).find((some) => some.length > 0) ??
    unnamedDigests(entries);
  const digests = found.filter((entry) => entry.algorithm === algorithm);
  const [digest, other] = new Set(digests.map((entry) => entry.digest));
  const file = JSON.stringify(names[0] ?? "");
  if (other !== undefined) throw failure(`has more than one ${algorithm} for ${file}`);
  if (digest !== undefined) return digest;
  const [instead] = found;
  if (instead) throw failure(`has no ${algorithm} for ${file}, only ${instead.algorithm}`);
  throw failure(`has no line for ${file}`);
}

function failure(what: string): CronfetchError {
  return new CronfetchError("expect.digest", `the checksum file ${what}`);
}

function entriesFor(name: string, entries: readonly ChecksumLine[]): readonly ChecksumLine[] {
  const wanted = withoutDot(name);
  const named = entries.filter((entry) => entry.name !== null);
  const same = named.filter((entry) => entry.name === wanted);
  if (same.length > 0) return same;
  const alike = named.filter(({ name }) =>
    isEndOf(`${name}`, wanted) || isEndOf(wanted, `${name}`)
  );
  // Checksum files written on Windows have backslashes in names.
  return alike.length > 0
    ? alike
    : named.filter(({ name }) => isEndOf(`${name}`.replaceAll("\\", "/"), wanted));
}

/** Whether a path ends with the segments of another. */
function isEndOf(path: string, end: string): boolean {
  return `/${path}`.endsWith(`/${end}`);
}

/** Digests without names, one per algorithm; empty if any entry has a name. */
function unnamedDigests(entries: readonly ChecksumLine[]): readonly ChecksumLine[] {
  const algorithms = new Set(entries.map((entry) => entry.algorithm));
  const areUnnamed = entries.every((entry) => entry.name === null);
  return areUnnamed && algorithms.size === entries.length ? entries : [];
}

function readEntries(text: string): ChecksumLine[] {
  const lines = text.replace(/^\uFEFF/, "").split(/\r\n|\r|\n/)
    .filter((line) => line.trim() !== "" && !line.startsWith("#"));
  const entries: ChecksumLine[] = [];
  for (let index = 0; index < lines.length;) {
    const [entry, next] = readEntry(lines, index);
    if (entry !== null) entries.push(entry);
    index = next;
  }
  return entries;
}

/** The entry that begins at a line, and the index of the line after it. */
function readEntry(
  lines: readonly string[],
  index: number,
): [entry: ChecksumLine | null, next: number] {
  const line = lines[index] ?? "";
  const single = parseChecksumLine(line);
  if (single !== null) return [single, index + 1];
  if (GROUPS.test(line)) return readDigest(lines, index, "", undefined, null);
  const colon = line.lastIndexOf(":");
  const after = colon > 0 ? AFTER_COLON.exec(line.slice(colon + 1)) : null;
  if (after === null) return [null, index + 1];
  const { algorithm, groups = "" } = after.groups ?? {};
  const name = line.slice(0, colon).trim();
  return isAlgorithm(normalizeAlgorithm(name))
    ? readDigest(lines, index + 1, groups, name, null)
    : readDigest(lines, index + 1, groups, algorithm, withoutDot(name));
}

/** The entry in a line of `sha256sum` or of BSD's `sha256`; null for any other line. */
export function parseChecksumLine(line: string): ChecksumLine | null {
  return entryOfLine(BSD_LINE, line) ?? entryOfLine(GNU_LINE, line);
}

/** A digest in groups, which may continue on lines of groups only. */
function readDigest(
  lines: readonly string[],
  index: number,
  begun: string,
  named: string | undefined,
  name: string | null,
): [entry: ChecksumLine | null, next: number] {
  let digest = begun.replace(/[ \t]/g, "");
  for (let next = index;; next++) {
    const line = lines[next] ?? "";
    const continues = GROUPS.test(line) && (digest === "" || /^[ \t]|[ \t]./.test(line.trimEnd()));
    // A digest may be the beginning of a longer one, so read all its lines.
    if (!continues || digest.length > MAX_DIGITS) {
      const algorithm = algorithmOf(named, digest.length);
      const entry = algorithm === null ? null : { algorithm, digest: digest.toLowerCase(), name };
      return [entry, next];
    }
    digest += line.replace(/[ \t]/g, "");
  }
}

function entryOfLine(pattern: RegExp, text: string): ChecksumLine | null {
  const { digest = "", algorithm: named, name, escaped } = pattern.exec(text)?.groups ?? {};
  const algorithm = algorithmOf(named, digest.length);
  if (algorithm === null || name === undefined) return null;
  const plain = withoutDot(escaped ? name.replace(/\\[nr\\]/g, unescaped) : name);
  return { algorithm, digest: digest.toLowerCase(), name: STDIN.has(plain) ? null : plain };
}

/** Names of standard input: the digest of a piped file has no name. */
const STDIN: ReadonlySet<string> = new Set(["-", "stdin", "(stdin)"]);

/** The algorithm of a digest, or null if its length is wrong. */
function algorithmOf(named: string | undefined, digits: number): string | null {
  const byDigits = ALGORITHM_BY_DIGITS.get(digits) ?? null;
  if (named === undefined) return byDigits;
  const name = normalizeAlgorithm(named);
  return isAlgorithm(name) && name !== byDigits ? null : name;
}

/** Normalizes SHA256, SHA-256 and SHA2-256. */
function normalizeAlgorithm(name: string): string {
  return name.toLowerCase().replace(/^sha(?:2?-)?(1|224|256|384|512)$/, "sha$1");
}

function isAlgorithm(name: string): boolean {
  return [...ALGORITHM_BY_DIGITS.values()].includes(name);
}

function withoutDot(name: string): string {
  return name.replace(/^\.\//, "");
}

/** Decodes an escape sequence of `sha256sum`. */
function unescaped(escape: string): string {
  return escape === "\\n" ? "\n" : escape === "\\r" ? "\r" : "\\";
}
