import { overHttp2 } from "./support/attack.ts";

overHttp2([
  {
    reason:
      "Node's client does not notice the reset of a stream that it does not read; http2.test.ts shows that it is sent",
    tests: [
      "for a peer that never reads maxSendQueue and one message wait, then it is closed with 1013 and nothing waits any more",
      "a peer that asks for echoes and never reads them is closed at maxSendQueue",
    ],
  },
]);
await import("./slow-readers.test.ts");
