/** Server-sent events (WHATWG HTML, section 9.2) as far as a node sends them: id, event, data; comments pass by. */

export interface RawEvent {
  id: string;
  event: string;
  data: string;
}

const maxEventChars = 64 * 1024;

/** Cut a byte stream into events. An event longer than 64 Ki characters ends the stream with a RangeError. */
export async function* readEvents(body: AsyncIterable<Uint8Array>): AsyncGenerator<RawEvent> {
  const decoder = new TextDecoder();
  let pending = '';
  let current: RawEvent = { id: '', event: 'message', data: '' };
  for await (const chunk of body) {
    pending += decoder.decode(chunk, { stream: true });
    if (pending.length > maxEventChars) throw new RangeError(`an event is longer than ${maxEventChars} characters`);
    let end = pending.indexOf('\n');
    while (end >= 0) {
      const line = pending.slice(0, end).replace(/\r$/, '');
      pending = pending.slice(end + 1);
      if (line === '') {
        if (current.data !== '') yield current;
        current = { id: '', event: 'message', data: '' };
      } else {
        addField(current, line);
      }
      end = pending.indexOf('\n');
    }
  }
}

function addField(event: RawEvent, line: string): void {
  const colon = line.indexOf(':');
  if (colon <= 0) return;
  const value = line.slice(colon + 1).replace(/^ /, '');
  switch (line.slice(0, colon)) {
    case 'id':
      event.id = value;
      break;
    case 'event':
      event.event = value;
      break;
    case 'data':
      event.data = event.data === '' ? value : `${event.data}\n${value}`;
      break;
  }
}
