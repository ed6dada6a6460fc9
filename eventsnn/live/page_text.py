"""The text of the live page. What it shows are facts of JSON: never markup, never code."""

from __future__ import annotations

import json
from typing import Any

from eventsnn.report.page_style import STYLE
from eventsnn.text import marked

_OWN_STYLE = """
canvas{display:block;width:100%;image-rendering:pixelated}
#events{aspect-ratio:1;max-height:60vh;object-fit:contain;background:var(--ground);border-radius:6px}
.bar{display:grid;grid-template-columns:minmax(2rem,5.5rem) 1fr 4.5rem;gap:.6rem;align-items:center;
font-size:.9rem;margin:.25rem 0}
.bar span{overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.bar div{height:.7rem;border-radius:.35rem;background:var(--series-0)}
.bar b{font-weight:500;text-align:right;font-variant-numeric:tabular-nums}
.bar.lead span,.bar.lead b{font-weight:700}
#state{color:var(--muted)}
"""

_SCRIPT = """
'use strict';
const facts = JSON.parse(document.getElementById('facts').textContent);
const el = (id) => document.getElementById(id);
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const short = (x) => {
  if (x === null || x === undefined) return '-';
  const steps = [[1e9, ' G'], [1e6, ' M'], [1e3, ' k']];
  for (const [size, unit] of steps) if (x >= size) return (x / size).toPrecision(3) + unit;
  return Number.isInteger(x) ? String(x) : x.toPrecision(3);
};
const className = (k) => facts.classes[k] === undefined ? String(k) : facts.classes[k];
const rows = [];
function bars(id, names, values, lead) {
  const most = Math.max(...values.map(Math.abs), 1e-12), box = el(id);
  while (box.children.length > names.length) box.lastChild.remove();
  names.forEach((name, k) => {
    let bar = box.children[k];
    if (!bar) {
      bar = document.createElement('div'); bar.className = 'bar';
      for (const kind of ['span', 'div', 'b']) bar.append(document.createElement(kind));
      box.append(bar);
    }
    bar.classList.toggle('lead', k === lead);
    bar.children[0].textContent = name; bar.children[0].title = name;
    bar.children[1].style.width = 100 * Math.max(values[k], 0) / most + '%';
    bar.children[2].textContent = short(values[k]);
  });
}
function events(picture) {
  const canvas = el('events'), context = canvas.getContext('2d');
  canvas.width = picture.width; canvas.height = picture.height;
  const image = context.createImageData(picture.width, picture.height);
  const parse = (name) => {
    const hex = colour(name).replace('#', '');
    return [0, 2, 4].map((i) => parseInt(hex.slice(i, i + 2), 16));
  };
  const on = parse('--series-0'), off = parse('--series-1');
  for (let i = 0; i < picture.on.length; i++) {
    const a = picture.on[i], b = picture.off[i], total = Math.max(a + b, 1);
    for (let c = 0; c < 3; c++) image.data[4 * i + c] = (on[c] * a + off[c] * b) / total;
    image.data[4 * i + 3] = Math.min(255, 60 * (a + b > 0) + a + b);
  }
  context.putImageData(image, 0, 0);
}
function course(id, values) {
  const canvas = el(id), scale = window.devicePixelRatio || 1;
  const width = canvas.clientWidth * scale, height = 90 * scale;
  canvas.width = width; canvas.height = height; canvas.style.height = '90px';
  const context = canvas.getContext('2d'), most = Math.max(...values, 1e-12);
  context.strokeStyle = colour('--series-0'); context.lineWidth = 2 * scale; context.beginPath();
  values.forEach((value, k) => {
    const x = width * (k + 0.5) / Math.max(values.length, 20);
    const y = height - 4 * scale - (height - 8 * scale) * value / most;
    k ? context.lineTo(x, y) : context.moveTo(x, y);
  });
  context.stroke();
}
function keep(row) { rows.push(row); if (rows.length > 120) rows.shift(); }
function show(row) {
  keep(row);
  el('answer').textContent = row.label === null ? 'no answer' : className(row.label);
  el('margin').textContent = 'leads by ' + short(row.margin);
  el('rate').textContent = short(row.events_per_second);
  el('operations').textContent = short(row.operations_per_second);
  el('spikes').textContent = short(row.spikes_per_second) + ' spikes a second';
  const p50 = row.latency_ms_p50, p99 = short(row.latency_ms_p99);
  el('latency').textContent = p50 === null ? '-' : short(p50) + ' ms';
  el('p99').textContent = 'p99 ' + p99 + ' ms, ' + short(row.waiting) + ' events wait';
  el('dropped').textContent = short(row.counts.dropped);
  const other = Object.entries(row.counts).filter(([k, n]) => n && k !== 'dropped');
  el('other').textContent = other.length ? other.map(([k, n]) => k + ' ' + short(n)).join(', ')
    : 'nothing else was left out';
  el('time').textContent = (row.t_us / 1e6).toFixed(1) + ' s of stream';
  bars('scores', row.scores.map((_, k) => className(k)), row.scores, row.label);
  bars('layers', Object.keys(row.rates), Object.values(row.rates), -1);
  if (row.picture) events(row.picture);
  course('course', rows.map((r) => r.events_per_second));
  course('work', rows.map((r) => r.operations_per_second));
}
facts.rows.slice(0, -1).forEach(keep);
facts.rows.slice(-1).forEach(show);
const source = new EventSource('/rows?' + facts.told);
source.onmessage = (message) => {
  el('state').textContent = 'running';
  show(JSON.parse(message.data));
};
source.addEventListener('end', () => { el('state').textContent = 'ended'; source.close(); });
source.onerror = () => { el('state').textContent = 'no connection'; };
"""


def page_text(facts: dict[str, Any]) -> str:
    """Return the page of a run; ``facts`` are its title, names of classes, and so on."""
    # No text of JSON ends the element that it stands in.
    data = json.dumps(facts).replace("<", "\\u003c")
    tiles = (
        ("answer", "answer", "margin"),
        ("events a second", "rate", "time"),
        ("synaptic operations a second", "operations", "spikes"),
        ("arrival to answer, median", "latency", "p99"),
        ("events dropped", "dropped", "other"),
    )
    cells = "".join(
        f'<div class="tile"><span>{name}</span><strong id="{value}">-</strong>'
        f'<small id="{note}"></small></div>'
        for name, value, note in tiles
    )
    figures = (
        '<figure><canvas id="events"></canvas><figcaption>Events of the last second</figcaption>'
        '</figure><figure><h2>Scores</h2><div id="scores"></div></figure>'
        '<figure><h2>Spikes a second and neuron</h2><div id="layers"></div></figure>'
        '<figure><h2>Events a second, last two minutes</h2><canvas id="course"></canvas>'
        '<h2>Synaptic operations a second</h2><canvas id="work"></canvas></figure>'
    )
    title = marked(facts["title"])
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark"><link rel="icon" href="data:,">'
        f"<title>{title}</title><style>{STYLE}{_OWN_STYLE}</style></head>\n<body><main>"
        f'<header><h1>{title}</h1><p id="state">no row yet</p></header>'
        f'<section class="tiles">{cells}</section><section class="figures">{figures}</section>'
        f'</main><script type="application/json" id="facts">{data}</script>'
        f"<script>{_SCRIPT}</script></body></html>\n"
    )
