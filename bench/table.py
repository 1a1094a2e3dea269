"""Figures of a run as a markdown table: medians of the ratios of each round, with least and most."""
import statistics

import ways

NOTE = '''A cell is the median of the ratios to *bare* in the same round, with the least and the most; *bare* itself is in
units. *sampled* has the default `sample_bytes`, 512K. Cost is CPU time: of the program itself in the rows of pairs,
realloc and requests, of all processes in the rows of whole programs (heaptrack has one to interpret, whose time is in
it). A fork is the time until the parent goes on. In the rows of requests a second less than 1 is slower. RSS is that
of the program alone. Instructions (those that callgrind counts), the memory of an idle thread, and a look are no
ratios. A look is the CPU time of the agent's thread while all callsites have changed; the program does not wait for
it. Under libguard the agent is alone, but in the column *exact + serve* a `guardctl serve` listens to it.

(1) Compared with the same allocator without its profiler. (2) On a smaller input, and compared with a run on that.
'''


def short(value):
  """Three digits, or all before the point."""
  return '{:,.0f}'.format(value) if value >= 100 else '%.3g' % value


ABSOLUTE = ('I', 'KB', 'ms')  # units of figures that are no ratios to bare


def quantity(value, unit):
  if unit == 'ns':
    factor, name = next(pair for pair in ((1e6, 'ms'), (1e3, 'us'), (1, 'ns')) if value >= pair[0] or pair[0] == 1)
    return short(value / factor) + ' ' + name
  if unit == 'I':
    return short(value)
  return short(value) + (unit if unit == '/s' else ' ' + unit)


def ratios(figures, way):
  """The ratios of one row, a round each, where both were measured."""
  base = ways.BY_NAME[way].base or way
  pairs = zip(figures.get(way, ()), figures.get(base, ()))
  return [value / reference for value, reference in pairs if value is not None and reference]


def ratio_text(all_ratios):
  def short_ratio(value):
    return '%.2f' % value if value < 10 else '%.1f' % value if value < 100 else '{:,.0f}'.format(value)

  middle = short_ratio(statistics.median(all_ratios))
  if len(all_ratios) < 2:
    return middle
  return '%s (%s–%s)' % (middle, short_ratio(min(all_ratios)), short_ratio(max(all_ratios)))


def cell(row, way):
  values = [value for value in row['figures'].get(way.name, ()) if value is not None]
  if not values:
    return ''
  if way.base is None or row['unit'] in ABSOLUTE:
    return quantity(statistics.median(values), row['unit'])
  found = ratios(row['figures'], way.name)
  return ratio_text(found) if found else ''


def columns(rows):
  """The ways that have a column: those with figures that are not there as a base only."""
  return [way for way in ways.WAYS if not way.hidden and any(cell(row, way) for row in rows)]


def markdown(rows):
  shown = columns(rows)
  lines = ['| | ' + ' | '.join(way.title for way in shown) + ' |', '|---' * (len(shown) + 1) + '|']
  for row in rows:
    lines.append('| %s | %s |' % (row['name'], ' | '.join(cell(row, way) for way in shown)))
  return '\n'.join(lines) + '\n'


def document(results):
  """The dated text: where and how it was measured, the table, what its words mean."""
  machine = results['machine']
  facts = ['- %s: %s' % (key, value) for key, value in machine.items() if key != 'versions']
  facts += ['- versions: ' + ', '.join('%s %s' % item for item in machine['versions'].items())]
  failures = ['- ' + text for text in results['failures']]
  return '# Costs, %s\n\n%s\n\n%s\n%s%s' % (
    machine['date'], '\n'.join(facts), markdown(results['rows']), NOTE,
    '\nNot measured:\n\n' + '\n'.join(failures) + '\n' if failures else '')
