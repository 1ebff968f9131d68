// One cell in full: its picture, its values, its scores, its warnings.

const shortNumber = (value) => (value === null ? "–" : String(Number(value.toPrecision(4))));

// Where a cell is in the grid; the controls say the rest.
function named(at) {
  const axes = [state.x, state.y].filter((index) => index >= 0);
  const parts = axes.map((index) => `${dimensions()[index].name} ${dimensions()[index].labels[at[index]]}`);
  return parts.join(", ") || "the only cell";
}

function gapText(cell) {
  return cell ? "picture missing" : "not made";
}

function definitions(pairs) {
  return make("dl", {}, ...pairs.flatMap(([k, v]) => [make("dt", {}, k), make("dd", {}, v)]));
}

function scoresOf(cell) {
  return run().metrics.map((metric) => {
    const score = cell.scores[metric.name] ?? null;
    if (score === null) return [metric.name, `– (${cell.missing[metric.name]})`];
    return [metric.name, metric.unit ? `${shortNumber(score)} ${metric.unit}` : shortNumber(score)];
  });
}

function describeCell(at) {
  const cell = cellAt(at);
  const picture = cell?.picture
    ? make("img", { src: cell.picture, alt: named(at) })
    : make("div", { class: "gap" }, gapText(cell));
  const values = dimensions().map((d, i) => [d.name, d.labels[at[i]]]);
  const text = make("div", {}, make("h3", {}, "Values"), definitions(values));
  if (cell && run().metrics.length) text.append(make("h3", {}, "Scores"), definitions(scoresOf(cell)));
  if (cell) {
    for (const warning of cell.warnings) text.append(make("p", { class: "warning" }, warning));
    const file = `${run().folder}/images/${cell.id}_image.png`;
    text.append(make("p", { class: "quiet" }, "Lossless: ", make("code", {}, file)));
  }
  return make("div", { class: "large" }, picture, text);
}
