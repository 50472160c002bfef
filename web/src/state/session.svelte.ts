// Who is signed in, and how one signs in: a one-time link in the fragment, or an API key typed in.
import * as client from '../data/client';
import { asApiError, type ApiError } from '../data/errors';
import type { Me, SessionRequest } from '../data/messages';
import { live } from '../data/live.svelte';
import { forgetQueries } from '../data/queries.svelte';

export type SessionState = 'starting' | 'in' | 'out' | 'unreachable';

/** Takes a one-time token out of the address bar, so that it is neither kept in the history nor copied with it. */
function takeLink(): string | null {
  const match = /^#link=(.+)$/.exec(window.location.hash);
  if (!match?.[1]) return null;
  history.replaceState(null, '', window.location.pathname + window.location.search);
  return decodeURIComponent(match[1]);
}

class Session {
  state = $state.raw<SessionState>('starting');
  me = $state.raw<Me | null>(null);
  error = $state.raw<ApiError | null>(null);

  /** Signs in by the link in the address, or finds out whether a cookie already does. */
  async start(): Promise<void> {
    client.onUnauthorized(() => this.#out());
    addEventListener('hashchange', () => {
      const link = takeLink();
      if (link) void this.signIn({ link });
    });
    const link = takeLink();
    if (link && (await this.signIn({ link }))) return;
    const linkError = this.error;
    await this.#ask();
    // A used-up link does not matter to somebody who is signed in.
    this.error = this.state === 'out' ? linkError : this.error;
  }

  /** Exchanges a secret for a session; false, with `error` set, when it is not accepted. */
  async signIn(secret: SessionRequest): Promise<boolean> {
    this.error = null;
    try {
      this.#in(await client.signIn(secret));
      return true;
    } catch (reason) {
      this.error = asApiError('POST /session', reason);
      if (this.state === 'starting' && this.error.code !== 'unreachable') this.state = 'out';
      return false;
    }
  }

  async signOut(): Promise<void> {
    await client.signOut();
    this.#out();
  }

  /** Asks again after the server could not be reached. */
  async retry(): Promise<void> {
    this.state = 'starting';
    await this.#ask();
  }

  async #ask(): Promise<void> {
    try {
      this.#in(await client.me());
    } catch (reason) {
      const error = asApiError('GET /me', reason);
      if (error.status === 401) {
        this.#out();
      } else {
        this.error = error;
        this.state = 'unreachable';
      }
    }
  }

  #in(me: Me): void {
    if (this.state !== 'in') {
      client.forget();
      forgetQueries();
    }
    this.me = me;
    this.error = null;
    this.state = 'in';
    live.start();
  }

  #out(): void {
    client.forget();
    forgetQueries();
    this.me = null;
    this.state = 'out';
  }
}

export const session = new Session();
