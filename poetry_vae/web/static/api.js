// Requests to the server.

export class Refused extends Error {
  constructor(errors) {
    super(errors[0]?.message ?? "");
    this.errors = errors;
  }
}
const offline = () => new Refused([{ kind: "Offline", field: "", message: "The server does not answer." }]);

async function post(path, body, signal) {
  let answer;
  try {
    answer = await fetch(path, {
      method: "POST", signal, body: JSON.stringify(body), headers: { "content-type": "application/json" },
    });
  } catch (error) {
    throw error.name === "AbortError" ? error : offline();
  }
  if (!answer.ok) {
    const told = await answer.json().catch(() => ({}));
    throw new Refused(told.errors ?? [{ kind: "ServerError", field: "", message: answer.statusText }]);
  }
  return answer;
}

export const ask = async (path, body, signal) => (await post(path, body, signal)).json();

export async function get(path) {
  const answer = await fetch(path).catch(() => { throw offline(); });
  if (!answer.ok) throw new Refused([{ kind: "ServerError", field: "", message: answer.statusText }]);
  return answer.json();
}

/** Server-sent events of an answer, as [name, value]. */
export async function* events(path, body, signal) {
  const answer = await post(path, { ...body, stream: true }, signal);
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read().catch((error) => {
      throw error.name === "AbortError" ? error : offline();
    });
    if (done) throw offline(); // it ends with an event of its own
    text += value;
    for (let cut; (cut = text.indexOf("\n\n")) >= 0; text = text.slice(cut + 2)) {
      const found = /^event: (.*)\ndata: (.*)$/s.exec(text.slice(0, cut));
      if (!found) continue;
      const told = JSON.parse(found[2]);
      if (found[1] === "end") return;
      if (found[1] === "error") throw new Refused(told.errors);
      yield [found[1], told];
    }
  }
}
