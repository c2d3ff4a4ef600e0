import { bufferedState } from "../../lib/state/buffered.ts";
import { emptyMemory, memoryDriver } from "../../lib/state/memory.ts";
import { stateConformance } from "./conformance.ts";

stateConformance("memory", () => {
  const memory = emptyMemory();
  return Promise.resolve({
    open: (host, historyMs) =>
      Promise.resolve(bufferedState(memoryDriver(memory, host), host, historyMs)),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  });
});
