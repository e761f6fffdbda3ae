// graphql-ws.ts
import { setImmediate as read } from "node:timers/promises";
import { buildSchema } from "graphql";
import { useServer } from "graphql-ws/use/ws";
import { WsServer } from "hawser/ws";

const schema = buildSchema(`
  type Query { hello: String! produced: Int! }
  type Subscription { count(to: Int!): Int! rows(number: Int!): String! }
`);

let produced = 0;

const roots = {
  query: { hello: "Hello!", produced: () => produced },
  subscription: {
    async *count({ to }: { to: number }) {
      for (let count = 1; count <= to; count++) yield { count };
    },
    // A client that reads slowly gets them slowly: the next row is asked for when the last one is on its way.
    async *rows({ number }: { number: number }) {
      for (produced = 0; produced < number; produced++) yield { rows: await read("x".repeat(64 * 1024)) };
    },
  },
};

const wss = new WsServer({ port: Number(process.env["PORT"] ?? 8080), path: "/graphql" });
// 0: no pings of graphql-ws. The library pings.
const { dispose } = useServer({ schema, roots }, wss, 0);

process.once("SIGTERM", () => void dispose());
