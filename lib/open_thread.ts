/** Opens the threads of a run. Apart from the host, which the program of a thread imports. */

import type { Thread } from "./core/host.ts";

/** Opens a thread that executes slices: `openThread` of the host. */
export function openThread(
  receive: (message: unknown) => void,
  fail: (error: Error) => void,
): Promise<Thread> {
  const url = new URL("./slice_worker.ts", import.meta.url);
  const worker = new Worker(url, { type: "module", name: "slices" });
  worker.onmessage = ({ data }) => receive(data);
  worker.onerror = (event) => {
    // Otherwise the error would end the process.
    event.preventDefault();
    fail(new Error(`a thread failed: ${event.message}`));
  };
  return Promise.resolve({
    send: (message) => worker.postMessage(message),
    close: () => worker.terminate(),
  });
}
