/** Names made of parts of the task's URL: `{host}/{path}/{stem}-{query.page}.{ext}`. */

import { reservedKey } from "../core/ownership.ts";
import { trimEndOf } from "../core/text.ts";
import { parseUrl } from "./checks.ts";
import { type Environment, substituteUrl } from "./variables.ts";
import { decoded, keyOf, nameFromUrl, NAMELESS, safeSegment } from "./keys.ts";
import { type Parsed, show } from "./problem.ts";
import { isSecretParameter } from "./secrets.ts";
import { parseTemplate, type Render, type Template, type UrlPart } from "./template.ts";

/** Stands before each value of a URL in a rendered name. No name may hold it. */
const MARK = "\u0001";

/**
 * The key of a task: its template with the dates and the parts of the URL, or the URL's own name.
 * What a person wrote is refused where it is unsafe; what comes from the URL is made safe, and
 * parts of the path of which nothing is left are dropped.
 *
 * @param template Null where the URL names the file.
 */
export function keyFor(
  template: Template | null,
  url: URL,
  timezone: string,
  render: Render,
): Parsed<string> {
  if (template === null) return keyOf(null, url);
  if (!template.fromUrl) return keyOf(render(template, timezone), url);
  const complaint = complaintAboutParts(template, url);
  if (complaint !== null) return { complaint };
  const marked = render(template, timezone, (part) => MARK + valueOf(part, url, template.named));
  const segments = (isFolder(template) ? `${marked}/` : marked).split("/");
  const kept = segments.flatMap((segment, index) => {
    if (!segment.includes(MARK)) return [segment];
    const safe = safeSegment(trimEndOf(segment.replaceAll(MARK, ""), ". "));
    // Folders of git repositories are refused where a person writes them.
    if (safe !== null) return [reservedKey(safe, false, []) === null ? safe : `_${safe}`];
    return index === segments.length - 1 ? [NAMELESS] : [];
  });
  const name = kept.join("/");
  return keyOf(name === "" ? null : name, url);
}

/** Whether a name ends in `{path}`, which is always a folder. */
function isFolder({ parts }: Template): boolean {
  const [last, before = ""] = parts.filter((part) => part !== "").toReversed();
  return typeof last === "object" && "part" in last && last.part === "path" &&
    (typeof before !== "string" || before === "" || before.endsWith("/"));
}

/** What the URL lacks, or what of it must not be in a name. */
function complaintAboutParts({ parts }: Template, url: URL): string | null {
  for (const part of parts) {
    if (typeof part === "string") {
      if (part.includes(MARK)) return "must not hold control characters";
      continue;
    }
    if (!("part" in part) || part.part !== "query") continue;
    const name = `the query parameter ${show(part.parameter)}`;
    if (isSecretParameter(part.parameter)) {
      return `holds ${name}, which by its name is a secret`;
    }
    if (!url.searchParams.get(part.parameter)) {
      return `needs ${name}, which the URL does not have`;
    }
  }
  return null;
}

function valueOf({ part, parameter }: UrlPart, url: URL, named: boolean): string {
  const value = plainValueOf(part, parameter, url);
  // Only the one in the template is the server's name.
  return named ? value.replaceAll("{name}", "_name_") : value;
}

function plainValueOf(part: UrlPart["part"], parameter: string, url: URL): string {
  switch (part) {
    case "host":
      return url.host;
    case "path":
      return foldersOf(url).map(withinSegment).join(`/${MARK}`);
    case "stem":
      return splitName(nameFromUrl(url)).stem;
    case "ext":
      return splitName(nameFromUrl(url)).extension;
    case "query":
      return withinSegment(url.searchParams.get(parameter) ?? "");
    default:
      return part satisfies never;
  }
}

/** The path without the last segment, decoded; empty segments are dropped. */
function foldersOf(url: URL): string[] {
  return url.pathname.split("/").slice(1, -1).filter((segment) => segment !== "").map(decoded);
}

/** A value that adds no segment, and no mark. */
function withinSegment(value: string): string {
  return value.replaceAll("/", "_").replaceAll(MARK, "_");
}

/** A name before and after its last dot; a dot in front makes no extension. */
function splitName(name: string): { stem: string; extension: string } {
  const dot = name.lastIndexOf(".");
  return dot > 0
    ? { stem: name.slice(0, dot), extension: name.slice(dot + 1) }
    : { stem: name, extension: "" };
}

/**
 * Whether the name of a file depends on what `${env:NAME}` stands for in its URL: it is made of
 * two URLs with other values of the same form, and compared.
 *
 * @param written The URL as it is in the config.
 */
export function holdsSecret(
  written: string,
  template: Template | null,
  timezone: string,
  render: Render,
  host: Environment,
): boolean {
  if (!written.includes("${env:")) return false;
  const [first, second] = ["a1", "b2"].map((characters) => {
    const disguised = { env: (name: string) => disguise(host.env(name), characters) };
    const url = parseTemplate(substituteUrl(written, disguised).text, false).value;
    const parsed = url && parseUrl(render(url, timezone), written).value;
    if (!parsed) return null;
    // A server that gives no name leaves it to the URL.
    const fallback = template?.named ? nameFromUrl(parsed) : "";
    return `${fallback}\n${keyFor(template, parsed, timezone, render).value}`;
  });
  const dependsOnUrl = template === null || template.fromUrl || template.named ||
    template.parts.at(-1)?.toString().endsWith("/") === true;
  return dependsOnUrl && (first === null || first !== second);
}

/** Text of the same form: what delimits the parts of a URL stays. */
function disguise(value: string | undefined, [letter, digit]: Iterable<string> & string) {
  const [, scheme = "", rest = ""] = /^(https?:)?(.*)$/is.exec(value ?? "") ?? [];
  return value === undefined
    ? undefined
    : scheme + rest.replace(/\p{L}/gu, letter ?? "").replace(/\p{N}/gu, digit ?? "");
}

/**
 * The part that tells two URLs with one name apart, as a name for all tasks like them; null if
 * they are equal, or differ in what no name may hold.
 */
export function distinctName(url: URL, other: URL): string | null {
  for (const name of new Set([...url.searchParams.keys(), ...other.searchParams.keys()])) {
    const values = [url, other].map(({ searchParams }) => searchParams.get(name));
    const [value, another] = values;
    if (!value || !another || value === another || /[{}]/.test(name)) continue;
    if (!isSecretParameter(name)) return `{query.${name}}/`;
  }
  if (foldersOf(url).join("/") !== foldersOf(other).join("/")) return "{path}/";
  return url.host === other.host ? null : "{host}/";
}
