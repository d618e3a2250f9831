// Watches a document with the ES client: its text, what was told of it, and how calls are refused, as lines.

import { Client } from "../../../../artifacts/static/artifacts/js/client.js";

const [server, token, artifact] = process.argv.slice(2);
const client = new Client(server, { token });
const told = [];
let text = "";
process.stdout.write(`${typeof WebSocket}\n`);
for await (const event of client.watch(Number(artifact))) {
  if (event.type === "EpochBegan") text = "";
  if (event.type === "TextAdded") text += event.text;
  told.push(event.type);
}
const refused = [];
const attempts = [
  () => client.artifact(10 ** 6),
  () => client.start(Number(artifact)),
  () => new Client(server, { token: "guessed" }).projects(),
  async () => {
    for await (const event of client.watch(10 ** 6)) told.push(event.type);
  },
];
for (const attempt of attempts) refused.push(await attempt().then(() => "", (error) => `${error.name} ${error.status ?? ""}`.trim()));
const parts = [await client.part(Number(artifact))];
while (!parts.at(-1).isLast) {
  const { epoch, offset, text } = parts.at(-1);
  parts.push(await client.part(Number(artifact), { epoch, offset: offset + [...text].length, waits: true }));
}
const inParts = parts.map((part) => part.text).join("");
const made = await client.createProject("Made by Node");
process.stdout.write(`${JSON.stringify({ text, told, same: (await client.text(Number(artifact))) === text, inParts, refused, made: made.title })}\n`);
