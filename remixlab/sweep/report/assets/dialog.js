// The large view of the selected cell; it moves with the grid's selection.

const MOVES = [["x", -1, "←"], ["x", 1, "→"], ["y", -1, "↑"], ["y", 1, "↓"]];

function stepButton([direction, by]) {
  const button = make("button", { type: "button", "data-move": `${direction}${by}` });
  button.addEventListener("click", () => move(state[direction], by));
  return button;
}

// The buttons stay the same elements, so that the focus stays where it is.
function showSteps() {
  for (const [direction, by, arrow] of MOVES) {
    const button = document.querySelector(`[data-move="${direction}${by}"]`);
    const index = state[direction];
    button.hidden = index < 0;
    if (index < 0) continue;
    button.textContent = `${arrow} ${dimensions()[index].name}`;
    button.setAttribute("aria-label", `${by < 0 ? "previous" : "next"} ${dimensions()[index].name}`);
    button.setAttribute("aria-disabled", String(!canMove(index, by)));
  }
}

function showLarge() {
  if (!byId("large").open) return;
  byId("large-title").textContent = named(state.at);
  byId("large-body").replaceChildren(describeCell(state.at));
  showSteps();
}

function openLarge() {
  byId("large").showModal();
  showLarge();
}

function startLarge() {
  const dialog = byId("large");
  byId("steps").append(...MOVES.map(stepButton));
  byId("close").addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close(); // the backdrop
  });
  dialog.addEventListener("keydown", (event) => {
    const arrow = ARROWS[event.key];
    if (!arrow) return;
    event.preventDefault();
    move(state[arrow[0]], arrow[1]);
  });
  dialog.addEventListener("close", () => selectedButton()?.focus());
  listeners.push(showLarge);
}
