/** Removes the files in memory on a signal. */
export function disposeOnSignal(stack: AsyncDisposable): void {
  for (const [signal, code] of [["SIGINT", 130], ["SIGTERM", 143]] as const) {
    Deno.addSignalListener(signal, async () => {
      await stack[Symbol.asyncDispose]();
      Deno.exit(code);
    });
  }
}
