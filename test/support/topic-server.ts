import {
  WebSocketServer,
  type WebSocketConnection,
  type WSErrorEvent,
  type WSMessageEvent,
  type WSSubscribeEvent,
} from "hawser";
import { onTestFinished } from "vitest";
import { Peer, portOf, until } from "./peer.ts";
import { ownPort } from "./transport.ts";

/** A connection of the server. */
type Client = WebSocketConnection;

/** The handler of a client that may ask for topics. */
class Member {
  /** The callbacks, in their order. */
  readonly log: unknown[] = [];
  readonly #decide: (event: WSSubscribeEvent, ws: Client) => unknown;

  constructor(decide: (event: WSSubscribeEvent, ws: Client) => unknown) {
    this.#decide = decide;
  }

  onMessage(_ws: Client, { data }: WSMessageEvent): unknown {
    this.log.push(data);
    return undefined;
  }

  onSubscribe(ws: Client, event: WSSubscribeEvent): never {
    this.log.push(event.topic);
    return this.#decide(event, ws) as never;
  }

  onError(_ws: Client, { errors }: WSErrorEvent): void {
    this.log.push(errors[0].cause);
  }
}

/** What a server is made with. */
interface TopicServerOptions {
  /** What `onSubscribe` does. */
  readonly decide?: (event: WSSubscribeEvent, ws: Client) => unknown;
  /** The options of the server. */
  readonly options?: object;
  /** The server's `onError`. */
  readonly onError?: (wss: unknown, event: WSErrorEvent) => void;
}

/** A server for clients that ask for topics, which it grants if `decide` says nothing else. */
export async function topicServer({ decide = () => true, options = {}, onError = () => {} }: TopicServerOptions = {}) {
  const members: Member[] = [];
  function onConnection(): Member {
    const member = new Member(decide);
    members.push(member);
    return member;
  }
  const wss = new WebSocketServer(
    { onConnection, onError },
    {
      ...(await ownPort()),
      history: { "chat:*": { size: 5 } },
      ...options,
    },
  );
  onTestFinished(() => wss.terminate(0));
  const port = await portOf(wss);
  /** Connects a client of the `ws` package. */
  const open = (protocols = ["hawser.v1"], more = {}): Promise<Peer> => Peer.open(port, "/", protocols, more);
  return { wss, port, open, members };
}

/** Waits until a client has got a message, and returns all. */
export async function gets(peer: Peer, last: string): Promise<string[]> {
  await until(() => peer.messages.length > 0 && String(peer.messages.at(-1)) === last);
  return peer.messages.map(String);
}
