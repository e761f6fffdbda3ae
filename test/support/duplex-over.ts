import type { Socket } from "node:net";
import { Duplex } from "node:stream";

/** A stream of an application that passes everything through a socket, and is no socket itself. */
export function duplexOver(socket: Socket): Duplex {
  const stream = new Duplex({
    read: () => void socket.resume(),
    write: (chunk: Uint8Array, _encoding, done) => void socket.write(chunk, done),
    final: (done) => void socket.end(done),
    destroy(error, done) {
      socket.destroy();
      done(error);
    },
  });
  socket.on("data", (chunk) => stream.push(chunk)).on("end", () => stream.push(null));
  socket.on("error", (error) => stream.destroy(error)).on("close", () => stream.destroy());
  return stream;
}
