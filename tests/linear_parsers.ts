/** Functions that read foreign text, for `linear_test.ts`. A new one is a line here. */

import { expandGlob } from "../lib/cli/import/glob.ts";
import { importText } from "../lib/cli/import/import.ts";
import { readScript } from "../lib/cli/import/script.ts";
import { parseShell } from "../lib/cli/import/shell.ts";
import { parseDuration, parseSize } from "../lib/config/schema/fields.ts";
import { keyOf, safeName } from "../lib/config/keys.ts";
import {
  createRedactor,
  createUrlRedactor,
  redactExcerpt,
  redactUrl,
  secretsInHeader,
  secretsInUrl,
} from "../lib/config/secrets.ts";
import { guessDuration, guessSchedule, guessSize } from "../lib/config/guess.ts";
import { explainJson, explainYaml } from "../lib/config/source/syntax.ts";
import { parseTemplate } from "../lib/config/template.ts";
import { suggestVariables } from "../lib/config/variables.ts";
import { parseDays } from "../lib/cron/calendar.ts";
import { repairFields } from "../lib/cron/expression.ts";
import { isOfficeHtml } from "../lib/content/unexpected_text.ts";
import { mediaType, textKind, typesAgree } from "../lib/content/content_type.ts";
import { isErrorDocument, mayBeErrorDocument, xmlErrorIn } from "../lib/content/error_document.ts";
import { isHtmlIn, readMarkupStart } from "../lib/content/markup.ts";
import { sniffFault } from "../lib/content/sniff.ts";
import { textFault } from "../lib/content/text_content.ts";
import { parseStateLocation, parseStoreLocation } from "../lib/core/location.ts";
import { parseHttpDate, requestedPauseMs } from "../lib/core/time.ts";
import { cutServerText, escapeControl, quoteServerText, trimEndOf } from "../lib/core/text.ts";
import { classifyResponse } from "../lib/download/response.ts";
import { challengeIn, reasonIn } from "../lib/download/status_reason.ts";
import { parseChecksums } from "../lib/content/checksum.ts";
import type { JsonListRule, ListDocument } from "../lib/core/list.ts";
import { parseJsonList } from "../lib/lists/json.ts";
import { compareNatural, itemOrder } from "../lib/lists/order.ts";
import { parseTextList } from "../lib/lists/text.ts";
import { readDate, readDigest, readSize } from "../lib/lists/values.ts";
import { contentLength } from "../lib/http/framing.ts";
import { parseHead } from "../lib/http/head.ts";
import { requestHead } from "../lib/http/request_head.ts";
import { CookieJar, parseCookieDate } from "../lib/http/cookies.ts";
import { hostKind } from "../lib/http/egress.ts";
import { serverName } from "../lib/download/filename.ts";
import { fromFetchError } from "../lib/http/network_error.ts";
import { decideRedirect } from "../lib/download/request.ts";
import {
  mayUseRanges,
  remainingBytes,
  strongValidator,
  unsatisfiedTotal,
} from "../lib/download/resume.ts";
import { responseValidators, tagUse } from "../lib/download/conditional.ts";
import { versionedKey } from "../lib/core/key.ts";
import { bearerToken } from "../lib/page/security.ts";
import { escapeXml } from "../lib/report/junit.ts";
import { checkFields } from "../lib/cron/expression.ts";
import { readErrorAnswer, readObjects } from "../lib/store/s3/answers.ts";
import { parseProfiles } from "../lib/store/s3/credentials/profile.ts";
import { parseFeed } from "../lib/lists/feed.ts";
import { linkTarget } from "../lib/lists/link.ts";
import { loadPatternEngine } from "../lib/core/pattern.ts";
import { parsePage } from "../lib/lists/page.ts";
import { explainS3, missingFeature } from "../lib/store/s3/errors.ts";

const engine = await loadPatternEngine();

