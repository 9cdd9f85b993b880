// Poems that are kept, in this browser alone.

const KEY = "kept";

export function all() {
  try {
    const found = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    return Array.isArray(found) ? found.filter((poem) => Array.isArray(poem?.lines)) : [];
  } catch {
    return [];
  }
}

const save = (poems) => localStorage.setItem(KEY, JSON.stringify(poems));
const same = (a, b) => a.lines.join() === b.lines.join();

/** Whether it was not there already. */
export function keep({ form, lines, seed, index, asked, isChanged }) {
  const poems = all();
  const poem = { form, lines, seed, index, asked, isChanged, when: new Date().toISOString() };
  if (poems.some((other) => same(other, poem))) return false;
  save([poem, ...poems].slice(0, 500));
  return true;
}

export const drop = (poem) => save(all().filter((other) => !same(other, poem)));
