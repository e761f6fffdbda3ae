import { once } from "node:events";
import { type AddressInfo, type Socket, connect, createServer } from "node:net";
import { onTestFinished } from "vitest";
import type { RunningProgram } from "../support/page-project.ts";

/** A network between clients and a program: its port stays while the program is started again elsewhere. */
export class Relay {
  /** Its port. */
  readonly port: number;
  /** The program that gets the connections; undefined: nobody listens. */
  target: RunningProgram | undefined;
  readonly #sockets = new Set<Socket>();

  private constructor(port: number) {
    this.port = port;
  }

  /** Listens until the test has finished. */
  static async open(target: RunningProgram): Promise<Relay> {
    const server = createServer();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const relay = new Relay((server.address() as AddressInfo).port);
    relay.target = target;
    server.on("connection", (socket) => {
      relay.#join(socket);
    });
    onTestFinished(() => {
      server.close();
      relay.cut();
    });
    return relay;
  }

  /** Cuts all connections. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #join(near: Socket): void {
    if (this.target === undefined) {
      near.destroy();
      return;
    }
    const far = connect(this.target.port, "127.0.0.1");
    near.pipe(far).pipe(near);
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#sockets.add(socket);
      socket
        .on("error", () => {})
        .on("close", () => {
          this.#sockets.delete(socket);
          other.destroy();
        });
    }
  }
}
