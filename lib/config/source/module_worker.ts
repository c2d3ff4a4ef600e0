/**
 * Worker that runs a config module again. The main thread caches a module and its imports after the
 * first import; a worker has its own module graph.
 */

import { reasonOf } from "./source.ts";

/** The scope of a worker; JSR accepts no directive that refers to its types. */
declare const self: {
  onmessage: (event: MessageEvent<string>) => void;
  postMessage(message: { readonly value: unknown } | { readonly reason: string }): void;
};

self.onmessage = async ({ data }) => {
  try {
    const { default: value } = await import(data);
    self.postMessage({ value });
  } catch (error) {
    self.postMessage({ reason: reasonOf(error) });
  }
};