const COOKIE_URL = new URL("https://a.example/b");
const clock = { now: () => Temporal.Instant.fromEpochMilliseconds(0) };
const asked = { conditional: false, rangeStart: null, clock };
const part = { sizeBytes: 1, totalBytes: 2, validator: '"a"' };
const encoder = new TextEncoder();
const redact = createRedactor(["secret", "a b?c", "%%%%", "\u00e9tat"]);

function sniff(body: string, key: string): string | null {
  const head = encoder.encode(body);
  return sniffFault({ head, sizeBytes: head.length, contentType: null, key, type: null });
}

/** Header fields that all have this value. */
function everyField(value: string): { get(name: string): string } {
  return { get: () => value };
}

function s3Failure(message: string) {
  const of = { region: null, action: "s3:GetObject", bucket: "b" } as const;
  return { name: "Other", message, status: 400, ...of };
}

/** A list document that refuses nothing because of its size. */
function list(text: string, contentType: string | null = null): ListDocument {
  return { bytes: encoder.encode(text), url: "https://a.example/", contentType, link: null };
}

const jsonRule: JsonListRule = {
  kind: "json",
  items: "$[*]",
  ...{ url: null, id: null, name: null, size: null, date: null, digests: {}, next: null },
};

/** An item whose version is in its name. */
function versioned(name: string) {
  const nothing = { id: null, sizeBytes: null, digests: {}, date: null, fields: {} };
  return { url: "https://a.example/", name, ...nothing };
}

