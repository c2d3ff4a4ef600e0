/**
 * Makes `@std` loadable. Every other task depends on this one, so it must be fast and silent.
 *
 * If JSR is reachable or its packages are cached, it does nothing. Otherwise it copies the stand-ins
 * in `tools/std_stand_ins/` to `.offline/`, which deno.json links in place of the packages. It needs
 * `--no-config`, or the imports would resolve to the links.
 */

/** Folder of the stand-ins, and the folder that `links` in deno.json refers to. */
const SOURCE = "tools/std_stand_ins";
const TARGET = ".offline";

/** Timeout of loading the packages: ample for four small ones, and the cost of a firewall. */
const LOAD_TIMEOUT_MS = 10_000;

/** Interval of retries of JSR, so that such a firewall delays one task per hour. */
const RETRY_MS = 60 * 60 * 1000;

/** The `jsr:` packages a deno.json imports, with their ranges. */
export function jsrImports(denoJson: string): string[] {
  const { imports } = JSON.parse(denoJson) as { imports: Record<string, string> };
  return Object.values(imports).filter((specifier) => specifier.startsWith("jsr:"));
}

/** Whether Deno can load all modules before the timeout. */
export async function loads(specifiers: readonly string[], timeoutMs: number): Promise<boolean> {
  const { promise: late, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(resolve, timeoutMs, false);
  const loaded = Promise.all(specifiers.map((specifier) => import(specifier)))
    .then(() => true, () => false);
  const answer = await Promise.race([loaded, late]);
  clearTimeout(timer);
  return answer;
}

/**
 * Copies files that differ from `source` to `target`: each by a rename, and a package's deno.json
 * last, since concurrent tasks may read them. Returns the number of written files.
 */
export async function mirror(source: string, target: string): Promise<number> {
  let written = 0;
  const entries = await Array.fromAsync(Deno.readDir(source));
  if (await unlessMissing(Deno.stat(target)) === null) {
    await Deno.mkdir(target, { recursive: true });
  }
  for (const { name, isDirectory } of entries.sort(manifestLast)) {
    const [from, to] = [`${source}/${name}`, `${target}/${name}`];
    if (isDirectory) written += await mirror(from, to);
    else if (await writeIfDifferent(to, await Deno.readTextFile(from))) written++;
  }
  return written;
}

function manifestLast(a: Deno.DirEntry, b: Deno.DirEntry): number {
  return Number(a.name === "deno.json") - Number(b.name === "deno.json");
}

async function writeIfDifferent(path: string, text: string): Promise<boolean> {
  if (await unlessMissing(Deno.readTextFile(path)) === text) return false;
  const draft = `${path}.${crypto.randomUUID()}`;
  await Deno.writeTextFile(draft, text);
  await Deno.rename(draft, path);
  return true;
}

async function unlessMissing<T>(promise: Promise<T>): Promise<T | null> {
  try {
    return await promise;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

function log(text: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`setup: ${text}\n`));
}

async function main(): Promise<void> {
  // The modification time of the folder is the time of the last check of JSR.
  const checkedAt = (await unlessMissing(Deno.stat(TARGET)))?.mtime ?? null;
  const isOld = checkedAt === null || Date.now() - checkedAt.getTime() > RETRY_MS;
  if (isOld) {
    if (await loads(jsrImports(await Deno.readTextFile("deno.json")), LOAD_TIMEOUT_MS)) {
      if (checkedAt === null) return;
      // Without write permission the folder is left to its owner.
      const isRemoved = await unlessMissing(Deno.remove(TARGET, { recursive: true }))
        .then(() => true, () => false);
      return isRemoved
        ? log(`JSR is reachable again; removed the stand-ins in ${TARGET}/`)
        : undefined;
    }
  }
  try {
    if (await mirror(SOURCE, TARGET) > 0) {
      log(`JSR is unreachable; copied the stand-ins of @std from ${SOURCE}/ to ${TARGET}/`);
    }
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    log(`JSR is unreachable, and the stand-ins cannot be written to ${TARGET}/: ${why}`);
    log("run `deno task setup` once as the owner of this folder");
    Deno.exit(1);
  }
  // Without write permission JSR is checked every time.
  if (isOld) await Deno.utime(TARGET, new Date(), new Date()).catch(() => {});
}

if (import.meta.main) {
  await main();
  // A pending import would keep the process alive.
  Deno.exit();
}
