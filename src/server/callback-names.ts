/** The callbacks of a server's handler. */
export const SERVER_CALLBACKS = [
  "onConnection",
  "onOpen",
  "onTerminate",
  "onError",
  "onRefused",
  "onBackplane",
  "onJoin",
  "onLeave",
] as const;

/** The callbacks of a connection's handler. */
export const CONNECTION_CALLBACKS = [
  "onOpen",
  "onMessageStart",
  "onMessage",
  "onDrain",
  "onGap",
  "onSubscribe",
  "onError",
  "onTerminate",
] as const;
