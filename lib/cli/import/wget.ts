/** The options of wget (versions 1.25 and 2.2) and what they mean for a config. */

import { type CommandDraft, durationOf, numberOf, sizeOf } from "./draft.ts";
import type { OptionTable } from "./options.ts";
import { plainText, type Text } from "./text.ts";

const NO_NUMBER = "the number is not in the text";
const ADDRESS = "cronfetch connects to the addresses of the URL's host";
const LINKS = "cronfetch follows no links: each file needs its URL";
const LOG = "redirect the output of cronfetch run instead";

/** Leaves the command out, for an option that makes it something else than a download. */
function leaveOut(reason: string): (draft: CommandDraft) => string {
  return (draft) => draft.leftOut = reason;
}

const FLAGS: OptionTable["flags"] = {
  "adjust-extension": "the name is that in the URL, or `to`",
  "auth-no-challenge": null,
  "background": "see cronfetch watch",
  "backups": (draft, value) => {
    draft.task.keep = numberOf(value) ?? 1;
    return null;
  },
  "content-disposition": (draft) => {
    draft.isNamedByServer = true;
    return null;
  },
  "continue": null,
  "convert-links": LINKS,
  "debug": null,
  "delete-after": leaveOut("cronfetch keeps the files that it downloads"),
  "force-directories": (draft) => {
    draft.prefix = "{host}/{path}/";
    return null;
  },
  "force-html": LINKS,
  "http-keep-alive": null,
  "https-only": null,
  "inet4-only": ADDRESS,
  "inet6-only": ADDRESS,
  "mirror": leaveOut(LINKS),
  "no-cache": null,
  "no-check-certificate":
    "cronfetch always verifies certificates; trust a private authority by hosts.caFile",
  "no-clobber": "a task always fetches the newest file",
  "no-config": null,
  "no-cookies": null,
  "no-directories": null,
  "no-dns-cache": null,
  "no-glob": null,
  "no-host-directories": (draft) => {
    draft.prefix = draft.prefix.replace("{host}/", "");
    return null;
  },
  "no-hsts": null,
  "no-if-modified-since": null,
  "no-netrc": null,
  "no-parent": null,
  "no-proxy": (draft) => {
    draft.connection.proxy = ["direct"];
    return null;
  },
  "no-use-server-timestamps": null,
  "no-verbose": null,
  "page-requisites": leaveOut(LINKS),
  "quiet": null,
  "random-wait": "limits.spacing is constant",
  "recursive": leaveOut(LINKS),
  "retry-connrefused": null,
  "retry-on-host-error": null,
  "save-headers": "cronfetch keeps the content without the headers",
  "server-response": null,
  "show-progress": null,
  "span-hosts": LINKS,
  "spider": leaveOut("it downloads nothing"),
  "timestamping": null,
  "trust-server-names": (draft) => {
    draft.isNamedByServer = true;
    return null;
  },
  "verbose": null,
};

/** Adds the content of the request. */
function addData(draft: CommandDraft, text: Text, shown: string): null {
  draft.data.push({ text, shown });
  return null;
}

function setUser(draft: CommandDraft, value: Text): null {
  draft.user = value;
  return null;
}

function setPassword(draft: CommandDraft, value: Text): null {
  draft.password = value;
  return null;
}

/** `-e`: a command of `.wgetrc`, such as `https_proxy=…`. */
function execute(draft: CommandDraft, value: Text): string | null {
  const text = plainText(value) ?? "";
  const [, name = "", setting = ""] = /^([a-z_]+)=(.*)$/s.exec(text.replaceAll(" ", "")) ?? [];
  if (name === "http_proxy" || name === "https_proxy") {
    draft.connection.proxy = [setting];
    return null;
  }
  return name === "use_proxy" || name === "robots" ? null : "it has no equivalent";
}

