import { WebSocket } from "ws";
import { Peer } from "./peer.ts";

/** A peer that the `ws` package is. */
export class WsPeer extends Peer {
  #socket: WebSocket | undefined;

  override takeAll(): void {
    if (this.#socket?.isPaused === true) this.#socket.resume();
  }

  override destroy(): void {
    this.#socket?.terminate();
  }

  protected override async open(): Promise<void> {
    const socket = new WebSocket(`ws://127.0.0.1:${String(this.target.port)}${this.url}`, { headers: this.headers });
    this.#socket = socket;
    socket.on("message", (data: Buffer) => this.onMessage(data.toString()));
    socket.on("unexpected-response", (_request, response) => {
      this.status = response.statusCode ?? 0;
      socket.terminate();
    });
    await new Promise<void>((resolve) => {
      socket.on("open", () => {
        this.status = 101;
        resolve();
      });
      socket.on("error", () => resolve());
      socket.on("close", (code: number, reason: Buffer) => {
        // 1006: no close frame came.
        if (this.status === 101 && code !== 1006)
          this.onClose(code, this.closedWith === undefined ? reason.toString() : "");
        this.isOver = true;
        resolve();
      });
    });
  }

  protected override step(): void {
    const socket = this.#socket;
    if (socket?.readyState !== WebSocket.OPEN) return;
    const { random } = this;
    const kind = random.below(10);
    if (kind < 7) for (let n = random.below(5); n >= 0; n--) this.#say(socket);
    else if (kind < 8) socket.pause();
    else socket.resume();
  }

  protected override finish(): void {
    const socket = this.#socket;
    if (socket === undefined || this.isOver) return;
    if (this.ending !== "stall" && socket.isPaused) socket.resume();
    if (this.ending === "stay") return;
    if (this.ending === "close" && socket.readyState === WebSocket.OPEN) {
      this.closedWith = this.random.pick([1000, 3000, 4321]);
      socket.close(this.closedWith, `done ${this.name}`);
      return;
    }
    this.isBroken = true;
    if (this.ending === "stall") socket.pause();
    else socket.terminate();
  }

  #say(socket: WebSocket): void {
    const { random } = this;
    const bytes = this.nextMessage();
    const binary = random.oneIn(2);
    const cut = random.oneIn(4) ? random.below(bytes.length) : 0;
    if (cut > 0) socket.send(bytes.subarray(0, cut), { binary, fin: false });
    socket.send(bytes.subarray(cut), { binary, fin: true });
  }
}
