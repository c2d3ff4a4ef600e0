/** The options of curl (version 8) and what they mean for a config. */

import { type CommandDraft, durationOf, numberOf, sizeOf } from "./draft.ts";
import type { OptionTable } from "./options.ts";
import { plainText, type Text } from "./text.ts";

const NO_NUMBER = "the number is not in the text";
const ONLY_BASIC = "cronfetch knows only Basic authentication";
const NO_FILE = "cronfetch does not read it; write its options in the command";
const HEADERS = "cronfetch keeps the content without the headers";
const ADDRESS = "cronfetch connects to the addresses of the URL's host";
const OUTPUT = "see --json of cronfetch run";

const FLAGS: OptionTable["flags"] = {
  "anyauth": null,
  "basic": null,
  "compressed": null,
  "create-dirs": null,
  "digest": ONLY_BASIC,
  "disable": null,
  "fail": null,
  "fail-early": null,
  "fail-with-body": null,
  "get": (draft) => {
    draft.isQuery = true;
    return null;
  },
  "globoff": (draft) => {
    draft.hasGlobs = false;
    return null;
  },
  "head": (draft, _value, shown) => {
    draft.method = { name: "HEAD", shown };
    return null;
  },
  "http1.0": null,
  "http1.1": null,
  "http2": null,
  "http3": null,
  "include": HEADERS,
  "insecure": "cronfetch always verifies certificates; trust a private authority by hosts.caFile",
  "ipv4": ADDRESS,
  "ipv6": ADDRESS,
  "junk-session-cookies": null,
  "location": null,
  "location-trusted": "headers stay with the origin of their URL",
  "negotiate": ONLY_BASIC,
  "netrc": "set the user and the password in the environment",
  "netrc-optional": "set the user and the password in the environment",
  "no-buffer": null,
  "no-progress-meter": null,
  "ntlm": ONLY_BASIC,
  "parallel": null,
  "parallel-immediate": null,
  "path-as-is": "the URL is normalised",
  "progress-bar": null,
  "proxy-insecure": "cronfetch always verifies certificates",
  "remote-header-name": (draft) => {
    draft.isNamedByServer = true;
    return null;
  },
  "remote-name": (draft) => {
    draft.outputs.push(null);
    return null;
  },
  "remote-name-all": (draft) => {
    draft.isRemoteNamed = true;
    return null;
  },
  "remote-time": (draft) => {
    draft.task.mtime = "last-modified";
    return null;
  },
  "remove-on-error": null,
  "retry-all-errors": "permanent failures are not tried again within a run",
  "retry-connrefused": null,
  "show-error": null,
  "show-headers": HEADERS,
  "silent": null,
  "skip-existing": "a task always fetches the newest file",
  "ssl-no-revoke": null,
  "tcp-fastopen": null,
  "tcp-nodelay": null,
  "tlsv1": null,
  "tlsv1.2": null,
  "tlsv1.3": null,
  "verbose": null,
};

function header(name: string): (draft: CommandDraft, value: Text) => string | null {
  return (draft, value) => draft.setHeader(name, value);
}

/** Sets the proxy, with a scheme in front of it. */
function proxy(scheme: string): (draft: CommandDraft, value: Text) => null {
  return (draft, value) => {
    draft.connection.proxy = scheme === "" ? value : [scheme, ...value];
    return null;
  };
}

/** Adds data: the query with `--get`, else the content of the request. */
function addData(draft: CommandDraft, text: Text, shown: string): null {
  draft.data.push({ text, shown });
  return null;
}

/** Encodes `content`, `=content` and `name=content` of `--data-urlencode`. */
function addEncodedData(draft: CommandDraft, value: Text, shown: string): string | null {
  const text = plainText(value);
  if (text === null || /^[^=]*@/.test(text)) return "its content is not in the text";
  const equals = text.indexOf("=");
  const name = text.slice(0, Math.max(equals, 0));
  const content = encodeURIComponent(text.slice(equals + 1));
  return addData(draft, [name === "" ? content : `${name}=${content}`], shown);
}

