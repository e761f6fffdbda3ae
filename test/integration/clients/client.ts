/** One of the clients that Hawser is tested with. All are other products; an adapter gives them one interface. */
export interface Client {
  /**
   * Connects.
   *
   * @param url - with the scheme `ws:`
   * @param protocols - the subprotocols to offer
   * @throws {Refused} when the server refuses it
   */
  open(url: string, protocols?: readonly string[]): Promise<Peer>;
  /** Ends everything that belongs to the client. */
  end(): Promise<void>;
}

/** The client's end of one connection. */
export interface Peer {
  /** The subprotocol agreed on; empty when there is none. */
  readonly protocol: string;
  /** Sends a message. As in browsers, there is no report of its delivery. */
  send(content: Content): Promise<void>;
  /** Sends the texts "0", "1", … in one burst. */
  count(messages: number): Promise<void>;
  /** Sends one message in fragments; with `pings`, after each of them but the last a ping whose pong it waits for. */
  fragments(parts: readonly Content[], pings: boolean): Promise<void>;
  /** Waits for the next messages, in the notation of `seen()`. Rejects when the connection is closed before. */
  received(messages: number): Promise<string[]>;
  /** Sends a ping and waits for the pong with the same text in it. */
  ping(payload: string): Promise<void>;
  /** Sends an unsolicited pong. */
  pong(payload: string): Promise<void>;
  /** Starts the close handshake. */
  close(code?: number, reason?: string): Promise<void>;
  /** Waits for the end, and returns how the client reports it. */
  closed(): Promise<Ending>;
  /** Disconnects at once, without a close frame. */
  lose(): Promise<void>;
  /** Stops reading. */
  pause(): Promise<void>;
  /** Reads again. */
  resume(): Promise<void>;
  /** Releases its resources at the end of a test. */
  dispose(): Promise<void>;
}

/** How a connection ended, as the client's program sees it. */
export interface Ending {
  readonly code: number;
  readonly reason: string;
}

/** A message of any length, in a short form for a client in another process. */
export interface Content {
  readonly type: "text" | "binary";
  /** What is repeated: text, or bytes in hexadecimal digits. */
  readonly part: string;
  readonly times: number;
}

/** What `open` rejects with. */
export class Refused extends Error {
  /** The HTTP status, where the client lets its program see it. */
  readonly status: number | undefined;

  constructor(status?: number) {
    super(`the server answered with ${status ?? "something else than 101"}`);
    this.status = status;
  }
}
