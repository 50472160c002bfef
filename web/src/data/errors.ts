// What a request can end with when it does not end well.
import type { ErrorBody } from './messages';

/** A request that failed. `code` is stable (docs/reference/errors.md); "unreachable" and "bad-answer" are made here. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  readonly hint: string;
  readonly request: string;

  constructor(request: string, status: number, code: string, message: string, hint = '') {
    super(message);
    this.name = 'ApiError';
    this.request = request;
    this.status = status;
    this.code = code;
    this.hint = hint;
  }
}

/** The error of an answer whose status is no success; tolerates bodies that are not ours (a proxy's page). */
export function errorOfAnswer(request: string, status: number, body: unknown): ApiError {
  const error = (body as { error?: Partial<ErrorBody> } | null)?.error;
  if (error && typeof error.code === 'string' && typeof error.message === 'string') {
    return new ApiError(request, status, error.code, error.message, error.hint ?? '');
  }
  const hint = status >= 500 ? 'look at the output of the server, then try again' : 'is this a Runlore server?';
  return new ApiError(request, status, 'bad-answer', `the server answered ${status} without saying why`, hint);
}

/** Whether a rejected promise only says that its request was cancelled. */
export function isAbort(reason: unknown): boolean {
  return reason instanceof DOMException && reason.name === 'AbortError';
}

/** Any thrown thing as an ApiError; what is none is a fault of the page itself and keeps its message. */
export function asApiError(request: string, reason: unknown): ApiError {
  if (reason instanceof ApiError) return reason;
  const message = reason instanceof Error ? reason.message : String(reason);
  return new ApiError(request, 0, 'bad-answer', `cannot read the answer: ${message}`, 'reload the page');
}
