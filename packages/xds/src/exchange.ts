/** What the service needs of HTTP and of the images: small interfaces that './node' and the gateway implement. */

/** One HTTP exchange whose request was read whole. */
export interface Exchange {
  contentType: string;
  body: Uint8Array;
  /** The client's address, if known: counted for the rate, never stored. */
  remote?: string;
  respond(status: number, headers: Record<string, string>): Writer;
  /** Reset the connection, so that the answer can't look complete. */
  abort(): void;
}

export interface Writer {
  /** Resolves when the connection has taken the chunk, whose memory may then be used again; rejects when it is gone. */
  write(chunk: Uint8Array): Promise<void>;
  /** End the message; resolves when it was handed to the network. */
  end(): Promise<void>;
  /** Bytes handed over so far. */
  bytesSent(): number;
}

/** The images, as one document a study. */
export interface DocumentProvider {
  /** The study's document with the digest made ahead; null when it can't be served now. */
  open(studyHash: Uint8Array): Promise<StudyDocument | null>;
}

export interface StudyDocument {
  /** Bytes. */
  size: number;
  /** 32 bytes. */
  sha256: Uint8Array;
  mimeType: string;
  /** A chunk may be overwritten once the next is asked for. Throws when the document is no longer the one that was opened. */
  stream(): AsyncIterable<Uint8Array>;
}
