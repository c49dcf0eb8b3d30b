// The scale as a picture: how the cost of each operation grows over its cost at the smallest size. Pure: series in, SVG out.
import { flatEnough, growth, type ScaleSeries } from './scale-series.ts';

const panel = { width: 400, height: 260, left: 50, top: 40, gap: 90, legendLine: 18 };

/** Told apart on light and on dark ground, also by who sees few colours. */
const colours = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#b8860b', '#56b4e9', '#8f6bd6', '#7f7f7f'];

const style = `.ground { fill: #fff } text { font: 12px system-ui, sans-serif; fill: #222 } .title { font-weight: 600 }
.axis { stroke: #888 } .grid { stroke: #8884 } .limit { stroke: #888; stroke-dasharray: 5 4 }
@media (prefers-color-scheme: dark) { .ground { fill: #0d1117 } text { fill: #ddd } }`;

export function plotScale(series: readonly ScaleSeries[]): string {
  const panels = (['sessions', 'messages'] as const).flatMap((by) => {
    const some = series.filter((each) => each.by === by && each.points.length > 1);
    return some.length === 0 ? [] : [{ by, some }];
  });
  const lines = Math.max(0, ...panels.map(({ some }) => some.length));
  const width = panels.length * (panel.width + panel.gap) + panel.left;
  const height = panel.top + panel.height + 60 + lines * panel.legendLine;
  const drawn = panels.map(({ by, some }, i) =>
    drawPanel(by, some, panel.left + i * (panel.width + panel.gap)),
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="Cost by size">`,
    `<style>${style}</style><rect class="ground" width="${width}" height="${height}"/>`,
    ...drawn,
    '</svg>\n',
  ].join('\n');
}

interface Scales {
  readonly x: (size: number) => number;
  readonly y: (ratio: number) => number;
  readonly top: number;
}

function drawPanel(by: ScaleSeries['by'], series: readonly ScaleSeries[], left: number): string {
  const grown = series.map((each) => growth(each).map(({ size, ratio }) => ({ size, ratio: ratio.median })));
  const sizes = [...new Set(grown.flat().map(({ size }) => size))].sort((a, b) => a - b);
  const scales = scalesOf(sizes, Math.max(2, ...grown.flat().map(({ ratio }) => ratio)));
  const title = by === 'sessions' ? 'by number of sessions' : 'by messages of a conversation';
  return [
    `<g transform="translate(${left} ${panel.top})">`,
    `<text class="title" y="-16">Cost over that at the smallest size, ${title}</text>`,
    ...axes(sizes, scales),
    ...grown.map((points, i) => drawLine(points, scales, strokeOf(i))),
    ...series.map(({ name }, i) => legend(name, i)),
    '</g>',
  ].join('\n');
}

function scalesOf(sizes: readonly number[], highest: number): Scales {
  const [low, high] = [Math.log10(sizes[0] ?? 1), Math.log10(sizes.at(-1) ?? 10)];
  const top = Math.ceil(highest * 2) / 2;
  return {
    x: (size) => round(((Math.log10(size) - low) / (high - low || 1)) * panel.width),
    y: (ratio) => round(panel.height - (ratio / top) * panel.height),
    top,
  };
}

function axes(sizes: readonly number[], { x, y, top }: Scales): readonly string[] {
  const step = top > 6 ? Math.ceil(top / 6) : 0.5;
  const marks = Array.from({ length: Math.floor(top / step) + 1 }, (_, i) => i * step);
  return [
    ...marks.map((mark) => `<path class="grid" d="M0 ${y(mark)}H${panel.width}"/>`),
    ...marks.map((mark) => `<text x="-8" y="${y(mark) + 4}" text-anchor="end">${mark}</text>`),
    ...sizes.map((size) => `<path class="grid" d="M${x(size)} 0V${panel.height}"/>`),
    ...sizes.map(
      (size) =>
        `<text x="${x(size)}" y="${panel.height + 18}" text-anchor="middle">${size.toLocaleString('en')}</text>`,
    ),
    `<path class="axis" fill="none" d="M0 0V${panel.height}H${panel.width}"/>`,
    `<path class="limit" d="M0 ${y(flatEnough)}H${panel.width}"/>`,
    `<text x="${panel.width + 4}" y="${y(flatEnough) + 4}">${flatEnough} ×</text>`,
  ];
}

function drawLine(
  points: readonly { size: number; ratio: number }[],
  scales: Scales,
  stroke: Stroke,
): string {
  const places = points.map(({ size, ratio }) => `${scales.x(size)},${scales.y(ratio)}`);
  const dots = places.map((place) => {
    const [x, y] = place.split(',');
    return `<circle cx="${x}" cy="${y}" r="3" fill="${stroke.colour}"/>`;
  });
  return `<polyline fill="none" ${attributesOf(stroke)} points="${places.join(' ')}"/>${dots.join('')}`;
}

function legend(name: string, i: number): string {
  const y = panel.height + 44 + i * panel.legendLine;
  const text = name.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  return `<path d="M0 ${y - 4}h18" ${attributesOf(strokeOf(i))}/><text x="26" y="${y}">${text}</text>`;
}

interface Stroke {
  readonly colour: string;
  /** A colour that comes a second time is told from the first by it. */
  readonly isDashed: boolean;
}

const strokeOf = (i: number): Stroke => ({
  colour: colours[i % colours.length] ?? '#888',
  isDashed: i >= colours.length,
});

const attributesOf = ({ colour, isDashed }: Stroke): string =>
  `stroke="${colour}" stroke-width="2.5"${isDashed ? ' stroke-dasharray="5 3"' : ''}`;

const round = (value: number): number => Math.round(value * 10) / 10;
