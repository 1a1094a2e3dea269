"""The figures of the corpus as text: Markdown, so that it reads in a terminal and in the README."""
from score import CLASSES


def share(value):
  return '-' if value is None else '%.3f' % value


def interval(pair):
  return '%.3f..%.3f' % tuple(pair)


def percent(value):
  return '-' if value is None else '%.1f %%' % (100 * value)


def minutes(value):
  return '-' if value is None else '%.0f min' % (value / 60) if value >= 120 else '%.1f s' % value


def detection_row(name, figures, flagged='-'):
  return '| %s | %s (%s) | %s (%s) | %s |' % (
    name, share(figures['precision']), interval(figures['precision_interval']),
    share(figures['recall']), interval(figures['recall_interval']), flagged)


def detection_table(scores):
  place = scores['localisation']
  flagged = '%d of %d' % (len(place['innocent_flagged']), place['innocent_sites'])
  yield '| rule | precision (95 %) | recall (95 %) | innocent sites flagged |'
  yield '|---|---|---|---|'
  yield detection_row('**libguard**, end of run', scores['end'], flagged)
  yield detection_row('**libguard**, any time, `leak` alone', scores['any_time_leak'])
  yield detection_row('**libguard**, any time, `leak` or `growth`', scores['any_time_alert'])
  for name, figures in scores['other_rules'].items():
    count = figures.get('innocent_flagged')
    yield detection_row(name, figures, '-' if count is None else '%d of %d' % (count, place['innocent_sites']))


def figure_table(scores):
  place, rate, time = scores['localisation'], scores['rate_error'], scores['time_to_detect']
  yield '| figure | value |'
  yield '|---|---|'
  yield '| a leaking callsite is ranked first | %d of %d |' % (place['ranked_first'], place['of'])
  yield '| error of the rate, median; 95th percentile | %s; %s (%d callsites) |' % (
    percent(rate['median']), percent(rate['p95']), rate['n'])
  yield '| first lost block to alert, median; 95th percentile | %s; %s |' % (
    minutes(time['median_s']), minutes(time['p95_s']))
  yield '| the same as a share of max(hold, 16 blocks) | %s; %s |' % (
    share(time['median_of_bar']), share(time['p95_of_bar']))
  yield '| macro-F1 of the classes | %s |' % share(scores['macro_f1'])


def confusion_table(scores):
  matrix = scores['confusion']
  yield '| truth \\ verdict | %s |' % ' | '.join(CLASSES)
  yield '|---' * (len(CLASSES) + 1) + '|'
  for row in CLASSES:
    if any(matrix[row].values()):
      yield '| %s | %s |' % (row, ' | '.join(str(matrix[row][name] or '') for name in CLASSES))


def misjudged(scores):
  for title, names in (('false alarms at the end', scores['end']['false_alarms']),
                       ('missed at the end', scores['end']['missed']),
                       ('false alarms at any time, leak alone', scores['any_time_leak']['false_alarms']),
                       ('missed at any time, leak alone', scores['any_time_leak']['missed']),
                       ('innocent callsites flagged', scores['localisation']['innocent_flagged'])):
    if names:
      yield '%s: %s' % (title, ', '.join(names))


def text(scores):
  lines = ['%d runs of %d behaviours' % (scores['runs'], scores['behaviours']), '']
  for part in (detection_table, figure_table, confusion_table):
    lines += [*part(scores), '']
  return '\n'.join(lines + list(misjudged(scores)))
