// The page's data and what is chosen of it. The files beside this one are joined into one module,
// in the order of _SCRIPTS in page.py, so that each sees what those before it define.

const data = JSON.parse(document.getElementById("data").textContent);
const cells = data.runs.map((run) => new Map(run.cells.map((cell) => [cell.at.join(), cell])));
// at: the chosen step along each dimension; x and y: the dimensions of the grid, -1 for none.
const state = { run: 0, at: [], x: -1, y: -1, view: "grid", caption: "" };
const listeners = [];

const byId = (id) => document.getElementById(id);
const run = () => data.runs[state.run];
const dimensions = () => run().dimensions;
const cellAt = (at) => cells[state.run].get(at.join());
const varies = (index) => dimensions()[index].labels.length > 1;

function change(values) {
  Object.assign(state, values);
  for (const listener of listeners) listener();
}

function withStep(at, index, step) {
  return at.map((old, i) => (i === index ? step : old));
}

function canMove(index, by) {
  const step = state.at[index] + by;
  return index >= 0 && step >= 0 && step < dimensions()[index].labels.length;
}

function move(index, by) {
  if (canMove(index, by)) change({ at: withStep(state.at, index, state.at[index] + by) });
}

// Keeps the same values and axes where the other run has them, so that runs can be compared.
function chooseRun(number) {
  const before = state.at.length ? dimensions() : [];
  const after = data.runs[number].dimensions;
  const place = (index) => after.findIndex((d) => index >= 0 && d.name === before[index]?.name);
  const first = data.runs[number].cells[0]?.at ?? after.map(() => 0);
  const at = after.map((dimension, i) => {
    const old = before.findIndex((d) => d.name === dimension.name);
    const step = old < 0 ? -1 : dimension.labels.indexOf(before[old].labels[state.at[old]]);
    return step < 0 ? first[i] : step;
  });
  const kept = [place(state.x), place(state.y)];
  const usable = kept.every((index) => index >= 0 && after[index].labels.length > 1);
  const [x, y] = usable ? kept : data.runs[number].axes;
  change({ run: number, at, x, y });
}

// Text given as a child is text, never markup.
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}
