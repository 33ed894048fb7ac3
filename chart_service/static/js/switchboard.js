// The protocol between a page and its frame, as Superset's SDK speaks it: a port that is handed over, calls by name.
const NAME = "b24-charts";
const ANSWER_MILLISECONDS = 1_500; // a host of another version may not know what it is asked

/**
 * `methods` are functions of one object of arguments, by name; what they answer must be clonable. Listen before the
 * page's `load`: the host hands the port over then, and again after each load.
 */
export class Switchboard {
  constructor({ origins, methods }) {
    this.origins = origins;
    this.methods = methods;
    this.port = null;
    this.waiting = new Map();
    this.asked = 0;
  }

  listen() {
    addEventListener("message", (event) => this.handshake(event));
  }

  /** Anything else that is posted here is somebody else's: extensions and tools of developers do that. */
  handshake(event) {
    if (event.source !== window.parent || !this.origins.includes(event.origin)) return;
    if (event.data?.type !== "__embedded_comms__" || event.data.handshake !== "port transfer" || !event.ports[0]) return;
    this.port?.close();
    this.port = event.ports[0];
    this.port.onmessage = ({ data }) => this.hear(data); // this also starts the port
  }

  hear(message) {
    const action = message?.switchboardAction;
    if (action === "get") this.answer(message);
    else if (action === "emit") this.run(message).catch((error) => console.warn(`[${NAME}] ${error.message}`));
    else if (action === "reply" || action === "error") {
      this.waiting.get(message.messageId)?.(action === "reply" ? message.result : null);
      this.waiting.delete(message.messageId);
    }
  }

  async run({ method, args }) {
    const known = Object.hasOwn(this.methods, method) ? this.methods[method] : null;
    return known ? known(args ?? {}) : undefined;
  }

  /** The host waits for good where nothing answers, so something always does. */
  async answer(message) {
    const { method, messageId } = message;
    const port = this.port;
    try {
      if (!Object.hasOwn(this.methods, method)) throw new Error(`Method "${method}" is not defined`);
      const result = await this.run(message);
      port.postMessage({ switchboardAction: "reply", messageId, result });
    } catch (error) {
      port.postMessage({ switchboardAction: "error", messageId, error: `[${NAME}] ${error.message}` });
    }
  }

  /** Tell the host something; one that does not know the method ignores it. */
  emit(method, args) {
    this.port?.postMessage({ switchboardAction: "emit", method, args });
  }

  /** Ask the host; null where it does not know, or says nothing. */
  get(method, args) {
    if (!this.port) return Promise.resolve(null);
    const messageId = `m_${NAME}_${(this.asked += 1)}`;
    return new Promise((resolve) => {
      this.waiting.set(messageId, resolve);
      this.port.postMessage({ switchboardAction: "get", method, messageId, args });
      setTimeout(() => {
        this.waiting.delete(messageId);
        resolve(null);
      }, ANSWER_MILLISECONDS);
    });
  }
}
