// routes/chats/[id].ts: a route as Nitro has it.
import { defineWebSocketHandler } from "nitro";

export default defineWebSocketHandler((event) => ({
  upgrade: () => ({ context: { chat: `chat:${event.context.params?.["id"]}` } }),
  open: (peer) => peer.subscribe(String(peer.context["chat"])),
  message(peer, message) {
    peer.publish(String(peer.context["chat"]), message.text());
    peer.send(message.text());
  },
}));
