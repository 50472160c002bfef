// Short messages about what just happened.

export interface Toast {
  id: number;
  text: string;
  tone: 'info' | 'bad';
}

const SHOWN_MS = 4000;

class Toasts {
  #all = $state.raw<readonly Toast[]>([]);
  #next = 1;

  get all(): readonly Toast[] {
    return this.#all;
  }

  show(text: string, tone: Toast['tone'] = 'info'): void {
    const toast = { id: this.#next++, text, tone };
    this.#all = [...this.#all, toast];
    setTimeout(() => this.close(toast.id), SHOWN_MS);
  }

  close(id: number): void {
    this.#all = this.#all.filter((toast) => toast.id !== id);
  }
}

export const toasts = new Toasts();

/** Copies text and says so. */
export async function copy(text: string, what: string): Promise<void> {
  try {
    if (navigator.clipboard) await navigator.clipboard.writeText(text);
    else copyBySelection(text);
    toasts.show(`Copied ${what}`);
  } catch {
    toasts.show(`Cannot copy ${what}: the browser forbids it; select it and copy by hand`, 'bad');
  }
}

// The clipboard exists in secure contexts only; a server on the local network by plain http is none.
function copyBySelection(text: string): void {
  const area = document.createElement('textarea');
  area.value = text;
  area.style.position = 'fixed';
  area.style.opacity = '0';
  document.body.append(area);
  area.select();
  const done = document.execCommand('copy');
  area.remove();
  if (!done) throw new Error('copying was refused');
}
