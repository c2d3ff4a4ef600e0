/** File formats that begin with magic bytes, by extension and media type. */

import { canonicalType, widerType } from "./content_type.ts";

/** A format whose files are recognized by their first bytes. */
export interface BinaryFormat {
  /** For messages: `PDF`. */
  readonly name: string;
  /** Whether bytes are the beginning of a file of this format. */
  readonly matches: (head: Uint8Array) => boolean;
}

type Test = BinaryFormat["matches"];

/** A format. Extensions and media types are separated by spaces; each occurs once. */
type FormatRow = readonly [name: string, extensions: string, types: string, test: Test];

/** Whether bytes contain a signature, one byte per character, at an offset. */
function holds(head: Uint8Array, signature: string, offset: number): boolean {
  if (head.length < offset + signature.length) return false;
  for (let index = 0; index < signature.length; index++) {
    if (head[offset + index] !== signature.charCodeAt(index)) return false;
  }
  return true;
}

const at = (offset: number, ...signatures: readonly string[]): Test => (head) =>
  signatures.some((signature) => holds(head, signature, offset));

const starts = (...signatures: readonly string[]): Test => at(0, ...signatures);

const both = (a: Test, b: Test): Test => (head) => a(head) && b(head);

const either = (...tests: readonly Test[]): Test => (head) => tests.some((test) => test(head));

/** A signature anywhere in the first bytes, unless they begin with markup. */
const within = (limitBytes: number, signature: string): Test => (head) => {
  const last = Math.min(limitBytes, head.length) - signature.length;
  if (beginsWithMarkup(head)) return false;
  for (let offset = 0; offset <= last; offset++) {
    if (holds(head, signature, offset)) return true;
  }
  return false;
};

/** A chunk type after the outer name and size, as in RIFF and IFF. */
const chunk = (type: string, ...outer: readonly string[]): Test =>
  both(starts(...outer), at(8, type));

const isZip = either(
  // A file, an empty archive, a spanned archive, and a spanned archive of a single part.
  starts("PK\x03\x04", "PK\x05\x06", "PK\x07\x08", "PK00PK\x03\x04"),
  // Self-extracting archives and executable JARs begin with a program.
  within(Infinity, "PK\x03\x04"),
);
const isGzip = starts("\x1f\x8b");
const isBzip2 = starts("BZh");
const isXz = starts("\xfd7zXZ\0");
/** OLE, which also contains Office documents with a password. */
const isCompoundFile = starts("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1");
/** Zstandard and LZ4 frames without data (RFC 8878, section 3.1.2). */
const isSkippableFrame: Test = (head) =>
  at(1, "\x2a\x4d\x18")(head) && ((head[0] ?? 0) & 0xf0) === 0x50;
const isPng = starts("\x89PNG\r\n\x1a\n");
const isJpeg = starts("\xff\xd8\xff");
const isGif = starts("GIF87a", "GIF89a");
const isWave = chunk("WAVE", "RIFF", "RIFX", "RF64", "BW64");
const isSqlite = starts("SQLite format 3\0");
const isArchive = starts("!<arch>\n", "!<thin>\n");
const isExecutable = starts("MZ", "ZM");
const isPostScript = starts("%!", "\x04%!", "\xc5\xd0\xd3\xc6");

const isBmp: Test = (head) => starts("BM")(head) && head.subarray(2, 26).includes(0);

/** HDF5 may begin with a user block of 512 bytes or a larger power of two. */
const isHdf5: Test = (head) => {
  const signature = "\x89HDF\r\n\x1a\n";
  if (holds(head, signature, 0)) return true;
  for (let offset = 512; offset < head.length; offset *= 2) {
    if (holds(head, signature, offset)) return true;
  }
  return false;
};

/** MPEG audio: a frame or a tag, perhaps after zeros. */
const isMp3: Test = (head) => {
  const start = Math.max(head.findIndex((byte) => byte !== 0), 0);
  const second = head[start + 1] ?? 0;
  // Layer III or II: the byte order mark of UTF-16 reads as a frame of Layer I.
  const isFrame = head[start] === 0xff && (second & 0xe0) === 0xe0 &&
    ((second & 0x06) === 0x02 || (second & 0x06) === 0x04);
  return isFrame || at(start, "ID3", "APETAGEX")(head) || isWave(head);
};

const isAac: Test = (head) =>
  head[0] === 0xff && ((head[1] ?? 0) & 0xf6) === 0xf0 || starts("ADIF", "ID3")(head);

