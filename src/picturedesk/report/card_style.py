"""The style of pages of picture cards, added to that of all reports."""

from __future__ import annotations

# Frames have a fixed ratio, and pictures their size, so that nothing moves while a page loads.
CARDS = """
body { max-width: 80rem; padding: 2.2rem clamp(1rem, 3.5vw, 3rem) 4rem; }
:root { --radius: 10px; --mat: #efeeea; --chip: #edece7; --stop: #b3261e; --weak: #a7a9a8; }
@media (prefers-color-scheme: dark) { :root { --mat: #101214; --chip: #2b2f33; --stop: #ff8a80;
  --weak: #6d7276; } }
:focus-visible { outline: 3px solid var(--series-0); outline-offset: 3px; border-radius: 4px; }
a.frame:focus-visible { border-radius: var(--radius); }
.frame { position: relative; display: block; height: auto; aspect-ratio: 4 / 3; padding: 0;
  background: var(--mat); border: 0; border-radius: var(--radius); overflow: hidden; }
.frame img { position: absolute; inset: 0; width: 100%; height: 100%; max-width: none;
  max-height: none; object-fit: contain; }
a.frame img { transition: opacity .15s; } a.frame:hover img { opacity: .88; }
.frame .missing { position: absolute; inset: 0; display: grid; place-items: center;
  padding: 1rem; color: var(--faint); font-size: .86rem; text-align: center;
  overflow-wrap: anywhere; }
.caption { margin: 0; font-weight: 600; line-height: 1.35; max-width: none;
  overflow-wrap: anywhere; display: -webkit-box; -webkit-box-orient: vertical;
  -webkit-line-clamp: 3; overflow: hidden; }
.caption.name { font-weight: 400; color: var(--faint); }
.file { margin: .15rem 0 0; font-size: .8rem; color: var(--faint); max-width: none;
  overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.chips { display: flex; flex-wrap: wrap; gap: .3rem; margin: .55rem 0 0; padding: 0;
  list-style: none; }
.chip { padding: .12rem .6rem; border-radius: .8rem; background: var(--chip); font-size: .78rem;
  line-height: 1.4; max-width: 100%; overflow-wrap: anywhere; }
.chip.licence { background: none; box-shadow: inset 0 0 0 1px var(--line); }
.chip.stop { background: none; color: var(--stop); box-shadow: inset 0 0 0 1.5px var(--stop);
  font-weight: 600; }
.chip.care { background: none; color: var(--accent); box-shadow: inset 0 0 0 1px var(--accent); }
.meters { display: grid; gap: .25rem; margin: .7rem 0 0; font-size: .84rem; }
.meter { display: grid; grid-template-columns: 3.6rem 1fr; align-items: center; }
.meter dt { color: var(--faint); }
.meter dd { display: grid; grid-template-columns: 1fr 3.4rem; align-items: center; gap: .6rem;
  margin: 0; font-variant-numeric: tabular-nums; }
.bar, .steps { height: 6px; border-radius: 3px; overflow: hidden; }
.bar { background: var(--grid); } .bar i { display: block; height: 100%; min-width: 3px;
  border-radius: 3px; background: var(--series-0); }
.steps { display: grid; grid-template-columns: repeat(3, 1fr); gap: 3px; --tone: var(--weak); }
.steps.strong { --tone: var(--good); } .steps.fair { --tone: var(--series-4); }
.steps i { background: var(--grid); } .steps .on { background: var(--tone); }
@media print { .bar i, .steps i, .chip, .frame { print-color-adjust: exact; } }
@media (prefers-reduced-motion: reduce) { * { transition: none !important; } }
"""

