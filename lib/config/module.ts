/** Runs a config module, and gives what it exports by default. */

/** What the thread of `module_worker.ts` says. */
type Said = { readonly value: unknown } | { readonly reason: string };

/**
 * Runs a module for the first time.
 *
 * @param url Of the module; `file:`.
 * @throws Whatever the module does.
 */
export async function importModule(url: string): Promise<unknown> {
  const module: { readonly default?: unknown } = await import(url);
  return module.default;
}

/**
 * Runs a module as it is now, and all that it imports, although it was run before.
 *
 * @param url Of the module; `file:`.
 * @throws An error with the reason, if it cannot be run or exports more than plain data.
 */
export async function importModuleAnew(url: string): Promise<unknown> {
  const worker = new Worker(new URL("./module_worker.ts", import.meta.url), { type: "module" });
  const { promise, resolve, reject } = Promise.withResolvers<Said>();
  worker.onmessage = ({ data }: MessageEvent<Said>) => resolve(data);
  worker.onerror = (event) => {
    event.preventDefault();
    reject(new Error(event.message));
  };
  worker.onmessageerror = () => reject(new Error("what it exports cannot be passed on"));
  worker.postMessage(url);
  try {
    const said = await promise;
    if ("reason" in said) throw new Error(said.reason);
    return said.value;
  } finally {
    worker.terminate();
  }
}
