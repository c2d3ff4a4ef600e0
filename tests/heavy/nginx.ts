/** nginx as a child process, on a free port and in a temporary folder. */

import { delay } from "@std/async";
import { exists } from "@std/fs";
import { type TemporaryFolder, temporaryFolder } from "../helpers/folder.ts";

const PLACES = [
  "/usr/sbin/nginx",
  "/usr/local/sbin/nginx",
  "/usr/bin/nginx",
  "/opt/homebrew/bin/nginx",
];

const found = await Promise.all(PLACES.map((place) => exists(place)));

/** Path of nginx on this machine, or undefined. */
export const NGINX: string | undefined = PLACES.find((_, index) => found[index]);

/** A line of the access log. */
export interface NginxRequest {
  readonly status: number;
  readonly path: string;
  readonly ifNoneMatch: string;
  readonly ifModifiedSince: string;
  readonly range: string;
  readonly ifRange: string;
}

const LOG_FORMAT =
  "$status\\t$uri\\t$http_if_none_match\\t$http_if_modified_since\\t$http_range\\t$http_if_range";

/** A running nginx. Disposing of it ends it. */
export interface Nginx extends AsyncDisposable {
  readonly port: number;
  /** `http://127.0.0.1:port`, without a slash at the end. */
  readonly origin: string;
  /** The folder whose files it serves. */
  readonly files: TemporaryFolder;
  /** Waits for `count` requests; returns the first ones, in the order in which they ended. */
  log(count: number): Promise<readonly NginxRequest[]>;
  /** All requests logged so far. */
  logged(): Promise<readonly NginxRequest[]>;
}

/** Additional lines of the config. */
export interface NginxOptions {
  /** In `http`. */
  readonly http?: string;
  /** In `server`. */
  readonly server?: string;
}

/** Starts nginx, and waits until it accepts connections. */
export async function startNginx({ http = "", server = "" }: NginxOptions = {}): Promise<Nginx> {
  await using stack = new AsyncDisposableStack();
  const prefix = stack.use(await temporaryFolder());
  const files = stack.use(await temporaryFolder());
  const port = freePort();
  const log = prefix.file("access.log");
  const config = prefix.file("nginx.conf");
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  await Deno.writeTextFile(
    config,
    `daemon off; master_process off; worker_processes 1; pid ${prefix.file("pid")};
error_log stderr crit;
events { worker_connections 256; }
http {
  log_format test escape=none '${LOG_FORMAT}';
  access_log ${log} test;
  types { text/plain txt; application/octet-stream bin; }
  ${temporary.map((name) => `${name}_temp_path ${prefix.file(name)};`).join("\n  ")}
  ${http}
  server { listen 127.0.0.1:${port}; root ${files.path}; ${server} }
}
`,
  );
  const child = new Deno.Command(NGINX ?? "nginx", {
    args: ["-p", prefix.path, "-c", config, "-e", "stderr"],
    stdin: "null",
    stdout: "null",
    stderr: "inherit",
  }).spawn();
  stack.defer(async () => {
    child.kill("SIGTERM");
    await child.status;
  });
  await untilAnswered(port);
  const owned = stack.move();

  const logged = async (): Promise<readonly NginxRequest[]> =>
    (await Deno.readTextFile(log)).split("\n").slice(0, -1).map(parseLine);
  return {
    port,
    origin: `http://127.0.0.1:${port}`,
    files,
    logged,
    async log(count) {
      for (;;) {
        const requests = await logged();
        if (requests.length >= count) return requests.slice(0, count);
        await delay(POLL_MS);
      }
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

const POLL_MS = 20;

/** An unused port of 127.0.0.1. */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** Waits until a port of 127.0.0.1 accepts connections. */
export async function untilAnswered(port: number): Promise<void> {
  for (;;) {
    try {
      (await Deno.connect({ hostname: "127.0.0.1", port })).close();
      return;
    } catch (error) {
      if (!(error instanceof Deno.errors.ConnectionRefused)) throw error;
      await delay(POLL_MS);
    }
  }
}

function parseLine(line: string): NginxRequest {
  const [status = "", path = "", ifNoneMatch = "", ifModifiedSince = "", range = "", ifRange = ""] =
    line.split("\t");
  return { status: Number(status), path, ifNoneMatch, ifModifiedSince, range, ifRange };
}
