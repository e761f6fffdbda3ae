import { EventEmitter } from "node:events";

import type { WSErrorEvent } from "../../connection/dispatch/events.ts";
import type { WSConnectionEvent } from "../../server/connection-event.ts";
import { failedByPeer } from "../failed-by-peer.ts";
import type { AnyConnection } from "../read-hold.ts";
import type { WsSendCallback } from "../callback-send.ts";
import type { WsSendOptions } from "../ws-send.ts";
import { SocketHandler, type SocketListener } from "../ws-socket-handler.ts";
import { WsSocket } from "../ws-socket.ts";

/** A socket as a peer of crossws uses it. */
export class CrosswsSocket extends WsSocket {
  /** The stream below, of which crossws uses the event `"drain"` only. */
  readonly _socket = new EventEmitter();
  /** The socket itself: `peer.websocket` is a proxy of it, through which nobody gets at its private fields. */
  readonly target = this;

  /** Holds messages back. */
  override pause(): void {
    super.pause.call(this.target);
  }

  /** Ends a pause. */
  override resume(): void {
    super.resume.call(this.target);
  }

  /** Begins the close handshake. */
  override close(code?: number, reason?: string | Buffer): void {
    super.close.call(this.target, code, reason);
  }

  /** Cuts the connection at once. */
  override terminate(): void {
    super.terminate.call(this.target);
  }

  /** What listeners of `"message"` get for binary messages. */
  override get binaryType(): "nodebuffer" | "arraybuffer" {
    return super.binaryType;
  }

  override set binaryType(type: "nodebuffer" | "arraybuffer") {
    if (this === this.target) super.binaryType = type;
    else this.target.binaryType = type;
  }

  /** Sends a message. The numbers of an array are bytes, as in `ws`: crossws passes arrays on. */
  override send(data: unknown, options?: WsSendOptions | WsSendCallback, callback?: WsSendCallback): void {
    super.send(Array.isArray(data) ? Uint8Array.from(data as number[]) : data, options, callback);
  }

  /** Adds a listener. One of `"ping"`, which crossws always adds, is never called: the library answers pings itself. */
  override on(event: string | symbol, listener: (...args: never[]) => void): this {
    return event === "ping" ? this : super.on(event, listener);
  }
}

/** The handler of a connection of crossws. */
export class CrosswsHandler extends SocketHandler {
  readonly #onFailure: (error: unknown) => void;

  /** @param onFailure is told of failures of the application. crossws tells nobody where there is no hook `error` */
  constructor(event: WSConnectionEvent, onSocket: SocketListener, onFailure: (error: unknown) => void) {
    super(event.request.raw, onSocket);
    this.#onFailure = onFailure;
  }

  override get onError(): (connection: AnyConnection, event: WSErrorEvent) => void {
    const emit = super.onError as typeof this.onError | undefined;
    return (connection, { errors }) => {
      if (!failedByPeer({ errors, connection })) this.#onFailure(errors[0].cause);
      emit?.call(this, connection, { errors } as WSErrorEvent);
    };
  }

  /** The peer takes messages again. */
  onDrain(): void {
    (this.socket as CrosswsSocket | undefined)?._socket.emit("drain");
  }

  protected override createSocket(connection: AnyConnection): CrosswsSocket {
    return new CrosswsSocket(connection);
  }
}
