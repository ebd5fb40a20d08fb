/** The core map: every core of every node, and what holds it. */

import type { JSX } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";

import type { Cluster, Node } from "../cluster";
import type { Lens, LegendEntry } from "../palette";
import { LENSES, condition, flag, legend } from "../palette";
import { count, cpuset, moment, plural, share, span } from "../quantity";
import type { Sight, Theme } from "../raster";
import { Raster, cells } from "../raster";
import { Empty } from "./parts";

/** Whoever changes the cluster tells the map. */
export interface Source {
  cluster: Cluster;
  listen(listener: () => void): () => void;
}

interface Pointed {
  node: Node;
  core: number | null;
}

const ZOOM = 1.5;
const MOST_ZOOM = 200;

function theme(): Theme {
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string): number => {
    const value = Number.parseInt(style.getPropertyValue(name).trim().slice(1), 16);
    return (0xff000000 | ((value & 0xff) << 16) | (value & 0xff00) | (value >>> 16)) >>> 0;
  };
  return {
    ground: colour("--ground"),
    free: colour("--core-free"),
    closed: colour("--core-closed"),
    frame: colour("--line"),
    alarm: colour("--alarm"),
    ink: colour("--pattern"),
  };
}

/** What is known of a core or a node, in words. */
export function said(cluster: Cluster, { node, core }: Pointed): string[] {
  const lines = [
    `${node.name}: ${condition(node)}`,
    `${node.used} of ${plural(node.cores.length, "core")} held (${share(node.cores.length > 0 ? node.used / node.cores.length : 0)}), ${plural(node.runs.size, "task")}`,
  ];
  if (core === null) return lines;
  const run = node.holders[core];
  if (!run) return [...lines, `core ${node.cores[core] ?? "?"}: free`];
  const job = cluster.jobs.get(run.job);
  const task = cluster.task(run);
  return [
    ...lines,
    `core ${node.cores[core] ?? "?"}: task ${task.name} ${task.index} of job ${job?.name ?? "forgotten"} (j${run.job}), ${run.state}`,
    run.started === null ? "not running yet" : `since ${moment(run.started)}, for ${span(cluster.time - run.started)}`,
    run.ends === null ? "expected end: not known" : `expected end ${moment(run.ends)}${run.ends < cluster.time ? ", overdue" : `, in ${span(run.ends - cluster.time)}`}`,
    `priority ${job?.priority ?? 0}${job?.class ? `, class ${job.class}` : ""}, cores ${cpuset(run.cores)}`,
  ];
}

/** The canvas with what belongs to it, outside of the view's own life: it is drawn at the pace of frames, not of renders. */
class Painter {
  sight: Sight = { scale: 1, x: 0, y: 0 };
  raster: Raster;
  pointed: Pointed | null = null;
  /** How long the latest pictures took, for the bench. */
  readonly tookMs: number[] = [];
  private whole = true;
  private asked = false;
  private readonly context: CanvasRenderingContext2D | null;

  constructor(
    private readonly canvas: HTMLCanvasElement,
    private readonly source: Source,
    private lens: Lens,
  ) {
    this.context = canvas.getContext("2d", { alpha: false });
    this.raster = this.fresh();
  }

  private fresh(): Raster {
    const ratio = window.devicePixelRatio || 1;
    const { clientWidth, clientHeight } = this.canvas;
    this.canvas.width = Math.max(1, Math.round(clientWidth * ratio));
    this.canvas.height = Math.max(1, Math.round(clientHeight * ratio));
    const raster = new Raster(this.canvas.width, this.canvas.height, theme(), this.lens);
    raster.arrange(this.source.cluster);
    return raster;
  }

  /** The canvas has another size, or the page other colours. */
  resize(): void {
    this.raster = this.fresh();
    this.again();
  }

  setLens(lens: Lens): void {
    this.lens = lens;
    this.raster.setLens(lens);
    this.again();
  }

  /** Everything is drawn with the next picture. */
  again(): void {
    this.whole = true;
    this.ask();
  }

  /** Draws with the next picture of the screen what changed. */
  ask(): void {
    if (this.asked) return;
    this.asked = true;
    requestAnimationFrame(() => {
      this.asked = false;
      this.draw();
    });
  }

  zoom(factor: number, x: number, y: number): void {
    const before = this.raster.pitch(this.sight);
    const scale = Math.min(MOST_ZOOM, Math.max(1, this.sight.scale * factor));
    this.sight = { ...this.sight, scale };
    const ratio = this.raster.pitch(this.sight) / before;
    this.move((this.sight.x + x) * ratio - x - this.sight.x, (this.sight.y + y) * ratio - y - this.sight.y);
  }

