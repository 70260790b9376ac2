"use strict";
(function () {
  const BANDS = 6; // more bands than this on one plot hide each other
  const plots = JSON.parse(document.getElementById("plots").textContent);
  // Where fingers scroll, plots neither catch the drag nor show buttons.
  const touch = matchMedia("(hover: none)").matches;
  const config = {
    responsive: true, displaylogo: false, showTips: false,
    displayModeBar: touch ? false : "hover",
    modeBarButtons: [["toImage", "zoom2d", "pan2d", "resetScale2d"]],
  };
  const all = (selector) => Array.from(document.querySelectorAll(selector));
  const chips = all(".chip[data-policy]");
  const first = new Set(chips.filter(isOn).map((chip) => chip.dataset.policy));
  const holder = (key) => document.getElementById("plot-" + key);

  function isOn(button) { return button.getAttribute("aria-pressed") === "true"; }
  function press(button, on) { button.setAttribute("aria-pressed", String(on)); }

  // The theme: text, grid and ink follow the page, in light, dark and print.
  function theme() {
    const css = getComputedStyle(document.documentElement);
    const color = (name) => css.getPropertyValue("--" + name).trim();
    const axis = { gridcolor: color("grid"), linecolor: color("line"), zerolinecolor: color("grid"),
      tickcolor: color("line") };
    return { axis, ink: color("ink"), muted: color("muted"), paper: color("paper"), line: color("line"),
      family: getComputedStyle(document.body).fontFamily };
  }
  function themed(layout, look) {
    return Object.assign({}, layout, {
      dragmode: touch ? false : "zoom",
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      font: { color: look.muted, family: look.family, size: 12 },
      xaxis: Object.assign({}, layout.xaxis, look.axis),
      yaxis: Object.assign({}, layout.yaxis, look.axis),
      hoverlabel: { bgcolor: look.paper, bordercolor: look.line,
        font: { color: look.ink, family: look.family, size: 13 } },
      modebar: { bgcolor: "rgba(0,0,0,0)", color: look.muted, activecolor: look.ink },
    });
  }
  function draw() {
    const look = theme();
    const shown = new Set(chips.filter(isOn).map((chip) => chip.dataset.policy));
    for (const [key, plot] of Object.entries(plots)) {
      for (const trace of plot.traces) {
        if (trace.meta === ":ink") trace.line.color = look.ink;
        else if (trace.meta !== undefined) {
          trace.visible = shown.has(trace.meta) && (!trace.fill || shown.size <= BANDS);
        }
      }
      Plotly.react(holder(key), plot.traces, themed(plot.layout, look), config);
    }
  }

  // Which policies the plots show.
  function choose(wanted) {
    for (const chip of chips) press(chip, wanted(chip.dataset.policy, isOn(chip)));
    draw();
  }
  for (const chip of chips) {
    chip.addEventListener("click", () =>
      choose((policy, on) => (policy === chip.dataset.policy ? !on : on)));
  }
  for (const button of all(".chip[data-set]")) {
    button.addEventListener("click", () =>
      choose((policy) => button.dataset.set === "all" || first.has(policy)));
  }

  // Linear or log.
  for (const button of all(".switch button")) {
    button.addEventListener("click", () => {
      const plot = plots[button.dataset.plot];
      const bare = { title: plot.layout.yaxis.title, automargin: true };
      plot.layout.yaxis = Object.assign(bare, plot.scales[button.dataset.scale]);
      for (const other of button.parentElement.children) press(other, other === button);
      draw();
    });
  }

  // Tables sort by the column whose heading is clicked; what has no value comes last.
  for (const head of all(".sortable thead th")) {
    head.querySelector("button").addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "descending" ||
        (head.dataset.kind === "text" && head.getAttribute("aria-sort") !== "ascending");
      for (const other of head.parentElement.children) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", down ? "ascending" : "descending");
      const body = head.closest("table").tBodies[0];
      const value = (row) => row.cells[head.cellIndex].dataset.sort;
      const order = (a, b) => {
        const [x, y] = [value(a), value(b)];
        if (x === "" || y === "") return (x === "") - (y === "");
        const ascending = head.dataset.kind === "text" ? x.localeCompare(y) : Number(x) - Number(y);
        return down ? ascending : -ascending;
      };
      body.append(...Array.from(body.rows).sort(order));
    });
  }

  // Copying works from a file too, where the clipboard may be refused: then the text is selected.
  for (const button of all(".copy")) {
    button.addEventListener("click", async () => {
      const source = document.getElementById(button.dataset.copies);
      let done = "Copied";
      try {
        await navigator.clipboard.writeText(source.textContent);
      } catch {
        getSelection().selectAllChildren(source);
        done = document.execCommand("copy") ? "Copied" : "Selected";
      }
      button.textContent = done;
      setTimeout(() => { button.textContent = "Copy"; }, 1600);
    });
  }

  draw();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  addEventListener("beforeprint", draw);
  addEventListener("afterprint", draw);
})();
