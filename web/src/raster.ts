/** The map as pixels: where each node's tile lies, and what is in it. Only tiles that changed are drawn again. */

import type { Cluster, Job, Node, Run } from "./cluster";
import type { Lens, Pattern } from "./palette";
import { category, paint, pixel } from "./palette";

/** Where the tiles lie: in a grid, each of the same size, before the map is moved and enlarged. */
export interface Layout {
  columns: number;
  rows: number;
  /** Of a tile with its gap, in pixels of the canvas. */
  pitch: number;
}

/** What part of the grid is in sight. */
export interface Sight {
  /** How much larger than when all of it is in sight. */
  scale: number;
  /** The grid's point at the canvas's upper left corner, in pixels of the enlarged grid. */
  x: number;
  y: number;
}

export interface Theme {
  ground: number;
  free: number;
  closed: number;
  frame: number;
  alarm: number;
  ink: number;
}

/** A paint as pixels. */
interface Ink {
  colour: number;
  pattern: Pattern;
}

/** The largest tile: a few nodes need not fill the wall. */
const LARGEST = 320;

/** The largest square tiles with which `count` of them fit. */
export function layout(count: number, width: number, height: number): Layout {
  if (count === 0 || width <= 0 || height <= 0) return { columns: 1, rows: 1, pitch: 1 };
  let pitch = Math.min(LARGEST, Math.floor(Math.sqrt((width * height) / count)) + 1);
  while (pitch > 1 && Math.floor(width / pitch) * Math.floor(height / pitch) < count) pitch--;
  const columns = Math.max(1, Math.min(count, Math.floor(width / pitch)));
  return { columns, rows: Math.ceil(count / columns), pitch };
}

/** How many cores lie beside each other in a tile, and how large each is: whole pixels, or less than one where cores share a pixel. */
export function cells(cores: number, inner: number): { columns: number; size: number } {
  const columns = Math.max(1, Math.ceil(Math.sqrt(cores)));
  return { columns, size: inner >= columns ? Math.floor(inner / columns) : inner / columns };
}

/** How many of `pixels` are filled where so much is used: some as soon as anything is, all only when everything is. */
export function density(used: number, cores: number, pixels: number): number {
  if (used === 0 || cores === 0) return 0;
  const share = (used / cores) * pixels;
  return used === cores ? pixels : Math.min(pixels - 1, Math.max(1, Math.round(share)));
}

/** Whether a pattern leaves this pixel of a core darker. */
export function inked(pattern: Pattern, x: number, y: number): boolean {
  switch (pattern) {
    case "plain":
      return false;
    case "rising":
      return (x + y) % 5 === 0;
    case "falling":
      return (x - y + 5000) % 5 === 0;
    case "dots":
      return x % 4 === 1 && y % 4 === 1;
    case "cross":
      return x % 5 === 2 || y % 5 === 2;
  }
}

export class Raster {
  pixels: Uint32Array;
  private readonly places = new Map<number, number>();
  private order: Node[] = [];
  private readonly paints = new Map<string, Ink>();
  /** What the runs of a job are drawn with, where all of them are drawn alike: looked up for every run of every picture. */
  private inks = new WeakMap<Job, Ink>();

  constructor(
    readonly width: number,
    readonly height: number,
    private readonly theme: Theme,
    private lens: Lens,
  ) {
    this.pixels = new Uint32Array(width * height);
  }

  grid: Layout = { columns: 1, rows: 1, pitch: 1 };

  setLens(lens: Lens): void {
    this.lens = lens;
    this.paints.clear();
    this.inks = new WeakMap();
  }

  /** Gives every node its place. */
  arrange(cluster: Cluster): void {
    this.order = cluster.present();
    this.places.clear();
    this.order.forEach((node, place) => this.places.set(node.node, place));
    this.grid = layout(this.order.length, this.width, this.height);
  }

  /** The sides of a tile in sight, with its gap. */
  pitch(sight: Sight): number {
    return Math.max(1, Math.round(this.grid.pitch * sight.scale));
  }

