/** The frame round the views: how the connection is, where one can go, and who one is. */

import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

import { hasToken, setToken } from "../api";
import type { Live } from "../live";
import { count, plural, share } from "../quantity";
import { Colours } from "./colours";
import { EventsView } from "./events";
import { JobView } from "./job";
import { JobsView } from "./jobs";
import { CoreMap } from "./map";
import { NodeView, NodesView } from "./nodes";
import { Connection, Loading, Trouble } from "./parts";
import { QueueView } from "./queue";
import { TimeView } from "./time";
import { WhatIfView } from "./whatif";

const VIEWS = [
  ["map", "Map"],
  ["queue", "Queue"],
  ["jobs", "Jobs"],
  ["nodes", "Nodes"],
  ["time", "Time"],
  ["events", "Events"],
  ["whatif", "What if"],
] as const;

/** The view that the address names, and what of it. */
export function route(hash: string): { view: string; of: string } {
  const [view = "", ...rest] = hash.replace(/^#?\/?/, "").split("/");
  const of = rest.join("/");
  try {
    return { view: view || "map", of: decodeURIComponent(of) };
  } catch {
    return { view: view || "map", of };
  }
}

/** What shows figures is drawn again at most so often. */
const PACE_MS = 500;

export function App({ live }: { live: Live }): JSX.Element {
  const [, turn] = useState(0);
  const [at, setAt] = useState(route(window.location.hash));
  const main = useRef<HTMLElement>(null);
  useEffect(() => {
    let timer = 0;
    let kind = live.standing.kind;
    const show = (): void => {
      timer = 0;
      turn((before) => before + 1);
    };
    const stop = live.listen(() => {
      // A change of the connection is shown at once.
      if (live.standing.kind !== kind) {
        kind = live.standing.kind;
        show();
      }
      timer ||= window.setTimeout(show, PACE_MS);
    });
    const go = (): void => {
      setAt(route(window.location.hash));
      main.current?.focus();
    };
    window.addEventListener("hashchange", go);
    return () => {
      stop();
      window.clearTimeout(timer);
      window.removeEventListener("hashchange", go);
    };
  }, [live]);
  const { cluster, standing } = live;
  const here = at.view === "job" ? "jobs" : at.view === "node" ? "nodes" : at.view;
  return (
    <>
      <a class="skip" href="#main" onClick={(event) => { event.preventDefault(); main.current?.focus(); }}>
        To the content
      </a>
      <header>
        <h1>
          <a href="#/map">Wharfinger</a>
        </h1>
        <Connection standing={standing} />
        <span class="figures">
          policy <b>{cluster.policy || "–"}</b> · {share(cluster.cores > 0 ? cluster.used / cluster.cores : 0)} of {plural(cluster.cores, "core")} held · {count(cluster.waiting)} waiting
        </span>
        <Settings live={live} />
      </header>
      <nav aria-label="Views">
        {VIEWS.map(([view, name]) => (
          <a key={view} href={`#/${view}`} aria-current={here === view ? "page" : undefined}>
            {name}
          </a>
        ))}
        <a href="docs/">REST</a>
      </nav>
      <div class="banner">
        {standing.kind === "lost" && (
          <div class="notice bad" role="alert">
            <strong>Disconnected.</strong> {standing.problem.detail}. What is shown is as it was. {standing.problem.fix}
          </div>
        )}
      </div>
      <main id="main" ref={main} tabIndex={-1}>
        {standing.kind === "locked" && <Locked live={live} />}
        {standing.kind !== "locked" && !cluster.whole && <Loading />}
        {standing.kind !== "locked" && cluster.whole && <View live={live} view={at.view} of={at.of} />}
      </main>
    </>
  );
}

function View({ live, view, of }: { live: Live; view: string; of: string }): JSX.Element {
  const { cluster } = live;
  const role = live.role ?? "read";
  const now = cluster.time;
  switch (view) {
    case "map":
      return <CoreMap source={live} name="Core map" leads />;
    case "queue":
      return <QueueView now={now} />;
    case "jobs":
      return <JobsView now={now} />;
    case "job":
      return <JobView id={of} role={role} now={now} />;
    case "nodes":
      return <NodesView cluster={cluster} />;
    case "node":
      return <NodeView name={of} cluster={cluster} role={role} now={now} />;
    case "time":
      return <TimeView samples={live.series.samples} marks={cluster.marks} />;
    case "events":
      return <EventsView latest={cluster.seq} />;
    case "whatif":
      return <WhatIfView policy={cluster.policy} />;
    default:
      return (
        <p class="notice">
          There is no such view. <a href="#/map">To the map</a>.
        </p>
      );
  }
}

function Locked({ live }: { live: Live }): JSX.Element {
  return (
    <section aria-labelledby="locked-name">
      <h2 id="locked-name">A token is needed</h2>
      {live.standing.kind === "locked" && hasToken() && <Trouble problem={live.standing.problem} />}
      <p>
        This system answers only those who show a token. Make one with <code>management token create --role read</code> on its host; <code>submit</code>, <code>operate</code> and <code>admin</code> may do more. It is kept in this tab alone.
      </p>
      <TokenForm live={live} />
    </section>
  );
}

function TokenForm({ live, done }: { live: Live; done?: () => void }): JSX.Element {
  const [text, setText] = useState("");
  return (
    <form
      class="row"
      onSubmit={(event) => {
        event.preventDefault();
        setToken(text);
        setText("");
        live.again();
        done?.();
      }}
    >
      <label>
        Token <input type="password" autocomplete="off" value={text} onInput={(event) => setText(event.currentTarget.value)} placeholder="wh_…" />
      </label>
      <button type="submit" class="main">
        Use it
      </button>
    </form>
  );
}

function Settings({ live }: { live: Live }): JSX.Element {
  const details = useRef<HTMLDetailsElement>(null);
  return (
    <details class="settings" ref={details}>
      <summary>
        {live.role ?? "nobody"} <span aria-hidden="true">▾</span>
      </summary>
      <div>
        <Colours />
        <TokenForm live={live} done={() => details.current?.removeAttribute("open")} />
        {hasToken() && (
          <button
            type="button"
            onClick={() => {
              setToken("");
              live.again();
            }}
          >
            Forget the token
          </button>
        )}
      </div>
    </details>
  );
}
