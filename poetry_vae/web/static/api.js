// Requests to the server.

export class Refused extends Error {
  constructor(errors) {
    super(errors[0]?.message ?? "");
    this.errors = errors;
  }
}
const offline = () => new Refused([{ kind: "Offline", field: "", message: "The server does not answer." }]);

const failed = (error) => { throw error.name === "AbortError" ? error : offline(); };

async function request(path, options) {
  const answer = await fetch(path, options).catch(failed);
  if (answer.ok) return answer;
  const told = await answer.json().catch(() => ({}));
  throw new Refused(told.errors ?? [{ kind: "ServerError", field: "", message: answer.statusText }]);
}
const post = (path, body, signal) => request(path, {
  method: "POST", signal, body: JSON.stringify(body), headers: { "content-type": "application/json" },
});

export const get = async (path) => (await request(path)).json();
export const ask = async (path, body) => (await post(path, body)).json();

/** Server-sent events of an answer, as [name, value]. */
export async function* events(path, body, signal) {
  const answer = await post(path, { ...body, stream: true }, signal);
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read().catch(failed);
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
