// Every command of the app with its key: one list for the keyboard, the palette and the keyboard map.
import { untrack } from 'svelte';
import { chordOf, isTyping } from '../base/keys';

export interface Command {
  id: string;
  title: string;
  section: string;
  /** As `chordOf` writes it: "mod+k", "shift+?", "/", "j". */
  key?: string;
  /** Works while typing in a field too. */
  global?: boolean;
  run(): void;
}

class Commands {
  #all = $state.raw<readonly Command[]>([]);

  get all(): readonly Command[] {
    return this.#all;
  }

  /** Adds commands; the returned function takes them away. */
  add(commands: readonly Command[]): () => void {
    this.#all = [...this.#all, ...commands];
    return () => {
      this.#all = this.#all.filter((command) => !commands.includes(command));
    };
  }

  /** Runs the command of a pressed key, the one added last first. */
  press(event: KeyboardEvent): void {
    if (event.defaultPrevented || event.isComposing) return;
    const chord = chordOf(event);
    const typing = isTyping(event.target);
    const command = this.#all.findLast((one) => one.key === chord && (!typing || one.global === true));
    if (!command || (document.querySelector('dialog[open]') && !command.global)) return;
    event.preventDefault();
    command.run();
  }
}

export const commands = new Commands();

/** Offers commands as long as the calling component lives. `make` may read runes. */
export function useCommands(make: () => readonly Command[]): void {
  $effect(() => {
    const made = make();
    return untrackAdd(made);
  });
}

function untrackAdd(made: readonly Command[]): () => void {
  return untrack(() => {
    const remove = commands.add(made);
    return () => untrack(remove);
  });
}
