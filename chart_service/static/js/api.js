// Requests to the service's API, and its one shape of errors.
import { csrf, lang } from "./page.js";
import { t } from "./i18n.js";

const PREFIX = "/api/v1";
const UNSAFE = new Set(["POST", "PUT", "PATCH", "DELETE"]);
const extra = {};

/** What the API refused and why. `message` is for a person; `code` for programs; `status` is 0 where nothing answered. */
export class ApiError extends Error {
  constructor(status, body) {
    super(status === 401 && csrf ? t("shell.error_session") : body?.detail || t("shell.error_unexpected"));
    this.status = status;
    this.code = body?.code ?? (status ? "unexpected" : "network");
    this.requestId = body?.request_id ?? null;
    this.rule = body?.rule ?? null;
    this.at = body?.at ?? null;
    this.errors = body?.errors ?? [];
    this.body = body ?? {};
  }
}

/** Send a header with every further request: an embedded page's guest token. null takes it away. */
export function setHeader(name, value) {
  if (value === null) delete extra[name];
  else extra[name] = value;
}

async function send(method, path, { body, signal, headers = {}, keepalive = false } = {}) {
  const request = {
    method,
    signal,
    keepalive,
    credentials: "same-origin",
    headers: { Accept: "application/json", "Accept-Language": lang, ...extra, ...headers },
  };
  if (body !== undefined) {
    request.body = JSON.stringify(body);
    request.headers["Content-Type"] = "application/json";
  }
  if (UNSAFE.has(method) && csrf) request.headers["X-CSRF-Token"] = csrf;
  let response;
  try {
    response = await fetch(path.startsWith("/") ? path : `${PREFIX}/${path}`, request);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, { detail: t("shell.error_network") });
  }
  if (!response.ok) throw new ApiError(response.status, await response.json().catch(() => null));
  return response;
}

async function json(method, path, options) {
  const response = await send(method, path, options);
  if (response.status === 204) return null;
  try {
    return await response.json();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(response.status, null);
  }
}

/** Paths are relative to /api/v1 ("charts/5") unless they begin with a slash. Each answers the parsed JSON. */
export const api = {
  get: (path, options) => json("GET", path, options),
  post: (path, body = {}, options = {}) => json("POST", path, { ...options, body }),
  put: (path, body, options = {}) => json("PUT", path, { ...options, body }),
  patch: (path, body, options = {}) => json("PATCH", path, { ...options, body }),
  delete: (path, options) => json("DELETE", path, options),
  /** A file: {blob, name}. The name is the one the service gives, else `name`. */
  async file(method, path, { name, ...options } = {}) {
    const response = await send(method, path, { ...options, headers: { Accept: "*/*" } });
    const disposition = response.headers.get("Content-Disposition") ?? "";
    const encoded = /filename\*=(?:UTF-8|utf-8)''([^;]+)/.exec(disposition)?.[1];
    const plain = /filename="?([^";]+)"?/.exec(disposition)?.[1];
    return {
      blob: await response.blob(),
      name: (encoded && decodeURIComponent(encoded)) || plain || name || "download",
    };
  },
  /** Server-sent events of a POST: calls `onEvent(name, data)` for each until the stream ends. */
  async events(path, body, onEvent, { signal } = {}) {
    const response = await send("POST", path, { body, signal, headers: { Accept: "text/event-stream" } });
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) break;
      text = (text + value).replaceAll("\r\n", "\n");
      let end;
      while ((end = text.indexOf("\n\n")) >= 0) {
        dispatch(text.slice(0, end), onEvent);
        text = text.slice(end + 2);
      }
    }
  },
};

function dispatch(block, onEvent) {
  let name = "message";
  const lines = [];
  for (const line of block.split("\n")) {
    if (line.startsWith("event:")) name = line.slice(6).trim();
    else if (line.startsWith("data:")) lines.push(line.slice(5).trimStart());
  }
  if (lines.length) onEvent(name, JSON.parse(lines.join("\n")));
}

/** Offer a file to the reader for keeping. */
export function saveFile(blob, name) {
  const url = URL.createObjectURL(blob);
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
