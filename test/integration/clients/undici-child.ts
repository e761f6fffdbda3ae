// Peers with the WebSocket of an undici package over HTTP/2, for ChildClient.
import type * as undici from "undici-7";
import { certificate } from "../../support/certificate.ts";

// Of undici 8 only this is used, which both have.
const { Agent, WebSocket } = (await import(process.argv[2]!)) as typeof undici;
const dispatcher = new Agent({ allowH2: true, connect: { ca: certificate.cert } });

class OverHttp2 extends WebSocket {
  constructor(url: string | URL, protocols: string | string[] = []) {
    super(url, { protocols, dispatcher });
  }
}

globalThis.WebSocket = OverHttp2 as unknown as typeof globalThis.WebSocket;
await import("./node-child.ts");