const VALUES: OptionTable["values"] = {
  "cacert": (draft, value) => {
    draft.connection.caFile = value;
    return null;
  },
  "cert": (draft, value) => {
    const text = plainText(value) ?? "";
    // A drive letter is no password.
    const password = text.indexOf(":", 2);
    draft.connection.certFile = password < 0 ? value : [text.slice(0, password)];
    return password < 0 ? null : "a key with a password is not supported; only the file is kept";
  },
  "config": NO_FILE,
  "connect-timeout": (draft, value) => draft.setTimeLimit("connect", value),
  "connect-to": ADDRESS,
  "continue-at": null,
  "cookie": (draft, value) =>
    value.some((part) => typeof part === "string" && part.includes("="))
      ? draft.setHeader("cookie", value)
      : "cookies are not read from a file: write them in the command",
  "cookie-jar": null,
  "data": addData,
  "data-ascii": addData,
  "data-binary": addData,
  "data-raw": addData,
  "data-urlencode": addEncodedData,
  "dump-header": HEADERS,
  "etag-compare": null,
  "etag-save": null,
  "form": addData,
  "form-string": addData,
  "header": (draft, value) => draft.addHeader(value),
  "interface": ADDRESS,
  "json": addData,
  "keepalive-time": null,
  "key": (draft, value) => {
    draft.connection.keyFile = value;
    return null;
  },
  "limit-rate": (draft, value) => {
    const size = sizeOf(value);
    if (size === null) return NO_NUMBER;
    draft.limits.rate = size;
    return null;
  },
  "max-filesize": (draft, value) => {
    const size = sizeOf(value);
    if (size === null) return NO_NUMBER;
    draft.task.expect = { ...draft.task.expect, maxSize: size };
    return null;
  },
  "max-redirs": null,
  "max-time": (draft, value) => draft.setTimeLimit("attempt", value),
  "netrc-file": "set the user and the password in the environment",
  "noproxy": (draft, value) => {
    if (plainText(value) !== "*") return "set NO_PROXY in the environment";
    draft.connection.proxy = ["direct"];
    return null;
  },
  "oauth2-bearer": (draft, value) => draft.setHeader("authorization", ["Bearer ", ...value]),
  "output": (draft, value) => {
    draft.outputs.push(value);
    return null;
  },
  "output-dir": (draft, value) => {
    draft.folder = value;
    return null;
  },
  "parallel-max": (draft, value) => {
    const count = numberOf(value);
    if (count === null || count === 0) return NO_NUMBER;
    draft.limits.concurrency = Math.min(count, 1_000);
    return null;
  },
  "proto": null,
  "proto-default": null,
  "proto-redir": null,
  "proxy": proxy(""),
  "proxy-user": (draft, value) => {
    draft.proxyUser = value;
    return null;
  },
  "range": "whole files are fetched",
  "rate": (draft, value) => {
    const spacing = spacingOf(plainText(value) ?? "");
    if (spacing === null) return NO_NUMBER;
    draft.limits.spacing = spacing;
    return null;
  },
  "referer": (draft, value) => {
    const text = plainText(value);
    return draft.setHeader("referer", text === null ? value : [text.replace(/;auto$/, "")]);
  },
  "request": (draft, value, shown) => {
    const name = plainText(value) ?? "";
    draft.method = { name, shown: `${shown} ${name}` };
    return null;
  },
  "resolve": ADDRESS,
  "retry": (draft, value) => {
    const count = numberOf(value);
    if (count === null) return NO_NUMBER;
    return draft.setRetry({ attempts: Math.min(count + 1, 100) });
  },
  "retry-delay": "delays grow by themselves, and Retry-After is honoured",
  "retry-max-time": (draft, value) => {
    const budget = durationOf(value);
    return budget === null ? NO_NUMBER : draft.setRetry({ budget });
  },
  "socks5": proxy("socks5://"),
  "socks5-hostname": proxy("socks5h://"),
  "speed-limit": "timeout.idle counts the time without any byte",
  "speed-time": (draft, value) => draft.setTimeLimit("idle", value),
  "stderr": null,
  "time-cond": null,
  "tls-max": null,
  "trace": null,
  "trace-ascii": null,
  "upload-file": addData,
  "url": (draft, value) => {
    draft.urls.push(value);
    return null;
  },
  "url-query": (draft, value) => {
    draft.query.push(value);
    return null;
  },
  "user": (draft, value) => draft.setUser(value),
  "user-agent": header("user-agent"),
  "write-out": OUTPUT,
};

/** The time between two requests of `--rate N/UNIT`; null if it is none. */
function spacingOf(rate: string): string | null {
  const [, count, unit = "h"] = /^([0-9]{1,6})(?:\/1?([smhd]))?$/.exec(rate) ?? [];
  const seconds = { s: 1, m: 60, h: 3_600, d: 86_400 }[unit];
  if (count === undefined || seconds === undefined || Number(count) === 0) return null;
  return `${Math.ceil(seconds * 1_000 / Number(count))}ms`;
}

/** The options of curl. */
export const CURL: OptionTable = {
  short: {
    "#": "progress-bar",
    "0": "http1.0",
    "1": "tlsv1",
    "4": "ipv4",
    "6": "ipv6",
    ":": "next",
    A: "user-agent",
    b: "cookie",
    C: "continue-at",
    c: "cookie-jar",
    D: "dump-header",
    d: "data",
    E: "cert",
    e: "referer",
    F: "form",
    f: "fail",
    G: "get",
    g: "globoff",
    H: "header",
    I: "head",
    i: "include",
    J: "remote-header-name",
    j: "junk-session-cookies",
    K: "config",
    k: "insecure",
    L: "location",
    m: "max-time",
    N: "no-buffer",
    n: "netrc",
    O: "remote-name",
    o: "output",
    q: "disable",
    R: "remote-time",
    r: "range",
    S: "show-error",
    s: "silent",
    T: "upload-file",
    U: "proxy-user",
    u: "user",
    v: "verbose",
    w: "write-out",
    X: "request",
    x: "proxy",
    Y: "speed-limit",
    y: "speed-time",
    Z: "parallel",
    z: "time-cond",
  },
  flags: FLAGS,
  values: VALUES,
  otherValues: [
    ...["abstract-unix-socket", "alt-svc", "aws-sigv4", "capath", "cert-type", "ciphers"],
    ...["create-file-mode", "crlfile", "curves", "delegation", "dns-interface", "dns-ipv4-addr"],
    ...[
      "dns-ipv6-addr",
      "dns-servers",
      "doh-url",
      "ech",
      "egd-file",
      "engine",
      "expect100-timeout",
    ],
    ...["haproxy-clientip", "happy-eyeballs-timeout-ms", "hostpubmd5", "hostpubsha256", "hsts"],
    ...["ip-tos", "ipfs-gateway", "keepalive-cnt", "key-type", "krb", "libcurl", "local-port"],
    ...["login-options", "pass", "pinnedpubkey", "preproxy", "proxy-cacert", "proxy-cert"],
    ...["proxy-header", "proxy-key", "proxy-pass", "proxy1.0", "pubkey", "quote", "random-file"],
    ...["request-target", "service-name", "socks4", "socks4a"],
    ...["tls13-ciphers", "tlspassword", "tlsuser", "trace-config", "unix-socket", "variable"],
    ...["vlan-priority"],
  ],
  hasPrefixes: false,
};
