"""From trials to figures: precision, recall, rank, rates, times, classes; and the same for the other rules."""
import math

from trial import ALERTS

CLASSES = ('leak', 'growth', 'warm_up', 'stable', 'retention', 'external', 'inconclusive')


def wilson(hits, n, z=1.96):
  """The 95 % interval of a share."""
  if not n:
    return (0.0, 1.0)
  share, square = hits / n, z * z
  middle = (share + square / (2 * n)) / (1 + square / n)
  half = z / (1 + square / n) * math.sqrt(share * (1 - share) / n + square / (4 * n * n))
  return (max(0.0, middle - half), min(1.0, middle + half))


def quantile(values, q):
  ordered = sorted(values)
  return ordered[min(len(ordered) - 1, int(q * len(ordered)))] if ordered else None


class Detection:
  """Yes or no on each run, against the truth."""

  def __init__(self):
    self.right, self.missed, self.false, self.quiet = [], [], [], []

  def add(self, name, is_leaking, says):
    (self.right if says else self.missed if is_leaking else self.quiet).append(name) if is_leaking or not says \
      else self.false.append(name)

  def figures(self):
    tp, fn, fp, tn = len(self.right), len(self.missed), len(self.false), len(self.quiet)
    return {'precision': tp / (tp + fp) if tp + fp else None, 'precision_interval': wilson(tp, tp + fp),
            'recall': tp / (tp + fn) if tp + fn else None, 'recall_interval': wilson(tp, tp + fn),
            'true_positive': tp, 'false_positive': fp, 'false_negative': fn, 'true_negative': tn,
            'false_alarms': self.false, 'missed': self.missed}


def name_of(trial):
  return '%s/%d' % (trial['truth']['behaviour'], trial['truth']['seed'])


def leaking_sites(trial):
  return {site['site'] for site in trial['truth']['leaking'] if site['blocks']}


def is_class_leak(trial):
  return any(site['state'] == 'leak' and site['blocks'] for site in trial['truth']['leaking'])


def first_alert(trial, states, sites=None):
  """When the verdict was first one of these, on one of the sites (None: on the process); None: never. Nothing counts
  before the run has settled, for a run that until then looks like a leaking one."""
  settled = 1.1 * trial['truth']['settles_s']
  times = [step['t_s'] for step in trial['verdict']['transitions'] or []
           if step['state'] in states and step['t_s'] > settled and
           (step['site'] is None if sites is None else step['site'] in sites)]
  return min(times) if times else None


def predicted_class(trial):
  """Alerts and the process's own troubles first; else what the site that matters is called."""
  verdict = trial['verdict']
  if verdict['state'] in ('leak', 'growth', 'retention', 'external', 'inconclusive'):
    return verdict['state']
  subject = verdict['sites'].get(trial['truth']['subject'])
  return (subject or {}).get('state') or verdict['state']


def true_class(trial, predicted):
  truth = trial['truth']
  return predicted if predicted == truth['also'] else truth['state']


def confusion(trials):
  matrix = {row: dict.fromkeys(CLASSES, 0) for row in CLASSES}
  for trial in trials:
    if trial['truth']['any_time_only']:
      continue
    predicted = predicted_class(trial)
    matrix[true_class(trial, predicted)][predicted] += 1
  return matrix


def macro_f1(matrix):
  scores = []
  for name in CLASSES:
    of_class = sum(matrix[name].values())
    if not of_class:
      continue
    called = sum(matrix[row][name] for row in CLASSES)
    scores.append(2 * matrix[name][name] / (of_class + called))
  return sum(scores) / len(scores) if scores else None


def detections(trials):
  end, any_leak, any_alert = Detection(), Detection(), Detection()
  for trial in trials:
    leaking, name = bool(leaking_sites(trial)), name_of(trial)
    if not trial['truth']['any_time_only']:
      end.add(name, leaking, trial['verdict']['state'] in ALERTS)
    if trial['verdict']['transitions'] is None:
      continue
    said_leak = first_alert(trial, ('leak',)) is not None
    if is_class_leak(trial) or not leaking:
      any_leak.add(name, leaking, said_leak)
    any_alert.add(name, leaking, first_alert(trial, ALERTS) is not None)
  return {'end': end.figures(), 'any_time_leak': any_leak.figures(), 'any_time_alert': any_alert.figures()}


