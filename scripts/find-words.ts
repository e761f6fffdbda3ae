/** A word or phrase that must not be used, and what to say instead. */
interface Rule {
  readonly pattern: RegExp;
  readonly instead: string;
  /** Phrases in which the word is right. They are removed before the pattern is tried. */
  readonly except?: readonly string[];
}

/** One place with such a word. */
export interface FoundWord {
  /** The line, from 1. */
  readonly line: number;
  readonly word: string;
  readonly instead: string;
}

// Patterns without `\b` also match inside names: `goodbyeTimer`, `peerVitals`.
const RULES: readonly Rule[] = [
  {
    pattern: /\bbehind\b/gi,
    instead: "after",
    except: ["behind a proxy", "behind-a-proxy", "behind proxies", "behind a NAT", "leaves behind", "left behind"],
  },
  { pattern: /\bwhom\b/gi, instead: "a new sentence, or: who, that" },
  { pattern: /\bso many\b/gi, instead: "this many, as many as" },
  { pattern: /goodbye/gi, instead: "close frame, close timer" },
  { pattern: /farewell/gi, instead: "shutdown, close handshake" },
  { pattern: /lobby/gi, instead: "pending sockets" },
  { pattern: /crowd/gi, instead: "clients, connections" },
  { pattern: /culprit/gi, instead: "error source" },
  { pattern: /\bdeaf(?:en)?/gi, instead: "stop delivery, stopped" },
  { pattern: /vitals/gi, instead: "liveness" },
  { pattern: /\bpulse\b/gi, instead: "liveness, heartbeat" },
  { pattern: /\broster\b/gi, instead: "registry" },
  { pattern: /\bchambers?\b/gi, instead: "folder" },
  { pattern: /\bgone away\b/gi, instead: "closed, disconnected" },
  { pattern: /\bhears?\b/gi, instead: "receives" },
  { pattern: /\b(?:is|are) to have\b/gi, instead: "has, must have" },
  { pattern: /\bthe sketch\b/gi, instead: "the RFC section, or the reason itself" },
  {
    pattern: /\brooms?\b/gi,
    instead: "layer, folder; space; bytes",
    except: ["name, room, user", "chat room", "chat rooms", "/rooms", "handler.room === room"],
  },
  { pattern: /\bmend(?:s|ed|ing)?\b/gi, instead: "fix" },
];

/** Finds the words of the list in a text. */
export function findWords(text: string): FoundWord[] {
  return text.split("\n").flatMap((content, index) =>
    RULES.flatMap(({ pattern, instead, except = [] }) => {
      const rest = except.reduce((line, phrase) => line.replaceAll(new RegExp(phrase, "gi"), ""), content);
      return [...rest.matchAll(pattern)].map(([word]) => ({ line: index + 1, word, instead }));
    }),
  );
}
