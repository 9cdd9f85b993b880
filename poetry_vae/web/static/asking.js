// The form of wishes: its values, its errors, and the link that restores it.

import { errorSentence } from "./words.js";

const form = document.getElementById("ask");
const LISTS = { avoid: true, pin: true };
const fields = () => [...form.elements].filter((element) => element.name);

/** Put the errors' places below the fields. */
export function prepare() {
  for (const element of fields()) {
    const place = document.createElement("p");
    place.className = "error";
    place.id = `error-${element.name}`;
    element.setAttribute("aria-describedby", place.id);
    (element.closest(".field") ?? element.closest(".checks")).append(place);
  }
  form.elements.namedItem("form").onchange = () => { form.elements.namedItem("free").value = ""; };
}

const asForm = (text) => (/^[\d\s,，、]+$/.test(text) ? text.match(/\d+/g)?.join(",") ?? text : text);

/** The values, as /poems takes them; fields that are hidden or empty are left out. */
export function wishes() {
  const body = {};
  for (const element of fields()) {
    if (element.closest("[hidden]")) continue;
    const value = element.type === "checkbox" ? element.checked : element.value.trim();
    if (!value) continue;
    if (LISTS[element.name]) body[element.name] = value.split(/[\s;；]+/);
    else if (element.name === "free") body.form = asForm(value);
    else if (element.name === "n") body.n = Number(value);
    else if (element.name === "seed") body.seed = /^\d{1,15}$/.test(value) ? Number(value) : value;
    else body[element.name] = value;
  }
  return body;
}

/** Fill the form. */
export function fill(values) {
  form.reset();
  for (const element of fields()) {
    const value = values[element.name];
    if (value === undefined) continue;
    if (element.type === "checkbox") element.checked = value === true || value === "true";
    else {
      const text = Array.isArray(value) ? value.join(" ") : String(value);
      if (element.tagName === "SELECT" && ![...element.options].some((option) => option.value === text)) {
        if (element.name === "form") {
          form.elements.namedItem("free").value = text;
          continue;
        }
        element.append(new Option(text, text));
      }
      element.value = text;
    }
  }
  form.querySelector("details").open ||= [...form.querySelectorAll("details [name]")].some(
    (element) => element.name !== "seed" && (element.type === "checkbox" ? element.checked : element.value),
  );
}

/** The page's address with some wishes and other parts to be opened. */
export function address(values) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) {
    if (value === undefined || value === "" || value === false) continue;
    query.set(name, Array.isArray(value) ? value.join(" ") : value);
  }
  return `${location.origin}/#${query}`;
}

/** What the address asks for; null where it asks for nothing. */
export function fromAddress() {
  const values = Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
  return Object.keys(values).length ? values : null;
}

/** Show errors at their fields, the others above all; the first field is focused. */
export function showErrors(errors) {
  clearErrors();
  let first = null;
  for (const error of errors) {
    let name = error.field.split(".")[0];
    if (name === "form" && form.elements.namedItem("free").value.trim()) name = "free";
    const element = form.elements.namedItem(name);
    const isField = element && !element.closest("[hidden]");
    const place = document.getElementById(`error-${isField ? name : ""}`);
    place.textContent = errorSentence(error);
    if (!isField) continue;
    element.setAttribute("aria-invalid", "true");
    const more = element.closest("details");
    if (more) more.open = true;
    first ??= element;
  }
  first?.focus();
}

export function clearErrors() {
  for (const place of form.querySelectorAll(".error")) place.textContent = "";
  for (const element of fields()) element.removeAttribute("aria-invalid");
}
