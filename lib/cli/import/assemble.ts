/** From the downloads of commands to a config: URLs, names, one store, and secrets. */

import type { ConfigInput, TaskInput } from "../../config/input.ts";
import type { ConnectionOptions, ImportNote } from "./draft.ts";
import type { PlacedDownload } from "./script.ts";
import { type ImportedSecret, SecretNames } from "./secrets.ts";
import { requestOf } from "./request.ts";
import { type FilePlace, placeOf, storeOf, toInStore } from "./place.ts";
import { headerText, plainText, type Text, urlText } from "./text.ts";

/** Options of a config besides its tasks. */
export type ImportedSettings = Omit<ConfigInput, "tasks" | "$schema">;

/** A config that was made from another text. */
export interface ImportedConfig {
  /** Options besides the tasks. */
  readonly settings: ImportedSettings;
  readonly tasks: readonly TaskInput[];
  /** What was not converted. */
  readonly notes: readonly ImportNote[];
  /** Secrets of the text, which the config reads from the environment. */
  readonly secrets: readonly ImportedSecret[];
}

/** Makes a config of downloads. */
export function assemble(
  downloads: readonly PlacedDownload[],
  found: readonly ImportNote[],
  timezone: string | null,
): ImportedConfig {
  const notes = [...found];
  const secrets = new SecretNames();
  const hosts: NonNullable<ConfigInput["hosts"]> = {};
  const limits: Record<string, unknown> = {};
  const tasks: { readonly task: TaskInput; readonly place: FilePlace }[] = [];
  for (const download of downloads) {
    const url = addressOf(download, secrets, notes);
    if (url === null) continue;
    const host = hostOf(url);
    const { draft } = download;
    const request = requestOf(draft, host, secrets);
    const headers = headersOf(download, host, secrets, notes);
    if (request !== null) {
      if (request.contentType === null) delete headers["content-type"];
      else headers["content-type"] = request.contentType;
    }
    tasks.push({
      task: {
        url,
        ...request?.options,
        ...download.schedule === null ? {} : { schedule: download.schedule },
        ...Object.keys(headers).length === 0 ? {} : { headers },
        ...draft.task,
      },
      place: placeOf(download, notes),
    });
    const connection = connectionOf(draft.connection, draft.proxyUser, secrets);
    if (Object.keys(connection).length > 0 && host !== UNKNOWN_HOST) {
      hosts[host] = { ...hosts[host], ...connection };
    } else if (Object.keys(connection).length > 0) {
      notes.push({ line: draft.line, what: "hosts", reason: "the host of the URL is a variable" });
    }
    for (const [name, value] of Object.entries(draft.limits)) {
      if (limits[name] === undefined) limits[name] = value;
      else if (limits[name] !== value) {
        notes.push({
          line: draft.line,
          what: `limits.${name}`,
          reason: `the config has one for all tasks: ${limits[name]}`,
        });
      }
    }
  }
  const store = storeOf(tasks.map(({ place }) => place));
  return {
    settings: {
      ...store === null ? {} : { store },
      ...timezone === null ? {} : { timezone },
      ...Object.keys(limits).length === 0 ? {} : { limits },
      ...Object.keys(hosts).length === 0 ? {} : { hosts },
    },
    tasks: merged(tasks.map(({ task: { url, ...options }, place }) => ({
      url,
      ...withName(url, toInStore(place, store, notes)),
      ...options,
    }))),
    notes,
    secrets: secrets.secrets,
  };
}

