import { createHash } from "node:crypto";
import { STATUS_CODES } from "node:http";
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from "node:http2";
import { type Socket, type TcpNetConnectOpts, connect as connectTcp } from "node:net";
import { Duplex } from "node:stream";
import { connect as connectTls } from "node:tls";
import { type RequestHead, readRequestHead, toHttp2 } from "./http1-head.ts";
import type { Answer } from "./http2-client.ts";

/** A session of Node's client, and the TCP connection that it runs on. */
export interface DialedSession {
  readonly session: ClientHttp2Session;
  readonly tcp: Socket;
}

/** Begins a session with a server on 127.0.0.1. Its certificate is not checked. */
export function dialHttp2(where: Pick<TcpNetConnectOpts, "port" | "localAddress">, isSecure: boolean): DialedSession {
  const tcp = connectTcp({ host: "127.0.0.1", noDelay: true, ...where });
  const session = connect(`${isSecure ? "https" : "http"}://127.0.0.1`, {
    createConnection: () =>
      isSecure ? connectTls({ socket: tcp, ALPNProtocols: ["h2"], rejectUnauthorized: false }) : tcp,
  });
  session.on("error", () => undefined); // its streams close
  return { session, tcp };
}

type Done = (error?: Error | null) => void;

/** RFC 6455 1.3. */
const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** Fields of an answer that HTTP/1.1 gets in another form. */
const REPLACED: ReadonlySet<string> = new Set(["content-length", "date"]);

/**
 * A socket of a client of HTTP/1.1 whose request goes out over HTTP/2, as a gateway sends it. A handshake becomes an extended CONNECT
 * (RFC 8441 5), the answer becomes one of HTTP/1.1, and all bytes after it pass as they are. So clients and tests that know HTTP/1.1 talk
 * to a server over HTTP/2. Each has a session of its own, as it has a TCP connection of its own.
 */
export class Http2Tunnel extends Duplex {
  readonly #tcp: Socket;
  readonly #session: ClientHttp2Session;
  readonly #scheme: string;
  #stream: ClientHttp2Stream | undefined;
  #head = "";

  constructor(where: Pick<TcpNetConnectOpts, "port" | "localAddress">, isSecure: boolean) {
    super({ allowHalfOpen: true });
    this.#scheme = isSecure ? "https" : "http";
    const { session, tcp } = dialHttp2(where, isSecure);
    [this.#session, this.#tcp] = [session, tcp];
  }

  /** As the method of `net.Socket`: the TCP connection is reset. */
  resetAndDestroy(): void {
    this.#tcp.resetAndDestroy();
    this.destroy();
  }

  override _construct(done: Done): void {
    let isDone = false;
    const finish = (error?: Error): void => {
      if (!isDone) done(error);
      isDone = true;
    };
    this.#session.once("remoteSettings", () => {
      finish();
      this.emit("connect");
    });
    this.#session.once("error", finish);
    this.#session.once("close", () => {
      finish(new Error("the session has closed"));
      if (this.#stream === undefined) this.destroy();
    });
  }

  override _write(chunk: Buffer, _encoding: string, done: Done): void {
    if (this.#stream !== undefined) {
      this.#stream.write(chunk, done);
      return;
    }
    this.#head += chunk.toString("latin1");
    const end = this.#head.indexOf("\r\n\r\n");
    if (end < 0) {
      done();
      return;
    }
    const rest = Buffer.from(this.#head.slice(end + 4), "latin1");
    this.#request(readRequestHead(this.#head.slice(0, end)));
    if (rest.length === 0) done();
    else this.#stream!.write(rest, done);
  }

  override _read(): void {
    this.#stream?.resume();
  }

  override _final(done: Done): void {
    this.#stream?.end();
    this.#session.close();
    done();
  }

  override _destroy(error: Error | null, done: Done): void {
    this.#session.destroy();
    done(error);
  }

  #request(head: RequestHead): void {
    const headers = Object.create(null) as Record<string, string | string[]>;
    for (const [name, value] of toHttp2(head, this.#scheme)) {
      const before = headers[name];
      headers[name] = before === undefined ? value : [before, value].flat();
    }
    const stream = this.#session.request(headers, { endStream: false });
    this.#stream = stream;
    if (headers[":method"] !== "CONNECT") stream.end();
    stream.on("error", () => undefined); // the close follows
    stream.once("response", (answer) => {
      if (headers[":method"] === "CONNECT" && answer[":status"] === 200) this.#open(stream, head, answer);
      else void this.#refuse(stream, answer);
    });
    stream.once("close", () => {
      // A stream that was reset is as a connection that was.
      if (stream.rstCode !== 0) this.destroy(Object.assign(new Error("the stream was reset"), { code: "ECONNRESET" }));
    });
  }

  #open(stream: ClientHttp2Stream, { fields }: RequestHead, answer: Answer): void {
    const [, key = ""] = fields.find(([name]) => name === "sec-websocket-key") ?? [];
    const accept = createHash("sha1").update(`${key}${GUID}`).digest("base64");
    this.#pushHead(101, answer, ["Upgrade: websocket", "Connection: Upgrade", `Sec-WebSocket-Accept: ${accept}`]);
    stream.on("data", (chunk: Buffer) => {
      if (!this.push(chunk)) stream.pause();
    });
    stream.once("end", () => this.push(null));
  }

  async #refuse(stream: ClientHttp2Stream, answer: Answer): Promise<void> {
    const body = Buffer.concat(await stream.toArray().catch(() => []));
    if (this.destroyed) return;
    this.#pushHead(answer[":status"] ?? 0, answer, [`Content-Length: ${String(body.length)}`, "Connection: close"]);
    this.push(body);
    this.push(null);
  }

  #pushHead(status: number, answer: Answer, more: readonly string[]): void {
    const fields = Object.entries(answer)
      .filter(([name]) => !name.startsWith(":") && !REPLACED.has(name))
      .flatMap(([name, value]) => [value ?? ""].flat().map((one) => `${name}: ${one}`));
    this.push([`HTTP/1.1 ${String(status)} ${STATUS_CODES[status] ?? ""}`, ...more, ...fields, "", ""].join("\r\n"));
  }
}
