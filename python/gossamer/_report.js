// Draws the charts of a report page from the data that the page holds; again when the colors of the system change.
"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const hues = ["#4e79a7", "#f28e2b", "#59a14f", "#b07aa1", "#e15759", "#76b7b2", "#edc948", "#9c755f"];
const dark = matchMedia("(prefers-color-scheme: dark)");
const dtypes = [...new Set(data.models.flatMap((m) => m.rows.flatMap((r) => Object.keys(r.constants))))].sort();
const hue = (dtype) => hues[dtypes.indexOf(dtype) % hues.length];
const sum = (list) => list.reduce((a, b) => a + b, 0);
const label = (r, i) => `${i + 1} ${r.step || r.operation}`;

function layout(more) {
  const ink = dark.matches ? "#ddd" : "#222", line = dark.matches ? "#444" : "#ddd";
  const axis = { gridcolor: line, zerolinecolor: line, linecolor: line, automargin: true };
  const out = {
    paper_bgcolor: "transparent", plot_bgcolor: "transparent", font: { color: ink, family: "system-ui, sans-serif" },
    margin: { l: 60, r: 20, t: 10, b: 50 }, height: 360, legend: { orientation: "h", y: 1.12 }, ...more,
  };
  for (const name of ["xaxis", "yaxis"]) out[name] = { ...axis, ...out[name] };
  return out;
}

function sizes(m) {
  const all = m.rows.map((r, i) => ({ name: label(r, i), bytes: sum(Object.values(r.constants)), of: r }));
  const large = all.filter((x) => x.bytes > 0).sort((a, b) => b.bytes - a.bytes);
  const shown = large.slice(0, 80), rest = sum(large.slice(80).map((x) => x.bytes));
  const most = (r) => Object.entries(r.constants).sort((a, b) => b[1] - a[1])[0][0];
  const labels = shown.map((x) => x.name).concat(rest ? ["the rest"] : []);
  return [[{
    type: "treemap", labels, parents: labels.map(() => ""), values: shown.map((x) => x.bytes).concat(rest ? [rest] : []),
    marker: { colors: shown.map((x) => hue(most(x.of))).concat(rest ? ["#888"] : []) },
    hovertemplate: "%{label}<br>%{value:,} bytes, %{percentRoot:.1%}<extra></extra>",
  }], layout({ margin: { l: 5, r: 5, t: 10, b: 5 } })];
}

function latencies(m) {
  const slow = m.rows.map((r, i) => ({ name: label(r, i), r })).filter((x) => x.r.depth === 0)
    .sort((a, b) => b.r.ms - a.r.ms).slice(0, 25).reverse();
  const part = (kernel) => {
    const mine = slow.filter((x) => x.r.kernel === kernel);
    return {
      type: "bar", orientation: "h", name: kernel ? "kernel" : "scalar code", marker: { color: hues[kernel ? 0 : 4] },
      x: mine.map((x) => x.r.ms), y: mine.map((x) => x.name), customdata: mine.map((x) => [x.r.operation, x.r.flops, x.r.bytes]),
      hovertemplate: "%{y}<br>%{x:.3f} ms<br>%{customdata[0]}<br>%{customdata[1]:.3s} FLOP, %{customdata[2]:.3s}B<extra></extra>",
    };
  };
  return [[part(true), part(false)], layout({
    height: Math.max(240, 60 + 20 * slow.length), xaxis: { title: { text: "ms" } },
    yaxis: { categoryorder: "array", categoryarray: slow.map((x) => x.name) },
  })];
}

function memory(m) {
  const top = m.rows.filter((r) => r.depth === 0);
  return [[{
    type: "scatter", mode: "lines", line: { shape: "hv", color: hues[0] }, fill: "tozeroy", x: m.memory.map((_, i) => i + 1),
    y: m.memory, text: m.memory.map((_, i) => (top[i] ? top[i].step || top[i].operation : "")),
    hovertemplate: "step %{x} %{text}<br>%{y:,} bytes<extra></extra>",
  }], layout({ xaxis: { title: { text: "step" } }, yaxis: { title: { text: "bytes of working memory" } } })];
}

function roofline(m) {
  const cpu = data.machine, seen = m.rows.filter((r) => r.depth === 0 && r.flops > 0 && r.bytes > 0 && r.ms > 0);
  const xs = Array.from({ length: 61 }, (_, i) => 10 ** (-2 + i / 12));
  const roofs = [["L2", cpu.read_gb_per_s.l2], ["last cache", cpu.read_gb_per_s.l3], ["memory", cpu.read_gb_per_s.memory]]
    .filter(([, rate]) => rate > 0).map(([name, rate], i) => ({
      type: "scatter", mode: "lines", name, line: { color: hues[i + 1], width: 1.5 }, x: xs, hoverinfo: "name",
      y: xs.map((x) => Math.min(cpu.giga_flops, x * rate * (i < 2 ? cpu.threads : cpu.read_gb_per_s.memory_all_threads / rate))),
    }));
  const widest = Math.max(...seen.map((r) => r.ms), 1e-9);
  return [[...roofs, {
    type: "scatter", mode: "markers", name: "steps", x: seen.map((r) => r.flops / r.bytes), y: seen.map((r) => r.flops / r.ms / 1e6),
    marker: { color: hues[0], opacity: 0.7, size: seen.map((r) => 5 + 25 * Math.sqrt(r.ms / widest)) },
    text: seen.map((r) => `${r.step || r.operation}<br>${r.ms.toFixed(3)} ms`),
    hovertemplate: "%{text}<br>%{x:.2f} FLOP/byte, %{y:.1f} GFLOP/s<extra></extra>",
  }], layout({
    xaxis: { type: "log", title: { text: "FLOP per byte" } }, yaxis: { type: "log", title: { text: "GFLOP/s" } },
  })];
}

function precisions(m) {
  const bars = dtypes.map((dtype) => ({
    type: "bar", name: dtype, marker: { color: hue(dtype) }, x: m.rows.map((_, i) => i + 1),
    y: m.rows.map((r) => r.constants[dtype] || 0), text: m.rows.map((r) => `${r.step || r.operation} -> ${r.dtype || "?"}`),
    textposition: "none", hovertemplate: "step %{x} %{text}<br>%{y:,} bytes of " + dtype + "<extra></extra>",
  }));
  return [bars, layout({
    barmode: "stack", bargap: 0, xaxis: { title: { text: "step" } }, yaxis: { type: "log", title: { text: "bytes of weights" } },
  })];
}

const charts = { sizes, latencies, memory, roofline, precisions };
function draw() {
  for (const place of document.querySelectorAll("[data-chart]")) {
    const [traces, look] = charts[place.dataset.chart](data.models[Number(place.dataset.model)]);
    Plotly.react(place, traces, look, { responsive: true, displaylogo: false });
  }
  document.documentElement.dataset.drawn = document.querySelectorAll(".js-plotly-plot").length;
}
dark.addEventListener("change", draw);
draw();
