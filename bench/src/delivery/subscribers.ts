import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type * as HawserTopics from "hawser/client/topics";
import { io } from "socket.io-client";
import { WebSocket } from "undici";

/** What a subscriber tells. */
export interface SubscriberEvents {
  /** It receives messages from now on. It is called once. */
  onReady(): void;
  onMessage(text: string): void;
  /** It was told that messages may be missing. */
  onMissing(): void;
}

/** A client that subscribes, and connects again by itself. */
export interface Subscriber {
  close(): void;
}

/** Makes a subscriber that connects to this port. */
export type Subscribe = (port: number, events: SubscriberEvents) => Subscriber;

const TOPIC = "all";

/** `TopicClient` of `hawser/client/topics`. */
export async function topicClient(): Promise<Subscribe> {
  const build = resolve(import.meta.dirname, "../../../dist/client-topics.js");
  const { TopicClient } = (await import(pathToFileURL(build).href)) as typeof HawserTopics;
  return (port, { onReady, onMessage, onMissing }) => {
    const client = new TopicClient(
      `ws://127.0.0.1:${port}/history`,
      {
        onTopic: (_ws, { data }) => onMessage(data as string),
        onGap: onMissing,
        // It would warn of failed connects otherwise.
        onReconnecting: () => undefined,
        onReconnected: (_ws, { recovered }) => {
          if (!recovered) onMissing();
        },
      },
      { reconnect: true },
    );
    void client.subscribe(TOPIC).then(onReady);
    return { close: () => void client.close() };
  };
}

/** A page without a client library, as docs/topics.md shows it: it reads the header lines, and remembers the last position. */
export const page: Subscribe = (port, { onReady, onMessage, onMissing }) => {
  let last: string | undefined;
  let isClosed = false;
  let ws: WebSocket;
  const open = (): void => {
    ws = new WebSocket(
      `ws://127.0.0.1:${port}/history${last === undefined ? "" : `?since=${encodeURIComponent(last)}`}`,
    );
    ws.onmessage = ({ data }: { data: string }) => {
      if (data[0] !== "\x1e") return;
      const end = data.indexOf("\n");
      const [kind, position, flag] = data.slice(1, end).split(" ");
      if (kind === "s" && last === undefined) onReady();
      if (position !== "-") last = position;
      if (kind === "m") onMessage(data.slice(end + 1));
      else if (kind === "g" || flag === "0") onMissing();
    };
    ws.onclose = () => {
      if (!isClosed) setTimeout(open, 500 + 2000 * Math.random());
    };
    ws.onerror = () => undefined;
  };
  open();
  return {
    close: () => {
      isClosed = true;
      ws.close();
    },
  };
};

/** The client of Socket.IO with its defaults, over WebSocket. */
export const socketIo: Subscribe = (port, { onReady, onMessage, onMissing }) => {
  const socket = io(`http://127.0.0.1:${port}`, { transports: ["websocket"], forceNew: true });
  let connections = 0;
  socket.on("m", (text: string) => onMessage(text));
  socket.on("connect", () => {
    if (connections++ === 0) onReady();
    else if (!socket.recovered) onMissing();
  });
  return { close: () => void socket.close() };
};
