/// <reference types="node" />
// Pictures under test: pixels against a stored PNG. Only tests import this; it runs in Node.
//
// A missing reference is written and the test fails once, so that somebody looks at it; a difference leaves the new
// picture beside the reference with "-changed" in its name. To accept it, put it in the reference's place.
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { crc32, deflateSync, inflateSync } from 'node:zlib';

/** RGBA, straight alpha. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly pixels: Uint8ClampedArray;
}

const SIGNATURE = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);

/** The bytes of a PNG, 8 bits RGBA, without filters. */
export function encodePng({ width, height, pixels }: Picture): Uint8Array {
  const rows = new Uint8Array(height * (1 + width * 4));
  for (let y = 0; y < height; y++)
    rows.set(pixels.subarray(y * width * 4, (y + 1) * width * 4), y * (1 + width * 4) + 1);
  const head = new Uint8Array(13);
  const view = new DataView(head.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  head.set([8, 6], 8);
  return Buffer.concat([
    SIGNATURE,
    chunk('IHDR', head),
    chunk('IDAT', deflateSync(rows, { level: 9 })),
    chunk('IEND', new Uint8Array(0)),
  ]);
}

/** Reads what `encodePng` writes. Throws Error for any other PNG. */
export function decodePng(bytes: Uint8Array): Picture {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (!SIGNATURE.every((byte, i) => bytes[i] === byte)) throw new Error('cannot read picture: it is no PNG');
  const width = view.getUint32(16);
  const height = view.getUint32(20);
  const parts: Uint8Array[] = [];
  for (let at = 8; at < bytes.length;) {
    const length = view.getUint32(at);
    if (String.fromCharCode(...bytes.subarray(at + 4, at + 8)) === 'IDAT')
      parts.push(bytes.subarray(at + 8, at + 8 + length));
    at += 12 + length;
  }
  const rows = inflateSync(Buffer.concat(parts));
  const pixels = new Uint8ClampedArray(width * height * 4);
  for (let y = 0; y < height; y++) {
    const start = y * (1 + width * 4);
    if (rows[start] !== 0) throw new Error('cannot read picture: it was written by another program (filtered rows)');
    pixels.set(rows.subarray(start + 1, start + 1 + width * 4), y * width * 4);
  }
  return { width, height, pixels };
}

function chunk(kind: string, data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(12 + data.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, data.length);
  bytes.set(Buffer.from(kind, 'latin1'), 4);
  bytes.set(data, 8);
  view.setUint32(8 + data.length, crc32(bytes.subarray(4, 8 + data.length)));
  return bytes;
}

/**
 * Compares with __pictures__/<name>.png; returns null when equal, else what differs, in words.
 *
 * A channel may be off by one: mathematical functions may differ in the last bit between platforms.
 */
export function differenceFromStored(name: string, picture: Picture): string | null {
  const file = fileURLToPath(new URL(`./__pictures__/${name}.png`, import.meta.url));
  const changed = file.replace(/\.png$/, '-changed.png');
  if (!existsSync(file)) {
    writeFileSync(file, encodePng(picture));
    return `there was no picture ${name}.png: it is written now, look at it`;
  }
  const stored = decodePng(readFileSync(file));
  const difference = compare(stored, picture);
  if (difference === null) rmSync(changed, { force: true });
  else writeFileSync(changed, encodePng(picture));
  return difference && `${difference}; the new picture is ${name}-changed.png`;
}

function compare(stored: Picture, picture: Picture): string | null {
  if (stored.width !== picture.width || stored.height !== picture.height) {
    return `size is ${picture.width} × ${picture.height}, stored is ${stored.width} × ${stored.height}`;
  }
  let count = 0;
  let most = 0;
  stored.pixels.forEach((value, i) => {
    const off = Math.abs(value - (picture.pixels[i] as number));
    if (off > 1) count += 1;
    most = Math.max(most, off);
  });
  return count === 0 ? null : `${count} channels differ, by up to ${most}`;
}