/** POSIX and GNU tar, older ones by the checksum of the first header, and an empty archive. */
const isTar: Test = (head) => {
  if (holds(head, "ustar", 257)) return true;
  if (head.length < 512) return false;
  const header = head.subarray(0, 512);
  if (header.every((byte) => byte === 0)) return true;
  const digits = new TextDecoder("latin1").decode(header.subarray(148, 156));
  const [octal] = /[0-7]+/.exec(digits) ?? [];
  let sum = 0;
  for (const [index, byte] of header.entries()) sum += index >= 148 && index < 156 ? 32 : byte;
  return octal !== undefined && parseInt(octal, 8) === sum;
};

/** Brands of still images in ISO base media files. */
const IMAGE_BRANDS = /^(?:avi[fos]|he[iv][cmsx]|mi[af]1|msf1)$/;
/** ISO base media: a first box of a file or segment, with its size before its name. */
const isMediaBox: Test = (head) =>
  !isText(head.subarray(0, 4)) && MEDIA_BOXES(head) ||
  // Old QuickTime files begin with all their data, whose size may be any four bytes.
  isBinary(head) && holds(head, "mdat", 4);
const MEDIA_BOXES = at(
  4,
  ...[
    "ftyp",
    "moov",
    "mdat",
    "wide",
    "free",
    "skip",
    "pnot",
    "styp",
    "sidx",
    "moof",
    "uuid",
    "emsg",
  ],
);
const isHeif: Test = (head) => {
  if (!holds(head, "ftyp", 4)) return false;
  const text = new TextDecoder("latin1").decode(head.subarray(8, 64));
  return (text.match(/[\s\S]{4}/g) ?? []).some((brand) => IMAGE_BRANDS.test(brand));
};

const DBASE_VERSIONS: readonly number[] = [2, 3, 4, 5, 0x30, 0x31, 0x32, 0x43, 0x63]
  .concat([0x7b, 0x83, 0x8b, 0x8c, 0x8e, 0xcb, 0xe5, 0xf5, 0xfb]);

/** dBASE: a version, then the date of the last change, which some programs leave undefined. */
const isDbase: Test = (head) => {
  const [version = 0, , month = 0, day = 0] = head;
  if (head.length < 32 || !DBASE_VERSIONS.includes(version)) return false;
  return (month <= 12 && day <= 31) || isBinary(head);
};

/** For formats without a fixed signature: anything that is neither text nor markup. */
const isBinary: Test = (head) => !beginsWithMarkup(head) && !isText(head);

/** A short signature, which text could contain by chance, in binary content. */
const inside = (offset: number, ...signatures: readonly string[]): Test =>
  both(isBinary, at(offset, ...signatures));

