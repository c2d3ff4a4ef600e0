/** Apache as a child process, on a free port and in a temporary folder. */

import { exists } from "@std/fs";
import { type TemporaryFolder, temporaryFolder } from "../helpers/folder.ts";
import { freePort, untilAnswered } from "./nginx.ts";

const PLACE = "/usr/sbin/apache2";

/** Path of Apache on this machine, or undefined. */
export const APACHE: string | undefined = await exists(PLACE) ? PLACE : undefined;

/** Debian's modules that the config loads. */
const MODULES = ["mpm_prefork", "authz_core", "mime", "env", "filter", "deflate"];

/** A running Apache. Disposing of it ends it. */
export interface Apache extends AsyncDisposable {
  /** `http://127.0.0.1:port`, without a slash at the end. */
  readonly origin: string;
  /** The folder whose files it serves. */
  readonly files: TemporaryFolder;
}

/**
 * Starts Apache, and waits until it accepts connections.
 *
 * @param lines Additional lines of the config.
 */
export async function startApache(lines: string): Promise<Apache> {
  await using stack = new AsyncDisposableStack();
  const prefix = stack.use(await temporaryFolder());
  const files = stack.use(await temporaryFolder());
  // Started by root, it serves as another user.
  if (Deno.uid() === 0) await Deno.chmod(files.path, 0o755);
  const port = freePort();
  const config = prefix.file("apache.conf");
  const modules = MODULES.map((name) =>
    `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`
  );
  await Deno.writeTextFile(
    config,
    `ServerRoot ${prefix.path}
ServerName 127.0.0.1
Listen 127.0.0.1:${port}
PidFile ${prefix.file("pid")}
DefaultRuntimeDir ${prefix.path}
ErrorLog ${prefix.file("error.log")}
${modules.join("\n")}
User www-data
Group www-data
DocumentRoot ${files.path}
KeepAlive Off
TypesConfig /dev/null
${lines}
`,
  );
  const child = new Deno.Command(APACHE ?? "apache2", {
    args: ["-X", "-f", config],
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
  return {
    origin: `http://127.0.0.1:${port}`,
    files,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
