import { MEMORY, runOverHttp2 } from "./support/over-http2.ts";

// Hostile peers in another process, on streams of HTTP/2.

runOverHttp2(MEMORY);
