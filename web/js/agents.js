/** What this page knows of the agents that come with the server: a sign, and what a caller can expect. */

const KNOWN = {
  interviewer: {
    icon: "briefcase",
    expect: ["One question at a time, with follow-ups", "Short feedback that you can use", "Say “repeat”, “skip” or “end” at any time"],
  },
  helpdesk: {
    icon: "lifebuoy",
    expect: ["One question or one step at a time", "Reads a ticket back before filing it", "Say “human” at any time"],
  },
  "language-coach": {
    icon: "bubbles",
    expect: ["Slow and clear, at your level", "One correction at a time", "Say “slower” or “repeat” at any time"],
  },
};

const OTHER = { icon: "bubble", expect: [] };

export function presentation(name) {
  return KNOWN[name] ?? OTHER;
}
