// What the reader chooses with: run, axes, the values of all other dimensions, view and size.

function fillSelect(select, options, chosen) {
  select.replaceChildren(
    ...options.map(([value, text]) => {
      const option = make("option", { value }, text);
      option.selected = value === chosen;
      return option;
    }),
  );
}

// Choosing the axis that the other direction has swaps the two.
function chooseAxis(direction, index) {
  const other = direction === "x" ? "y" : "x";
  const values = { [direction]: index };
  if (state[other] === index) values[other] = state[direction];
  change(values);
}

function showAxes() {
  const options = dimensions().flatMap((d, i) => (varies(i) ? [[i, d.name]] : []));
  for (const direction of ["x", "y"]) {
    const empty = state[direction] < 0 ? [[-1, "nothing"]] : [];
    fillSelect(byId(direction), [...options, ...empty], state[direction]);
    byId(direction).disabled = options.length < 2;
  }
}

function slider(dimension, index) {
  const input = make("input", { type: "range", min: 0, max: dimension.labels.length - 1, step: 1 });
  input.addEventListener("input", () => change({ at: withStep(state.at, index, Number(input.value)) }));
  return input;
}

function choice(dimension, index) {
  const select = make("select");
  fillSelect(select, dimension.labels.map((label, i) => [i, label]), state.at[index]);
  select.addEventListener("change", () => change({ at: withStep(state.at, index, Number(select.value)) }));
  return select;
}

// The value is no <output>: that would be what the label names, in the slider's place.
function dimensionField(dimension, index) {
  const control = dimension.numeric ? slider(dimension, index) : choice(dimension, index);
  const name = make("span", {}, dimension.name);
  if (dimension.numeric) name.append(" ", make("span", { class: "value" }));
  return make("label", { "data-dimension": index, "data-name": dimension.name }, name, control);
}

function buildDimensions() {
  const fields = dimensions().flatMap((d, i) => (varies(i) ? [dimensionField(d, i)] : []));
  byId("dimensions").replaceChildren(...fields);
}

function showDimensions() {
  for (const field of byId("dimensions").children) {
    const index = Number(field.dataset.dimension);
    const label = dimensions()[index].labels[state.at[index]];
    field.hidden = state.view === "grid" && (index === state.x || index === state.y);
    const control = field.querySelector("input, select");
    control.value = state.at[index];
    if (control.type === "range") {
      control.setAttribute("aria-valuetext", label);
      field.querySelector(".value").textContent = label;
    }
  }
}

function showView() {
  for (const element of document.querySelectorAll(".in-grid")) element.hidden = state.view !== "grid";
  byId("caption-field").hidden ||= run().metrics.length === 0;
  byId("single").hidden = state.view !== "single";
  if (state.view === "single") byId("single").replaceChildren(describeCell(state.at));
}

function showRun() {
  if (showRun.built === state.run) return;
  showRun.built = state.run;
  buildDimensions();
  byId("run").value = state.run;
  const metrics = run().metrics.map((metric) => [metric.name, metric.name]);
  if (!run().metrics.some((metric) => metric.name === state.caption)) state.caption = "";
  fillSelect(byId("caption"), [["", "none"], ...metrics], state.caption);
}

function showControls() {
  showRun();
  showAxes();
  showDimensions();
  showView();
}

function startControls() {
  fillSelect(byId("run"), data.runs.map((each, i) => [i, each.label]), 0);
  byId("run-field").hidden = data.runs.length < 2;
  byId("controls").addEventListener("submit", (event) => event.preventDefault());
  byId("run").addEventListener("change", (event) => chooseRun(Number(event.target.value)));
  byId("caption").addEventListener("change", (event) => change({ caption: event.target.value }));
  for (const direction of ["x", "y"]) {
    byId(direction).addEventListener("change", (event) => chooseAxis(direction, Number(event.target.value)));
  }
  for (const button of document.querySelectorAll("input[name=view]")) {
    button.addEventListener("change", () => change({ view: button.value }));
  }
  listeners.push(showControls);
}
