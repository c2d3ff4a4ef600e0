/**
 * Makes `@std` loadable. Every other task depends on this one, so it has to be quick and quiet.
 *
 * Where JSR answers (or its packages are cached) nothing is needed. Where it does not, the
 * stand-ins in `tools/std_stand_ins/` are copied to `.offline/`, which deno.json links in place of
 * the packages. Run it with `--no-config`, or the links would answer instead of JSR.
 */

/** Where the stand-ins are kept, and where deno.json's `links` look for them. */
const SOURCE = "tools/std_stand_ins";
const TARGET = ".offline";

/** Long enough to fetch four small packages; a firewall that drops packets costs no more. */
const PATIENCE_MS = 10_000;

/** How long the answer "no" is believed, so that such a firewall costs that once an hour. */
const ASK_AGAIN_MS = 60 * 60 * 1000;

/** The `jsr:` packages a deno.json imports, with their ranges. */
export function jsrImports(denoJson: string): string[] {
  const { imports } = JSON.parse(denoJson) as { imports: Record<string, string> };
  return Object.values(imports).filter((specifier) => specifier.startsWith("jsr:"));
}

/** Whether Deno loads all of the modules within the time. */
export async function loads(specifiers: readonly string[], patienceMs: number): Promise<boolean> {
  const { promise: late, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(resolve, patienceMs, false);
  const loaded = Promise.all(specifiers.map((specifier) => import(specifier)))
    .then(() => true, () => false);
  const answer = await Promise.race([loaded, late]);
  clearTimeout(timer);
  return answer;
}

/**
 * Makes each file below `source` the same below `target`, and writes only what differs: each file
 * at once, and a package's deno.json last, for tasks beside this one may be reading. Gives how
 * many files were written.
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

function say(text: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`setup: ${text}\n`));
}

async function main(): Promise<void> {
  // The folder's own time remembers when JSR was last asked.
  const asked = (await unlessMissing(Deno.stat(TARGET)))?.mtime ?? null;
  const isOld = asked === null || Date.now() - asked.getTime() > ASK_AGAIN_MS;
  if (isOld) {
    if (await loads(jsrImports(await Deno.readTextFile("deno.json")), PATIENCE_MS)) {
      if (asked === null) return;
      // Whose checkout it is not leaves that to the one whose it is.
      const gone = await unlessMissing(Deno.remove(TARGET, { recursive: true }))
        .then(() => true, () => false);
      return gone
        ? say(`JSR answers, so @std comes from there again and ${TARGET}/ is gone`)
        : undefined;
    }
  }
  try {
    if (await mirror(SOURCE, TARGET) > 0) {
      say(`JSR does not answer, so @std is stood in for by ${SOURCE}/, in ${TARGET}/`);
    }
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    say(`JSR does not answer, and its stand-ins cannot be written to ${TARGET}/: ${why}`);
    say("let whoever owns this folder run `deno task setup` in it, once");
    Deno.exit(1);
  }
  // Who cannot write there asks JSR every time.
  if (isOld) await Deno.utime(TARGET, new Date(), new Date()).catch(() => {});
}

if (import.meta.main) {
  await main();
  // An import that is still waiting for an answer would keep the process.
  Deno.exit();
}
