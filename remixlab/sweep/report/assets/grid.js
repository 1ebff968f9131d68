// The grid: a table of buttons, one of them in the tab order, arrow keys for the others.

const ARROWS = { ArrowLeft: ["x", -1], ArrowRight: ["x", 1], ArrowUp: ["y", -1], ArrowDown: ["y", 1] };
let drawn = "";

const steps = (index) => (index < 0 ? [-1] : dimensions()[index].labels.map((_, step) => step));
const label = (index, step) => (index < 0 ? "" : dimensions()[index].labels[step]);

function place(x, y) {
  return withStep(withStep(state.at, state.x, x), state.y, y);
}

function cellButton(at) {
  const cell = cellAt(at);
  const button = make("button", { type: "button", class: "cell", "data-at": at.join() });
  if (cell?.picture) button.append(make("img", { src: cell.picture, alt: named(at) }));
  else button.append(make("span", { class: "gap" }, gapText(cell)));
  if (!cell?.picture) button.setAttribute("aria-label", `${named(at)}: ${gapText(cell)}`);
  const score = state.caption ? cell?.scores[state.caption] ?? null : undefined;
  if (score !== undefined) button.append(make("span", { class: "score" }, shortNumber(score)));
  return button;
}

function caption() {
  const axes = [["Across", state.x], ["Down", state.y]].filter(([, index]) => index >= 0);
  return make("caption", {}, axes.map(([way, index]) => `${way}: ${dimensions()[index].name}`).join(" · "));
}

function gridTable() {
  const across = steps(state.x);
  const head = make("tr", {}, make("td"), ...across.map((x) => make("th", { scope: "col" }, label(state.x, x))));
  const rows = steps(state.y).map((y) => {
    const buttons = across.map((x) => make("td", {}, cellButton(place(x, y))));
    return make("tr", {}, make("th", { scope: "row" }, label(state.y, y)), ...buttons);
  });
  return make("table", {}, caption(), make("thead", {}, head), make("tbody", {}, ...rows));
}

// What the table's contents depend on; the selection alone does not rebuild it.
function gridKey() {
  const others = state.at.map((step, i) => (i === state.x || i === state.y ? null : step));
  return JSON.stringify([state.run, state.x, state.y, others, state.caption]);
}

function markSelection() {
  for (const button of document.querySelectorAll(".cell")) {
    const selected = button.dataset.at === state.at.join();
    button.tabIndex = selected ? 0 : -1;
    if (selected) button.setAttribute("aria-current", "true");
    else button.removeAttribute("aria-current");
  }
}

const selectedButton = () => document.querySelector(".cell[aria-current=true]");

// Cells take the shape of the first picture, so that gaps have it too.
function shapeCells(table) {
  const image = table.querySelector("img");
  image?.decode().then(
    () => byId("grid").style.setProperty("--ratio", image.naturalWidth / image.naturalHeight),
    () => {},
  );
}

function fitCells() {
  const heading = byId("grid").querySelector("tbody th").offsetWidth;
  const columns = steps(state.x).length;
  const fitting = (byId("grid").clientWidth - heading - 4 * (columns + 2)) / columns;
  byId("zoom").value = Math.max(56, Math.min(184, Math.floor(fitting / 8) * 8));
  zoomCells();
}

function zoomCells() {
  byId("grid").style.setProperty("--cell", `${byId("zoom").value}px`);
}

function showGrid() {
  if (gridKey() !== drawn) {
    drawn = gridKey();
    const table = gridTable();
    byId("grid").replaceChildren(table);
    shapeCells(table);
  }
  markSelection();
}

function startGrid() {
  byId("zoom").addEventListener("input", zoomCells);
  byId("grid").addEventListener("keydown", (event) => {
    const arrow = ARROWS[event.key];
    if (!arrow || !event.target.closest(".cell")) return;
    event.preventDefault();
    move(state[arrow[0]], arrow[1]);
    selectedButton()?.focus();
  });
  byId("grid").addEventListener("click", (event) => {
    const button = event.target.closest(".cell");
    if (!button) return;
    change({ at: button.dataset.at.split(",").map(Number) });
    openLarge();
  });
  listeners.push(showGrid);
}
