// The one crosshair that the charts of a screen share: where on x, and which panel the pointer is in.

export class Crosshair {
  x = $state.raw<number | null>(null);
  source = $state.raw<string | null>(null);
}
