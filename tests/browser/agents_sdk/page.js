// A page as its author would write it with @openai/agents-realtime; only the address of the API is not OpenAI's.
import { RealtimeAgent, RealtimeSession, tool } from "./sdk/openai-realtime-agents.mjs";

const seen = { events: [], errors: [], toolCalls: [], connection: [], interruptions: 0 };

const weather = tool({
  name: "get_weather",
  description: "Tells the weather of a place.",
  parameters: {
    type: "object",
    properties: { place: { type: "string" } },
    required: ["place"],
    additionalProperties: false,
  },
  strict: true,
  execute: async ({ place }) => {
    seen.toolCalls.push(place);
    return `sunny in ${place}`;
  },
});

const agent = new RealtimeAgent({ name: "Receptionist", instructions: "Be brief.", tools: [weather] });
let session;

async function start({ transport, url, apiKey, config }) {
  session = new RealtimeSession(agent, { transport, model: "helpdesk", config, tracingDisabled: true });
  session.on("error", (error) => seen.errors.push(JSON.stringify(error)));
  session.on("audio_interrupted", () => (seen.interruptions += 1));
  session.transport.on("*", (event) => seen.events.push(event));
  session.transport.on("connection_change", (status) => seen.connection.push(status));
  await session.connect({ url, apiKey });
}

// The loudest of what the caller hears within a second, where 1 is full scale.
async function loudness() {
  const [receiver] = session.transport.connectionState.peerConnection.getReceivers();
  const context = new AudioContext();
  const analyser = context.createAnalyser();
  context.createMediaStreamSource(new MediaStream([receiver.track])).connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  let loudest = 0;
  for (let turn = 0; turn < 20; turn += 1) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    analyser.getFloatTimeDomainData(samples);
    loudest = Math.max(loudest, ...samples.map(Math.abs));
  }
  await context.close();
  return loudest;
}

window.call = {
  seen,
  start,
  loudness,
  send: (text) => session.sendMessage(text),
  interrupt: () => session.interrupt(),
  close: () => session.close(),
  history: () =>
    session.history
      .filter((item) => item.type === "message")
      .map(({ role, status, content }) => ({
        role,
        status,
        text: content.map((part) => part.transcript ?? part.text ?? "").join(" "),
      })),
  count: (type) => seen.events.filter((event) => event.type === type).length,
};
