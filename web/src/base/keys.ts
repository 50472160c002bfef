// Keys as text: how a pressed key is named and how it is shown.

const isMac = typeof navigator !== 'undefined' && /mac|iphone|ipad/i.test(navigator.userAgent);

/** The name of a pressed key: "mod+k", "escape", "?". mod: ⌘ on a Mac, Ctrl elsewhere. */
export function chordOf(event: Pick<KeyboardEvent, 'key' | 'metaKey' | 'ctrlKey' | 'altKey'>): string {
  const mod = isMac ? event.metaKey : event.ctrlKey;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key.toLowerCase();
  return `${mod ? 'mod+' : ''}${event.altKey ? 'alt+' : ''}${key}`;
}

/** Whether keys pressed on `target` are text. */
export function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable || target instanceof HTMLTextAreaElement) return true;
  return target instanceof HTMLInputElement && !['checkbox', 'radio', 'range', 'button'].includes(target.type);
}

/** A chord as it is shown: "mod+k" → "⌘K" or "Ctrl K". */
export function showChord(chord: string): string {
  const words = chord.split('+').filter((word) => word !== '');
  const last = words.pop() ?? '+';
  const shown = last.length === 1 ? last.toUpperCase() : last.charAt(0).toUpperCase() + last.slice(1);
  const mods = words.map((word) => (word === 'mod' ? (isMac ? '⌘' : 'Ctrl ') : isMac ? '⌥' : 'Alt '));
  return mods.join('') + shown;
}