/** By name; what they return does not matter, nor do refusals. */
export const PARSERS: Readonly<Record<string, (text: string) => unknown>> = {
  bearerToken: (text) => bearerToken(new Headers({ authorization: `Bearer ${text}` })),
  checkFields,
  compareNatural: (text) => compareNatural(text, `${text}a`),
  "compareVersions": (text) => itemOrder("version")(versioned(text), versioned(`v1.2${text}`)),
  comesInRanges: (text) =>
    mayUseRanges({ status: 200, headers: everyField(text), lengthBytes: 9, validator: '"a"' }),
  contentLength: (text) => contentLength(200, everyField(text)),
  continuesPart: (text) => remainingBytes(part, everyField(text)),
  createRedactor: redact,
  createUrlRedactor: createUrlRedactor(["secret", "a?b"]),
  "CookieJar": (text) => new CookieJar().store([text, `a=${text}`, `a=1;${text}`], COOKIE_URL, 0),
  cutServerText,
  decideRedirect: (text) => decideRedirect(["https://a.example/"], text),
  "decideRedirect, below the limit": (text) =>
    decideRedirect(["https://a.example/"], text.slice(0, 8_000)),
  escapeControl,
  escapeXml,
  expandGlob,
  explainS3: (text) => explainS3(s3Failure(text), null),
  fromFetchError: (text) => fromFetchError(new Error(text), new AbortController().signal),
  hostKind,
  "importText: a URL": (text) => importText(`https://${text}`, "/"),
  isErrorDocument: (text) => isErrorDocument(`{"error":"${text}`),
  isHtmlIn: (text) => isHtmlIn(`<${text}`, "xml"),
  "isHtmlIn: attributes": (text) => isHtmlIn(`<p ${text}`, "xml"),
  isOfficeHtml,
  classifyResponse: (text) => classifyResponse(200, everyField(text), asked),
  keyOf: (text) => keyOf(text, new URL("https://a.example/b")),
  mayBeErrorDocument: (text) => mayBeErrorDocument(`${text}{`),
  linkTarget: (text) => linkTarget(`</a>; ${text}`, "next"),
  "linkTarget: a quoted value": (text) => linkTarget(`</a>; b="${text}`, "next"),
  mediaType,
  missingFeature: (text) => missingFeature(s3Failure(text), new Set(["checksums"])),
  openingOf: (text) => readMarkupStart(`<${text}`),
  parseBucket: (text) => parseStoreLocation(`s3://bucket/${text}`, "/"),
  parseChecksums: (text) => parseChecksums(text, ["a.zip"], "sha256"),
  "parseChecksums: GNU": (text) => parseChecksums(`${"0".repeat(64)} ${text}`, ["a.zip"], "sha256"),
  "parseChecksums: Apache": (text) => parseChecksums(`a.zip: AB ${text}`, ["a.zip"], "sha256"),
  "parseChecksums: BSD": (text) => parseChecksums(`SHA256 (${text}`, ["a.zip"], "sha256"),
  parseCookieDate,
  parseDays,
  "parseDays: elements": (text) => parseDays(`1 or ${text}`),
  parseDuration,
  "parseFeed: text": (text) => parseFeed(list(`<rss><channel><title>${text}`)),
  "parseFeed: markup": (text) => parseFeed(list(`<rss><channel>${text}</channel></rss>`)),
  "parseFeed: an element": (text) =>
    parseFeed(list(`<rss><channel><title>a</title><item><link>/b</link><pubDate>${text}</pubDate>
      <enclosure url="${text}"/></item></channel></rss>`)),
  parseHttpDate: (text) => parseHttpDate(text, 0),
  "parseHead: status": (text) => parseHead(encoder.encode(`HTTP/1.1 200 ${text}\r\n\r\n`)),
  "parseHead: field": (text) => parseHead(encoder.encode(`HTTP/1.1 200 \r\nA:${text}\r\n\r\n`)),
  "parseHead: name": (text) => parseHead(encoder.encode(`HTTP/1.1 200 \r\n${text}\r\n\r\n`)),
  requestHead: (text) =>
    requestHead({ method: "GET", target: `/${text}`, hostField: "a", lengthBytes: null }, {
      a: text,
    }),
  parseShell,
  "parseShell: a quoted word": (text) => parseShell(`a "${text}`),
  "parseJsonList: text": (text) => parseJsonList(list(text), jsonRule),
  "parseJsonList: a URL": (text) => parseJsonList(list(JSON.stringify([text])), jsonRule),
  "parseJsonList: a type": (text) => parseJsonList(list("[]", text), jsonRule),
  parseTextList: (text) => parseTextList(list(text.slice(0, -1))),
  "parseTextList: CSV": (text) => parseTextList(list(`/a,${text.slice(0, -1)}"`, "text/csv")),
  "parseTextList: TSV": (text) => parseTextList(list(`TsvHttpData-1.0\n/a\t${text.slice(0, -1)}`)),
  "parsePage: text": (text) => parsePage(list(`<html>${text}`), { links: null }, engine),
  "parsePage: a row": (text) =>
    parsePage(list(`<title>Index of</title><a href=b>b</a>${text}`), { links: null }, engine),
  "parsePage: a link": (text) =>
    parsePage(list(`<a href="${text}">`), { links: "^(.*b)+$" }, engine),
  "parsePage: a title": (text) => parsePage(list(`<title>${text}`), { links: null }, engine),
  "parsePage: S3": (text) => parsePage(list(`<ListBucketResult>${text}`), { links: null }, engine),
  parseProfiles,
  "parseProfiles: a section": (text) => parseProfiles(`[${text}]\na = ${text}`),
  parseSize,
  parseStateLocation: (text) => parseStateLocation(text, "/"),
  parseStoreLocation: (text) => parseStoreLocation(text, "/"),
  parseTemplate: (text) => parseTemplate(`{${text}`, "name"),
  quoteServerText,
  readDate,
  readDigest: (text) => readDigest(text, "sha256"),
  readSize,
  readScript: (text) => readScript(text, "/"),
  "readScript: a command": (text) => readScript(`curl ${text}`, "/"),
  "readScript: a date": (text) => readScript(`curl $(date +${text})`, "/"),
  "readScript: a URL": (text) => readScript(`curl -H 'a:${text}' https://a.example/${text}`, "/"),
  guessDuration,
  guessSchedule,
  guessSize,
  repairFields,
  suggestVariables,
  explainJson: (text) =>
    explainJson(text, [{ offset: text.length, message: "expected a comma" }], true),
  explainYaml: (text) => explainYaml(text, [{ offset: 0, message: "unexpected scalar" }]),
  redactExcerpt: (text) => redactExcerpt({ text, column: 1, length: 1 }, redact),
  redactUrl,
  "redactUrl: a URL": (text) => redactUrl(`https://a.example/${text}`),
  "redactUrl: an authority": (text) => redactUrl(`https://${text}`),
  "readErrorAnswer: text": (text) => readErrorAnswer(`<Error><Code>${text}</Code></Error>`),
  "readErrorAnswer: a tag": (text) => readErrorAnswer(`<Error><${text}`),
  "readObjects: entities": (text) => readObjects(`<ListBucketResult>&${text};`),
  challengeIn,
  "challengeIn: a realm": (text) => challengeIn(`Basic realm="${text}`),
  reasonIn,
  "reasonIn: JSON": (text) => reasonIn(`{"message":"${text}`),
  "reasonIn: a member": (text) => reasonIn(`{${text}`),
  "reasonIn: XML": (text) => reasonIn(`<e><message>${text}`),
  "reasonIn: a page": (text) => reasonIn(`<html><title>${text}`),
  responseValidators: (text) => responseValidators(everyField(text), 0),
  requestedPauseMs: (text) => requestedPauseMs(everyField(text), 0),
  safeName,
  secretsInHeader: (text) => secretsInHeader("cookie", text),
  "secretsInHeader: credentials": (text) => secretsInHeader("authorization", `a${text}`),
  secretsInUrl: (text) => secretsInUrl(URL.parse(`https://${text.slice(0, 10_000)}@a.example/`)),
  serverName: (text) => serverName(text, "https://a.example/b"),
  "serverName: a parameter": (text) =>
    serverName(`attachment; filename="${text}"`, "https://a.example/b"),
  "serverName: no type": (text) => serverName(`${text}filename=x.csv`, "https://a.example/b"),
  "serverName: an encoded word": (text) =>
    serverName(`filename="=?UTF-8?Q?${text}?= ${text}=?"`, "https://a.example/b"),
  "serverName: an extended parameter": (text) =>
    serverName(`attachment; filename*=UTF-8''${text}`, "https://a.example/b"),
  "sniffFault: binary": (text) => sniff(text, "a.pdf"),
  "sniffFault: markup": (text) => sniff(`<${text}`, "a.xls"),
  "sniffFault: pointer": (text) => sniff(`..${text}`, "a.csv"),
  "sniffFault: name": (text) => sniff("x", `a.${text}`),
  strongValidator: (text) => strongValidator(everyField(text), () => 0),
  tagUse,
  "textFault: csv": (text) => textFault("csv", text, false),
  "textFault: html": (text) => textFault("html", text, false),
  "textFault: json": (text) => textFault("json", text, false),
  "textFault: whole json": (text) => textFault("json", text, true),
  "textFault: xml": (text) => textFault("xml", text, false),
  textKind,
  trimEndOf: (text) => trimEndOf(`${text}a`, ". /"),
  typesAgree: (text) => typesAgree("text/csv", text),
  unsatisfiedTotal: (text) => unsatisfiedTotal(everyField(text)),
  "xmlErrorIn: a child": (text) => xmlErrorIn(`<Error><${text}`),
  versionedKey,
  xmlErrorIn: (text) => xmlErrorIn(`<Error>${text}`),
};

/** Pieces that make an expression backtrack when they are repeated. */
export const PUMPS: readonly string[] = [
  " ",
  "?",
  "=",
  "a",
  "0",
  ".",
  "/",
  "\\",
  "@",
  "%41",
  '"',
  '",',
  ";a=",
  "<!--",
  "{",
  "\r\n",
  "(",
  "a.20260115T060000123Z",
];