  /** The upper left corner of a node's tile on the canvas; none where it has no place. */
  corner(node: number, sight: Sight): { x: number; y: number } | null {
    const place = this.places.get(node);
    if (place === undefined) return null;
    const pitch = this.pitch(sight);
    return { x: (place % this.grid.columns) * pitch - sight.x, y: Math.floor(place / this.grid.columns) * pitch - sight.y };
  }

  /** The nodes of which something is in sight. */
  inSight(sight: Sight): Node[] {
    const pitch = this.pitch(sight);
    const [left, right] = [Math.max(0, Math.floor(sight.x / pitch)), Math.floor((sight.x + this.width - 1) / pitch)];
    const [top, bottom] = [Math.max(0, Math.floor(sight.y / pitch)), Math.floor((sight.y + this.height - 1) / pitch)];
    const seen: Node[] = [];
    for (let row = top; row <= Math.min(bottom, this.grid.rows - 1); row++) {
      for (let column = left; column <= Math.min(right, this.grid.columns - 1); column++) {
        const node = this.order[row * this.grid.columns + column];
        if (node) seen.push(node);
      }
    }
    return seen;
  }

  /** What lies at a point of the canvas: the node, and the place of the core among its cores where cores are told apart. */
  at(x: number, y: number, sight: Sight): { node: Node; core: number | null } | null {
    const pitch = this.pitch(sight);
    const [column, row] = [Math.floor((x + sight.x) / pitch), Math.floor((y + sight.y) / pitch)];
    if (column < 0 || column >= this.grid.columns || row < 0) return null;
    const node = this.order[row * this.grid.columns + column];
    if (!node) return null;
    const { inner, head } = this.inside(pitch);
    const { columns, size } = cells(node.cores.length, inner);
    if (size < 3) return { node, core: null };
    const [inX, inY] = [x + sight.x - column * pitch - 2, y + sight.y - row * pitch - 2 - head];
    const core = Math.floor(inY / size) * columns + Math.floor(inX / size);
    const within = inX >= 0 && inY >= 0 && inX < columns * size && core < node.cores.length;
    return { node, core: within ? core : null };
  }

  /** The node `by` places further on. */
  neighbour(node: number, by: number): Node | null {
    const place = this.places.get(node);
    return place === undefined ? (this.order[0] ?? null) : (this.order[place + by] ?? null);
  }

  /** Everything that is in sight. */
  drawAll(cluster: Cluster, sight: Sight): void {
    this.pixels.fill(this.theme.ground);
    for (const node of this.inSight(sight)) this.draw(cluster, node, sight);
  }

  /** The tile of one node; whether any of it was in sight. */
  draw(cluster: Cluster, node: Node, sight: Sight): boolean {
    const corner = this.corner(node.node, sight);
    const pitch = this.pitch(sight);
    if (!corner || corner.x + pitch <= 0 || corner.y + pitch <= 0 || corner.x >= this.width || corner.y >= this.height) return false;
    const closed = node.state !== "ready" || node.cordoned || node.suspect;
    const side = pitch - (pitch > 3 ? 1 : 0);
    if (pitch < 5) {
      this.fill(corner.x, corner.y, side, side, this.shade(cluster, node));
      return true;
    }
    const { inner, head, edge } = this.inside(pitch);
    const { columns, size } = cells(node.cores.length, inner);
    if (edge > 0) this.fill(corner.x, corner.y, side, side, closed ? this.theme.alarm : this.theme.frame);
    // Of thousands of nodes each pixel is drawn once: nothing of the ground is seen under a tile without an edge whose cores share pixels.
    if (edge > 0 || size >= 1) {
      this.fill(corner.x + edge, corner.y + edge, side - 2 * edge, side - 2 * edge, closed ? this.theme.closed : this.theme.ground);
    }
    const [left, top] = [corner.x + edge + (edge > 1 ? 1 : 0), corner.y + edge + head + (edge > 1 ? 1 : 0)];
    if (size < 1) this.drawDensity(cluster, node, left, top, inner);
    else this.drawCores(cluster, node, left, top, columns, size);
    if (closed && inner < 40) this.strike(corner.x, corner.y, side);
    return true;
  }

