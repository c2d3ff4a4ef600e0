/** Checksum files, as `sha256sum`, BSD's `sha256` and `openssl dgst` write them. */

import { CronfetchError } from "../core/errors.ts";

/** A file's digest. */
export interface Checksum {
  /** The only algorithm that is trusted here. */
  readonly algorithm: "sha256";
  /** Lower-case hexadecimal. */
  readonly digest: string;
}

/** One line of a checksum file. */
interface Line {
  /** In lower case. */
  readonly algorithm: string;
  /** Lower-case hexadecimal. */
  readonly digest: string;
  /** Of the file, or null for a digest alone. */
  readonly name: string | null;
}

/** `digest  name` or `digest *name`; a backslash in front says that the name is escaped. */
const GNU_LINE = /^(?<escaped>\\?)(?<digest>[0-9a-f]+)[ \t]+\*?(?<name>.+)$/is;
/** `SHA256 (name) = digest`. */
const BSD_LINE =
  /^(?<escaped>\\?)(?<algorithm>[a-z][a-z0-9/-]{0,20}) ?\((?<name>.+)\) ?= ?(?<digest>[0-9a-f]+)$/is;
const BARE_LINE = /^(?<digest>[0-9a-f]+)$/i;

/** What a digest is by its number of hexadecimal digits, where nothing else tells. */
const ALGORITHM_BY_DIGITS: ReadonlyMap<number, string> = new Map([
  [32, "md5"],
  [40, "sha1"],
  [56, "sha224"],
  [64, "sha256"],
  [96, "sha384"],
  [128, "sha512"],
]);

/**
 * Finds the SHA-256 of the file `name` in the text of a checksum file. A line
 * is the file's if its name is the same, `./` aside; failing that, if one of the
 * two names is the end of the other (`dist/a.zip` and `a.zip`). A digest alone in
 * the text needs no name. Comments, signatures and anything else are passed over.
 *
 * @throws {CronfetchError} `expect.digest` where there is no such line, no
 * SHA-256 in it, or more than one.
 */
export function parseChecksums(text: string, name: string): Checksum {
  const found = linesFor(name, text);
  const [digest, other] = new Set(
    found.filter((line) => line.algorithm === "sha256").map((line) => line.digest),
  );
  const file = JSON.stringify(name);
  if (other !== undefined) throw failure(`has more than one sha256 for ${file}`);
  if (digest !== undefined) return { algorithm: "sha256", digest };
  const [instead] = found;
  if (instead) throw failure(`has no sha256 for ${file}, only ${instead.algorithm}`);
  throw failure(`has no line for ${file}`);
}

function failure(what: string): CronfetchError {
  return new CronfetchError("expect.digest", `the checksum file ${what}`);
}

function linesFor(name: string, text: string): readonly Line[] {
  const texts = text.replace(/^\uFEFF/, "").split(/[\r\n]+/)
    .filter((line) => line.trim() !== "" && !line.startsWith("#"));
  const [only, ...others] = texts;
  const bare = only !== undefined && others.length === 0 ? readLine(BARE_LINE, only.trim()) : null;
  if (bare) return [bare];
  const wanted = withoutDot(name);
  const lines = texts.map((line) => readLine(BSD_LINE, line) ?? readLine(GNU_LINE, line))
    .filter((line) => line !== null);
  const same = lines.filter((line) => line.name === wanted);
  return same.length > 0 ? same : lines.filter((line) => {
    const path = `/${line.name}`;
    return path.endsWith(`/${wanted}`) || `/${wanted}`.endsWith(path);
  });
}

function readLine(pattern: RegExp, text: string): Line | null {
  const { digest = "", algorithm: named, name, escaped } = pattern.exec(text)?.groups ?? {};
  const algorithm = algorithmOf(named, digest.length);
  if (algorithm === null) return null;
  return {
    algorithm,
    digest: digest.toLowerCase(),
    name: name === undefined
      ? null
      : withoutDot(escaped ? name.replace(/\\[nr\\]/g, unescaped) : name),
  };
}

/** The algorithm of a digest, or null for what cannot be one. */
function algorithmOf(named: string | undefined, digits: number): string | null {
  if (named === undefined) return ALGORITHM_BY_DIGITS.get(digits) ?? null;
  // SHA256, SHA-256, SHA2-256.
  const name = named.toLowerCase().replace(/^sha2?-?256$/, "sha256");
  return name === "sha256" && digits !== 64 ? null : name;
}

function withoutDot(name: string): string {
  return name.replace(/^\.\//, "");
}

/** The character behind an escape of `sha256sum`, which writes names on one line. */
function unescaped(escape: string): string {
  return escape === "\\n" ? "\n" : escape === "\\r" ? "\r" : "\\";
}
