import { overHttp2 } from "./support/attack.ts";

overHttp2();
await import("./frames.test.ts");