  move(x: number, y: number): void {
    const pitch = this.raster.pitch(this.sight);
    const most = (tiles: number, seen: number): number => Math.max(0, tiles * pitch - seen);
    this.sight = {
      ...this.sight,
      x: Math.round(Math.min(most(this.raster.grid.columns, this.canvas.width), Math.max(0, this.sight.x + x))),
      y: Math.round(Math.min(most(this.raster.grid.rows, this.canvas.height), Math.max(0, this.sight.y + y))),
    };
    this.again();
  }

  /** Moves so that a node is in sight. */
  show(node: number): void {
    const corner = this.raster.corner(node, this.sight);
    if (!corner) return;
    const pitch = this.raster.pitch(this.sight);
    const off = (at: number, seen: number): number => (at < 0 ? at : Math.max(0, at + pitch - seen));
    this.move(off(corner.x, this.canvas.width), off(corner.y, this.canvas.height));
  }

  private draw(): void {
    const began = performance.now();
    const { cluster } = this.source;
    if (cluster.reordered) {
      cluster.reordered = false;
      this.raster.arrange(cluster);
      this.whole = true;
    }
    if (this.whole) {
      this.raster.drawAll(cluster, this.sight);
    } else {
      for (const id of cluster.dirty) {
        const node = cluster.nodes.get(id);
        if (node) this.raster.draw(cluster, node, this.sight);
      }
    }
    cluster.dirty.clear();
    this.whole = false;
    const { width, height, pixels } = this.raster;
    const bytes = new Uint8ClampedArray(pixels.buffer as ArrayBuffer);
    this.context?.putImageData(new ImageData(bytes, width, height), 0, 0);
    this.letter();
    this.tookMs.push(performance.now() - began);
    if (this.tookMs.length > 1000) this.tookMs.shift();
  }

  /** Names, flags, and a frame round what is pointed at, over the pixels. */
  private letter(): void {
    const { context, raster, sight } = this;
    if (!context) return;
    const style = getComputedStyle(document.documentElement);
    const pitch = raster.pitch(sight);
    const ink = style.getPropertyValue("--ink");
    if (pitch >= 40) {
      for (const node of raster.inSight(sight)) {
        const corner = raster.corner(node.node, sight);
        if (!corner) continue;
        const { head } = raster.inside(pitch);
        context.fillStyle = ink;
        context.font = "12px system-ui, sans-serif";
        if (head > 0) context.fillText(node.name, corner.x + 5, corner.y + 15, pitch - 26);
        const letter = flag(node);
        if (letter === "") continue;
        context.font = "bold 14px system-ui, sans-serif";
        context.fillStyle = style.getPropertyValue("--alarm");
        context.fillRect(corner.x + pitch - 20, corner.y + 2, 17, 17);
        context.fillStyle = style.getPropertyValue("--ground");
        context.fillText(letter, corner.x + pitch - 16, corner.y + 16);
      }
    }
    this.number(pitch);
    const at = this.pointed && raster.corner(this.pointed.node.node, sight);
    if (!at || !this.pointed) return;
    context.strokeStyle = ink;
    context.lineWidth = 2;
    context.strokeRect(at.x, at.y, pitch, pitch);
    const { core, node } = this.pointed;
    const { inner, head } = raster.inside(pitch);
    const { columns, size } = cells(node.cores.length, inner);
    if (core === null || size < 3) return;
    context.strokeRect(at.x + 2 + (core % columns) * size, at.y + 2 + head + Math.floor(core / columns) * size, size, size);
  }

  /** Where a core is large enough, its number stands in it, on a ground of its own: it is read over every colour. */
  private number(pitch: number): void {
    const { context, raster, sight } = this;
    if (!context || pitch < 120) return;
    const style = getComputedStyle(document.documentElement);
    const [ink, ground] = [style.getPropertyValue("--ink"), style.getPropertyValue("--ground")];
    context.font = "11px system-ui, sans-serif";
    for (const node of raster.inSight(sight)) {
      const corner = raster.corner(node.node, sight);
      const { inner, head } = raster.inside(pitch);
      const { columns, size } = cells(node.cores.length, inner);
      if (!corner || size < 26) continue;
      node.cores.forEach((core, place) => {
        const [x, y] = [corner.x + 2 + (place % columns) * size, corner.y + 2 + head + Math.floor(place / columns) * size];
        const text = String(core);
        context.fillStyle = ground;
        context.fillRect(x + 2, y + 2, 5 + 7 * text.length, 14);
        context.fillStyle = ink;
        context.fillText(text, x + 4, y + 13);
      });
    }
  }
}

