// Starts everything, once all of it is defined.

function startDownloads() {
  for (const link of document.querySelectorAll("[data-csv]")) {
    // The mark at the start tells spreadsheets that the text is UTF-8.
    const parts = ["\ufeff", data.runs[Number(link.dataset.csv)].csv];
    link.href = URL.createObjectURL(new Blob(parts, { type: "text/csv;charset=utf-8" }));
  }
}

startControls();
startGrid();
startLarge();
startDownloads();
chooseRun(0);
fitCells();
