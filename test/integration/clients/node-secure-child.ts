// Peers with Node's own WebSocket, which trusts the certificate of the tests, for ChildClient.
import tls from "node:tls";
import { certificate } from "../../support/certificate.ts";

// Node 24.5 and later.
const { setDefaultCACertificates } = tls as unknown as { setDefaultCACertificates: (certificates: string[]) => void };
setDefaultCACertificates([certificate.cert]);
await import("./node-child.ts");
