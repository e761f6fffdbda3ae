/** One extension, as a client offers it or as a server agrees to it (RFC 6455 9.1). */
export interface Extension {
  /** The extension's name, a token. */
  readonly name: string;
  /** Its parameters in order; a parameter without a value has `true`. */
  readonly parameters: readonly (readonly [name: string, value: string | true])[];
}
