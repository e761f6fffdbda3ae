import { describe } from "vitest";
import { certificate } from "../support/certificate.ts";
import { Http2Client } from "./clients/http2.ts";
import { WsClient } from "./clients/ws.ts";
import { runScenarios } from "./scenarios/run-scenarios.ts";

describe("the client of the ws package over TLS", () => {
  runScenarios({ create: async () => new WsClient({ ca: certificate.cert }), transport: "tls" });
});

describe("HTTP/1.1 on a server of http2", () => {
  runScenarios({ create: async () => new WsClient({ ca: certificate.cert }), transport: "h2" });
});

describe("Node's HTTP/2 with the frames of the ws package, over TLS", () => {
  runScenarios({ create: async () => new Http2Client(), transport: "h2" });
});

describe("Node's HTTP/2 with the frames of the ws package, without TLS", () => {
  runScenarios({ create: async () => new Http2Client(), transport: "h2c" });
});
