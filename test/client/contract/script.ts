/** What the scripted server does with a dial. Everything can be sent to a page and back as JSON. */
export interface Step {
  /** It refuses with this status. */
  readonly refuse?: number;
  /** It never answers. */
  readonly stall?: boolean;
  /** It accepts, and chooses this subprotocol. */
  readonly protocol?: string;
  /** It accepts, and sends these texts at once. */
  readonly send?: readonly string[];
  /** It answers this text with that one, and does not count it as a message. */
  readonly answers?: readonly [request: string, response: string];
}

/** A message: a text, or bytes. */
export type Content = string | readonly number[];

/** A dial of the client, as the server has seen it. */
export interface SeenDial {
  /** Its path and query. */
  readonly path: string;
  /** The subprotocols that it offers. */
  readonly protocols: string;
  /** The headers of its request. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
}

/** A server that does what the scenario says. Connections are counted from 1, as the client dials. */
export interface Script {
  /** Starts a server with a plan for the first dials; those after them are accepted. Returns its URL. */
  start(plan?: readonly Step[]): Promise<string>;
  /** Waits until the server has seen this dial. */
  dial(number: number): Promise<SeenDial>;
  /** How many dials it has seen. */
  dials(): Promise<number>;
  /** Waits for the connection, and sends a message. */
  send(connection: number, content: Content): Promise<void>;
  /** Closes with a code and a reason; without a code: an empty close frame. */
  close(connection: number, code?: number, reason?: string): Promise<void>;
  /** Ends the connection without a close frame. */
  die(connection: number): Promise<void>;
  /** Reads nothing more from it. */
  pause(connection: number): Promise<void>;
  /** Reads again. */
  resume(connection: number): Promise<void>;
  /** Waits until as many messages have come, and returns them. */
  received(connection: number, count: number): Promise<readonly Content[]>;
  /** Waits until as many bytes of messages have come. */
  receivedBytes(connection: number, bytes: number): Promise<void>;
  /** Waits until the connection has ended, and returns the client's code. */
  ended(connection: number): Promise<number>;
}
