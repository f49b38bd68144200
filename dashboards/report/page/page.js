// Draws the charts: those in view first, the others when nothing else is to be done.
(() => {
  "use strict";
  const read = (id) => JSON.parse(document.getElementById(id).textContent);
  let texts = null;

  // The inverse of `pack_rows` in charts.py.
  const expand = ({ length, columns }) => {
    texts = texts || read("texts");
    const rows = Array.from({ length }, () => ({}));
    for (const [name, column] of Object.entries(columns)) {
      if (Array.isArray(column)) {
        column.forEach((value, i) => { rows[i][name] = value; });
      } else if ("texts" in column) {
        column.texts.forEach((place, i) => { rows[i][name] = place === null ? null : texts[place]; });
      } else {
        for (const row of rows) row[name] = column.same;
      }
    }
    return rows;
  };

  const style = {
    background: "transparent", aria: false, font: "system-ui, sans-serif",
    text: { color: "currentColor" }, view: { stroke: null },
  };

  // One chart alone follows the width of its place; several in one are as wide as they are.
  const fit = (spec, place) => {
    const room = place.clientWidth;
    const single = "mark" in spec || "layer" in spec;
    if (single && typeof spec.width === "number" && room > 0 && !spec.encoding?.row && !spec.encoding?.column
        && !spec.encoding?.facet) {
      spec.width = "container";
      spec.autosize = { type: "fit-x", contains: "padding" };
    }
    return spec;
  };

  const draw = async (place) => {
    if (place.dataset.state) return;
    place.dataset.state = "drawing";
    try {
      const spec = read(`chart-${place.dataset.chart}`);
      for (const [name, rows] of Object.entries(spec.datasets)) spec.datasets[name] = expand(rows);
      const result = await vegaEmbed(place, fit(spec, place), {
        mode: "vega-lite", renderer: "svg", actions: false, ast: true, config: style,
        tooltip: { theme: "custom" },
      });
      place.dataset.state = "drawn";
      offer(place, result.view);
    } catch (error) {
      place.dataset.state = "failed";
      place.textContent = `This chart cannot be drawn here: ${error.message}`;
      throw error;
    }
  };

  const button = (label, act) => {
    const made = document.createElement("button");
    made.type = "button";
    made.className = "copy";
    made.textContent = label;
    made.addEventListener("click", act);
    return made;
  };

  const save = (address, name) => {
    const link = document.createElement("a");
    link.href = address;
    link.download = name;
    link.click();
  };

  const offer = (place, view) => {
    const figure = place.closest("figure");
    const tools = document.createElement("p");
    const name = place.dataset.chart;
    const title = figure.querySelector("h3").textContent;
    tools.className = "tools";
    for (const kind of ["svg", "png"]) {
      const made = button(`Save as ${kind.toUpperCase()}`, async () => {
        save(await view.toImageURL(kind, kind === "png" ? 2 : 1), `${name}.${kind}`);
      });
      made.setAttribute("aria-label", `Save as ${kind.toUpperCase()}: ${title}`);
      tools.append(made);
    }
    figure.querySelector("figcaption").append(tools);
  };

  for (const command of document.querySelectorAll(".command")) {
    const code = command.querySelector("code");
    const made = button("Copy", async () => {
      getSelection().selectAllChildren(code);
      try { await navigator.clipboard.writeText(code.textContent); } catch { document.execCommand("copy"); }
      made.textContent = "Copied";
      setTimeout(() => { made.textContent = "Copy"; }, 1500);
    });
    made.setAttribute("aria-label", `Copy: ${code.textContent}`);
    command.append(made);
  }

  const places = [...document.querySelectorAll(".chart")];
  const watcher = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      watcher.unobserve(entry.target);
      draw(entry.target);
    }
  }, { rootMargin: "300px" });
  for (const place of places) watcher.observe(place);

  const idle = window.requestIdleCallback || ((act) => setTimeout(act, 50));
  const next = () => {
    const place = places.find((one) => !one.dataset.state);
    if (place) draw(place).finally(() => idle(next));
    else document.documentElement.dataset.drawn = "all";
  };
  addEventListener("load", () => idle(next));
})();
