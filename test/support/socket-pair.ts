import { once } from "node:events";
import { type AddressInfo, type Socket, connect, createServer } from "node:net";
import { onTestFinished } from "vitest";
import { deferred } from "./peer.ts";

/** Two ends of a TCP connection: `near` is the server's, `far` the client's. */
export interface Pair {
  readonly near: Socket;
  readonly far: Socket;
}

/** The port of a TCP server on the loopback, which is closed at the end of the test. */
export async function listening(onSocket: (socket: Socket) => void): Promise<number> {
  const server = createServer({ allowHalfOpen: true }, onSocket);
  onTestFinished(() => void server.close());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

/** Makes a TCP connection; both ends are destroyed at the end of the test. */
export async function pair(): Promise<Pair> {
  const { promise, resolve } = deferred<Socket>();
  const port = await listening(resolve);
  const far = connect({ port, host: "127.0.0.1", noDelay: true });
  onTestFinished(() => void far.destroy());
  const near = await promise;
  onTestFinished(() => void near.destroy());
  // No code waits for the error of a far end that is reset.
  far.on("error", () => undefined).resume();
  return { near, far };
}
