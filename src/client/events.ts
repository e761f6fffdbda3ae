import type { ErrorEntry, WSOpenEvent } from "../connection/dispatch/events.ts";

/** A client's `onOpen`. */
export interface WSClientOpenEvent extends WSOpenEvent {
  /** True if the client had been connected before, and its handler has no `onReconnected`. */
  readonly reconnected: boolean;
}

/** A client's `onReconnecting`: a dial failed, or the connection was lost, and the client will connect again. */
export interface WSReconnectingEvent {
  readonly type: "reconnecting";
  /** The number of the dial that follows, from 1 on; 0 after `reconnect()`. It starts again after a connection that was stable. */
  readonly attempt: number;
  /** Milliseconds until that dial. */
  readonly delay: number;
  /** The close code of the connection that was lost; 1006 after a dial that failed. */
  readonly code: number;
  /** The reason of the server's close frame, where it gave one. */
  readonly reason: string | undefined;
  /** What failed: empty after an orderly close. */
  readonly errors: readonly ErrorEntry[];
}

/** A client's `onReconnected`. */
export interface WSReconnectedEvent {
  readonly type: "reconnected";
  /** The dials that it took. */
  readonly attempts: number;
  /** Milliseconds between the loss and the new connection. */
  readonly away: number;
}
