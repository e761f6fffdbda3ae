import { type AddressInfo, type Socket, connect, createServer } from "node:net";

/** A TCP relay to a local port. */
export interface DistantLine {
  readonly port: number;
  close(): void;
}

/** Passes bytes on to a local port, each this many milliseconds later, in both directions: a line to a distant place. */
export function openDistantLine(target: number, delay: number): Promise<DistantLine> {
  const sockets = new Set<Socket>();
  const join = (from: Socket, to: Socket): void => {
    sockets.add(from.setNoDelay(true));
    from.on("data", (chunk: Buffer) => setTimeout(() => to.write(chunk), delay));
    from.on("error", () => undefined);
    from.on("close", () => {
      sockets.delete(from);
      to.destroy();
    });
  };
  const relay = createServer((near) => {
    const far = connect(target, "127.0.0.1");
    join(near, far);
    join(far, near);
  });
  return new Promise((resolve) =>
    relay.listen(0, "127.0.0.1", () =>
      resolve({
        port: (relay.address() as AddressInfo).port,
        close: () => {
          relay.close();
          for (const socket of sockets) socket.destroy();
        },
      }),
    ),
  );
}
