/**
 * Runs main.ts as Deno Deploy does: a process with the platform's variables and a read-only disk. Its
 * cron fires every second, regardless of its schedule.
 *
 * The platform's KV is replaced by `Deno.openKv()` without a path, which needs no write permission: it
 * is in `DENO_DIR`. Each app has its own `DENO_DIR`, whose caches are links to the usual one.
 */

import { delay } from "@std/async";
import { fromFileUrl } from "@std/path";
import { type TemporaryFolder, temporaryFolder } from "./folder.ts";

/** An app, whose instances share a database. */
export interface App extends AsyncDisposable {
  readonly folder: TemporaryFolder;
  /**
   * Starts an instance and waits until it serves.
   *
   * @param env Further variables.
   * @param write A folder with write permission.
   */
  start(env?: Readonly<Record<string, string>>, write?: string | null): Promise<Instance>;
}

/** A running instance. Disposing kills it. */
export interface Instance extends AsyncDisposable {
  /** Its output. */
  readonly log: () => string;
  /** Sends a request to its page. */
  ask(path: string): Promise<Response>;
  /** Sends a signal and waits for the process to end. */
  end(signal: Deno.Signal): Promise<Deno.CommandStatus>;
}

const ROOT = fromFileUrl(new URL("../..", import.meta.url)).replace(/\/$/, "");
const DEADLINE_MS = 120_000;
const POLL_MS = 50;

/** Options of an app. */
export interface AppOptions {
  /** Content of its config file, unless `cwd` has one. */
  readonly config?: object;
  /** Working directory. Default: a temporary folder. */
  readonly cwd?: string;
  /** Path of its main module from the root. Default: `main.ts`. */
  readonly main?: string;
  /** Variables of every instance. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Creates an app. */
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

/** Creates a `DENO_DIR` with new databases and existing caches. */
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

/** Waits for a condition; fails with the log on timeout. */
export async function until(
  outcome: () => boolean | Promise<boolean>,
  log: () => string,
): Promise<void> {
  for (let left = DEADLINE_MS / POLL_MS; !await outcome(); left--) {
    if (left <= 0) throw new Error(`it does not come: ${log()}`);
    await delay(POLL_MS);
  }
}
