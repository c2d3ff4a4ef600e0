/** Media types: parsing of Content-Type, aliases, and comparison. */

/** How text of a type is checked; `any` may be HTML, `plain` may not. */
export type TextKind = "any" | "csv" | "html" | "json" | "plain" | "xml";

/** Other names in use, by canonical name. */
const ALIASES: Readonly<Record<string, readonly string[]>> = {
  "application/gzip": [
    "application/gzip-compressed",
    "application/tar+gzip",
    "application/x-compressed-tar",
    "application/x-gunzip",
    "application/x-gtar-compressed",
    "application/x-gzip",
    "application/x-tgz",
  ],
  "application/json": ["text/json", "text/x-json"],
  "application/pdf": ["application/x-pdf"],
  "application/rtf": ["text/rtf"],
  "application/vnd.apache.parquet": ["application/parquet", "application/x-parquet"],
  "application/vnd.dbf": ["application/dbf", "application/x-dbf", "application/x-dbase"],
  "application/vnd.sqlite3": ["application/x-sqlite3"],
  "application/x-7z-compressed": ["application/x-7zip"],
  "application/x-bzip2": ["application/bzip2", "application/x-bzip"],
  "application/x-deb": [
    "application/vnd.debian.binary-package",
    "application/x-debian-package",
  ],
  "application/x-grib": ["application/grib", "application/wmo-grib", "application/x-grib2"],
  "application/x-hdf5": ["application/hdf5", "application/x-hdf"],
  "application/x-iso9660-image": ["application/vnd.efi.iso", "application/x-iso-image"],
  "application/x-msdownload": [
    "application/vnd.microsoft.portable-executable",
    "application/x-dosexec",
    "application/x-msdos-program",
  ],
  "application/x-ndjson": [
    "application/jsonl",
    "application/jsonlines",
    "application/ndjson",
    "application/x-jsonlines",
  ],
  "application/x-netcdf": ["application/netcdf"],
  "application/x-rar-compressed": ["application/vnd.rar", "application/x-rar"],
  "application/x-rpm": ["application/x-redhat-package-manager"],
  "application/x-tar": ["application/tar", "application/x-gtar"],
  "application/x-xz": ["application/xz"],
  "application/xml": ["text/xml"],
  "application/yaml": ["application/x-yaml", "text/x-yaml", "text/yaml"],
  "application/zip": ["application/x-zip", "application/x-zip-compressed"],
  "application/zstd": ["application/x-zstd"],
  "audio/flac": ["audio/x-flac"],
  "audio/mp4": ["audio/x-m4a"],
  "audio/mpeg": ["audio/mp3", "audio/x-mp3"],
  "audio/wav": ["audio/vnd.wave", "audio/wave", "audio/x-wav"],
  "font/otf": ["application/font-otf", "application/x-font-otf"],
  "font/ttf": ["application/font-ttf", "application/x-font-ttf"],
  "font/woff": ["application/font-woff", "application/x-font-woff"],
  "font/woff2": ["application/font-woff2"],
  "image/bmp": ["image/x-ms-bmp"],
  "image/jpeg": ["image/jpg", "image/pjpeg"],
  "image/png": ["image/x-png"],
  "image/x-icon": ["image/vnd.microsoft.icon"],
  "text/csv": ["application/csv", "application/x-csv", "text/comma-separated-values", "text/x-csv"],
  "text/html": ["application/xhtml+xml"],
  "text/javascript": [
    "application/ecmascript",
    "application/javascript",
    "application/x-javascript",
    "text/ecmascript",
    "text/x-javascript",
  ],
  "video/matroska": ["video/x-matroska"],
  "video/mp4": ["video/x-m4v"],
  "video/vnd.avi": ["video/avi", "video/x-msvideo"],
};

const CANONICAL: ReadonlyMap<string, string> = new Map(
  Object.entries(ALIASES).flatMap(([name, aliases]) => aliases.map((alias) => [alias, name])),
);