declare global {
  interface Window {
    /** How long the latest pictures of the map took, in milliseconds: read by the bench. */
    wharfingerPictures?: readonly number[];
  }
}

interface MapProps {
  source: Source;
  name: string;
  compact?: boolean;
  /** Jobs and nodes have views of their own. */
  leads?: boolean;
}

export function CoreMap({ source, name, compact = false, leads = false }: MapProps): JSX.Element {
  const { cluster } = source;
  const told = useId();
  const canvas = useRef<HTMLCanvasElement>(null);
  const painter = useRef<Painter | null>(null);
  const [lens, setLens] = useState<Lens>("job");
  const [entries, setEntries] = useState<LegendEntry[]>([]);
  const [pointed, setPointed] = useState<Pointed | null>(null);
  const [, turn] = useState(0);

  const point = (to: Pointed | null): void => {
    if (painter.current) painter.current.pointed = to;
    painter.current?.again();
    setPointed(to);
  };

  useEffect(() => {
    const element = canvas.current;
    if (!element) return undefined;
    const made = new Painter(element, source, lens);
    painter.current = made;
    window.wharfingerPictures = made.tookMs;
    const observer = new ResizeObserver(() => made.resize());
    observer.observe(element);
    const dark = matchMedia("(prefers-color-scheme: dark)");
    const recolour = (): void => made.resize();
    dark.addEventListener("change", recolour);
    document.addEventListener("themechange", recolour);
    const stop = source.listen(() => made.ask());
    // A wheel that scrolls the page would also enlarge the map; the browser allows to prevent it only so.
    const wheel = (event: WheelEvent): void => {
      if (!event.ctrlKey && !event.shiftKey && document.activeElement !== element) return;
      event.preventDefault();
      const ratio = element.width / element.clientWidth;
      made.zoom(event.deltaY < 0 ? ZOOM : 1 / ZOOM, event.offsetX * ratio, event.offsetY * ratio);
    };
    element.addEventListener("wheel", wheel, { passive: false });
    return () => {
      stop();
      observer.disconnect();
      dark.removeEventListener("change", recolour);
      document.removeEventListener("themechange", recolour);
      element.removeEventListener("wheel", wheel);
    };
  }, [source]);

  useEffect(() => {
    painter.current?.setLens(lens);
    const show = (): void => {
      setEntries(legend(cluster, lens, 10));
      turn((before) => before + 1);
    };
    show();
    const timer = window.setInterval(show, 1000);
    return () => window.clearInterval(timer);
  }, [lens, cluster]);

  const place = (event: MouseEvent): { x: number; y: number } => {
    const ratio = (canvas.current?.width ?? 1) / (canvas.current?.clientWidth ?? 1);
    return { x: Math.floor(event.offsetX * ratio), y: Math.floor(event.offsetY * ratio) };
  };
  const drag = useRef<{ x: number; y: number; moved: boolean } | null>(null);

  const open = (to: Pointed): void => {
    if (!leads) return;
    const run = to.core === null ? null : to.node.holders[to.core];
    window.location.hash = run ? `#/job/j${run.job}` : `#/node/${encodeURIComponent(to.node.name)}`;
  };

  const key = (event: KeyboardEvent): void => {
    const made = painter.current;
    if (!made) return;
    const middle = { x: made.raster.width / 2, y: made.raster.height / 2 };
    const step = (by: number): void => {
      const next = pointed ? made.raster.neighbour(pointed.node.node, by) : made.raster.neighbour(-1, 0);
      if (!next) return;
      point({ node: next, core: null });
      made.show(next.node);
    };
    const core = (by: number): void => {
      if (!pointed) return step(0);
      const next = (pointed.core ?? -1) + by;
      if (next >= -1 && next < pointed.node.cores.length) point({ node: pointed.node, core: next < 0 ? null : next });
    };
    const keys: Record<string, () => void> = {
      ArrowRight: () => (event.shiftKey ? core(1) : step(1)),
      ArrowLeft: () => (event.shiftKey ? core(-1) : step(-1)),
      ArrowDown: () => step(made.raster.grid.columns),
      ArrowUp: () => step(-made.raster.grid.columns),
      "+": () => made.zoom(ZOOM, middle.x, middle.y),
      "-": () => made.zoom(1 / ZOOM, middle.x, middle.y),
      Enter: () => pointed && open(pointed),
      Escape: () => point(null),
    };
    const deed = keys[event.key];
    if (!deed) return;
    event.preventDefault();
    deed();
  };

  const shown = cluster.present();
  const fresh = pointed && cluster.nodes.get(pointed.node.node);
  return (
    <section class="map" aria-label={name}>
      <div class="row tools">
        <label>
          Colour by{" "}
          <select value={lens} onChange={(event) => setLens(event.currentTarget.value as Lens)}>
            {LENSES.map((known) => (
              <option key={known} value={known}>
                {known}
              </option>
            ))}
          </select>
        </label>
        <button type="button" aria-label="Enlarge the map" onClick={() => painter.current?.zoom(ZOOM, painter.current.raster.width / 2, painter.current.raster.height / 2)}>
          +
        </button>
        <button type="button" aria-label="Make the map smaller" onClick={() => painter.current?.zoom(1 / ZOOM, painter.current.raster.width / 2, painter.current.raster.height / 2)}>
          −
        </button>
        <button type="button" onClick={() => painter.current?.zoom(1 / MOST_ZOOM, 0, 0)}>
          All
        </button>
        <span class="figures">
          {plural(shown.length, "node")}, {count(cluster.used)} of {plural(cluster.cores, "core")} held ({share(cluster.cores > 0 ? cluster.used / cluster.cores : 0)})
        </span>
      </div>
      <div class={compact ? "sheet compact" : "sheet"}>
        <canvas
          ref={canvas}
          tabIndex={0}
          role="application"
          aria-roledescription="core map"
          aria-label={`${name}: cores of all nodes. Arrow keys go from node to node, with shift from core to core; ${leads ? "Enter opens what is there; " : ""}plus and minus enlarge.`}
          aria-describedby={told}
          onKeyDown={key}
          onPointerDown={(event) => {
            drag.current = { ...place(event), moved: false };
          }}
          onPointerMove={(event) => {
            const here = place(event);
            if (drag.current && event.buttons === 1) {
              const [x, y] = [drag.current.x - here.x, drag.current.y - here.y];
              if (drag.current.moved || Math.abs(x) + Math.abs(y) > 4) {
                painter.current?.move(x, y);
                drag.current = { ...here, moved: true };
              }
              return;
            }
            point(painter.current?.raster.at(here.x, here.y, painter.current.sight) ?? null);
          }}
          onPointerLeave={() => point(null)}
          onClick={(event) => {
            const moved = drag.current?.moved;
            drag.current = null;
            const here = place(event);
            const found = moved ? null : painter.current?.raster.at(here.x, here.y, painter.current.sight);
            if (found) open(found);
          }}
        />
        {shown.length === 0 && (
          <div class="over">
            <Empty>
              <strong>No node has joined.</strong> Start one with <code>worker 0.2</code> on this machine, or see <code>management up --simulated-workers 10</code>.
            </Empty>
          </div>
        )}
      </div>
      <div class="pointed" id={told} aria-live="polite">
        {pointed && fresh ? said(cluster, { node: fresh, core: pointed.core }).map((line) => <div key={line}>{line}</div>) : <div>Point at a core, or focus the map and use the arrow keys.</div>}
      </div>
      <ul class="legend" aria-label={`Legend: colours by ${lens}`}>
        <li>
          <span class="swatch free" aria-hidden="true" /> free <small>{plural(cluster.cores - cluster.used, "core")}</small>
        </li>
        <li>
          <span class="swatch closed" aria-hidden="true" /> node closed <small>C cordoned, D draining, ? suspect, × lease ran out</small>
        </li>
        {entries.map((entry, place) => (
          <li key={place}>
            <Swatch entry={entry} /> <span>{entry.name}</span> <small>{plural(entry.cores, "core")}</small>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Swatch({ entry }: { entry: LegendEntry }): JSX.Element {
  const { colour, pattern } = entry.paint;
  if (colour === "") return <span class="swatch others" aria-hidden="true" />;
  return (
    <svg class="swatch" viewBox="0 0 15 15" aria-hidden="true">
      <rect width="15" height="15" fill={colour} />
      {pattern === "rising" && <path d="M0 5L5 0M0 10L10 0M0 15L15 0M5 15L15 5M10 15L15 10" class="pattern" />}
      {pattern === "falling" && <path d="M10 0L15 5M5 0L15 10M0 0L15 15M0 5L10 15M0 10L5 15" class="pattern" />}
      {pattern === "cross" && <path d="M2 0V15M7 0V15M12 0V15M0 2H15M0 7H15M0 12H15" class="pattern" />}
      {pattern === "dots" && <path d="M1 1h1M5 1h1M9 1h1M13 1h1M1 5h1M5 5h1M9 5h1M13 5h1M1 9h1M5 9h1M9 9h1M13 9h1M1 13h1M5 13h1M9 13h1M13 13h1" class="pattern" />}
    </svg>
  );
}

