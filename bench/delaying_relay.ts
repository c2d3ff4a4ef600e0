/** A TCP relay that delays all bytes, so that a server on loopback responds like a distant one. */

import { delay } from "@std/async";

/** A running relay. Disposing stops it and closes its connections. */
export interface Relay extends AsyncDisposable {
  /** Port on 127.0.0.1. */
  readonly port: number;
}

/** The time of a relay. Tests have one of their own. */
export interface RelayClock {
  nowMs(): number;
  sleep(ms: number): Promise<void>;
}

const CLOCK: RelayClock = { nowMs: () => performance.now(), sleep: delay };

/** What the directions of a relay share. */
interface RelayContext {
  readonly targetPort: number;
  readonly delayMs: number;
  readonly clock: RelayClock;
}

const READ_BYTES = 64 * 1024;
/** Bytes of one direction under way. With more, the relay stops reading, like a full window. */
const MAX_PENDING_BYTES = 8 * 2 ** 20;

/**
 * Relays connections to a port on 127.0.0.1.
 *
 * @param delayMs Delay of each direction: half of the round trip.
 */
export function startRelay(
  targetPort: number,
  delayMs: number,
  clock: RelayClock = CLOCK,
): Relay {
  const context = { targetPort, delayMs, clock };
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const relays = new Set<Promise<void>>();
  const clients = new Set<Deno.TcpConn>();
  const accepting = (async () => {
    for await (const client of listener) {
      clients.add(client);
      const relaying = relay(client, context).finally(() => {
        clients.delete(client);
        relays.delete(relaying);
      });
      relays.add(relaying);
    }
  })();
  return {
    port: listener.addr.port,
    async [Symbol.asyncDispose]() {
      listener.close();
      for (const client of clients) close(client);
      await accepting;
      await Promise.all(relays);
    },
  };
}

/** Relays one connection until both sides have ended, or one is gone. */
async function relay(client: Deno.TcpConn, context: RelayContext): Promise<void> {
  const { targetPort, delayMs, clock } = context;
  const server = await Deno.connect({ hostname: "127.0.0.1", port: targetPort });
  for (const connection of [client, server]) connection.setNoDelay(true);
  // The system answers the client's handshake without delay, so its round trip is added here.
  const connectedMs = clock.nowMs() + 2 * delayMs;
  try {
    await Promise.all([
      forward(client, server, connectedMs, context),
      forward(server, client, connectedMs, context),
    ]);
  } catch {
    // Clients may disconnect at any time; the other side then ends as well.
  } finally {
    close(client);
    close(server);
  }
}

/** Forwards bytes `delayMs` after they came, or after `connectedMs` if that is later. */
async function forward(
  from: Deno.TcpConn,
  to: Deno.TcpConn,
  connectedMs: number,
  { delayMs, clock }: RelayContext,
): Promise<void> {
  let pendingBytes = 0;
  let last = Promise.resolve();
  for (;;) {
    const buffer = new Uint8Array(READ_BYTES);
    const read = await from.read(buffer);
    if (read === null) break;
    const dueMs = Math.max(clock.nowMs(), connectedMs) + delayMs;
    pendingBytes += read;
    last = last.then(async () => {
      const waitMs = dueMs - clock.nowMs();
      if (waitMs > 0) await clock.sleep(waitMs);
      await writeAll(to, buffer.subarray(0, read));
      pendingBytes -= read;
    });
    // The error is thrown where `last` is awaited.
    last.catch(() => close(from));
    while (pendingBytes >= MAX_PENDING_BYTES) await last;
  }
  await last;
  await to.closeWrite();
}

async function writeAll(connection: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  for (let written = 0; written < bytes.length;) {
    written += await connection.write(bytes.subarray(written));
  }
}

function close(connection: Deno.TcpConn): void {
  try {
    connection.close();
  } catch {
    // It is closed already.
  }
}
