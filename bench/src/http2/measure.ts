import { once } from "node:events";
import type { Duplex } from "node:stream";
import { setTimeout as pause } from "node:timers/promises";
import { cpuSeconds } from "../load/cpu.ts";
import { collect, residentBytes } from "../measure/memory.ts";
import type { ServerProcess } from "../measure/processes.ts";
import { OPCODE, clientFrame, payload, serverFrame } from "../wire/frames.ts";
import { type Transport, openLinks, openSession, openSocket, openStream } from "./links.ts";

/** What one run has shown. */
export interface Http2Sample {
  /** Messages, handshakes or deliveries in a second. */
  readonly perSecond: number;
  /** CPU time of the server for each, in µs. */
  readonly cpuMicros: number;
}

/** An exchange of messages. */
export interface Exchange {
  readonly path: "/echo" | "/broadcast";
  readonly connections: number;
  readonly size: number;
  /** Messages that each sender has in flight. With `/broadcast` only the first connection sends. */
  readonly depth: number;
}

/** Exchanges messages for this long. */
export async function exchange(
  server: ServerProcess,
  transport: Transport,
  { path, connections, size, depth }: Exchange,
  seconds: number,
): Promise<Http2Sample> {
  const links = await openLinks(transport, server.port, path, connections);
  const body = payload(size, "text");
  const [sent, received] = [clientFrame(OPCODE.text, body), serverFrame(OPCODE.text, body).length];
  let messages = 0;
  let isOver = false;
  for (const [index, stream] of links.streams.entries()) {
    const isSender = path === "/echo" || index === 0;
    let bytes = 0;
    stream.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      const whole = Math.floor(bytes / received);
      bytes -= whole * received;
      messages += whole;
      if (isSender && !isOver && whole > 0)
        stream.write(whole === 1 ? sent : Buffer.concat(Array<Buffer>(whole).fill(sent)));
    });
    if (isSender) stream.write(Buffer.concat(Array<Buffer>(depth).fill(sent)));
  }
  await pause(300);
  const sample = await measure(
    server,
    () => messages,
    () => pause(seconds * 1000),
  );
  isOver = true;
  await pause(100);
  links.close();
  return sample;
}

const CLOSE = clientFrame(8, Buffer.from([0x03, 0xe8]));
const AT_ONCE = 8;

/** Opens and closes WebSockets for this long: on new TCP connections, or on one session of HTTP/2. */
export async function handshakes(server: ServerProcess, transport: Transport, seconds: number): Promise<Http2Sample> {
  const { port } = server;
  const session = transport === "HTTP/2" ? await openSession(port) : undefined;
  let done = 0;
  let isOver = false;
  const run = async (): Promise<void> => {
    while (!isOver) {
      const stream: Duplex =
        session === undefined ? await openSocket(port, "/echo") : await openStream(session, port, "/echo");
      stream.resume();
      stream.write(CLOSE);
      await once(stream, "end");
      // Not destroyed: a server takes a client that resets thousands of streams for an attack.
      stream.end();
      done++;
    }
  };
  const workers = Array.from({ length: AT_ONCE }, run);
  await pause(300);
  const sample = await measure(
    server,
    () => done,
    () => pause(seconds * 1000),
  );
  isOver = true;
  await Promise.all(workers);
  session?.destroy();
  return sample;
}

/** Bytes of memory of the server for each WebSocket that is open and idle. */
export async function idleBytes(server: ServerProcess, transport: Transport, connections: number): Promise<number> {
  // What the server reserves once does not count.
  (await openLinks(transport, server.port, "/echo", 200)).close();
  await collect(server);
  const before = residentBytes(server.pid);
  const links = await openLinks(transport, server.port, "/echo", connections);
  await collect(server);
  const bytes = (residentBytes(server.pid) - before) / connections;
  links.close();
  return bytes;
}

async function measure(server: ServerProcess, count: () => number, wait: () => Promise<unknown>): Promise<Http2Sample> {
  const [cpu, begin, before] = [cpuOf(server), performance.now(), count()];
  await wait();
  const [spent, seconds, counted] = [cpuOf(server) - cpu, (performance.now() - begin) / 1000, count() - before];
  return { perSecond: counted / seconds, cpuMicros: (spent * 1e6) / counted };
}

function cpuOf(server: ServerProcess): number {
  const seconds = cpuSeconds(server.pid);
  if (seconds === null) throw new Error("this system has no /proc");
  return seconds;
}
