/** Where a request goes. */

import { CronfetchError } from "../../core/errors.ts";

/** A server, as its URLs name it. */
export interface Server {
  /** `http://name`, with the port where it is not 80. */
  readonly origin: string;
  /** A name, or an address without brackets. */
  readonly hostname: string;
  readonly port: number;
  /** Value of the Host field (RFC 9110, section 7.2). */
  readonly hostField: string;
}

/** The origin of a URL, as `URL` writes it; the target of a request follows it. */
export function originOf(url: string): string {
  return url.slice(0, url.indexOf("/", url.indexOf("//") + 2));
}

/**
 * The server of an origin.
 *
 * @throws {CronfetchError} `net.failed`, where the port is one that browsers do not ask.
 */
export function serverAt(origin: string): Server {
  const { hostname, port: portText, host } = new URL(origin);
  const port = Number(portText || 80);
  if (BAD_PORTS.has(port)) {
    throw new CronfetchError("net.failed", `requests to port ${port} are blocked`, {
      retry: "never",
    });
  }
  return { origin, hostname: hostname.replace(/^\[|\]$/g, ""), port, hostField: host };
}

/** Ports of other protocols: the "bad ports" of the Fetch standard, which `fetch` refuses too. */
const BAD_PORTS: ReadonlySet<number> = new Set(
  (
    "0 1 7 9 11 13 15 17 19 20 21 22 23 25 37 42 43 53 69 77 79 87 95 101 102 103 104 109 110 " +
    "111 113 115 117 119 123 135 137 139 143 161 179 389 427 465 512 513 514 515 526 530 531 532 " +
    "540 548 554 556 563 587 601 636 989 990 993 995 1719 1720 1723 2049 3659 4045 4190 5060 " +
    "5061 6000 6566 6665 6666 6667 6668 6669 6679 6697 10080"
  ).split(" ").map(Number),
);
