/** Frames of `GET /v1/cells`, unpacked: docs/formats/cells.md has the encoding. */

/** Runs of cores: where one begins, and how many there are. */
export type Runs = readonly (readonly [number, number])[];

export interface NodeCells {
  node: number;
  name: string;
  state: number;
  forMs: number;
  cordoned: boolean;
  suspect: boolean;
  cores: Runs;
  numa: readonly Runs[];
  cache: readonly Runs[];
  memoryBytes: number;
  labels: readonly (readonly [string, string])[];
}

export interface JobLabel {
  job: number;
  name: string;
  class: string;
  priority: number;
  submittedMs: number;
  tasks: readonly (readonly [string, number])[];
}

export interface Held {
  node: number;
  job: number;
  instance: number;
  state: number;
  cores: Runs;
  forMs: number;
  startedMs: number | null;
  expectedMs: number;
}

export interface Freed {
  node: number;
  job: number;
  instance: number;
}

export interface Frame {
  anew: boolean;
  whole: boolean;
  seq: number;
  time: number;
  policy: string;
  waiting: number;
  placed: number;
  nodes: NodeCells[];
  jobs: JobLabel[];
  held: Held[];
  freed: Freed[];
}

export const NODE_STATES = ["joining", "ready", "unreachable", "draining", "left"] as const;
export const TASK_STATES = [
  "blocked", "ready", "scheduled", "running", "migrating", "stopping", "lost", "succeeded", "failed", "stopped", "skipped",
] as const;

/** Reads what postcard wrote. */
class Unpacker {
  private at = 0;
  private readonly text = new TextDecoder();

  constructor(private readonly bytes: Uint8Array) {}

  number(): number {
    let value = 0;
    let scale = 1;
    for (;;) {
      const byte = this.bytes[this.at++];
      if (byte === undefined) throw new Error("a frame ends too early");
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 128;
    }
  }

  signed(): number {
    const folded = this.number();
    return folded % 2 === 0 ? folded / 2 : -(folded + 1) / 2;
  }

  byte(): number {
    const byte = this.bytes[this.at++];
    if (byte === undefined) throw new Error("a frame ends too early");
    return byte;
  }

  flag(): boolean {
    return this.byte() === 1;
  }

  string(): string {
    const length = this.number();
    const text = this.text.decode(this.bytes.subarray(this.at, this.at + length));
    this.at += length;
    return text;
  }

  list<T>(item: () => T): T[] {
    const items: T[] = [];
    for (let left = this.number(); left > 0; left--) items.push(item());
    return items;
  }

  runs(): [number, number][] {
    return this.list(() => [this.number(), this.number()]);
  }
}

/** A frame without its length. */
export function unpack(bytes: Uint8Array): Frame {
  const from = new Unpacker(bytes);
  return {
    anew: from.flag(),
    whole: from.flag(),
    seq: from.number(),
    time: from.number(),
    policy: from.string(),
    waiting: from.number(),
    placed: from.number(),
    nodes: from.list(() => ({
      node: from.number(),
      name: from.string(),
      state: from.byte(),
      forMs: from.number(),
      cordoned: from.flag(),
      suspect: from.flag(),
      cores: from.runs(),
      numa: from.list(() => from.runs()),
      cache: from.list(() => from.runs()),
      memoryBytes: from.number(),
      labels: from.list((): [string, string] => [from.string(), from.string()]),
    })),
    jobs: from.list(() => ({
      job: from.number(),
      name: from.string(),
      class: from.string(),
      priority: from.signed(),
      submittedMs: from.number(),
      tasks: from.list((): [string, number] => [from.string(), from.number()]),
    })),
    held: from.list(() => ({
      node: from.number(),
      job: from.number(),
      instance: from.number(),
      state: from.byte(),
      cores: from.runs(),
      forMs: from.number(),
      startedMs: from.flag() ? from.number() : null,
      expectedMs: from.number(),
    })),
    freed: from.list(() => ({ node: from.number(), job: from.number(), instance: from.number() })),
  };
}

/** Cuts a stream of bytes into frames, wherever its pieces end. */
export class Cutter {
  private rest = new Uint8Array(0);

  /** The frames that a piece completes. */
  take(piece: Uint8Array): Frame[] {
    let bytes = piece;
    if (this.rest.length > 0) {
      bytes = new Uint8Array(this.rest.length + piece.length);
      bytes.set(this.rest);
      bytes.set(piece, this.rest.length);
    }
    const frames: Frame[] = [];
    let at = 0;
    while (bytes.length - at >= 4) {
      const length = new DataView(bytes.buffer, bytes.byteOffset + at, 4).getUint32(0, true);
      if (bytes.length - at - 4 < length) break;
      frames.push(unpack(bytes.subarray(at + 4, at + 4 + length)));
      at += 4 + length;
    }
    this.rest = bytes.slice(at);
    return frames;
  }
}
