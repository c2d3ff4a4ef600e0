/** Origin servers: nginx, or a server that limits connections. Each counts its traffic. */

import { delay } from "@std/async";
import { exists } from "@std/fs";
import { fromFileUrl, join } from "@std/path";
import { freePort, NGINX, untilAnswered } from "../tests/heavy/nginx.ts";
import { startRelay } from "./delaying_relay.ts";
import { memoryFolder } from "./memory_folder.ts";
import { FAR_ROUND_TRIP_MS } from "./scenarios.ts";

/** Requests and bytes of an origin. */
export interface Traffic {
  readonly requests: number;
  /** Sent body bytes. */
  readonly sentBytes: number;
}

/** A running server. Disposing stops it. */
export interface Origin extends AsyncDisposable {
  /** Without a slash at the end. */
  readonly url: string;
  /** Traffic since the last call. Throws if a request failed. */
  traffic(): Promise<Traffic>;
}

/** nginx on two ports. */
export interface NginxOrigins extends AsyncDisposable {
  readonly plain: Origin;
  /** HTTPS on `localhost`, with HTTP/2 for clients that support it. */
  readonly tls: Origin;
}

const CERTIFICATES = fromFileUrl(new URL("../tests/fixtures/tls/", import.meta.url));

/** Certificate authority of {@linkcode NginxOrigins.tls}. */
export const AUTHORITY = join(CERTIFICATES, "authority.crt");

/** Starts nginx on loopback with the files below `root`. */
export async function startNginx(root: string): Promise<NginxOrigins> {
  await using stack = new AsyncDisposableStack();
  const own = stack.use(await memoryFolder());
  const [plainPort, tlsPort] = [freePort(), freePort()];
  const config = own.file("nginx.conf");
  await Deno.writeTextFile(config, nginxConfig(own.path, root, plainPort, tlsPort));
  const child = new Deno.Command(NGINX ?? "nginx", {
    args: ["-p", own.path, "-c", config, "-e", "stderr"],
    stdin: "null",
    stdout: "null",
    stderr: "inherit",
  }).spawn();
  stack.defer(async () => {
    child.kill("SIGTERM");
    await child.status;
  });
  await untilAnswered(plainPort);
  const traffic = () => readTraffic(child, own.file("access.log"));
  const owned = stack.move();
  const dispose = () => owned.disposeAsync();
  return {
    plain: { url: `http://127.0.0.1:${plainPort}`, traffic, [Symbol.asyncDispose]: dispose },
    tls: { url: `https://localhost:${tlsPort}`, traffic, [Symbol.asyncDispose]: dispose },
    [Symbol.asyncDispose]: dispose,
  };
}

/** The log is buffered until it is reopened, to keep its cost low. */
function nginxConfig(own: string, root: string, plainPort: number, tlsPort: number): string {
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  return `daemon off; master_process off; worker_processes 1; pid ${own}/pid;
error_log stderr crit;
worker_rlimit_nofile 4096;
events { worker_connections 1024; }
http {
  log_format traffic '$status $body_bytes_sent';
  access_log ${own}/access.log traffic buffer=64k;
  default_type application/octet-stream;
  sendfile on; tcp_nopush on; keepalive_requests 1000000;
  ssl_certificate ${CERTIFICATES}good.crt; ssl_certificate_key ${CERTIFICATES}good.key;
  ${temporary.map((name) => `${name}_temp_path ${own}/${name};`).join("\n  ")}
  server {
    listen 127.0.0.1:${plainPort};
    listen 127.0.0.1:${tlsPort} ssl http2;
    root ${root};
  }
}
`;
}

const POLL_MS = 5;

/** Flushes the log by reopening it, and adds up its lines. */
async function readTraffic(nginx: Deno.ChildProcess, log: string): Promise<Traffic> {
  const full = `${log}.full`;
  await Deno.rename(log, full);
  nginx.kill("SIGUSR1");
  while (!await exists(log)) await delay(POLL_MS);
  return trafficOf(await Deno.readTextFile(full));
}

/**
 * Adds up lines of `STATUS BYTES`.
 *
 * @throws {Error} If a status is not 200, 206 or 304.
 */
export function trafficOf(log: string): Traffic {
  let requests = 0;
  let sentBytes = 0;
  for (const line of log.split("\n")) {
    if (line === "") continue;
    const [status = "", bytes] = line.split(" ");
    if (!["200", "206", "304"].includes(status)) throw new Error(`nginx answered ${status}`);
    requests++;
    sentBytes += Number(bytes);
  }
  return { requests, sentBytes };
}

/** The same server behind a relay, as if it were far away. */
export function startFar({ url, traffic }: Origin): Origin {
  const relay = startRelay(Number(new URL(url).port), FAR_ROUND_TRIP_MS / 2);
  const far = new URL(url);
  far.port = String(relay.port);
  return { url: far.origin, traffic, [Symbol.asyncDispose]: () => relay[Symbol.asyncDispose]() };
}

/** Starts `slow_origin.ts` on loopback with the files below `root`. */
export async function startSlow(root: string, bytesPerSecond: number): Promise<Origin> {
  const program = fromFileUrl(new URL("slow_origin.ts", import.meta.url));
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "-A", program, root, String(bytesPerSecond)],
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const output = child.stdout.getReader();
  const { value } = await output.read();
  const url = `http://127.0.0.1:${new TextDecoder().decode(value).trim()}`;
  return {
    url,
    traffic: async () => await (await fetch(`${url}/-/traffic`)).json(),
    async [Symbol.asyncDispose]() {
      child.kill();
      await output.cancel();
      await child.status;
    },
  };
}
