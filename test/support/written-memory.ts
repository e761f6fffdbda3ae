import type { Socket } from "node:net";

/** The handle of a socket, as Node keeps it. */
interface Handle {
  writeBuffer(request: unknown, bytes: Uint8Array): number;
}

/** The memory of each write from a plain socket to the system from now on, not copied. */
export function memoryWrittenBy(socket: Socket): Uint8Array[] {
  const written: Uint8Array[] = [];
  const { _handle: handle } = socket as unknown as { _handle: Handle };
  const writeBuffer = handle.writeBuffer.bind(handle);
  handle.writeBuffer = (request, bytes) => {
    written.push(bytes);
    return writeBuffer(request, bytes);
  };
  return written;
}
