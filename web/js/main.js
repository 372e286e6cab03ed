/**
 * The page from start to end: setup -> call -> after, and back.
 *
 * A call by voice goes on by text where it has to: without a microphone the agent is still heard and the caller
 * writes; without a voice connection both sides write. A connection that is lost is replaced by another one, while the
 * call and what was said stay.
 */

import { AfterView } from "./after-view.js";
import { addressOf, guestAccess, hangUp, keyAccess, loadConfig } from "./api.js";
import { Call } from "./call.js";
import { CallView } from "./call-view.js";
import { Devices, explain } from "./devices.js";
import { byId } from "./dom.js";
import { ProgressView } from "./progress-view.js";
import { recover } from "./recovery.js";
import { SetupView } from "./setup-view.js";
import { connectText } from "./text.js";
import { bindAppearance } from "./theme.js";
import { connectVoice } from "./voice.js";

const RETRY_MS = 5_000;

/**
 * The call that is running or being connected: `{call, abort, agent, key, wishes, startedAt}`; `access` is what it was made with,
 * `session` the server's last `agent.session`, `recovering` whether its connection is lost.
 */
let current = null;

const devices = new Devices({
  keep: () => current?.mode === "voice",
  pushToTalk: (wanted) => (callView.pushToTalk = wanted),
  microphoneChanged: (stream) => useMicrophone(stream),
  microphoneLost: () => {
    useMicrophone(null);
    callView.note("The microphone is gone: it was unplugged or withdrawn. The call goes on; write, or choose another one under Devices.");
  },
});
const setup = new SetupView({ start: startCall, checkDevices: () => devices.showDialog() });
const callView = new CallView({ end: () => endCall("hangup"), ended: endCall, devices: () => devices.showDialog() });
const after = new AfterView({
  again: () => {
    after.hide();
    setup.show();
  },
  againByText: () => {
    after.hide();
    startCall("text");
  },
  calls: showProgress,
});
const progress = new ProgressView({
  open: (call, key) => {
    progress.hide();
    after.open(call, key);
  },
  back: () => {
    progress.hide();
    setup.show();
  },
});

/** The caller's stored calls; not while a call runs. */
function showProgress() {
  if (current) return;
  setup.hide();
  after.hide();
  progress.show(setup.key);
}

async function startCall(mode) {
  setup.busy = true;
  const attempt = { mode, agent: setup.agent, key: setup.key, wishes: setup.wishes, abort: new AbortController(), call: null, startedAt: 0, access: null, session: null, recovering: false };
  current = attempt;
  setup.hide();
  callView.open(attempt.agent, mode);
  try {
    const carrier = mode === "voice" ? await connectByVoice(attempt) : await connectByText(attempt);
    if (current !== attempt) {
      carrier.close();
      return;
    }
    attempt.call = new Call(carrier);
    attempt.startedAt = performance.now();
    // A microphone chosen while the connection was made.
    if (attempt.mode === "voice") useMicrophone(devices.stream);
    callView.attach(attempt.call);
  } catch (error) {
    if (current === attempt) backToSetup(error);
  }
}

async function connectByVoice(attempt) {
  await openMicrophone(attempt);
  if (current !== attempt) throw new Error("given up");
  callView.setState("connecting");
  attempt.access = await accessOf(attempt);
  try {
    return await connectVoice({ ...wayOf(attempt), track: track() });
  } catch (error) {
    if (error.code !== "no_connection" || current !== attempt) throw error;
    changeToText(attempt);
    return connectByText(attempt);
  }
}

async function connectByText(attempt) {
  attempt.access = await accessOf(attempt);
  return connectText(wayOf(attempt));
}

/** What both carriers need to connect. */
function wayOf(attempt) {
  const { agent, access, abort } = attempt;
  return { agent: agent.name, access, handlers: handlersOf(attempt), signal: abort.signal };
}

function track() {
  return devices.stream?.getAudioTracks()[0] ?? null;
}

