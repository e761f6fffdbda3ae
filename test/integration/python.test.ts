import { describeWith } from "../support/system.ts";
import { pythonClient } from "./clients/python.ts";
import { runScenarios } from "./scenarios/run-scenarios.ts";

describeWith("python", "Python's websockets", (python) => {
  runScenarios({
    create: async () => pythonClient(python),
    skip: [{ reason: "Python's websockets always closes with a code", tests: ["the client closes without a code"] }],
  });
});
