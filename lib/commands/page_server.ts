/** The server that the status page is served by. */

import type { Flags } from "../cli.ts";
import { CronfetchError } from "../core/errors.ts";
import type { Host, Listener } from "../core/host.ts";
import { createPage } from "../page/app.tsx";
import { isLoopbackHost } from "../page/security.ts";
import { serveHttp } from "../page/http_server.ts";
import { pageSource, type PageSubject } from "../page_source.ts";
import { escapeControl } from "../report/format.ts";
import { type PageAddress, tokenOf } from "./page_address.ts";

/** What was asked for before the end is answered for this long. */
const GRACE_MS = 3_000;

/**
 * Serves the page from now on, and says where unless it shall be quiet. When it is disposed of,
 * what was asked for until then has a few seconds to be answered.
 *
 * @param subject What it is about, and the work that goes on beside it.
 * @throws {CronfetchError} `usage` if the address cannot be listened on.
 */
export function servePage(
  subject: PageSubject,
  { hostname, port }: PageAddress,
  { quiet }: Pick<Flags, "quiet">,
  host: Host,
): AsyncDisposable {
  const token = tokenOf(host);
  const page = createPage(pageSource(subject, host), {
    clock: host.clock,
    timers: host.timers,
    token,
    isLoopback: isLoopbackHost(hostname.includes(":") ? `[${hostname}]` : hostname),
  });
  const say = (sentence: string) => {
    if (!quiet) host.stderr.write(`${escapeControl(sentence)}\n`);
  };
  const listener = listen({ hostname, port }, host);
  say(`The status page is at ${urlOf(listener.addr)}`);
  const server = serveHttp(listener, page.fetch, host.timers);
  return {
    [Symbol.asyncDispose]: async () => {
      // An open stream would keep the server from shutting down.
      await page.close();
      // A slow download ends with the grace.
      const cancel = host.timers.after(GRACE_MS, () => server.close());
      await server.shutdown();
      cancel();
    },
  };
}

function listen({ hostname, port }: PageAddress, host: Pick<Host, "listen">): Listener {
  try {
    return host.listen(hostname, port);
  } catch (error) {
    const isTaken = error instanceof Deno.errors.AddrInUse;
    const why = isTaken
      ? "something else listens there"
      : error instanceof Error
      ? error.message
      : String(error);
    const where = `${hostname}:${port}`;
    throw new CronfetchError("usage", `Serving the page on ${where}: ${why}`, { cause: error });
  }
}

function urlOf({ hostname, port }: { readonly hostname: string; readonly port: number }): string {
  return `http://${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}/`;
}
