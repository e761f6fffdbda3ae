import type { KeepaliveSettings } from "../../src/connection/keepalive/settings.ts";
import { Liveness } from "../../src/connection/keepalive/liveness.ts";
import { copy, hex } from "./bytes.ts";
import { Wire } from "./wire.ts";

const LIFE: KeepaliveSettings = {
  tick: 1000,
  pingInterval: 3,
  pingTimeout: 2,
  idleTimeout: Infinity,
  maxLifetime: Infinity,
};

/** The liveness of a connection, without the connection. Its clock begins at 100. It is pinged after 3 ticks, and has 2 to answer. */
export class LivenessRig extends Liveness<{ readonly life: KeepaliveSettings }, { now: number }> {
  /** What happened to it. */
  readonly log: string[] = [];
  /** The payloads of its pings. */
  readonly asked: ReturnType<typeof copy>[] = [];
  readonly #wire: Wire;
  open = true;
  readingStopped = false;
  left = false;
  written = 0;
  busy = false;

  constructor(life: Partial<KeepaliveSettings> = {}, wire = new Wire()) {
    super(wire, { life: { ...LIFE, ...life } }, { now: 100 });
    this.#wire = wire;
  }

  /** Lets ticks pass, and checks the peer in each of them, as the server does. */
  live(ticks: number): void {
    for (let i = 0; i < ticks; i++) {
      this.host.now++;
      this.checkPeer();
    }
  }

  /** The peer takes one of the writes that wait. */
  take(): void {
    this.#wire.takeOne();
  }

  /** One more write waits. */
  write(): void {
    this.#wire.write(hex("00"));
  }

  receive(): void {
    this.noteReceived();
  }

  message(): void {
    this.noteMessage();
  }

  stop(): void {
    this.stopKeepalive();
  }

  protected isOpen(): boolean {
    return this.open;
  }

  protected get bytesWritten(): number {
    return this.written;
  }

  protected hasPeerClosed(): boolean {
    return this.left;
  }

  protected isReadingStopped(): boolean {
    return this.readingStopped;
  }

  protected sendPing(payload: ReturnType<typeof copy>): void {
    this.asked.push(copy(payload));
    this.log.push(`ping at ${this.host.now}`);
  }

  protected onPeerSilent(): void {
    this.log.push(`dead at ${this.host.now}`);
    this.open = false;
  }

  protected onLifetimeOver(limit: "maxLifetime" | "idleTimeout"): void {
    this.log.push(`${limit} at ${this.host.now}`);
    this.open = false;
  }
}
