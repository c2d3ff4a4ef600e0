/**
 * Merges the chunks that every run loads. `deno bundle` makes a chunk for each set of entries that
 * share a module, which are 77 for a run of one file, and each costs about a tenth of a millisecond of
 * its start. Chunks with one more user are kept apart by it even if that one always loads the others.
 */

/** A module that other modules import under its own name. */
interface Group {
  /** Name of the merged module. */
  readonly name: string;
  /** Names of its chunks, each after those that it imports. */
  readonly members: readonly string[];
}

/** An import of another chunk: names in braces, or only its effects. */
const IMPORT = /\bimport(?:\{([^}]*)\}from)?"\.\/([\w.-]+\.js)";/g;

/** An import on demand. */
const DYNAMIC_IMPORT = /\bimport\("\.\/([\w.-]+\.js)"\)/g;

/** The names that a chunk exports. */
const EXPORT = /\bexport\{([^}]*)\};?\s*$/;

/**
 * Groups the chunks of a bundle: `base.js` has what the program imports at its start, `run_base.js`
 * what `run` adds to it. What a worker imports remains a chunk, as a worker would load the whole group.
 *
 * @param modules Texts of the bundle by name, with `main.js`.
 * @param workers Names of the modules of workers.
 * @throws {Error} The bundle has no chunk of `run` or `version`.
 */
export function groupChunks(
  modules: ReadonlyMap<string, string>,
  workers: readonly string[],
): Group[] {
  const run = chunksBelow(modules, [chunkOf("run", modules)]);
  const version = chunksBelow(modules, [chunkOf("version", modules)]);
  const apart = chunksBelow(modules, workers);
  const start = chunksBelow(modules, ["main.js"]);
  // Else `--version` would load all of a run.
  for (const name of version) if (run.has(name)) start.add(name);
  return [
    { name: "base.js", members: [...start].filter((name) => !apart.has(name)) },
    {
      name: "run_base.js",
      members: [...run].filter((name) => !apart.has(name) && !start.has(name)),
    },
  ];
}

/** The chunk of a module that is loaded on demand. */
function chunkOf(name: string, modules: ReadonlyMap<string, string>): string {
  const pattern = new RegExp(`^${name}-[A-Z0-9]+\\.js$`);
  const [found, other] = modules.keys().filter((file) => pattern.test(file));
  if (found === undefined || other !== undefined) {
    throw new Error(`the bundle has ${found === undefined ? "no" : "two"} chunks of ${name}`);
  }
  return found;
}

/** The chunks that modules import, directly or not, each after those that it imports itself. */
function chunksBelow(
  modules: ReadonlyMap<string, string>,
  entries: readonly string[],
): Set<string> {
  const found = new Set<string>();
  const visited = new Set<string>();
  const visit = (name: string) => {
    if (visited.has(name)) return;
    visited.add(name);
    for (const [, , file = ""] of modules.get(name)?.matchAll(IMPORT) ?? []) visit(file);
    if (!entries.includes(name)) found.add(name);
  };
  for (const entry of entries) visit(entry);
  return found;
}

/**
 * Merges the chunks of groups.
 *
 * @param modules Texts of the bundle by name.
 * @param bundle Bundles modules, given by name, into the one called `entry`; imports of other modules
 * are kept. Returns its text.
 * @returns The texts of all modules by name, each of which imports the groups.
 * @throws {Error} A chunk is in another form, or cannot be bundled.
 */
export async function mergeChunks(
  modules: ReadonlyMap<string, string>,
  groups: readonly Group[],
  bundle: (entry: string, modules: ReadonlyMap<string, string>) => Promise<string>,
): Promise<Map<string, string>> {
  const places = new Map(
    groups.flatMap(({ name, members }) =>
      members.map((member, index) => [member, { group: name, suffix: `_${index}` }] as const)
    ),
  );
  /** The text with the groups, except its own, in place of their chunks. */
  const redirected = (text: string, own: string | null) =>
    text.replaceAll(IMPORT, (whole, names: string | undefined, file: string) => {
      const place = places.get(file);
      if (place === undefined || place.group === own) return whole;
      if (names === undefined) return `import"./${place.group}";`;
      const renamed = names.split(",").map((part) => {
        const [name = "", local = name] = part.split(" as ");
        return `${name}${place.suffix} as ${local}`;
      });
      return `import{${renamed}}from"./${place.group}";`;
    });
  const merged = new Map<string, string>();
  for (const [name, text] of modules) {
    for (const [, file = ""] of text.matchAll(DYNAMIC_IMPORT)) {
      if (places.has(file)) throw new Error(`${name} loads ${file} on demand, which was merged`);
    }
    if (!places.has(name)) merged.set(name, redirected(text, null));
  }
  for (const { name, members } of groups) {
    const texts = members.map((member) => [member, modules.get(member) ?? ""] as const);
    const parts = new Map(texts.map(([member, text]) => [member, redirected(text, name)]));
    const entry = texts.map(([member, text]) =>
      exportsOf(member, text, places.get(member)?.suffix)
    );
    merged.set(name, await bundle(name, new Map([...parts, [name, entry.join("\n")]])));
  }
  return merged;
}

/** The statement that exports all names of a chunk, each with a suffix. */
function exportsOf(name: string, text: string, suffix = ""): string {
  const [, list] = EXPORT.exec(text) ?? [];
  if (list === undefined) {
    if (/\bexport\b/.test(text)) throw new Error(`${name} has exports of another form`);
    return `import"./${name}";`;
  }
  const names = list.split(",").map((part) => part.split(" as ").at(-1) ?? "");
  return `export{${names.map((one) => `${one} as ${one}${suffix}`)}}from"./${name}";`;
}
