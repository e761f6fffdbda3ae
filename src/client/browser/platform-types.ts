/** What a browser's own `WebSocket` has, as far as it is used. The library is compiled without the DOM's types. */
export interface PlatformSocket {
  /** How bytes are given. */
  binaryType: string;
  /** Bytes that were sent, and that have not left yet. It has no event. */
  readonly bufferedAmount: number;
  /** The subprotocol; "": none. */
  readonly protocol: string;
  /** The extensions; "": none. */
  readonly extensions: string;
  /** It is open. */
  onopen: (() => void) | null;
  /** A message has come. */
  onmessage: ((event: { readonly data: unknown }) => void) | null;
  /** It has ended. */
  onclose: ((event: PlatformClose) => void) | null;
  /** Sends a message. */
  send(data: string | Uint8Array | Blob): void;
  /** Begins the close handshake. */
  close(code?: number, reason?: string): void;
}

/** The end of a platform's socket. */
export interface PlatformClose {
  /** The server's code; 1006: there was none. */
  readonly code: number;
  /** The server's reason; "": there was none. */
  readonly reason: string;
  /** Whether both have sent a close frame. */
  readonly wasClean: boolean;
}

/** A listener of the page's events. */
export type PageEventListener = (event: { readonly persisted?: boolean }) => void;

/** A target of the page's events. */
export interface PageEventTarget {
  /** Listens. */
  addEventListener(type: string, listener: PageEventListener): void;
  /** Listens no more. */
  removeEventListener(type: string, listener: PageEventListener): void;
}

/** The globals of a page or a worker. */
export interface Page extends PageEventTarget {
  /** The platform's own class. */
  readonly WebSocket: new (url: string, protocols: string[]) => PlatformSocket;
  /** A worker has none. */
  readonly document?: PageEventTarget & { readonly visibilityState: string };
  /** The address. */
  readonly location?: { readonly href: string };
  /** Whether there is a network. It is not always true. */
  readonly navigator?: { readonly onLine?: boolean };
  /** Reports an error as if nobody had caught it. */
  readonly reportError?: (error: unknown) => void;
}

/** The page or the worker that this runs in. */
export const page = globalThis as unknown as Page;

/** Reports an error that no callback gets, as the platform reports an uncaught one. */
export function reportUnheard(error: unknown): void {
  if (page.reportError === undefined) console.error(error);
  else page.reportError(error);
}