/** Omits a name that is that of the URL, and adds one where the URL has a variable in its place. */
function withName(url: string, { to }: { readonly to?: string }): { readonly to?: string } {
  const [path = ""] = url.split(/[?#]/, 1);
  const last = path.slice(path.lastIndexOf("/") + 1);
  if (to === last) return {};
  const [, variable] = /\$\{env:([A-Za-z0-9_]+)\}/.exec(last) ?? [];
  const isNamed = to !== undefined && !to.endsWith("/");
  return isNamed || variable === undefined
    ? to === undefined ? {} : { to }
    : { to: `${to ?? ""}${variable.toLowerCase()}` };
}

/** Merges tasks of one file: `curl … -o a || curl … -o a` has a mirror. */
function merged(tasks: readonly TaskInput[]): TaskInput[] {
  const result = new Map<string, TaskInput>();
  for (const task of tasks) {
    const name = task.to === undefined || /\/$|\{name\}/.test(task.to) ? task.url : task.to;
    const first = result.get(name);
    const known = [first?.url, ...first?.mirrors ?? []];
    if (first === undefined) result.set(name, task);
    else if (!known.includes(task.url)) {
      const { url, to, ...options } = first;
      const mirrors = [...first.mirrors ?? [], task.url];
      result.set(name, { url, mirrors, ...to === undefined ? {} : { to }, ...options });
    }
  }
  return [...result.values()];
}

/** The URL of a task; null, with a note, if it is none that cronfetch can fetch. */
function addressOf(
  { url, draft }: PlacedDownload,
  secrets: SecretNames,
  notes: ImportNote[],
): string | null {
  const written = urlText(url);
  const [, scheme = ""] = /^([a-z][a-z0-9+.-]*):\/\//i.exec(written) ?? [];
  if (scheme !== "" && !/^https?$/i.test(scheme)) {
    notes.push({
      line: draft.line,
      what: `${scheme}://`,
      reason: "cronfetch knows http and https",
    });
    return null;
  }
  // Like curl and wget, which assume http.
  const full = scheme === "" && !written.startsWith("${env:") ? `http://${written}` : written;
  const host = hostOf(full);
  const query = [...draft.query, ...draft.isQuery ? draft.data.map(({ text }) => text) : []].map(
    urlText,
  ).join("&");
  const [before = "", fragment] = full.split("#", 2);
  const queried = query === "" ? full : `${before}${before.includes("?") ? "&" : "?"}${query}` +
    (fragment === undefined ? "" : `#${fragment}`);
  return withUser(secrets.url(queried, host), draft, host, secrets);
}

/** Adds the user and the password of the options to a URL. */
function withUser(
  url: string,
  { user, password }: PlacedDownload["draft"],
  host: string,
  secrets: SecretNames,
): string {
  if (user === null) return url;
  const name = user.map((part) => typeof part === "string" ? encodeURIComponent(part) : part);
  const plain = password === null ? "" : plainText(password);
  const secret = plain === null ? password ?? [] : secrets.password(plain, host);
  const userinfo = `${urlText(name)}:${urlText(secret)}@`;
  return url.replace(
    /^(https?:\/\/)(?:[^/?#@]*@)?/i,
    (_whole, scheme: string) => scheme + userinfo,
  );
}

/** The value of `hosts.*.proxy` for a direct connection. */
const NO_PROXY = "direct";

/** In place of a host that a variable holds. */
const UNKNOWN_HOST = "source";

/** The host of a URL of a config. */
function hostOf(url: string): string {
  const [, host] = /^[a-z0-9]+:\/\/(?:[^/?#]*@)?([^/?#@]+)/i.exec(url) ?? [];
  return host === undefined || host.includes("$") ? UNKNOWN_HOST : host;
}

function headersOf(
  { draft }: PlacedDownload,
  host: string,
  secrets: SecretNames,
  notes: ImportNote[],
): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, value] of draft.headers) {
    const written = headerText(secrets.header(name, value, host));
    if (written !== null) headers[name] = written;
    else notes.push({ line: draft.line, what: name, reason: "a header cannot contain a date" });
  }
  return headers;
}

/** The settings of a host, with a password for its proxy taken from the environment. */
function connectionOf(
  { proxy, caFile, certFile, keyFile }: ConnectionOptions,
  proxyUser: Text | null,
  secrets: SecretNames,
): Record<string, string> {
  // Without a key, the key is in the file of the certificate.
  const keys = { certFile, keyFile: keyFile ?? certFile };
  const files = Object.entries({ caFile, ...keys }).flatMap(([name, path]) => {
    const plain = path === undefined ? null : plainText(path);
    return plain === null ? [] : [[name, plain]];
  });
  const settings: Record<string, string> = Object.fromEntries(files);
  if (proxy === undefined) return settings;
  const written = headerText(proxy) ?? "";
  if (written === NO_PROXY) return { ...settings, proxy: written };
  const url = written.includes("://") ? written : `http://${written}`;
  const address = secrets.url(url, hostOf(url), "of the proxy");
  settings["proxy"] = proxyUser === null ? address : withProxyUser(address, proxyUser, secrets);
  return settings;
}

function withProxyUser(url: string, user: Text, secrets: SecretNames): string {
  const plain = plainText(user);
  const [name = "", password = ""] = plain === null ? [] : plain.split(/:(.*)/s, 2);
  const secret = secrets.password(password, hostOf(url), "of the proxy");
  const userinfo = plain === null
    ? headerText(user) ?? ""
    : encodeURIComponent(name) + ":" + headerText(secret);
  return url.replace("://", `://${userinfo}@`);
}
