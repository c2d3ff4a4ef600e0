/** A proxy that breaks connections within a body. */

/** How one connection is broken. */
export interface Cut {
  /** Bytes from the server, headers included, after which it is broken. */
  readonly afterBytes: number;
  /** Called before the connection to the client is closed. */
  readonly before?: () => Promise<void>;
}

/** A proxy on a free port. Disposing of it closes every connection. */
export interface CuttingProxy extends AsyncDisposable {
  /** `http://127.0.0.1:port`, without a slash at the end. */
  readonly origin: string;
}

/** Starts a proxy to a port of this machine. `cuts` are those of the first connections. */
export function cuttingProxy(port: number, cuts: readonly Cut[]): CuttingProxy {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const open = new Set<Deno.Conn>();
  const left = [...cuts];

  const handle = async (client: Deno.Conn, cut: Cut | undefined): Promise<void> => {
    const server = await Deno.connect({ hostname: "127.0.0.1", port });
    for (const end of [client, server]) open.add(end);
    const asking = client.readable.pipeTo(server.writable);
    const answering = server.readable.pipeThrough(cutAfter(cut)).pipeTo(client.writable);
    // Any end is expected: pipes close both ends, and a cut is intended.
    await Promise.allSettled([asking, answering]);
    for (const end of [client, server]) open.delete(end);
  };

  const accept = async (): Promise<void> => {
    const handled: Promise<void>[] = [];
    for await (const client of listener) handled.push(handle(client, left.shift()));
    await Promise.all(handled);
  };
  const accepting = accept();

  return {
    origin: `http://127.0.0.1:${listener.addr.port}`,
    async [Symbol.asyncDispose]() {
      listener.close();
      for (const end of open) {
        try {
          end.close();
        } catch {
          // A pipe has already closed it.
        }
      }
      await accepting;
    },
  };
}

function cutAfter(
  cut: Cut | undefined,
): TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>> {
  let passedBytes = 0;
  return new TransformStream({
    async transform(piece, controller) {
      if (cut === undefined || passedBytes + piece.length <= cut.afterBytes) {
        passedBytes += piece.length;
        return controller.enqueue(piece);
      }
      controller.enqueue(piece.slice(0, cut.afterBytes - passedBytes));
      await cut.before?.();
      controller.terminate();
    },
  });
}
