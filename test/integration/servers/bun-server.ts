/** An echo server with `Bun.serve`. It prints its port. The words it knows are in server.ts. */

interface Data {
  readonly headers: Record<string, string>;
}

interface Socket {
  readonly data: Data;
  send(message: string | Uint8Array, compress?: boolean): number;
  close(code: number, reason: string): void;
  ping(): void;
}

interface Bun {
  serve(options: object): { readonly port: number };
}

interface Server {
  upgrade(request: Request, options: { data: Data; headers?: Record<string, string> }): boolean;
}

let last = "";

const { port } = (globalThis as unknown as { Bun: Bun }).Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  fetch(request: Request, server: Server) {
    if (new URL(request.url).pathname === "/refuse") return new Response("not you", { status: 403 });
    const offered = (request.headers.get("sec-websocket-protocol") ?? "").split(/\s*,\s*/);
    const protocol = offered.find((one) => one === "b" || one === "c");
    const data = { headers: Object.fromEntries(request.headers) };
    const headers = protocol === undefined ? {} : { headers: { "Sec-WebSocket-Protocol": protocol } };
    return server.upgrade(request, { data, ...headers }) ? undefined : new Response("no", { status: 400 });
  },
  websocket: {
    perMessageDeflate: !process.argv.includes("plain"),
    maxPayloadLength: 2 ** 24,
    backpressureLimit: 2 ** 26,
    message(ws: Socket, message: string | Uint8Array) {
      if (typeof message !== "string") ws.send(message, true);
      else if (message.startsWith("close:")) {
        const [, code, ...reason] = message.split(":");
        ws.close(Number(code), reason.join(":"));
      } else if (message.startsWith("header:")) ws.send(ws.data.headers[message.slice(7).toLowerCase()] ?? "none");
      else if (message === "ping") ws.ping();
      else if (message === "last") ws.send(last);
      else ws.send(message, true);
    },
    pong(ws: Socket) {
      ws.send("pong came");
    },
    close(_ws: Socket, code: number, reason: string) {
      last = `${String(code)} ${reason}`;
    },
  },
});

console.log(port);