const ROWS: readonly FormatRow[] = [
  // Archives and packages.
  [
    "ZIP",
    "zip jar war ear aar aab ipa xpi whl egg nupkg vsix kmz cbz npz 3mf usdz epub xps oxps appx msix",
    "application/zip",
    isZip,
  ],
  ["ZIP", "odt ods odp odg odf odb odc odi odm ott ots otp otg", "", isZip],
  ["gzip", "gz tgz taz svgz bam", "application/gzip", isGzip],
  ["bzip2", "bz2 tbz tbz2 tb2", "application/x-bzip2", isBzip2],
  ["xz", "xz txz", "application/x-xz", isXz],
  [
    "Zstandard",
    "zst tzst",
    "application/zstd",
    either(starts("\x28\xb5\x2f\xfd"), isSkippableFrame),
  ],
  [
    "LZ4",
    "lz4",
    "application/x-lz4",
    either(starts("\x04\x22\x4d\x18", "\x02\x21\x4c\x18"), isSkippableFrame),
  ],
  ["lzip", "lz", "", starts("LZIP")],
  ["7z", "7z", "application/x-7z-compressed", starts("7z\xbc\xaf\x27\x1c")],
  ["RAR", "rar", "application/x-rar-compressed", starts("Rar!\x1a\x07", "RE~^")],
  ["tar", "tar ova", "application/x-tar", isTar],
  ["Cabinet", "cab", "application/vnd.ms-cab-compressed", starts("MSCF", "ISc(")],
  ["Debian package", "deb udeb", "application/x-deb", isArchive],
  ["RPM", "rpm", "application/x-rpm", starts("\xed\xab\xee\xdb")],
  ["SquashFS", "squashfs", "", starts("hsqs", "sqsh")],
  ["Windows Installer package", "msi msp", "", isCompoundFile],
  // Documents.
  ["PDF", "pdf", "application/pdf", within(1_024, "%PDF-")],
  ["PDF", "fdf", "", within(1_024, "%FDF-")],
  ["PostScript", "ps eps", "application/postscript", isPostScript],
  ["RTF", "rtf", "application/rtf", within(64, "{\\rtf")],
  ["DjVu", "djvu djv", "image/vnd.djvu", starts("AT&TFORM")],
  // Images.
  ["PNG", "png apng", "image/png", isPng],
  ["JPEG", "jpg jpeg jpe jfif", "image/jpeg", isJpeg],
  ["GIF", "gif", "image/gif", isGif],
  ["WebP", "webp", "image/webp", chunk("WEBP", "RIFF")],
  ["TIFF", "tif tiff gtiff", "image/tiff", starts("II*\0", "MM\0*", "II+\0", "MM\0+")],
  ["BMP", "bmp dib", "image/bmp", isBmp],
  ["Photoshop image", "psd psb", "image/vnd.adobe.photoshop", starts("8BPS")],
  ["HEIF or AVIF", "heic heif avif", "image/heif image/avif", isHeif],
  ["JPEG XL", "jxl", "image/jxl", starts("\xff\x0a", "\0\0\0\x0cJXL \r\n\x87\n")],
  [
    "JPEG 2000",
    "jp2 j2k jpf jpx",
    "image/jp2",
    starts("\0\0\0\x0cjP  \r\n\x87\n", "\xff\x4f\xff\x51"),
  ],
  // Sound and film.
  ["MP3", "mp3", "audio/mpeg", isMp3],
  ["AAC", "aac", "audio/aac", isAac],
  ["Ogg", "ogg oga ogv ogx opus spx", "application/ogg audio/opus", starts("OggS")],
  ["FLAC", "flac", "audio/flac", starts("fLaC", "ID3")],
  ["WAVE", "wav", "audio/wav", isWave],
  ["AIFF", "aif aiff aifc", "audio/aiff", chunk("AIF", "FORM")],
  ["MIDI", "mid midi", "audio/midi", either(starts("MThd"), chunk("RMID", "RIFF"))],
  ["MP4 or QuickTime", "mp4 m4a m4v m4b mov 3gp 3g2 f4v", "video/mp4 video/quicktime", isMediaBox],
  ["AVI", "avi", "video/vnd.avi", chunk("AVI ", "RIFF")],
  ["Matroska or WebM", "mkv mka mks webm", "video/matroska video/webm", starts("\x1a\x45\xdf\xa3")],
  ["ASF", "wmv wma asf", "", starts("\x30\x26\xb2\x75\x8e\x66\xcf\x11")],
  ["Flash video", "flv", "", starts("FLV")],
  // Fonts.
  ["WOFF", "woff", "font/woff", starts("wOFF")],
  ["WOFF2", "woff2", "font/woff2", starts("wOF2")],
  [
    "TrueType or OpenType font",
    "ttf otf ttc otc",
    "font/ttf font/otf font/collection",
    starts("\0\x01\0\0", "true\0", "typ1\0", "OTTO", "ttcf"),
  ],
  ["EOT", "eot", "", inside(34, "LP")],
  // Programs.
  ["Windows program", "exe dll ocx efi", "application/x-msdownload", isExecutable],
  ["WebAssembly", "wasm", "application/wasm", starts("\0asm")],
  ["Java class", "class", "", starts("\xca\xfe\xba\xbe")],
  ["Dalvik program", "dex", "", starts("dex\n")],
  // Data.
  ["Parquet", "parquet", "application/vnd.apache.parquet", starts("PAR1", "PARE")],
  ["Avro", "avro", "application/vnd.apache.avro", starts("Obj\x01")],
  ["ORC", "orc", "", starts("ORC")],
  [
    "Arrow",
    "arrow feather",
    "application/vnd.apache.arrow.file application/vnd.apache.arrow.stream",
    starts("ARROW1", "FEA1", "\xff\xff\xff\xff"),
  ],
  ["SQLite", "sqlite sqlite3 db3 s3db gpkg mbtiles", "application/vnd.sqlite3", isSqlite],
  ["DuckDB", "duckdb", "", inside(8, "DUCK")],
  ["Access", "accdb", "", inside(4, "Standard ACE DB", "Standard Jet DB")],
  ["dBASE", "dbf", "application/vnd.dbf", isDbase],
  [
    "HDF",
    "h5 hdf5 he5 hdf h5ad loom",
    "application/x-hdf5",
    either(isHdf5, starts("\x0e\x03\x13\x01")),
  ],
  [
    "NetCDF",
    "nc nc4 netcdf",
    "application/x-netcdf",
    either(starts("CDF\x01", "CDF\x02", "CDF\x05", "\x0e\x03\x13\x01"), isHdf5),
  ],
  ["GRIB", "grib grib2 grb grb2", "application/x-grib", within(1_024, "GRIB")],
  ["FITS", "fits", "image/fits", starts("SIMPLE")],
  ["NumPy array", "npy", "", starts("\x93NUMPY")],
  ["SPSS data", "sav zsav", "", starts("$FL2", "$FL3")],
  ["SAS data", "sas7bdat", "", inside(12, "\xc2\xea\x81\x60")],
  ["Shapefile", "shp", "", starts("\0\0\x27\x0a")],
  ["LAS", "laz", "", starts("LASF")],
  ["FlatGeobuf", "fgb", "", starts("fgb")],
  ["PMTiles", "pmtiles", "", starts("PMTiles")],
  ["glTF", "glb", "model/gltf-binary", starts("glTF")],
  ["DICOM", "dcm", "", inside(128, "DICM")],
  ["GGUF", "gguf", "", starts("GGUF")],
  ["Safetensors", "safetensors", "", inside(8, "{")],
  // Extensions of several formats; last, since `findFormat` reports the first that matches.
  [
    "ZIP or encrypted Office document",
    "docx docm dotx dotm xlsx xlsm xltx xltm xlsb pptx pptm potx potm ppsx ppsm vsdx",
    "",
    either(isZip, isCompoundFile),
  ],
  ["Android or Alpine package", "apk", "", either(isZip, isGzip)],
  ["Chrome extension", "crx", "", either(starts("Cr24"), isZip)],
  ["PDF or PostScript", "ai", "", either(within(1_024, "%PDF-"), isPostScript)],
  ["FITS or Garmin activity", "fit", "", either(starts("SIMPLE"), inside(8, ".FIT"))],
  [
    "R data",
    "rds rda rdata",
    "",
    either(isGzip, isBzip2, isXz, starts("X\n", "A\n", "B\n", "RDX", "RDA", "RDB")),
  ],
  // Browsers accept any image as an icon, and sites publish any.
  [
    "icon",
    "ico cur",
    "image/x-icon",
    either(starts("\0\0\x01\0", "\0\0\x02\0"), isPng, isGif, isJpeg, isBmp),
  ],
  ["binary data", "pbf mmdb iso dmg img br lzma mvt onnx mdb", "", isBinary],
];

