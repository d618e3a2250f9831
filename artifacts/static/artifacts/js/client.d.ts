/** Types of `client.js`; what an answer of the API holds is in its OpenAPI document, `/api/openapi.json`. */

export interface TextPlace {
  /** The number of the text. */
  epoch: number;
  /** Code points into it. */
  offset: number;
}

export type Status = "idle" | "streaming" | "paused" | "complete" | "cancelled";

export interface DocumentState {
  status: Status;
  current_section: string;
  sections_completed: number;
  sections_total: number;
  tokens_generated: number;
  last_error: string;
  reason: string;
  sections: { name: string; status: string; tokens: number; model: string }[];
  [more: string]: unknown;
}

export type WatchEvent =
  | { type: "EpochBegan"; epoch: number }
  | { type: "TextAdded"; epoch: number; offset: number; text: string }
  | { type: "StateChanged"; epoch: number; state: DocumentState }
  | { type: "DocumentEnded"; epoch: number; offset: number; status: "complete" | "cancelled"; sha256: string };

export type ErrorName = "SignInNeeded" | "NoSuchDocument" | "ServerAway" | "ProtocolViolated" | "TextDiffers" | "CallRefused";

/** What calls end with. */
export interface ClientError extends Error {
  name: ErrorName;
  /** Of an answer of the API: HTTP's status, and what the server names. */
  status?: number;
  code?: string;
  field?: string;
}

export class WatchedText {
  constructor(since?: TextPlace | null);
  readonly text: string;
  readonly place: TextPlace | null;
  epoch: number;
  state: DocumentState | null;
  forget(): void;
  apply(frame: object): WatchEvent[];
}

/** A part of a text: `isNewest` where there is no more yet, `isLast` where there never will be. */
export interface TextPart {
  epoch: number;
  offset: number;
  text: string;
  isLast: boolean;
  isNewest: boolean;
}

export interface Watching {
  since?: TextPlace | null;
  goesOn?: boolean;
  awayMs?: number;
  document?: WatchedText;
  signal?: AbortSignal;
}

export type Json = Record<string, any>;

export class Client {
  constructor(server: string, login?: { token?: string; link?: string });
  watch(artifact: number, watching?: Watching): AsyncGenerator<WatchEvent, void, void>;
  text(artifact: number): Promise<string>;
  part(artifact: number, asked?: { epoch?: number; offset?: number; waits?: boolean }): Promise<TextPart>;
  call(method: string, path: string, body?: Json): Promise<any>;
  projects(): Promise<Json[]>;
  project(project: number): Promise<Json>;
  createProject(title: string, description?: string): Promise<Json>;
  addArtifact(project: number, phase: string, title?: string): Promise<Json>;
  artifact(artifact: number): Promise<Json>;
  start(artifact: number, wishes?: Json): Promise<Json>;
  regenerate(artifact: number, wishes?: Json): Promise<Json>;
  pause(artifact: number): Promise<Json>;
  resume(artifact: number, wishes?: Json): Promise<Json>;
  cancel(artifact: number): Promise<Json>;
  delete(artifact: number): Promise<null>;
  section(artifact: number, number: number): Promise<Json>;
  editSection(artifact: number, number: number, text: string, base: { baseSha256: string }): Promise<Json>;
  rewrite(artifact: number, number: number, wishes?: Json): Promise<Json>;
  accept(draft: number): Promise<Json>;
  reject(draft: number): Promise<Json>;
  versions(artifact: number): Promise<Json[]>;
  version(artifact: number, number: number): Promise<Json>;
  restore(artifact: number, number: number): Promise<Json>;
}
