import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { WebSocketServer } from "ws";
import type { RawData, WebSocket } from "ws";
import { TOPIC_MESSAGE, announce, groupOf, pathOf, topicCommandOf } from "./common.ts";

// ws as in its README, with bufferutil, which ws uses if it is installed.
const http = createServer();
// Without context takeover ws does not compress messages below 1 KiB by default.
const deflate = process.argv[3] === "deflate" ? { perMessageDeflate: { threshold: 0 } } : {};
const wss = new WebSocketServer({ server: http, ...deflate });

function echo(ws: WebSocket): void {
  ws.on("message", (data: RawData, isBinary: boolean) => ws.send(data, { binary: isBinary }));
}

function json(ws: WebSocket): void {
  ws.on("message", (data: RawData) => ws.send(JSON.stringify(JSON.parse((data as Buffer).toString()))));
}

/** ws has no method for broadcasts. Its documentation shows this loop. */
function fan(ws: WebSocket): void {
  ws.on("message", (data: RawData, isBinary: boolean) => {
    for (const client of wss.clients) {
      if (client.readyState === client.OPEN) client.send(data, { binary: isBinary });
    }
  });
}

const groups = new Map<string, Set<WebSocket>>();
let connections = 0;

/** The usual map of sets, by hand. */
function group(ws: WebSocket): void {
  const name = groupOf(connections++);
  const members = groups.get(name) ?? new Set();
  groups.set(name, members.add(ws));
  ws.on("close", () => members.delete(ws));
  ws.on("message", (data: RawData, isBinary: boolean) => {
    for (const client of members) if (client.readyState === client.OPEN) client.send(data, { binary: isBinary });
  });
}

/** As many topics as a connection asks for, in the same map. */
function topics(ws: WebSocket): void {
  ws.on("message", (data: RawData) => {
    const command = topicCommandOf((data as Buffer).toString());
    if ("publish" in command) {
      for (const client of groups.get(command.publish) ?? [])
        if (client.readyState === client.OPEN) client.send(TOPIC_MESSAGE);
      return;
    }
    for (const topic of command.subscribe) {
      const members = groups.get(topic);
      if (members === undefined) groups.set(topic, new Set([ws]));
      else members.add(ws);
    }
    ws.send("done");
  });
}

wss.on("connection", (ws, request) => {
  ws.on("error", () => undefined); // The load generator resets connections when it is done.
  const route = pathOf(request.url);
  if (route === "/echo") echo(ws);
  else if (route === "/json") json(ws);
  else if (route === "/groups") group(ws);
  else if (route === "/topics") topics(ws);
  else fan(ws);
});

http.listen(0, "127.0.0.1", () => announce((http.address() as AddressInfo).port));
