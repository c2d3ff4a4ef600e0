/**
 * An instance of main.ts as Deno Deploy starts it: a process with the platform's variables, and a
 * disk that cannot be written. Its cron comes each second, whatever its schedule.
 *
 * The platform's KV is played by Deno's own, `Deno.openKv()` without a path, for which Deno needs
 * no leave to write: it keeps it in its own folder. Each app here has a folder of that kind to
 * itself, which shares all else with the usual one.
 */

import { delay } from "@std/async";
import { fromFileUrl } from "@std/path";
import { type TemporaryFolder, temporaryFolder } from "./folder.ts";

/** An app: what its instances share. */
export interface App extends AsyncDisposable {
  readonly folder: TemporaryFolder;
  /**
   * Starts an instance, and waits until it serves.
   *
   * @param env Further variables.
   * @param write A folder that it may write to, after all.
   */
  start(env?: Readonly<Record<string, string>>, write?: string | null): Promise<Instance>;
}

/** A running instance. Disposing of it kills it. */
export interface Instance extends AsyncDisposable {
  /** All that it has said. */
  readonly log: () => string;
  /** Asks its page. */
  ask(path: string): Promise<Response>;
  /** Sends a signal, and waits for the end. */
  end(signal: Deno.Signal): Promise<Deno.CommandStatus>;
}

const ROOT = fromFileUrl(new URL("../..", import.meta.url)).replace(/\/$/, "");
const DEADLINE_MS = 120_000;
const POLL_MS = 50;

/** What an app is made of. */
export interface AppOptions {
  /** What its config file holds, unless a `cwd` has one. */
  readonly config?: object;
  /** Default: a folder of its own. */
  readonly cwd?: string;
  /** Path of its main module from the root. Default: `main.ts`. */
  readonly main?: string;
  /** Variables of every instance. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Makes an app. */
export async function deployApp(
  { config, cwd, main = "main.ts", env = {} }: AppOptions,
): Promise<App> {
  await using owned = new AsyncDisposableStack();
  const folder = owned.use(await temporaryFolder());
  if (config) await Deno.writeTextFile(folder.file("cronfetch.json"), JSON.stringify(config));
  const denoFolder = folder.file("deno");
  await shareDenoFolder(denoFolder);
  const moved = owned.move();
  return {
    folder,
    start: (more = {}, write = null) =>
      startInstance({
        main: `${ROOT}/${main}`,
        cwd: cwd ?? folder.path,
        env: { DENO_DIR: denoFolder, ...env, ...more },
        write,
      }),
    [Symbol.asyncDispose]: () => moved.disposeAsync(),
  };
}

/** A folder for Deno in which only the databases are new. */
async function shareDenoFolder(path: string): Promise<void> {
  const info = new Deno.Command(Deno.execPath(), { args: ["info", "--json"], cwd: ROOT });
  const { denoDir } = JSON.parse(new TextDecoder().decode((await info.output()).stdout));
  await Deno.mkdir(path);
  const script =
    'for one in "$1"/*; do case $one in */location_data) ;; *) ln -s "$one" "$2";; esac; done';
  const { code } = await new Deno.Command("sh", { args: ["-c", script, "sh", denoDir, path] })
    .output();
  if (code !== 0) throw new Error(`${denoDir} cannot be shared`);
}

async function startInstance(
  { main, cwd, env, write }: {
    readonly main: string;
    readonly cwd: string;
    readonly env: Readonly<Record<string, string>>;
    readonly write: string | null;
  },
): Promise<Instance> {
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--quiet", "--no-prompt", "--config", `${ROOT}/deno.json`],
      ...["--allow-env", "--allow-read", "--allow-net=127.0.0.1", "--allow-sys=uid,gid"],
      ...(write === null ? [] : [`--allow-write=${write}`]),
      main,
    ],
    cwd,
    env: {
      DENO_DEPLOYMENT_ID: "test",
      DENO_TIMELINE: "production",
      DENO_SERVE_ADDRESS: "tcp:127.0.0.1:0",
      DENO_CRON_TEST_SCHEDULE_OFFSET: "1000",
      NO_COLOR: "1",
      ...env,
    },
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  let log = "";
  let ended = false;
  const status = child.status.finally(() => ended = true);
  const reading = (async () => {
    for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) log += text;
  })();
  const end = async (signal: Deno.Signal) => {
    if (!ended) child.kill(signal);
    await reading;
    return await status;
  };
  const instance = {
    log: () => log,
    ask: (path: string) => fetch(new URL(path, /The status page is at (\S+)/.exec(log)?.[1])),
    end,
    [Symbol.asyncDispose]: async () => void await end("SIGKILL"),
  };
  try {
    await until(() => ended || log.includes("The status page is at"), () => log);
    if (ended) throw new Error(`the instance ended at once: ${log}`);
    return instance;
  } catch (error) {
    await instance[Symbol.asyncDispose]();
    throw error;
  }
}

/** Waits for an outcome; fails, and tells the log, if it does not come. */
export async function until(
  outcome: () => boolean | Promise<boolean>,
  log: () => string,
): Promise<void> {
  for (let left = DEADLINE_MS / POLL_MS; !await outcome(); left--) {
    if (left <= 0) throw new Error(`it does not come: ${log()}`);
    await delay(POLL_MS);
  }
}
