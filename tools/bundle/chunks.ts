/** Changes to the text of the modules that `deno bundle` writes. */

/** A change, and how often it must be possible in all modules together. */
interface Change {
  readonly pattern: RegExp;
  readonly replacement: string;
  readonly times: number;
}

/**
 * The first lines of a bundle make a `require` for packages in CommonJS. As they are part of every
 * module, they load Node's layer at every start, which takes 15 ms; this makes it when it is called.
 */
const REQUIRE: Change = {
  pattern:
    /import\{createRequire as (\w+)\} from "node:module";var (\w+)=\1\(import\.meta\.url\);/g,
  replacement:
    'var $2=name=>process.getBuiltinModule("node:module").createRequire(import.meta.url)(name);',
  times: 1,
};

/** The URL of a worker: its module is bundled as JavaScript. */
function workerUrl(entry: string): Change {
  return {
    pattern: new RegExp(`"\\./${entry.replace(".", "\\.")}"`, "g"),
    replacement: `"./${outputOf(entry)}"`,
    times: 1,
  };
}

/** The name of the bundle of a module. */
export function outputOf(entry: string): string {
  return entry.replace(/\.ts$/, ".js");
}

/**
 * Applies the changes to all modules of a bundle.
 *
 * @param modules Texts by file name.
 * @param workers Names of the sources of workers.
 * @throws {Error} If Deno writes bundles in another way, so that a change is not possible.
 */
export function changeChunks(
  modules: ReadonlyMap<string, string>,
  workers: readonly string[],
): Map<string, string> {
  const texts = new Map(modules);
  for (const { pattern, replacement, times } of [REQUIRE, ...workers.map(workerUrl)]) {
    let found = 0;
    for (const [name, text] of texts) {
      found += text.match(pattern)?.length ?? 0;
      texts.set(name, text.replace(pattern, replacement));
    }
    if (found !== times) {
      throw new Error(`the bundle has ${pattern} ${found} times instead of ${times}`);
    }
  }
  return texts;
}