def localisation(trials):
  """Of the runs that were rightly called leaking: is the first callsite a leaking one? And who was flagged wrongly?"""
  first = found = innocent = 0
  flagged = []
  for trial in trials:
    leaking = leaking_sites(trial)
    innocent += trial['truth']['sites'] - len(leaking)
    flagged += ['%s %s' % (name_of(trial), site) for site in trial['verdict']['flagged'] if site not in leaking]
    if leaking and trial['verdict']['state'] in ALERTS and not trial['truth']['any_time_only']:
      found += 1
      first += trial['verdict']['first'] in leaking
  return {'ranked_first': first, 'of': found, 'innocent_sites': innocent, 'innocent_flagged': flagged}


def rate_errors(trials):
  """Of the site that the run is about, where it leaks at a constant rate and was flagged: one figure a run."""
  errors = {}
  for trial in trials:
    subject = trial['truth']['subject']
    said = trial['verdict']['sites'].get(subject)
    for site in trial['truth']['leaking']:
      if site['site'] == subject and site['bytes_per_s'] and said and said['state'] in ALERTS:
        errors[name_of(trial)] = abs(said['growth_bytes_per_s'] / site['bytes_per_s'] - 1)
  worst = sorted(errors.items(), key=lambda item: -item[1])[:20]
  return {'n': len(errors), 'median': quantile(errors.values(), 0.5), 'p95': quantile(errors.values(), 0.95),
          'worst': worst}


def lost_at(site, time, length):
  """Blocks lost by then; between two 32nds of the run the line between them."""
  at = min(time / length, 1) * 32
  low = min(int(at), 31)
  return site['lost_by'][low] + (at - low) * (site['lost_by'][low + 1] - site['lost_by'][low])


def detection_times(trials, hold_s):
  """From the first lost block to the alert on its site; the bar is max(hold, time of the 16th block)."""
  seconds, blocks, of_bar = [], [], []
  for trial in trials:
    length = trial['truth']['duration_s']
    for site in trial['truth']['leaking']:
      at = first_alert(trial, ALERTS, {site['site']})
      if at is None or site['sixteenth_s'] is None:
        continue
      seconds.append(at - site['first_s'])
      blocks.append(lost_at(site, at, length))
      of_bar.append(at / max(hold_s, site['sixteenth_s']))
  return {'n': len(seconds), 'median_s': quantile(seconds, 0.5), 'p95_s': quantile(seconds, 0.95),
          'median_blocks': quantile(blocks, 0.5), 'median_of_bar': quantile(of_bar, 0.5),
          'p95_of_bar': quantile(of_bar, 0.95)}


OTHER_RULES = {
  'rule A: 5 MB/min over 10 min, any time': lambda r: r['rule_a'],
  'rule A: 50 MB over the baseline, end': lambda r: r['rule_a_limit'],
  'rule B: score > 0.8 for 15 min, any time': lambda r: r['rule_b'],
  'rule B: score > 0.8, end': lambda r: r['rule_b_end'],
  'Coroot, any time': lambda r: r['coroot'],
  'Coroot, end': lambda r: r['coroot_end'],
  'Mann-Kendall z > 2.33, RSS': lambda r: r['kendall'],
  'Mann-Kendall z > 2.33, a site': lambda r: bool(r['kendall_sites']),
  'age: 8 blocks of a site older than T/4': lambda r: bool(r['age_sites']),
}


def other_rules(trials):
  rows = {}
  for name, says in OTHER_RULES.items():
    detection = Detection()
    for trial in trials:
      if trial['rules'] and not trial['truth']['any_time_only']:
        detection.add(name_of(trial), bool(leaking_sites(trial)), says(trial['rules']))
    rows[name] = detection.figures()
    del rows[name]['false_alarms'], rows[name]['missed']
  for name, field in (('Mann-Kendall z > 2.33, a site', 'kendall_sites'),
                      ('age: 8 blocks of a site older than T/4', 'age_sites')):
    rows[name]['innocent_flagged'] = sum(len(set(trial['rules'][field]) - leaking_sites(trial))
                                         for trial in trials if trial['rules'])
  return rows


def score(trials, hold_s):
  matrix = confusion(trials)
  return {'runs': len(trials), 'behaviours': len({trial['truth']['behaviour'] for trial in trials}),
          **detections(trials), 'localisation': localisation(trials), 'rate_error': rate_errors(trials),
          'time_to_detect': detection_times(trials, hold_s), 'confusion': matrix, 'macro_f1': macro_f1(matrix),
          'other_rules': other_rules(trials)}