const BY_EXTENSION = new Map<string, BinaryFormat>();
const BY_TYPE = new Map<string, BinaryFormat>();
for (const [name, extensions, types, matches] of ROWS) {
  const format = { name, matches };
  for (const extension of extensions.split(" ")) BY_EXTENSION.set(extension, format);
  for (const type of types.split(" ")) BY_TYPE.set(type, format);
}

/** The format of an extension (lower case, without the dot), or null. */
export function formatOfExtension(extension: string): BinaryFormat | null {
  return BY_EXTENSION.get(extension) ?? null;
}

/** The format of a media type, by any alias or its wider type; or null. */
export function formatOfType(type: string): BinaryFormat | null {
  const name = canonicalType(type);
  if (name.startsWith("application/vnd.openxmlformats-")) return formatOfExtension("docx");
  return BY_TYPE.get(name) ?? BY_TYPE.get(widerType(name) ?? name) ?? null;
}

/** The first format that matches, or null. Short signatures do not prove a format for text. */
export function findFormat(head: Uint8Array): BinaryFormat | null {
  const known = isText(head) ? ["pdf", "rtf"].map(formatOfExtension) : BY_EXTENSION.values();
  for (const format of known) {
    if (format !== null && format.matches !== isBinary && format.matches(head)) return format;
  }
  return null;
}

/** Whether bytes begin with `<`, after white space and a byte order mark. */
export function beginsWithMarkup(head: Uint8Array): boolean {
  return head.find((byte) => !isBlankByte(byte)) === 0x3c;
}

/** White space, part of a byte order mark, or the high byte of Latin text in UTF-16. */
export function isBlankByte(byte: number): boolean {
  return byte <= 0x20 || byte === 0xef || byte === 0xbb || byte === 0xbf || byte >= 0xfe;
}

/** Bytes that are searched for control characters. */
const SAMPLE_BYTES = 4_096;

/** Whether bytes are text: no control characters, or a byte order mark of UTF-16. */
export function isText(head: Uint8Array): boolean {
  if (starts("\xff\xfe", "\xfe\xff")(head)) return true;
  return !head.subarray(0, SAMPLE_BYTES).some((byte) =>
    byte < 0x20 && !(byte >= 0x08 && byte <= 0x0d) && byte !== 0x1b
  );
}
