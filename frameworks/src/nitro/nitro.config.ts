// nitro.config.ts: the WebSockets of Nitro's server for Node are those of websockets.ts.
import { fileURLToPath } from "node:url";
import { defineConfig } from "nitro";

const websockets = fileURLToPath(new URL("websockets.ts", import.meta.url));

export default defineConfig({
  preset: "node_server",
  serverDir: "./",
  features: { websocket: true },
  rolldownConfig: {
    plugins: [
      {
        name: "hawser",
        // An alias would be used in hawser too, which needs the real one.
        resolveId: (id, importer) =>
          id === "crossws/adapters/node" && /nitro.dist/.test(importer ?? "") ? websockets : undefined,
      },
    ],
  },
});