  /** How much room a tile has for cores, and for its name above them. */
  inside(pitch: number): { inner: number; head: number; edge: number } {
    const head = pitch >= 72 ? 20 : 0;
    const edge = pitch >= 16 ? 1 : 0;
    return { inner: Math.max(1, pitch - 1 - 2 * edge - head - (pitch >= 24 ? 2 : 0)), head, edge };
  }

  private drawCores(cluster: Cluster, node: Node, x: number, y: number, columns: number, size: number): void {
    const gap = size >= 5 ? 1 : 0;
    let [before, ink]: [Run | null, Ink | null] = [null, null];
    node.holders.forEach((run, place) => {
      const left = x + (place % columns) * size;
      const top = y + Math.floor(place / columns) * size;
      if (!run) {
        this.fill(left, top, size - gap, size - gap, this.theme.free);
        return;
      }
      // Cores beside each other are mostly of one run.
      if (!ink || run !== before) [before, ink] = [run, this.inkOf(cluster, run)];
      this.fill(left, top, size - gap, size - gap, ink.colour);
      if (size >= 7 && ink.pattern !== "plain") this.overlay(left, top, size - gap, ink.pattern, this.theme.ink);
    });
  }

  /** Cores share pixels: as many are filled as the share that is used, in the colour of what holds most. */
  private drawDensity(cluster: Cluster, node: Node, x: number, y: number, inner: number): void {
    const filled = density(node.used, node.cores.length, inner * inner);
    const colour = this.shade(cluster, node);
    for (let row = 0; row < inner; row++) {
      const here = Math.min(inner, Math.max(0, filled - row * inner));
      this.fill(x, y + row, here, 1, colour);
      this.fill(x + here, y + row, inner - here, 1, this.theme.free);
    }
  }

  /** One colour for a whole node: that of what holds most of it. */
  private shade(cluster: Cluster, node: Node): number {
    let most = 0;
    let shade = this.theme.free;
    const counts = new Map<Ink, number>();
    for (const run of node.runs.values()) {
      const ink = this.inkOf(cluster, run);
      const count = (counts.get(ink) ?? 0) + run.cores.length;
      counts.set(ink, count);
      if (count <= most) continue;
      most = count;
      shade = ink.colour;
    }
    return shade;
  }

  private inkOf(cluster: Cluster, run: Run): Ink {
    const job = this.lens === "age" || this.lens === "state" ? undefined : cluster.jobs.get(run.job);
    const known = job && this.inks.get(job);
    if (known) return known;
    const ink = this.paintOf(category(cluster, run, this.lens));
    if (job) this.inks.set(job, ink);
    return ink;
  }

  private paintOf(name: string): Ink {
    let known = this.paints.get(name);
    if (!known) {
      // Jobs come and go for ever; what is looked up again is made again.
      if (this.paints.size > 20_000) this.paints.clear();
      const { colour, pattern } = paint(this.lens, name);
      known = { colour: pixel(colour), pattern };
      this.paints.set(name, known);
    }
    return known;
  }

  private fill(x: number, y: number, width: number, height: number, colour: number): void {
    const { pixels, width: line } = this;
    const left = Math.max(0, x);
    const right = Math.min(line, x + width);
    const bottom = Math.min(this.height, y + height);
    for (let row = Math.max(0, y); row < bottom; row++) {
      const end = row * line + right;
      // Most are a few pixels wide: a call for each would cost more than they do.
      if (right - left > 48) pixels.fill(colour, row * line + left, end);
      else for (let at = row * line + left; at < end; at++) pixels[at] = colour;
    }
  }

  private overlay(x: number, y: number, size: number, pattern: Pattern, colour: number): void {
    for (let row = 0; row < size; row++) {
      for (let column = 0; column < size; column++) {
        const [left, top] = [x + column, y + row];
        if (left >= 0 && top >= 0 && left < this.width && top < this.height && inked(pattern, column, row)) {
          this.pixels[top * this.width + left] = colour;
        }
      }
    }
  }

  /** A node that takes no new tasks is struck through where there is no room for a letter. */
  private strike(x: number, y: number, side: number): void {
    for (let step = 0; step < side; step++) this.fill(x + step, y + step, 1, 1, this.theme.alarm);
  }
}