SHEET = (
    CARDS
    + """
.sheet header { display: flex; flex-wrap: wrap; align-items: baseline; gap: 0 1rem;
  padding-bottom: .8rem; border-bottom: 1px solid var(--line); }
.sheet h1 { margin: 0; font-size: 1rem; letter-spacing: 0; }
.sheet header p { margin: 0; font-size: .9rem; color: var(--faint); }
.answer { margin: 0 0 4.5rem; }
.asked { display: grid; grid-template-columns: minmax(0, 1fr) auto; gap: 1.2rem 3rem;
  align-items: end; margin: 2.4rem 0 1.6rem; }
.asked blockquote { margin: 0; max-width: 46rem; font-size: clamp(1.25rem, 1rem + 1.4vw, 1.9rem);
  line-height: 1.28; letter-spacing: -.012em; font-weight: 600; text-wrap: pretty;
  overflow-wrap: anywhere; }
.asked blockquote.long { font-size: 1.08rem; line-height: 1.5; letter-spacing: 0;
  font-weight: 400; }
.chance { margin: 0; max-width: 13rem; font-size: .84rem; line-height: 1.35;
  color: var(--faint); }
.chance strong { display: block; font-size: 2.3rem; line-height: 1; letter-spacing: -.02em;
  color: var(--ink); margin-bottom: .3rem; font-variant-numeric: tabular-nums; }
.doubt { margin: 0 0 1.6rem; padding: .6rem 1rem; max-width: none; background: var(--raised);
  border-left: 4px solid var(--accent); border-radius: 0 6px 6px 0; }
.cards { display: grid; grid-template-columns: repeat(var(--across), minmax(0, 1fr));
  gap: 2.4rem 1.5rem; margin: 0; padding: 0; list-style: none; }
.card { min-width: 0; break-inside: avoid; }
.told { padding: .75rem .1rem 0; }
.rank { float: left; min-width: 1.5rem; margin-right: .1rem; font-weight: 600; line-height: 1.35;
  color: var(--faint); font-variant-numeric: tabular-nums; }
.why { margin: .7rem 0 0; font-size: .84rem; line-height: 1.45; color: var(--faint);
  max-width: none; overflow-wrap: anywhere; display: -webkit-box; -webkit-box-orient: vertical;
  -webkit-line-clamp: 3; overflow: hidden; }
.hero { grid-column: 1 / -1; display: grid; gap: 1.2rem 2.2rem; align-items: center;
  grid-template-columns: minmax(0, 1.85fr) minmax(0, 1fr); padding-left: 0;
  padding-bottom: .6rem; }
.hero .frame { aspect-ratio: 3 / 2; } .hero .told { padding: 0; }
.hero .caption { font-size: 1.25rem; line-height: 1.3; -webkit-line-clamp: 5; }
.hero .rank { font-size: 1.25rem; line-height: 1.3; }
.hero .meters, .hero .why { font-size: .92rem; margin-top: 1.1rem; }
.hero .why { -webkit-line-clamp: 6; } .hero .chips { margin-top: .9rem; }
.hero .chip { font-size: .84rem; }
.nothing { color: var(--faint); }
@media (max-width: 62rem) { .cards { --across: 3 !important; } }
@media (max-width: 47rem) {
  body { padding-top: 1.2rem; } .cards { --across: 2 !important; gap: 1.7rem .8rem; }
  .asked { grid-template-columns: 1fr; margin: 1.5rem 0 1.2rem; }
  .chance { display: flex; align-items: center; gap: .7rem; max-width: none; }
  .chance strong { font-size: 1.7rem; margin: 0; white-space: nowrap; }
  .hero { grid-template-columns: 1fr; gap: .8rem; padding-bottom: .2rem; }
  .hero .frame { margin: 0 calc(-1 * clamp(1rem, 3.5vw, 3rem)); border-radius: 0; }
  .card:not(.hero) .caption { font-size: .9rem; -webkit-line-clamp: 2; }
  .card:not(.hero) .meter { grid-template-columns: 3rem 1fr; font-size: .78rem; }
  .card:not(.hero) .meter dd { grid-template-columns: 1fr 2.6rem; gap: .4rem; }
  .card:not(.hero) .why { font-size: .78rem; } .card .file { display: none; }
  .hero .file { display: block; } }
"""
)

AUDIT = (
    CARDS
    + """
.finding { margin: 1rem 0; padding: 1.1rem; background: var(--raised); border-radius: 12px;
  break-inside: avoid; }
.pair { display: grid; gap: 1rem 1.6rem; align-items: start;
  grid-template-columns: minmax(0, 15rem) minmax(0, 1fr) minmax(0, 17rem); }
.finding blockquote { margin: 0 0 .3rem; line-height: 1.45; overflow-wrap: anywhere;
  display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 5; overflow: hidden; }
.told { min-width: 0; }
.finding .file { white-space: normal; overflow-wrap: anywhere; }
.finding .meter { grid-template-columns: 3.2rem 1fr; max-width: 26rem; }
.finding .meter dd { grid-template-columns: 1fr auto; }
.instead { display: grid; grid-template-columns: repeat(3, 1fr); gap: .5rem; margin: 0;
  padding: 0; list-style: none; }
.instead .frame { aspect-ratio: 1; border-radius: 6px; }
.grid { display: grid; grid-template-columns: repeat(auto-fill, minmax(9.5rem, 1fr));
  gap: 1.2rem .9rem; margin: 1rem 0 0; padding: 0; list-style: none; }
.topic { display: grid; grid-template-columns: minmax(0, 17rem) minmax(0, 1fr); gap: 1rem 2rem; }
.topic .chip { font-size: .92rem; font-weight: 600; } .topic .chips { margin-top: 0; }
.examples { margin: 0; padding: 0; list-style: none; font-size: .9rem; }
.examples li { padding: .35rem 0; border-bottom: 1px solid var(--line); }
.examples p { margin: 0; max-width: none; overflow-wrap: anywhere; display: -webkit-box;
  -webkit-box-orient: vertical; -webkit-line-clamp: 2; overflow: hidden; }
.examples li:last-child { border: 0; }
.differ { margin: 0; font-weight: 600; }
@media (max-width: 62rem) { .pair { grid-template-columns: minmax(0, 13rem) minmax(0, 1fr); }
  .instead { grid-column: 1 / -1; max-width: 26rem; } }
@media (max-width: 47rem) { .pair, .topic { grid-template-columns: 1fr; }
  .grid { grid-template-columns: 1fr 1fr; } .instead { max-width: none; } }
"""
)
