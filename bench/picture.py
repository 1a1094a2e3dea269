"""The table as a picture: an SVG with a line for each row and a dot for each way, cost on a logarithmic axis."""
import math
import statistics
from xml.sax.saxutils import escape

import table
import ways

COLOURS = {'off': '#7f7f7f', 'counts': '#ff7f0e', 'sampled': '#bcbd22', 'exact': '#1f77b4', 'serve': '#17becf', 'heaptrack': '#d62728', 'jeprof': '#98df8a',
           'jeprof-all': '#2ca02c', 'gperftools': '#9467bd', 'massif': '#8c564b', 'dhat': '#e377c2'}
LEFT, WIDTH, LINE = 340, 640, 20
LEGEND_COLUMNS, LEGEND_WIDTH, LEGEND_LINE = 5, 204, 18
TICKS = (0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)


def costs(row, way):
  """Ratios where more is always worse."""
  found = table.ratios(row['figures'], way.name)
  return [1 / value for value in found if value] if row['unit'] == '/s' else found


class Axis:
  def __init__(self, values):
    least, most = min(values + [1]), max(values + [2])
    self.ticks = [tick for tick in TICKS if least / 2 <= tick <= most * 2]
    self.low, self.high = math.log(min(least, self.ticks[0])), math.log(max(most, self.ticks[-1]))

  def x(self, value):
    return LEFT + WIDTH * (math.log(value) - self.low) / (self.high - self.low)


def frame(axis, top, height):
  for tick in axis.ticks:
    x = axis.x(tick)
    yield '<line x1="%.1f" y1="%d" x2="%.1f" y2="%d" stroke="%s"/>' % (
      x, top - 10, x, height - 10, '#888' if tick == 1 else '#e4e4e4')
    yield '<text x="%.1f" y="%d" text-anchor="middle" fill="#555">%gx</text>' % (x, top - 16, tick)


def legend(shown):
  for i, way in enumerate(shown):
    x, y = 12 + i % LEGEND_COLUMNS * LEGEND_WIDTH, 14 + i // LEGEND_COLUMNS * LEGEND_LINE
    yield '<circle cx="%d" cy="%d" r="5" fill="%s"/>' % (x, y, COLOURS.get(way.name, '#000'))
    yield '<text x="%d" y="%d">%s</text>' % (x + 9, y + 4, escape(way.title))


def line(row, shown, axis, y):
  yield '<text x="%d" y="%d" text-anchor="end">%s</text>' % (LEFT - 22, y + 4, escape(row['name'].replace('`', '')))
  for way in shown:
    found = costs(row, way)
    if not found:
      continue
    colour = COLOURS.get(way.name, '#000')
    yield '<line x1="%.1f" y1="%d" x2="%.1f" y2="%d" stroke="%s" stroke-width="2" stroke-opacity="0.5"/>' % (
      axis.x(min(found)), y, axis.x(max(found)), y, colour)
    yield '<circle cx="%.1f" cy="%d" r="4.5" fill="%s" fill-opacity="0.85"><title>%s</title></circle>' % (
      axis.x(statistics.median(found)), y, colour, escape('%s: %s' % (way.title, table.ratio_text(found))))


def svg(rows):
  shown = [way for way in table.columns(rows) if way.base]
  drawn = [row for row in rows if any(costs(row, way) for way in shown)]
  values = [value for row in drawn for way in shown for value in costs(row, way)]
  top = 34 + LEGEND_LINE * -(-len(shown) // LEGEND_COLUMNS)
  axis, height = Axis(values), top + LINE * len(drawn) + 10
  parts = ['<svg xmlns="http://www.w3.org/2000/svg" width="{0}" height="{1}" viewBox="0 0 {0} {1}" '
           'font-family="sans-serif" font-size="12">'.format(LEFT + WIDTH + 40, height),
           '<rect width="100%" height="100%" fill="white"/>']
  parts += legend(shown)
  parts += frame(axis, top, height)
  for i, row in enumerate(drawn):
    parts += line(row, shown, axis, top + LINE * i + 8)
  return '\n'.join(parts + ['</svg>', ''])
