// Draws a picture on a canvas, and over it where the network found what speaks for its answer.

const LONGEST_PX = 800;
const TINY_PX = 64;

/** The picture in a file, reduced to what a screen needs; null where the browser cannot read it. */
export async function read(file) {
  try {
    const whole = await createImageBitmap(file);
    const scale = Math.min(1, LONGEST_PX / Math.max(whole.width, whole.height));
    if (scale === 1) return whole;
    const size = { resizeWidth: Math.max(1, Math.round(whole.width * scale)), resizeQuality: "high" };
    const reduced = await createImageBitmap(whole, size);
    whole.close();
    return reduced;
  } catch {
    return null;
  }
}

/** Draw `bitmap`, and `heat` over it where it is given, as strongly as `mix` from 0 to 1. */
export function draw(canvas, bitmap, { heat = null, mix = 0, resize = "squash" } = {}) {
  const enlarge = Math.max(bitmap.width, bitmap.height) < TINY_PX ? 8 : 1; // a heat map needs room
  canvas.width = bitmap.width * enlarge;
  canvas.height = bitmap.height * enlarge;
  canvas.classList.toggle("tiny", enlarge > 1);
  const context = canvas.getContext("2d");
  context.imageSmoothingEnabled = enlarge === 1;
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  if (heat === null) return;
  context.imageSmoothingEnabled = true;
  context.imageSmoothingQuality = "high";
  context.globalAlpha = mix;
  const [x, y, width, height] = seen(canvas, resize);
  context.save();
  context.beginPath();
  context.rect(x, y, width, height);
  context.clip();
  context.drawImage(paint(heat), x, y, width, height);
  context.restore();
}

// The part of the picture that the network was given; padding makes it larger than the picture.
function seen({ width, height }, resize) {
  if (resize === "squash") return [0, 0, width, height];
  const side = resize === "crop" ? Math.min(width, height) : Math.max(width, height);
  return [(width - side) / 2, (height - side) / 2, side, side];
}

// From clear through amber to red; one cell becomes one pixel, and the browser smooths between them.
function paint(heat) {
  const [rows, columns] = [heat.length, heat[0].length];
  const pixels = new ImageData(columns, rows);
  heat.flat().forEach((value, i) => pixels.data.set([235 - 50 * value, 170 * (1 - value), 20, 255 * value], 4 * i));
  const canvas = document.createElement("canvas");
  canvas.width = columns;
  canvas.height = rows;
  canvas.getContext("2d").putImageData(pixels, 0, 0);
  return canvas;
}
