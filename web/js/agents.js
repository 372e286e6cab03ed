/** What this page knows of the agents that come with the server: a sign, what a caller can expect, and what can be asked of it at the press of a button. */

const KNOWN = {
  interviewer: {
    icon: "briefcase",
    expect: ["One question at a time, with follow-ups", "Short feedback that you can use", "Say “repeat”, “skip” or “end” at any time"],
    commands: ["repeat", "slower", "skip", "hint", "pause"],
  },
  helpdesk: {
    icon: "lifebuoy",
    expect: ["One question or one step at a time", "Reads a ticket back before filing it", "Say “human” at any time"],
    commands: ["repeat", "slower", "human"],
  },
  "language-coach": {
    icon: "bubbles",
    expect: ["Slow and clear, at your level", "One correction at a time", "Say “slower” or “repeat” at any time"],
    commands: ["repeat", "slower", "skip", "hint", "pause"],
  },
};

const OTHER = { icon: "bubble", expect: [], commands: ["repeat", "slower"] };

export function presentation(name) {
  return KNOWN[name] ?? OTHER;
}
