import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import crossws from "crossws/adapters/node";
import { announce, routeFromArguments } from "./common.ts";

// crossws with its Node adapter, which contains its own copy of ws.
const route = routeFromArguments();
const http = createServer();

const adapter = crossws({
  hooks: {
    open(peer) {
      if (route === "/fan") peer.subscribe("all");
    },
    message(peer, message) {
      if (route === "/json") peer.send(JSON.stringify(message.json()));
      else if (route === "/fan") adapter.publish("all", message.text());
      // The type of a message is that of its raw data: a text is a string.
      else peer.send(typeof message.rawData === "string" ? message.text() : message.uint8Array());
    },
  },
});

http.on("upgrade", (request, socket, head) => {
  void adapter.handleUpgrade(request, socket, head);
});
http.listen(0, "127.0.0.1", () => announce((http.address() as AddressInfo).port));
