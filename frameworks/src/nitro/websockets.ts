// websockets.ts, in place of crossws/adapters/node. Nitro gives it its function `resolve`.
import { type CrosswsOptions, crosswsAdapter } from "hawser/crossws";

export default function webSockets(options: CrosswsOptions) {
  const ws = crosswsAdapter({ ...options, serverOptions: { maxMessageSize: 65_536 } });
  process.once("SIGTERM", () => void ws.close(1001));
  return ws;
}
