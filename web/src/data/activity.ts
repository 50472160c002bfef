// Whether anything is under way. `document.documentElement.dataset.idle` is "true" when nothing is: tests wait for it.

let open = 0;
let frame = 0;

function mark(idle: boolean): void {
  if (typeof document !== 'undefined') document.documentElement.dataset['idle'] = String(idle);
}

/** Something begins (a request, a pending draw); the returned function ends it and may be called twice. */
export function begin(): () => void {
  open += 1;
  mark(false);
  let over = false;
  return () => {
    if (over) return;
    over = true;
    open -= 1;
    settle();
  };
}

// What an answer causes is drawn in the following frames, so idleness is claimed two frames later.
function settle(): void {
  if (open > 0 || typeof requestAnimationFrame === 'undefined') return;
  cancelAnimationFrame(frame);
  frame = requestAnimationFrame(() => {
    frame = requestAnimationFrame(() => {
      if (open === 0) mark(true);
    });
  });
}
