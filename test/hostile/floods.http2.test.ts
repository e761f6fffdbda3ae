import { overHttp2 } from "./support/attack.ts";

overHttp2([
  {
    reason:
      "the window of a stream holds back what a busy handler does not take, so the peer cannot send all of it first",
    tests: [
      "while a handler is pending two reads of short messages are kept, and none is lost",
      "while a handler is pending two reads of long messages are kept, and none is lost",
    ],
  },
]);
await import("./floods.test.ts");
