/** Modules that are loaded when they are worth their loading time. */

/**
 * Defers a module that makes a frequent call faster but takes long to load. Modules of Node are such:
 * the first one loads Node's layer of the runtime, which takes 15 to 25 ms of processor time.
 *
 * @param calls Calls after which loading starts in the background.
 * @param load Imports the module.
 * @returns A function to be called once per use: returns the module, or null until it is loaded.
 */
export function deferredModule<Module>(
  calls: number,
  load: () => Promise<Module>,
): () => Module | null {
  let module: Module | null = null;
  let callsLeft = calls;
  return () => {
    // If it cannot be loaded, callers keep the slower way.
    if (module === null && --callsLeft === 0) load().then((loaded) => module = loaded, () => {});
    return module;
  };
}