/** Types whose content is of a wider type too (suffixes: RFC 6838, section 4.2.8). */
const WIDER: readonly (readonly [RegExp, string])[] = [
  [/^.+\+(gzip|json|xml|zip)$/, "application/$1"],
  [/^.+\+(sqlite3)$/, "application/vnd.$1"],
  [/^application\/vnd\.(google-earth\.kmz)$/, "application/zip"],
  [
    /^application\/vnd\.(openxmlformats-officedocument|oasis\.opendocument)\..+$/,
    "application/zip",
  ],
  [/^application\/vnd\.ms-(excel|powerpoint|word)\..+macroenabled\.12$/, "application/zip"],
  [/^application\/(java-archive|vnd\.android\.package-archive)$/, "application/zip"],
  [/^application\/(msword|vnd\.ms-excel|vnd\.ms-powerpoint|x-msi)$/, "application/x-cfb"],
  [/^(audio|video)\/ogg$/, "application/ogg"],
  [/^audio\/(mp4|webm)$/, "video/$1"],
  [/^image\/apng$/, "image/png"],
  [/^image\/heic$/, "image/heif"],
];

/** Types for content of unknown type. */
const UNSPECIFIC: ReadonlySet<string> = new Set([
  "*/*",
  "application/*",
  "application/attachment",
  "application/binary",
  "application/download",
  "application/force-download",
  "application/octet-stream",
  "application/octetstream",
  "application/save",
  "application/unknown",
  "application/x-download",
  "application/x-force-download",
  "application/x-octet-stream",
  "application/x-unknown",
  "binary/octet-stream",
  "content/unknown",
  "unknown/unknown",
]);

/** Kinds of text by canonical name; the first match counts. */
const TEXT_KINDS: readonly (readonly [RegExp, TextKind])[] = [
  [/^text\/\*$/, "any"],
  [/^text\/(csv|tab-separated-values)$/, "csv"],
  [/^text\/html$/, "html"],
  [/^application\/json$|\+json$/, "json"],
  [/^application\/xml$|\+xml$/, "xml"],
  [/^text\/|^application\/(json-lines|json-seq|sql|toml|x-ndjson|x-sh|x-sql|yaml)$/, "plain"],
  [/^application\/(calendar|ics|n-quads|n-triples|text|txt|x-bibtex|x-turtle)$/, "plain"],
  [/^(application\/(vnd\.apple\.|x-)|audio\/(x-)?)mpegurl$/, "plain"],
];

/** `type/subtype` at the beginning of a header (RFC 9110, sections 5.6.2 and 8.3.1). */
const MEDIA_TYPE = /^\s*([\w!#$%&'*+.^`|~-]+\/[\w!#$%&'*+.^`|~-]+)\s*(?:;|$)/;

/**
 * The media type of a Content-Type header (RFC 9110, section 8.3).
 *
 * @returns In lower case, without parameters; null for no header, a malformed one, or a type for
 * content of unknown type.
 */
export function mediaType(contentType: string | null): string | null {
  const type = MEDIA_TYPE.exec(contentType ?? "")?.[1]?.toLowerCase();
  return type === undefined || UNSPECIFIC.has(type) ? null : type;
}

/** Whether a type is a range such as `image/*` (RFC 9110, section 12.5.1). */
export function isTypeRange(type: string): boolean {
  return type.endsWith("/*");
}

/**
 * Whether content declared as `found` can be of the `expected` type or range. Aliases are equal, and
 * a wider type agrees, on either side: a docx is a zip, and `application/geo+json` is JSON.
 */
export function typesAgree(expected: string, found: string): boolean {
  const [wanted, given] = [canonicalType(expected), canonicalType(found)];
  if (isTypeRange(wanted)) {
    const start = wanted.slice(0, -1);
    return given.startsWith(start) || found.toLowerCase().startsWith(start);
  }
  return wanted === given || widerType(wanted) === given || wanted === widerType(given);
}

/** How text of a type is checked; null for a type that is not text. */
export function textKind(type: string): TextKind | null {
  const name = canonicalType(type);
  return TEXT_KINDS.find(([pattern]) => pattern.test(name))?.[1] ?? null;
}

/** The canonical name of a media type, without parameters. */
export function canonicalType(type: string): string {
  const name = (MEDIA_TYPE.exec(type)?.[1] ?? type).toLowerCase();
  return CANONICAL.get(name) ?? name;
}

/** The wider type of a canonical name, or null. */
export function widerType(type: string): string | null {
  for (const [pattern, wider] of WIDER) {
    if (pattern.test(type)) return type.replace(pattern, wider);
  }
  return null;
}
