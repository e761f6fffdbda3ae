import { readFileSync } from "node:fs";
import { type IncomingMessage, type ServerResponse, createServer } from "node:http";
import {
  type WebSocketConnection,
  type WSConnectionEvent,
  type WSErrorEvent,
  type WSMessageEvent,
  type WSTerminateEvent,
  WebSocketServer,
  refuse,
} from "hawser";
import { connect } from "hawser/testing";

/** The server of runtimes.test.ts. It prints its ports, and tells by HTTP how connections have ended. */
const ends: unknown[] = [];

/** A handler that notes how its connection ends. */
class Noting {
  readonly name: string;
  #error: string | undefined;

  constructor(name: string) {
    this.name = name;
  }

  onError(_ws: unknown, { errors }: WSErrorEvent): void {
    this.#error = String(errors[0].cause);
  }

  onTerminate(_ws: unknown, { code, reason, initiator, cause }: WSTerminateEvent): void {
    ends.push({ name: this.name, code, reason, initiator, cause: cause?.code, error: this.#error });
  }
}

class Echo extends Noting {
  onMessage(ws: WebSocketConnection, { data }: WSMessageEvent<string | Buffer>): void {
    ws.send(data);
  }
}

class Json extends Noting {
  onMessage(ws: WebSocketConnection, { data }: WSMessageEvent<unknown>): void {
    ws.send({ got: data });
  }
}

class Speaker extends Noting {
  onMessage({ wss }: WebSocketConnection, { data }: WSMessageEvent): void {
    wss.broadcast(data);
  }
}

/** Does what a message says. */
class Told extends Noting {
  async onMessage(ws: WebSocketConnection, { data }: WSMessageEvent): Promise<void> {
    if (data === "throw") throw new Error("the handler is broken");
    if (data === "close") ws.close(4002, "told to");
    if (data === "destroy") ws.destroy();
    if (data === "ping") ws.send(typeof (await ws.ping()));
    if (data === "much") {
      let waits = 0;
      const part = Buffer.alloc(64 * 1024, 1);
      for (let i = 0; i < 400; i++) {
        if (ws.send(part)) continue;
        waits++;
        if (!(await ws.drained())) return;
      }
      ws.send(`waited: ${String(waits > 0)}`);
    }
  }
}

/** The name that a client has given itself. */
const nameOf = ({ request }: WSConnectionEvent): string => String(request.query["name"]);
const echo = { onConnection: (_wss: unknown, event: WSConnectionEvent) => new Echo(nameOf(event)) };

const web = createServer();
const attached = [
  new WebSocketServer(echo, { server: web, path: "/echo", dataType: "auto" }),
  new WebSocketServer(echo, { server: web, path: "/idle", dataType: "auto", idleTimeout: 300 }),
  new WebSocketServer(echo, {
    server: web,
    path: "/silent",
    dataType: "auto",
    pingInterval: 300,
    pingTimeout: 300,
  }),
  new WebSocketServer(
    { onConnection: (_wss, event) => new Json(nameOf(event)) },
    { server: web, path: "/json", dataType: "object" },
  ),
  new WebSocketServer({ onConnection: (_wss, event) => new Told(nameOf(event)) }, { server: web, path: "/told" }),
  new WebSocketServer({ onConnection: () => refuse(401, "Sign in first.") }, { server: web, path: "/refused" }),
  new WebSocketServer(
    {
      onConnection(_wss, { request, responseHeaders }) {
        responseHeaders.append("set-cookie", "seen=1");
        return new Speaker(String(request.params["id"]));
      },
    },
    { server: web, path: "/rooms/:id", protocols: ["chat.v2"] },
  ),
];
const own = new WebSocketServer(echo, { port: 0, host: "127.0.0.1", dataType: "auto", handshakeTimeout: 500 });
const tls = { key: readFileSync("key.pem"), cert: readFileSync("cert.pem") };
const secure = new WebSocketServer(echo, { port: 0, host: "127.0.0.1", dataType: "auto", tls });
const all = [...attached, own, secure];

web.on("request", (request: IncomingMessage, response: ServerResponse) => {
  if (request.url === "/ends") response.end(JSON.stringify(ends));
  else if (request.url === "/terminate") void terminate(response);
  else if (request.url === "/kit") void useKit(response);
  else response.end("an ordinary answer");
});

/** A client in memory, as in tests of an application. */
async function useKit(response: ServerResponse): Promise<void> {
  const client = await connect(own, { url: "/?name=kit" });
  client.send("in memory");
  const { value } = await client.next();
  client.close(1000);
  response.end(`${String(value)}, ${String((await client.closed).code)}`);
}

async function terminate(response: ServerResponse): Promise<void> {
  await Promise.all(all.map((wss) => wss.terminate(2)));
  response.end(JSON.stringify(ends));
}

web.listen(0, "127.0.0.1", () => {
  void Promise.all(all.map((wss) => wss.ready)).then(() => {
    const ports = [web, own, secure].map((one) => (one.address() as { port: number }).port);
    console.log(JSON.stringify(ports));
  });
});
