// A SharedWorker: the one event stream of this browser, whatever the number of tabs. HTTP/1.1 allows six connections
// to a host across tabs; one stream a tab would leave the seventh tab, and all fetches, without any.
import { parseChange, type FromWorker, type ToWorker } from './live.protocol';

const RETRY_MS = 3000;
const ports = new Set<MessagePort>();
let source: EventSource | null = null;
let connected = false;
let timer: ReturnType<typeof setTimeout> | undefined;

function tell(message: FromWorker): void {
  for (const port of ports) port.postMessage(message);
}

function setConnected(value: boolean): void {
  connected = value;
  tell({ kind: 'state', connected });
}

function open(): void {
  clearTimeout(timer);
  source?.close();
  const stream = new EventSource('/api/v1/events');
  source = stream;
  stream.addEventListener('open', () => setConnected(true));
  stream.addEventListener('change', (event: MessageEvent<string>) => {
    const change = parseChange(event.data);
    if (change) tell({ kind: 'change', change });
  });
  stream.addEventListener('error', () => {
    setConnected(false);
    // The browser reconnects by itself after a broken connection, but not after an error status.
    if (stream.readyState === EventSource.CLOSED && ports.size > 0) timer = setTimeout(open, RETRY_MS);
  });
}

function close(): void {
  clearTimeout(timer);
  source?.close();
  source = null;
  connected = false;
}

function listen(port: MessagePort): void {
  port.addEventListener('message', (event: MessageEvent<ToWorker>) => {
    if (event.data.kind === 'hello') {
      ports.add(port);
      if (source === null) open();
      port.postMessage({ kind: 'state', connected } satisfies FromWorker);
    } else if (event.data.kind === 'open') {
      if (!connected) open();
    } else {
      ports.delete(port);
      if (ports.size === 0) close();
    }
  });
  port.start();
}

addEventListener('connect', (event) => {
  const port = (event as MessageEvent).ports[0];
  if (port) listen(port);
});
