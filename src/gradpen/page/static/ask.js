// Questions to the server; a page that was frozen has its answers with it.

const prepared = globalThis.prepared;

export const frozen = Boolean(prepared);

export class Problem extends Error {}

export function query(name, values = {}) {
  const parts = new URLSearchParams();
  for (const [key, value] of Object.entries(values)) {
    if (Array.isArray(value)) value.forEach((one) => parts.append(key, one));
    else if (value !== null && value !== undefined && value !== "" && value !== false) parts.append(key, value === true ? "" : value);
  }
  parts.sort();
  const words = parts.toString();
  return words ? `${name}?${words}` : name;
}

// The address of a picture or a file.
export function address(name, values) {
  const asked = query(name, values);
  return frozen ? prepared.files[asked] ?? "" : `api/${asked}`;
}

export async function ask(name, values, options = {}) {
  const asked = query(name, values);
  if (frozen) {
    if (asked in prepared.answers) return prepared.answers[asked];
    throw new Problem("This was not prepared when the page was written as files.");
  }
  let response;
  try {
    response = await fetch(`api/${asked}`, options);
  } catch {
    throw new Problem("gradpen page does not answer; it may have been ended. Start it again and open the address that it prints.");
  }
  const answer = await response.json().catch(() => ({ problem: `gradpen page answered ${response.status}.` }));
  if (!response.ok || answer.problem) throw new Problem(answer.problem ?? `gradpen page answered ${response.status}.`);
  return answer;
}
