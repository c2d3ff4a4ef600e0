/** The entry point of a thread that executes slices; `fleet/threads.ts` starts it. */

import type { FromThread, ToThread } from "./fleet/messages.ts";
import { serveSlices } from "./fleet/thread.ts";
import { realHost } from "./host.ts";

/** The scope of a worker; JSR accepts no directive that refers to its types. */
declare const self: {
  onmessage: (event: MessageEvent<ToThread>) => void;
  postMessage(messages: readonly FromThread[]): void;
};

const receive = serveSlices((messages) => self.postMessage(messages), realHost());
self.onmessage = ({ data }) => receive(data);