const VALUES: OptionTable["values"] = {
  "append-output": LOG,
  "bind-address": ADDRESS,
  "body-data": addData,
  "body-file": addData,
  "ca-certificate": (draft, value) => {
    draft.connection.caFile = value;
    return null;
  },
  "certificate": (draft, value) => {
    draft.connection.certFile = value;
    return null;
  },
  "compression": null,
  "connect-timeout": (draft, value) => draft.setTimeLimit("connect", value),
  "directory-prefix": (draft, value) => {
    draft.folder = value;
    return null;
  },
  "dns-timeout": null,
  "execute": execute,
  "header": (draft, value) => draft.addHeader(value),
  "http-password": setPassword,
  "http-user": setUser,
  "input-file": "import the list: cronfetch init --import FILE",
  "limit-rate": (draft, value) => {
    const size = sizeOf(value);
    if (size === null) return NO_NUMBER;
    draft.limits.rate = size;
    return null;
  },
  "load-cookies": "cookies are not read from a file: write them in a header",
  "max-redirect": null,
  "max-threads": (draft, value) => {
    const count = numberOf(value);
    if (count === null || count === 0) return NO_NUMBER;
    draft.limits.concurrency = Math.min(count, 1_000);
    return null;
  },
  "method": (draft, value, shown) => {
    const name = plainText(value) ?? "";
    draft.method = { name, shown: `${shown} ${name}` };
    return null;
  },
  "output-document": (draft, value) => {
    draft.outputs.push(value);
    return null;
  },
  "output-file": LOG,
  "password": setPassword,
  "post-data": addData,
  "post-file": addData,
  "prefer-family": ADDRESS,
  "private-key": (draft, value) => {
    draft.connection.keyFile = value;
    return null;
  },
  "progress": null,
  "read-timeout": (draft, value) => draft.setTimeLimit("idle", value),
  "referer": (draft, value) => draft.setHeader("referer", value),
  "report-speed": null,
  "restrict-file-names": null,
  "save-cookies": null,
  "secure-protocol": null,
  "timeout": (draft, value) =>
    draft.setTimeLimit("connect", value) ?? draft.setTimeLimit("idle", value),
  "tries": (draft, value) => {
    const count = numberOf(value);
    if (count === null) return NO_NUMBER;
    // Zero is no limit.
    return draft.setRetry({ attempts: count === 0 ? 100 : Math.min(count, 100) });
  },
  "user": setUser,
  "user-agent": (draft, value) => draft.setHeader("user-agent", value),
  "wait": (draft, value) => {
    const spacing = durationOf(value);
    if (spacing === null) return NO_NUMBER;
    draft.limits.spacing = spacing;
    return null;
  },
  "waitretry": "delays grow by themselves, and Retry-After is honoured",
};

/** The options of wget. */
export const WGET: OptionTable = {
  short: {
    "4": "inet4-only",
    "6": "inet6-only",
    A: "accept",
    a: "append-output",
    B: "base",
    b: "background",
    c: "continue",
    D: "domains",
    d: "debug",
    E: "adjust-extension",
    e: "execute",
    F: "force-html",
    H: "span-hosts",
    I: "include-directories",
    i: "input-file",
    k: "convert-links",
    l: "level",
    m: "mirror",
    N: "timestamping",
    nc: "no-clobber",
    nd: "no-directories",
    nH: "no-host-directories",
    np: "no-parent",
    nv: "no-verbose",
    O: "output-document",
    o: "output-file",
    P: "directory-prefix",
    p: "page-requisites",
    Q: "quota",
    q: "quiet",
    R: "reject",
    r: "recursive",
    S: "server-response",
    T: "timeout",
    t: "tries",
    U: "user-agent",
    v: "verbose",
    w: "wait",
    X: "exclude-directories",
    x: "force-directories",
  },
  flags: FLAGS,
  values: VALUES,
  otherValues: [
    ...["accept", "accept-regex", "base", "ca-directory", "certificate-type", "chunk-size"],
    ...["ciphers", "config", "crl-file", "cut-dirs", "default-page", "dns-servers", "domains"],
    ...["egd-file", "exclude-directories", "exclude-domains", "follow-tags", "hsts-file"],
    ...[
      "ignore-tags",
      "include-directories",
      "level",
      "limit-size",
      "local-encoding",
      "pinnedpubkey",
    ],
    ...["private-key-type", "proxy-password", "proxy-user", "quota", "random-file", "reject"],
    ...["reject-regex", "rejected-log", "remote-encoding", "retry-on-http-error", "start-pos"],
    ...["unlink", "use-askpass", "warc-file", "warc-header", "warc-max-size"],
  ],
  hasPrefixes: true,
};