function changeToText(attempt) {
  attempt.mode = "text";
  devices.release();
  callView.setMicrophone(null);
  callView.setMode("text");
  callView.note("A voice connection could not be made from here, so this conversation goes on by text.");
}

/** The connection is lost: seeks another one to the same call, for as long as the server keeps it. */
async function comeBack(attempt) {
  if (attempt.recovering) return;
  if (!attempt.call || !attempt.session) {
    endCall("lost");
    return;
  }
  attempt.recovering = true;
  attempt.call.suspend();
  callView.suspend();
  // The token is replaced with each connection, also by one that broke off again.
  const way = () => ({ ...wayOf(attempt), resumeToken: attempt.session.resume_token });
  const byVoice = () => connectVoice({ ...way(), track: track() });
  try {
    const carrier = await recover({
      seconds: attempt.session.resume_seconds,
      byVoice: attempt.mode === "voice" ? byVoice : null,
      byText: () => connectText(way()),
      signal: attempt.abort.signal,
    });
    if (current !== attempt) {
      carrier.close();
      return;
    }
    attempt.recovering = false;
    if (carrier.mode !== attempt.mode) changeToText(attempt);
    attempt.call.moveTo(carrier);
    if (attempt.mode === "voice") useMicrophone(devices.stream);
    callView.resume(attempt.call);
  } catch {
    if (current === attempt) endCall("lost");
  }
}

async function openMicrophone(attempt) {
  try {
    const stream = devices.stream ?? (await devices.open());
    if (current === attempt) callView.setMicrophone(stream);
    else devices.release();
  } catch (error) {
    if (current !== attempt) return;
    callView.setMicrophone(null);
    callView.note(`${explain(error)} The call goes on by text: write below, and you will hear the agent.`);
  }
}

/** A secret for one call, for a guest or by means of a key. */
function accessOf(attempt) {
  const { agent, key, wishes } = attempt;
  return key ? keyAccess(agent.name, key, wishes) : guestAccess(agent.name, wishes);
}

/** What belongs to an attempt that was given up must not reach the view. */
function handlersOf(attempt) {
  const guarded = (handle) => (value) => {
    if (current === attempt) handle(value);
  };
  const event = (value) => {
    if (value.type === "agent.session") attempt.session = value;
    else callView.handlers.event(value);
  };
  const handlers = { ...callView.handlers, event, lost: () => comeBack(attempt) };
  return Object.fromEntries(Object.entries(handlers).map(([name, handle]) => [name, guarded(handle)]));
}

function useMicrophone(stream) {
  if (current?.mode !== "voice") return;
  callView.setMicrophone(stream);
  current.call?.setTrack(stream?.getAudioTracks()[0] ?? null);
}

function leaveCall() {
  const left = current;
  current = null;
  left.abort.abort();
  left.call?.end();
  // Nobody will come back to it.
  if (left.recovering) hangUp(addressOf(left.session.call_id), left.access.credential);
  callView.close();
  devices.release();
  return left;
}

function backToSetup(error) {
  leaveCall();
  setup.show();
  if (error.code === "guests_disabled") setup.askForKey();
  setup.fault(error.message, error);
}

function endCall(reason) {
  if (!current) return;
  const { call, key, startedAt, session, access } = leaveCall();
  if (!call) {
    setup.show();
    return;
  }
  after.show({ reason, rows: callView.rows, seconds: (performance.now() - startedAt) / 1000, guest: !key, callId: session?.call_id ?? "", credential: key || access.credential });
}

async function begin() {
  try {
    setup.fill(await loadConfig());
    setup.fault("");
  } catch (error) {
    setup.fault(error.message);
    setTimeout(begin, RETRY_MS);
  }
}

bindAppearance({ timing: (wanted) => (callView.showTiming = wanted) });
byId("to-progress").addEventListener("click", showProgress);
addEventListener("pagehide", () => {
  current?.call?.end();
  if (current?.recovering) hangUp(addressOf(current.session.call_id), current.access.credential);
});
// A page that comes back from the browser's cache has lost its call.
addEventListener("pageshow", ({ persisted }) => persisted && endCall("lost"));
begin();
