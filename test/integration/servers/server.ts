import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { type IncomingMessage, type Server, createServer } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { type PerMessageDeflateOptions, WebSocketServer } from "ws";
import { certificate } from "../../support/certificate.ts";

/**
 * A server that is not ours. It sends each message back, but for some texts: `close:CODE:REASON` closes, `header:NAME` sends a header of
 * the handshake, `ping` sends a ping and then "pong came", `last` sends the code and the reason with which the last client has closed.
 * It knows the subprotocols "b" and "c", and refuses the path `/refuse` with 403 and the body "not you".
 */
export interface EchoServer {
  readonly url: string;
  stop(): Promise<void>;
}

/** How the server of the ws package is started. */
export interface WsServerOptions {
  readonly deflate?: PerMessageDeflateOptions | boolean | undefined;
  readonly isSecure?: boolean;
  /** It listens on a Unix socket. */
  readonly path?: string;
}

/** The server of the ws package, in this process. */
export async function wsServer({ deflate = false, isSecure = false, path }: WsServerOptions = {}): Promise<EchoServer> {
  const web: Server = isSecure ? createSecureServer(certificate) : createServer();
  const wss = new WebSocketServer({
    server: web,
    perMessageDeflate: deflate,
    maxPayload: 2 ** 24,
    handleProtocols: (offered) => [...offered].find((one) => one === "b" || one === "c") ?? false,
    verifyClient: ({ req }: { req: IncomingMessage }, done: (ok: boolean, code?: number, text?: string) => void) => {
      done(req.url !== "/refuse", 403, "not you");
    },
  });
  let last = "";
  wss.on("connection", (ws, request) => {
    ws.on("message", (data: Buffer, isBinary) => {
      const text = isBinary ? undefined : data.toString();
      if (text === undefined) ws.send(data);
      else if (text.startsWith("close:")) {
        const [, code, ...reason] = text.split(":");
        ws.close(Number(code), reason.join(":"));
      } else if (text.startsWith("header:")) ws.send(request.headers[text.slice(7).toLowerCase()] ?? "none");
      else if (text === "ping") ws.ping("x");
      else if (text === "last") ws.send(last);
      else ws.send(text);
    });
    ws.on("pong", () => {
      ws.send("pong came");
    });
    ws.on("error", () => undefined);
    ws.on("close", (code, reason) => (last = `${String(code)} ${reason.toString()}`));
  });
  if (path === undefined) web.listen(0, "127.0.0.1");
  else web.listen(path);
  await once(web, "listening");
  const address = web.address();
  return {
    url:
      typeof address === "string"
        ? `ws+unix:${address}`
        : `${isSecure ? "wss" : "ws"}://127.0.0.1:${String(address!.port)}`,
    async stop() {
      for (const client of wss.clients) client.terminate();
      wss.close();
      web.close();
      await once(web, "close");
    },
  };
}

/** A program of this folder, which prints its port. */
export async function programServer(command: string, file: string, ...args: readonly string[]): Promise<EchoServer> {
  const path = fileURLToPath(new URL(file, import.meta.url));
  const child = spawn(command, [path, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  let complaints = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (complaints += text));
  const lines = createInterface(child.stdout);
  const port = await Promise.race([
    once(lines, "line").then(([line]) => String(line)),
    once(child, "close").then(() => Promise.reject(new Error(`${file} has ended: ${complaints}`))),
  ]);
  return { url: `ws://127.0.0.1:${port}`, stop: () => end(child) };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "close");
  child.kill("SIGKILL");
  await ended;
}
