/**
 * Worker that runs a config module again. The main thread caches a module and its imports after the
 * first import; a worker has its own module graph.
 */

/// <reference lib="deno.worker" />

import { reasonOf } from "./source.ts";

self.onmessage = async ({ data }: MessageEvent<string>) => {
  try {
    const { default: value } = await import(data);
    self.postMessage({ value });
  } catch (error) {
    self.postMessage({ reason: reasonOf(error) });
  }
};
