/** The plan of a document: sections come, go and move without loading the page again. Without this module its buttons do. */

const form = document.querySelector("[data-plan]");
const list = form.querySelector("[data-rows]");
const blank = document.querySelector("[data-blank]");
const told = document.querySelector("[data-announce]");

form.addEventListener("submit", (event) => {
  const { move } = event.submitter?.dataset ?? {};
  const wish = event.submitter?.value;
  if (wish === "keep") event.preventDefault(); // Enter in a field
  else if (move) {
    event.preventDefault();
    change(event.submitter.closest("[data-row]"), move, event.submitter);
  } else if (wish === "add" && list.children.length < form.dataset.most) {
    event.preventDefault();
    list.append(blank.content.cloneNode(true));
    number();
    list.lastElementChild.querySelector("input").focus();
  }
});

function change(row, move, button) {
  const { previousElementSibling: before, nextElementSibling: after } = row;
  const name = row.querySelector("input").value || "The section";
  if (move === "up") before?.before(row);
  if (move === "down") after?.after(row);
  if (move === "remove") row.remove();
  number();
  list.dispatchEvent(new Event("input", { bubbles: true }));
  if (move === "remove") {
    (after ?? before)?.querySelector("input").focus();
    told.textContent = `${name} is removed.`;
  } else {
    (button.disabled ? row.querySelector("[data-move]:not(:disabled)") : button).focus();
    told.textContent = `${name} is number ${[...list.children].indexOf(row) + 1} now.`;
  }
}

/** What is called after its place is called so again; the first cannot go up, nor the last down. */
function number() {
  const rows = [...list.children];
  rows.forEach((row, index) => {
    row.querySelector("[data-number]").textContent = index + 1;
    for (const button of row.querySelectorAll("[data-move]")) {
      const { move } = button.dataset;
      button.value = `${move}-${index + 1}`;
      button.ariaLabel = move === "remove" ? `Remove section ${index + 1}` : `Move section ${index + 1} ${move}`;
      button.disabled = (move === "up" && index === 0) || (move === "down" && index === rows.length - 1);
    }
  });
}
