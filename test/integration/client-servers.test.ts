import { describeWith } from "../support/system.ts";
import { runServerScenarios } from "./servers/run-server-scenarios.ts";
import { programServer } from "./servers/server.ts";

const deflate = /^permessage-deflate/;
const compression = { threshold: 0 };

describeWith("pythonClients", "a server with Python's websockets", (python) => {
  runServerScenarios(() => programServer(python, "websockets-server.py"));
});

describeWith("pythonClients", "a server with Python's websockets, with compression", (python) => {
  runServerScenarios(() => programServer(python, "websockets-server.py"), {
    options: { compression },
    extensions: deflate,
  });
});

const aiohttp = [{ reason: "aiohttp does not tell of pongs", tests: ["the server's ping is answered"] }] as const;

describeWith("pythonClients", "a server with aiohttp", (python) => {
  runServerScenarios(() => programServer(python, "aiohttp-server.py"), { skip: aiohttp });
});

describeWith("pythonClients", "a server with aiohttp, with compression", (python) => {
  runServerScenarios(() => programServer(python, "aiohttp-server.py"), {
    skip: aiohttp,
    options: { compression },
    extensions: deflate,
  });
});

const bunServe = [
  {
    reason: "Bun chooses the first subprotocol that is offered if the application chooses none",
    tests: ["a server that knows none of the subprotocols fails the handshake"],
  },
] as const;

describeWith("bun", "Bun.serve", (bun) => {
  runServerScenarios(() => programServer(bun, "bun-server.ts", "plain"), { skip: bunServe });
});

describeWith("bun", "Bun.serve, with compression", (bun) => {
  runServerScenarios(() => programServer(bun, "bun-server.ts"), {
    skip: bunServe,
    options: { compression },
    extensions: deflate,
  });
});
