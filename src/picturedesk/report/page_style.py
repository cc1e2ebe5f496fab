"""The style sheet of all reports, light and dark; it becomes part of each page."""

from __future__ import annotations

# Colours of series are distinct for the colour-blind (after Okabe and Ito 2008), darkened for the
# light and lightened for the dark style, so that each has a contrast of 3 : 1 or more.
STYLE = """
:root { color-scheme: light dark;
  --paper: #ffffff; --raised: #f6f5f2; --ink: #1d1f21; --faint: #686c70; --grid: #e4e3de;
  --line: #d9d7d0; --accent: #b4531f; --good: #007a5a; --bad: #b3261e;
  --series-0: #0b62a8; --series-1: #c8500a; --series-2: #00876a; --series-3: #a8437f;
  --series-4: #8f7000; }
@media (prefers-color-scheme: dark) { :root {
  --paper: #17191b; --raised: #202326; --ink: #e8e6e1; --faint: #9a9da0; --grid: #2f3336;
  --line: #3a3e42; --accent: #f09060; --good: #45c99b; --bad: #ff8a80;
  --series-0: #6db5f5; --series-1: #ff9a5c; --series-2: #3fd0a4; --series-3: #f08bc4;
  --series-4: #dcbc48; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 70rem; padding: 2.5rem 1.25rem 4rem; background: var(--paper);
  color: var(--ink); font: 16px/1.5 system-ui, "Segoe UI", Roboto, "Noto Sans", sans-serif; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 1rem; letter-spacing: -.01em; }
h2 { font-size: 1.3rem; margin: 3.2rem 0 .3rem; padding-top: 1.2rem;
  border-top: 1px solid var(--line); }
h3 { font-size: 1.02rem; margin: 1.8rem 0 .2rem; }
p { margin: .3rem 0 .8rem; max-width: 48rem; }
.quiet { color: var(--faint); }
a { color: inherit; text-underline-offset: .2em; }
nav { display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; margin: 1.4rem 0 0; font-size: .92rem; }
.notes + .facts { margin-top: 1.4rem; }
.facts { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1.2rem; margin: 0; }
.facts dt { color: var(--faint); } .facts dd { margin: 0; overflow-wrap: anywhere; }
.notes { margin: 1.4rem 0 0; padding: .7rem 1.1rem; background: var(--raised);
  border-left: 4px solid var(--accent); border-radius: 0 6px 6px 0; }
.notes p { margin: .3rem 0; font-size: 1.05rem; max-width: none; }
.wide { overflow-x: auto; margin: .6rem 0; }
table { border-collapse: collapse; font-size: .93rem; font-variant-numeric: tabular-nums; }
th, td { padding: .38rem .8rem; text-align: right; white-space: nowrap; font-weight: inherit; }
thead th { color: var(--faint); font-size: .86rem; vertical-align: bottom; }
thead tr:last-child th { border-bottom: 1.5px solid var(--faint); }
tbody th, tbody td { border-bottom: 1px solid var(--line); }
tbody th, thead th:first-child { text-align: left; }
th:first-child { padding-left: 0; }
.words { text-align: left; white-space: normal; min-width: 11rem; }
tbody th.words { min-width: 17rem; } thead .narrow { white-space: normal; }
.group { text-align: center; border-bottom: 1px solid var(--line); }
.first { padding-left: 1.8rem; }
.best { font-weight: 700; }
.spread { color: var(--faint); font-size: .86em; font-weight: 400; }
tr.sure .points { font-weight: 700; }
.interval { display: block; position: relative; width: 9.5rem; height: 1.3rem;
  background: linear-gradient(var(--faint) 0 0) 50% 0 / 1px 100% no-repeat; }
.interval i { position: absolute; top: calc(50% - 1px); height: 2px; left: var(--low);
  right: calc(100% - var(--high)); background: var(--tone); }
.interval b { position: absolute; top: calc(50% - 5px); left: calc(var(--at) - 5px); width: 10px;
  height: 10px; border-radius: 50%; border: 2px solid var(--tone); background: var(--paper); }
.interval { --tone: var(--faint); } .better { --tone: var(--good); } .worse { --tone: var(--bad); }
.better b, .worse b { background: var(--tone); }
.plot { display: block; height: auto; max-width: 100%; min-width: 34rem; }
.plot text { font-family: inherit; }
.diagrams { display: flex; flex-wrap: wrap; gap: 1.2rem 3rem; }
.diagrams figure { width: 22.5rem; max-width: 100%; break-inside: avoid; }
.diagrams figcaption { font-size: .92rem; margin: .3rem 0 .6rem; }
.diagram { display: block; height: auto; max-width: 100%; margin: .4rem 0; }
.diagram text { font: 12px system-ui, "Segoe UI", Roboto, "Noto Sans", sans-serif;
  fill: var(--ink); }
.diagram .count { font-size: 10px; fill: var(--faint); }
.diagram .grid { stroke: var(--grid); } .diagram .floor { stroke: var(--faint); }
.diagram .diagonal { stroke: var(--faint); stroke-width: 1.5; stroke-dasharray: 5 4; }
.diagram .reach { stroke: var(--series-0); stroke-width: 1.6; }
.diagram circle { fill: var(--series-0); stroke: var(--paper); stroke-width: 1.5; }
.diagram rect { fill: var(--series-0); fill-opacity: .35; }
details { margin: .4rem 0 1rem; } summary { cursor: pointer; color: var(--faint);
  font-size: .92rem; }
.checks { list-style: none; margin: .8rem 0; padding: 0; }
.checks li { display: grid; grid-template-columns: 8.5rem 1fr; gap: 0 1rem; padding: .6rem 0;
  border-bottom: 1px solid var(--line); }
.checks p { margin: 0; max-width: none; } .checks .quiet { font-size: .92rem; }
.state { font-weight: 650; font-size: .92rem; } .holds { color: var(--good); }
.fails { color: var(--bad); }
.example { margin: 1.1rem 0; padding: 1rem 1.1rem; background: var(--raised); border-radius: 8px;
  break-inside: avoid; }
.example blockquote { margin: 0 0 .8rem; font-size: 1.02rem; max-width: 56rem;
  overflow-wrap: anywhere; }
.strips { display: flex; flex-wrap: wrap; gap: .9rem 1.6rem; }
.strip { margin: 0; } .strip p { margin: 0 0 .3rem; font-size: .86rem; color: var(--faint); }
.strip div.row { display: flex; flex-wrap: wrap; gap: .7rem; }
figure { margin: 0; }
.picture { width: 8.4rem; font-size: .86rem; }
.frame { height: 7rem; display: flex; align-items: center; justify-content: center;
  background: #fff; border: 1px solid var(--line); border-radius: 6px; overflow: hidden; }
.frame img { max-width: 100%; max-height: 100%; width: auto; height: auto; }
.frame .missing { color: #444; padding: .4rem; text-align: center; overflow-wrap: anywhere; }
.right .frame { outline: 3px solid var(--good); outline-offset: 1px; }
.right strong { color: var(--good); }
.picture figcaption { padding: .3rem .1rem 0; }
footer { margin-top: 3rem; color: var(--faint); font-size: .88rem; }
@media (max-width: 40rem) { .facts, .checks li { grid-template-columns: 1fr; } }
@media print { body { max-width: none; padding: 0; } nav, details { display: none; }
  .interval, .interval * { print-color-adjust: exact; } }
"""
