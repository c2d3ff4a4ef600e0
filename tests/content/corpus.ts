/** Generated content: bodies that servers send instead of files, and small genuine files. */

/** The bytes of a Latin-1 text. */
export function latin1(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** Text in UTF-16 with a byte order mark. */
export function utf16(text: string, end: "little" | "big"): Uint8Array<ArrayBuffer> {
  const view = new DataView(new ArrayBuffer(2 * text.length + 2));
  [...`\ufeff${text}`].forEach((character, index) =>
    view.setUint16(2 * index, character.charCodeAt(0), end === "little")
  );
  return new Uint8Array(view.buffer);
}

const utf8 = (text: string) => new TextEncoder().encode(text);

const MESSAGES = [
  "Session expired, please log in",
  "404 Not Found",
  "Access denied",
  "Too many requests",
  "Under maintenance",
];

/** Beginnings of HTML pages. */
const PAGES = [
  "<html><body>",
  "<!doctype html><title>Error</title>",
  '<!DOCTYPE HTML PUBLIC "-//IETF//DTD HTML 2.0//EN">\n<HTML><HEAD>',
  '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE html><html xmlns="x"><p>',
  '<div class="alert">',
  '<script>location = "/login"</script>',
  "<!-- cached --><!-- by proxy -->\n<p>",
  "<TABLE><TR><TD>",
  "<center><h1>",
  "\r\n\r\n \t<meta http-equiv=refresh content='0'>",
  "\ufeff<title>",
  "<br />\n<b>Warning</b>: fopen(): ",
  "<head><style>p{}</style></head>",
  "<BODY bgcolor=white>",
  '<form action="/login"><input name="user"> ',
  "<h2>",
  "<iframe src='/captcha'></iframe>",
  "<noscript>",
  '<link rel="stylesheet" href="/a.css">',
  "<span>",
];

const XML_ERRORS = ["AccessDenied", "NoSuchKey", "SlowDown", "BlobNotFound"].flatMap((code) => [
  `<Error><Code>${code}</Code><Message>No.</Message></Error>`,
  `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code></Error>`,
  `\ufeff<?xml version="1.0" encoding="utf-8"?><Error><Code>${code}</Code><Message>No.\nRequestId:1`,
  `<?xml version='1.0'?>\n<Error xmlns="urn:x">\n  <Code>${code}</Code>\n</Error>\n`,
  `<?xml version="1.0"?><m:error xmlns:m="urn:x"><m:code>${code}</m:code></m:error>`,
  `<ErrorResponse xmlns="urn:x"><Error><Type>Sender</Type><Code>${code}</Code></Error>`,
  `<ServiceExceptionReport version="1.1.1"><ServiceException code="${code}"/>`,
  `<ows:ExceptionReport xmlns:ows="urn:x"><ows:Exception exceptionCode="${code}"/>`,
  `<soap:Envelope xmlns:soap="urn:x"><soap:Body><soap:Fault><faultstring>${code}`,
  `<!-- ${code} -->\n<Error>\n<Message>${code}</Message></Error>`,
]);

const JSON_ERRORS = MESSAGES.slice(0, 4).flatMap((message) => [
  { error: message },
  { error: { code: 403, message, details: [] } },
  { message, documentation_url: "https://docs.example/", status: "404" },
  { success: false, errors: [{ code: 10000, message }], messages: [], result: null },
  { status: 500, error: "Internal Server Error", path: "/x", timestamp: "2026-01-15T00:00:00Z" },
  { type: "about:blank", title: "Forbidden", status: 403, detail: message },
  { statusCode: 429, error: "Too Many Requests", message },
  { status: "error", message, data: null },
  { errors: [{ status: "404", title: "Not Found", detail: message }] },
  { code: 401, message },
  { jsonrpc: "2.0", id: null, error: { code: -32600, message } },
  { error: "not_found", error_description: message, resource_id: "1" },
]).map((value, index) => JSON.stringify(value, null, index % 2 === 0 ? 0 : 2));

const POINTERS = ["1", "22", "333"].flatMap((size) => [
  `version https://git-lfs.github.com/spec/v1\noid sha256:${"a".repeat(64)}\nsize ${size}\n`,
  `version https://hawser.github.com/spec/v1\noid sha256:${"b".repeat(64)}\nsize ${size}\n`,
  `/annex/objects/SHA256E-s${size}--${"c".repeat(64)}.bin\n`,
  `../../.git/annex/objects/aa/bb/SHA256E-s${size}--${"d".repeat(64)}/x`,
]);

/** 200 bodies that are no content of any file in {@linkcode FILE_NAMES}. */
export const GARBAGE: readonly Uint8Array<ArrayBuffer>[] = [
  ...PAGES.flatMap((page) => MESSAGES.map((message) => page + message)),
  ...XML_ERRORS,
  ...JSON_ERRORS,
  ...POINTERS,
].map((text, index) =>
  // One in ten in UTF-16, as some servers on Windows send it.
  index % 10 === 9 ? utf16(text.replace("\ufeff", ""), "little") : utf8(text)
);

/** A ZIP of one empty file of a name. */
function zip(name: string, prefix = ""): string {
  const length = String.fromCharCode(name.length, 0);
  const common = `\x14\0\0\0\0\0\0\0\x21\x50${"\0".repeat(12)}${length}\0\0`;
  const header = `PK\x03\x04${common}${name}`;
  const entry = `PK\x01\x02\x14\0${common}${"\0".repeat(14)}${name}`;
  const sizes = String.fromCharCode(entry.length, 0, 0, 0, header.length, 0, 0, 0);
  return `${prefix}${header}${entry}PK\x05\x06\0\0\0\0\x01\0\x01\0${sizes}\0\0`;
}

/** A tar of one header, with or without the POSIX signature. */
function tar(mark: string): string {
  const before = "a.txt".padEnd(100, "\0") + "0000644\0" + "0000000\0".repeat(2) +
    "00000000000\0" + "14541040000\0";
  const after = ("0" + "\0".repeat(100) + mark).padEnd(512 - 156, "\0");
  const sum = [...`${before}        ${after}`].reduce((sum, byte) => sum + byte.charCodeAt(0), 0);
  return `${before}${sum.toString(8).padStart(6, "0")}\0 ${after}${"\0".repeat(1_024)}`;
}

const box = (brand: string) => `\0\0\0\x18ftyp${brand}\0\0\0\0${brand}isom`;
const HDF5 = "\x89HDF\r\n\x1a\n\0\0\0\0\0\x08\x08\0";
const GZIP = "\x1f\x8b\x08\0\0\0\0\0\0\x03\x4b\x04\0\x43\xbe\xb7\xe8\x01\0\0\0";
const CFB = `\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1${"\0".repeat(504)}`;
const PNG = `\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0\x1f\x15\xc4\x89`;
const RIFF = (type: string) => `RIFF\x24\0\0\0${type}fmt \x10\0\0\0`;

/** Small genuine files of formats with magic bytes, in Latin-1. */
export const BINARY_FILES: readonly (readonly [name: string, content: string])[] = [
  ["a.zip", zip("a.txt")],
  ["empty.zip", `PK\x05\x06${"\0".repeat(18)}`],
  ["spanned.zip", `PK\x07\x08${zip("a.txt")}`],
  ["one-part.zip", `PK00${zip("a.txt")}`],
  ["self-extracting.zip", zip("a.txt", `MZ\x90\0${"\0".repeat(2_000)}`)],
  ["script.jar", zip("a.class", "#!/bin/sh\nexec java -jar $0\n")],
  ["a.xlsx", zip("xl/workbook.xml")],
  ["encrypted.xlsx", CFB],
  ["a.docx", zip("[Content_Types].xml")],
  ["a.pptx", zip("ppt/presentation.xml")],
  ["a.odt", zip("mimetype")],
  ["a.epub", zip("mimetype")],
  ["a.kmz", zip("doc.kml")],
  ["a.whl", zip("a/__init__.py")],
  ["a.jar", zip("META-INF/MANIFEST.MF")],
  ["a.gz", GZIP],
  ["named.csv.gz", `\x1f\x8b\x08\x08\0\0\0\0\0\x03a.csv\0\x03\0${"\0".repeat(8)}`],
  ["a.tgz", GZIP],
  ["a.bz2", "BZh9\x17\x72\x45\x38\x50\x90\0\0\0\0"],
  ["a.xz", "\xfd7zXZ\0\0\x04\xe6\xd6\xb4\x46\0\0\0\0"],
  ["a.zst", "\x28\xb5\x2f\xfd\x04\0\x01\0\0\x99\xe9\xd8\x51"],
  ["skippable.zst", "\x50\x2a\x4d\x18\0\0\0\0\x28\xb5\x2f\xfd"],
  ["a.7z", "7z\xbc\xaf\x27\x1c\0\x04\x8d\x9b\xd5\x0f"],
  ["a.rar", "Rar!\x1a\x07\x01\0\x33\x92\xb5\xe5"],
  ["a.tar", tar("ustar\x0000")],
  ["gnu.tar", tar("ustar  \0")],
  ["v7.tar", tar("")],
  ["empty.tar", "\0".repeat(10_240)],
  ["a.pdf", "%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n"],
  ["prefixed.pdf", `${"\r\n".repeat(20)}junk of a mail gateway\n%PDF-1.4\n1 0 obj\n`],
  ["marked.pdf", "\xef\xbb\xbf%PDF-1.4\n1 0 obj\n"],
  ["a.rtf", "{\\rtf1\\ansi a}"],
  ["a.png", PNG],
  ["a.jpg", "\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0"],
  ["exif.jpeg", "\xff\xd8\xff\xe1\0\x18Exif\0\0MM\0*"],
  ["a.gif", "GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff;"],
  ["a.webp", "RIFF\x1a\0\0\0WEBPVP8L\x0d\0\0\0"],
  ["a.tif", "II*\0\x08\0\0\0\0\0"],
  ["big.tiff", "MM\0+\0\x08\0\0\0\0\0\0\0\0\0\x10"],
  ["a.bmp", `BM\x3a\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\x01\0\0\0\x01\0\0\0\x01\0\x18\0`],
  ["a.ico", "\0\0\x01\0\x01\0\x10\x10\0\0\x01\0\x20\0"],
  ["favicon.ico", PNG],
  ["a.heic", box("heic")],
  ["a.avif", box("avif")],
  ["a.mp4", box("isom")],
  ["a.m4a", box("M4A ")],
  ["a.mov", `\0\0\0\x14ftypqt  \0\0\0\0qt  `],
  ["large.mov", `\x05\x10\x20\x30mdat${"\0".repeat(9)}`],
  ["segment.mp4", "\0\0\0\x18stypmsdh\0\0\0\0msdhmsix"],
  ["index.m4v", "\0\0\0\x2csidx\0\0\0\0"],
  ["fragment.mp4", "\0\0\0\x18moof\0\0\0\x10mfhd"],
  ["old.mov", "\0\0\0\x08wide\0\0\0\x10mdat"],
  ["a.mp3", "\xff\xfb\x90\x64\0\0\0\0"],
  ["tagged.mp3", "ID3\x04\0\0\0\0\0\0"],
  ["a.ogg", "OggS\0\x02\0\0\0\0\0\0\0\0"],
  ["a.flac", "fLaC\0\0\0\x22\x10\0\x10\0"],
  ["a.wav", RIFF("WAVE")],
  ["a.avi", RIFF("AVI ")],
  ["a.webm", "\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01"],
  ["a.woff", "wOFF\0\x01\0\0\0\0\0\0"],
  ["a.woff2", "wOF2\0\x01\0\0\0\0\0\0"],
  ["a.ttf", "\0\x01\0\0\0\x0a\0\x80"],
  ["a.otf", "OTTO\0\x0a\0\x80"],
  ["a.exe", `MZ\x90\0\x03\0\0\0\x04\0\0\0\xff\xff\0\0`],
  ["a.dll", `MZ\x90\0\x03\0\0\0\x04\0\0\0\xff\xff\0\0`],
  ["a.wasm", "\0asm\x01\0\0\0"],
  ["a.class", "\xca\xfe\xba\xbe\0\0\0\x34"],
  ["a.deb", "!<arch>\ndebian-binary   1410122664  0     0     100644  4         `\n2.0\n"],
  ["a.rpm", "\xed\xab\xee\xdb\x03\0\0\0\0\x01"],
  ["a.cab", "MSCF\0\0\0\0\x2c\0\0\0"],
  ["a.msi", CFB],
  ["a.parquet", "PAR1\x15\x04\x15\x10PAR1"],
  ["a.avro", "Obj\x01\x04\x16avro.schema"],
  ["a.orc", "ORC\x0a\x03\0\0\0\x08\x03"],
  ["a.arrow", "ARROW1\0\0\xff\xff\xff\xff"],
  ["stream.arrow", "\xff\xff\xff\xff\x10\0\0\0"],
  ["a.feather", "FEA1\0\0\0\0"],
  ["a.sqlite", "SQLite format 3\0\x10\0\x01\x01\0\x40\x20\x20"],
  ["a.gpkg", "SQLite format 3\0\x10\0\x01\x01\0\x40\x20\x20"],
  ["a.duckdb", "\x01\x02\x03\x04\x05\x06\x07\x08DUCK\x40\0\0\0"],
  ["a.h5", HDF5],
  ["user-block.h5", `${"a block of the user's".padEnd(512, "\0")}${HDF5}`],
  ["a.nc", "CDF\x01\0\0\0\0\0\0\0\0"],
  ["a.nc4", HDF5],
  ["a.grib2", "GRIB\0\0\0\x02\0\0\0\0\0\0\0\x10"],
  ["bulletin.grib", "\x01\r\r\n123\r\r\nHTXA01 KWBC 150000\r\r\nGRIB\0\0\x10\x01"],
  ["a.fits", "SIMPLE  =                    T / conforms to FITS".padEnd(80)],
  ["a.npy", "\x93NUMPY\x01\0\x76\0{'descr'"],
  ["a.rds", GZIP],
  ["a.shp", `\0\0\x27\x0a${"\0".repeat(24)}\xe8\x03\0\0`],
  ["level7.dbf", `\x8e\x7e\x01\x0f${"\0".repeat(28)}\r`],
  ["undated.dbf", `\x03\xff\xff\xff${"\0".repeat(28)}\r`],
  ["a.dbf", `\x03\x7e\x01\x0f${"\0".repeat(28)}\r`],
  ["a.osm.pbf", "\0\0\0\x0d\x0a\x09OSMHeader\x18\x7c"],
  ["tile.pbf", "\x1a\x0e\x0a\x05water\x28\x80\x20\x78\x02"],
  ["a.mmdb", `\0\0\0\x10\x20${"\xe5\0".repeat(20)}\xab\xcd\xefMaxMind.com\xe9`],
  ["a.iso", "\0".repeat(32_768) + "\x01CD001\x01"],
  ["a.pmtiles", "PMTiles\x03\x7f\0\0\0"],
];

/** Small genuine files of text formats. */
export const TEXT_FILES: readonly (readonly [name: string, content: Uint8Array<ArrayBuffer>])[] = [
  ["a.csv", utf8("day,rate\r\n1,2\r\n")],
  ["titled.csv", utf8("Rates of 2026\n\nday;rate\n1,5;2\n")],
  ["brackets.csv", utf8("<TICKER>,<DATE>,<OPEN>\nA,1,2\n")],
  ["utf-16.csv", utf16("day\trate\r\n1\t2\r\n", "little")],
  ["latin-1.csv", latin1("Stra\xdfe;Ort\na;b\n")],
  ["a.tsv", utf8("a\tb\n1\t2\n")],
  ["a.txt", utf8("To whom it may concern: <html> is an element.\n")],
  ["a.json", utf8('{"errors":[],"data":[1,2]}')],
  ["message.json", utf8('{"message":"hello","id":7}')],
  ["record.json", utf8('{"id":1,"name":"pump","status":"failed","description":"x","title":"y"}')],
  ["measured.json", utf8('{"error":0.02,"mean":3.1}')],
  ["report.json", utf8('{"errors":[{"line":1}],"files":[{"name":"a.ts"}]}')],
  ["ok.json", utf8('{"status":"ok","message":"no errors","timestamp":"2026-01-15"}')],
  ["marked.json", utf8('\ufeff{"a":1}')],
  ["a.geojson", utf8('{"type":"FeatureCollection","features":[]}')],
  ["a.ndjson", utf8('{"level":"error","message":"failed"}\n{"level":"info","message":"ok"}\n')],
  ["a.jsonl", utf8('{"a":1}\n{"a":2}\n')],
  ["a.xml", utf8("\ufeff\n<!-- made by hand -->\n<list><Error><Code>1</Code></Error></list>")],
  ["declared.xml", utf8('<?xml version="1.0"?><table><tr/></table>')],
  ["a.rss", utf8('<rss version="2.0"><channel><title>a</title></channel></rss>')],
  ["a.atom", utf8('<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom"/>')],
  ["a.svg", utf8('<svg xmlns="http://www.w3.org/2000/svg"/>')],
  ["doctype.svg", utf8('<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "x"><svg/>')],
  ["a.kml", utf8('<?xml version="1.0"?><kml xmlns="http://www.opengis.net/kml/2.2"/>')],
  ["a.gpx", utf8('<?xml version="1.0"?><gpx version="1.1"/>')],
  ["a.yaml", utf8("version: 1\nerror: none\n")],
  ["a.ics", utf8("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nEND:VCALENDAR\r\n")],
  ["a.sql", utf8("-- dump\nINSERT INTO pages VALUES ('<html>');\n")],
  ["a.js", utf8("document.body.innerHTML = '<div>';\n")],
  ["a.css", utf8("/* <html> */ body { color: red }\n")],
  ["README.md", utf8('<p align="center"><img src="a.svg"></p>\n\n# Name\n')],
  ["stops.txt", utf8("\ufeffstop_id,stop_name\n1,Main Street\n")],
  ["a.dat", utf8("anything at all\n")],
  ["a.bin", latin1("\0\x01\x02\x03")],
  ["table.xls", utf8("<table><tr><th>a</th></tr><tr><td>1</td></tr></table>")],
  ["spread.xls", utf8('<html xmlns:x="urn:schemas-microsoft-com:office:excel"><table>')],
  ["comma.xls", utf8("a,b\n1,2\n")],
  ["rich.doc", utf8("{\\rtf1 a}")],
  ["old.doc", latin1(CFB)],
  ["checksum.sha256", utf8(`${"a".repeat(64)}  a.zip\n`)],
];

/** The names of 40 types of files. */
export const FILE_NAMES: readonly string[] = [
  ..."zip xlsx docx jar epub gz tar.gz bz2 xz zst 7z rar tar pdf png jpg gif webp tif ico mp4 mp3"
    .split(" "),
  ..."parquet sqlite h5 nc wasm osm.pbf mmdb".split(" "),
  ..."csv tsv txt json ndjson geojson xml yaml ics dat xls".split(" "),
].map((extension) => `file.${extension}`);
