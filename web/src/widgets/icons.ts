// Our own icons: paths on a 16 × 16 grid, drawn with a line of 1.5.

export const icons = {
  search: 'M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10ZM10.7 10.7 14 14',
  close: 'M4 4l8 8M12 4l-8 8',
  check: 'M3 8.5 6.5 12 13 4.5',
  down: 'M4 6l4 4 4-4',
  right: 'M6 4l4 4-4 4',
  up: 'M4 10l4-4 4 4',
  sun: 'M8 11a3 3 0 1 0 0-6 3 3 0 0 0 0 6ZM8 1.5V3M8 13v1.5M1.5 8H3M13 8h1.5M3.4 3.4l1 1M11.6 11.6l1 1M3.4 12.6l1-1M11.6 4.4l1-1',
  moon: 'M13.2 9.6A5.7 5.7 0 0 1 6.4 2.8a5.7 5.7 0 1 0 6.8 6.8Z',
  screen: 'M2 3h12v8H2zM6 14h4M8 11v3',
  columns: 'M2.5 3h11v10h-11zM6.2 3v10M9.8 3v10',
  group: 'M2 3.5h12M5 8h9M5 12.5h9M2 8h.01M2 12.5h.01',
  chart: 'M2 2v12h12M4.5 10.5l3-3.5 2.5 2 3.5-5',
  copy: 'M5.5 5.5v-3h8v8h-3M2.5 5.5h8v8h-8z',
  download: 'M8 2v8M4.5 6.8 8 10.2l3.5-3.4M2.5 13.5h11',
  wrap: 'M2 4h12M2 8h9.5a2.3 2.3 0 0 1 0 4.6H8.5M10 10.6l-2 2 2 2M2 12.5h3',
  clock: 'M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12ZM8 4.8V8l2.2 1.6',
  keyboard: 'M1.5 4h13v8h-13zM4 6.5h.01M6.6 6.5h.01M9.3 6.5h.01M12 6.5h.01M5 9.5h6',
  out: 'M6.5 2.5h-4v11h4M6 8h8M11 5l3 3-3 3',
  user: 'M8 8a2.7 2.7 0 1 0 0-5.4A2.7 2.7 0 0 0 8 8ZM2.8 13.8c.5-2.6 2.5-4 5.2-4s4.7 1.4 5.2 4',
  warn: 'M8 2 14.5 13.5h-13zM8 6.5v3.2M8 11.7h.01',
  info: 'M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12ZM8 7.4v3.6M8 5h.01',
  tail: 'M4 3.5l4 4 4-4M4 8.5l4 4 4-4',
  more: 'M3.5 8h.01M8 8h.01M12.5 8h.01',
  tag: 'M2 2.5h5.5l6.5 6.5-5 5L2.5 7.5zM5 5.2h.01',
} as const;

export type IconName = keyof typeof icons;
