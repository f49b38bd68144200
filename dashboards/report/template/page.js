// Draws the charts: those in view first, the others when nothing else is to be done.
(() => {
  "use strict";
  const read = (id) => JSON.parse(document.getElementById(id).textContent);
  const themes = read("themes");
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const places = [...document.querySelectorAll(".chart")];
  const views = new Map();

  // Vega's own reader of CSV makes a function of the head, which the page's policy forbids.
  const readCsv = (text) => {
    const rows = [[]];
    for (let i = 0; i < text.length; i += 1) {
      let cell = "";
      if (text[i] === '"') {
        do {
          const end = text.indexOf('"', i + 1);
          cell += text.slice(i + 1, end);
          i = end + 1;
        } while (text[i] === '"' && (cell += '"'));
      } else {
        const start = i;
        while (i < text.length && text[i] !== "," && text[i] !== "\n") i += 1;
        cell = text.slice(start, i);
      }
      rows[rows.length - 1].push(cell);
      if (text[i] === "\n" && i + 1 < text.length) rows.push([]);
    }
    const [heads, ...cells] = rows;
    return cells.map((row) => Object.fromEntries(heads.map((head, place) => [head, row[place]])));
  };
  window.readCsv = readCsv;

  // The chart with its tables as rows; numbers of their texts Vega makes, by `parse`.
  const readTables = (part) => {
    if (typeof part !== "object" || part === null) return part;
    if (Array.isArray(part)) return part.map(readTables);
    const made = Object.fromEntries(Object.entries(part).map(([key, one]) => [key, readTables(one)]));
    for (const [name, table] of Object.entries(made.datasets || {})) {
      if (typeof table === "string") made.datasets[name] = readCsv(table);
    }
    if (made.format?.type === "csv") {
      delete made.format.type;
      if (typeof made.values === "string") made.values = readCsv(made.values);
    }
    return made;
  };

  // Charts are as large as in print. Here they are as wide as their place, within reason: types in
  // print are of 7 points.
  const scale = (svg) => {
    const width = svg.viewBox.baseVal.width || svg.width.baseVal.value;
    const height = svg.viewBox.baseVal.height || svg.height.baseVal.value;
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    svg.style.width = "100%";
    svg.style.minWidth = `${Math.round(1.3 * width)}px`;
    svg.style.maxWidth = `${Math.round(2.1 * width)}px`;
    svg.style.height = "auto";
  };

  const draw = async (place) => {
    place.dataset.state = "drawing";
    try {
      const inner = document.createElement("div"); // Vega gives its place a role and a label
      place.replaceChildren(inner);
      const made = await vegaEmbed(inner, readTables(read(`chart-${place.dataset.chart}`)), {
        mode: "vega-lite", renderer: "svg", actions: false, ast: true, logLevel: 1, // errors
        config: { ...(dark.matches ? themes.dark : themes.light), background: "transparent" },
        tooltip: { theme: "custom" },
      });
      views.get(place)?.finalize();
      views.set(place, made);
      scale(place.querySelector("svg"));
      place.dataset.state = "drawn";
    } catch (error) {
      place.dataset.state = "failed";
      place.textContent = `This chart cannot be drawn here: ${error.message}`;
      console.error(error);
    }
    offer(place);
  };

  const button = (label, about, act) => {
    const made = document.createElement("button");
    made.type = "button";
    made.className = "act";
    made.textContent = label;
    made.setAttribute("aria-label", about);
    made.addEventListener("click", act);
    return made;
  };

  const save = async (place, kind) => {
    const link = document.createElement("a");
    link.href = await views.get(place).view.toImageURL(kind, kind === "png" ? 4 : 1);
    link.download = `${place.dataset.chart}.${kind}`;
    link.click();
  };

  // Buttons to save a chart; once.
  const offer = (place) => {
    const figure = place.closest("figure");
    if (figure.querySelector(".tools") || !views.has(place)) return;
    const title = figure.querySelector("h3").textContent;
    const tools = document.createElement("p");
    tools.className = "tools";
    for (const kind of ["svg", "png"]) {
      const label = `Save as ${kind.toUpperCase()}`;
      tools.append(button(label, `${label}: ${title}`, () => save(place, kind)));
    }
    figure.querySelector("figcaption").append(tools);
  };

  for (const command of document.querySelectorAll(".command")) {
    const code = command.querySelector("code");
    const made = button("Copy", `Copy: ${code.textContent}`, async () => {
      getSelection().selectAllChildren(code);
      try {
        await navigator.clipboard.writeText(code.textContent);
      } catch {
        document.execCommand("copy"); // of a page from disk, in some browsers
      }
      made.textContent = "Copied";
      setTimeout(() => { made.textContent = "Copy"; }, 1500);
    });
    command.append(made);
  }

  const waits = (place) => !place.dataset.state;
  const watcher = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (isIntersecting && waits(target)) draw(target);
    }
  }, { rootMargin: "300px" });
  for (const place of places) watcher.observe(place);

  const idle = window.requestIdleCallback || ((act) => setTimeout(act, 50));
  const drawNext = () => {
    const place = places.find(waits);
    if (place) {
      draw(place).then(() => idle(drawNext));
    } else {
      document.documentElement.dataset.drawn = "all";
    }
  };
  addEventListener("load", () => idle(drawNext));
  dark.addEventListener("change", async () => {
    for (const place of views.keys()) await draw(place);
  });
})();
