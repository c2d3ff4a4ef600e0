/** What a person can do about a failure, where that is known. */

import type { ErrorCode } from "../core/errors.ts";

/** By code. Null: the message says all there is to say, or there is nothing to do. */
const BY_CODE = {
  "usage": "see cronfetch --help",
  "config.not-found": "cronfetch init writes one",
  "config.syntax": null,
  "config.unknown-key": null,
  "config.invalid": null,
  "config.missing-secret": "set the variable, or take it out of the config",
  "config.collision": "give each task its own id and file",
  "net.dns": "check the host name, and that this machine can resolve names",
  "net.refused": "check the port, and that the server is up",
  "net.reset": "the server or something on the way gave up; try again later",
  "net.failed": "check the network, and the proxy if there is one",
  "tls.untrusted":
    "check the host name and the date; DENO_CERT names a file with your own authority",
  "tls.failed": "check that the port speaks https",
  "timeout.response": "raise timeout.response if the server is slow",
  "timeout.idle": "raise timeout.idle if the server is slow",
  "timeout.attempt": "raise timeout.attempt if the file is large or the line is slow",
  "timeout.deadline": "raise limits.deadline, or split the tasks",
  "http.status": "check the URL in a browser",
  "http.protocol": "tell whoever runs the server",
  "redirect.loop": "check the URL, and whether the server wants a header or cookie",
  "redirect.insecure": "ask for the final address over https",
  "redirect.private": "use allowPrivate or --allow-private only if you trust the server",
  "body.truncated": "the server or something on the way cut it; try again later",
  "body.too-large": "raise expect.maxSize if this size is right",
  "body.too-small": "lower expect.minSize if this size is right",
  "expect.type": "check what the URL returns; expect.sniff = false accepts any content",
  "expect.digest":
    "check whether the file was meant to change before you change the expected digest",
  "expect.shrunk": "lower expect.minRatio if this size is right",
  "expect.matches": "look at what the URL gives, or change expect.matches",
  "store.full": "make room",
  "store.denied": "check who may write there, and the permission flags (cronfetch doctor)",
  "store.conflict": "move away what stands there, or let the next run look anew",
  "store.name": 'change "to" of the task',
  "store.busy": "lower limits.concurrency",
  "store.failed": "check the disk or the bucket",
  "state.locked": "wait for the other run",
  "state.unreadable": "restore it from a copy, or move it away to start afresh",
  "cancelled": null,
  "internal": "please report it",
} as const satisfies Record<ErrorCode, string | null>;

/** Of `http.status`, by status (RFC 9110, section 15; RFC 6585; RFC 7725). */
const BY_STATUS: Readonly<Record<number, string>> = {
  401: "check the headers and the secret",
  403: "check the headers and the secret",
  404: "check the URL",
  407: "check the proxy's user name and password",
  408: "the server is busy; try again later",
  410: "the file is gone for good: take the task out",
  429: "ask less often: raise limits.spacing or lower limits.perHost",
  451: "the file is withheld for legal reasons: take the task out",
};

/**
 * What a person can do about a failure.
 *
 * @param code Why the task failed.
 * @param httpStatus Status of the last response, or null without one.
 * @returns A clause in the imperative, without a full stop, or null where nothing is known.
 */
export function advice(code: ErrorCode, httpStatus: number | null): string | null {
  if (code === "http.status" && httpStatus !== null) {
    const known = BY_STATUS[httpStatus];
    if (known !== undefined) return known;
    if (httpStatus >= 500) return "the server has a problem; try again later";
  }
  return BY_CODE[code];
}
