"""The behaviour programs under `guardctl run`: a table of what they are and what was said about them."""
import os
import subprocess

import hosts
import table
from trial import ALERTS

DURATION = 15
SETTINGS = ['interval=100ms']


def names(build):
  """[(name, truth, text)]"""
  listing = subprocess.run([os.path.join(build, 'tests', 'corpus', 'corpus_program'), '--list'], check=True,
                           capture_output=True, text=True).stdout
  return [tuple(line.split('\t')) for line in listing.splitlines()]


def judge(build, name, seed, duration, settings):
  truth, processes = hosts.run_program(build, name, ['--seed', str(seed), '--duration', str(duration)],
                                       SETTINGS + settings, duration * 10 + 60)
  return assess(truth, processes)


def worst(processes):
  """The process that the run is about: one with an alert, else one with another trouble, else the first."""
  order = {'leak': 0, 'growth': 0, 'external': 1, 'retention': 1}
  return min(processes, key=lambda process: order.get(process['state'], 2))


def assess(truth, processes):
  """One row: is the verdict right, is the right function named first, who was flagged without reason?"""
  process, function = worst(processes), truth['function']
  leaky = truth['state'] in ALERTS
  accepted = {truth['state'], truth['also']} | (set(ALERTS) if leaky else set())
  rate = [growth for names_of, _, growth in process['flagged'] if function and function in names_of]
  others = [names_of for other in processes for names_of, _, _ in other['flagged']
            if not function or function not in names_of]
  return {'name': truth['program'], 'truth': truth, 'state': process['state'], 'reasons': process['reasons'],
          'right': process['state'] in ALERTS if leaky else process['state'] not in ALERTS,
          'class_right': process['state'] in accepted,
          'first_right': (function in process['first']) if leaky else None,
          'innocent_flagged': [' < '.join(names_of[:4]) for names_of in others],
          'callsites': sum(other['n_callsites'] for other in processes),
          'rate_error': abs(sum(rate) / truth['bytes_per_s'] - 1) if rate and truth['bytes_per_s'] else None}


def text(rows):
  leaky = [row for row in rows if row['truth']['state'] in ALERTS]
  innocent = [row for row in rows if row not in leaky]
  lines = ['| program | truth | verdict | its function first | innocent callsites flagged | rate error |',
           '|---|---|---|---|---|---|']
  for row in rows:
    lines.append('| %s | %s | %s%s | %s | %d of %d | %s |' % (
      row['name'], row['truth']['state'], row['state'], '' if row['class_right'] else ' **wrong**',
      {True: 'yes', False: '**no**', None: ''}[row['first_right']], len(row['innocent_flagged']), row['callsites'],
      table.percent(row['rate_error']) if row['rate_error'] is not None else ''))
  lines += ['', '%d of %d leaks found, %d of them with the right function first; %d of %d others without an alert; '
            '%d of %d classes right; %d innocent callsites flagged of %d' % (
              sum(row['right'] for row in leaky), len(leaky),
              sum(bool(row['right'] and row['first_right']) for row in leaky),
              sum(row['right'] for row in innocent), len(innocent), sum(row['class_right'] for row in rows), len(rows),
              sum(len(row['innocent_flagged']) for row in rows), sum(row['callsites'] for row in rows))]
  for row in rows:
    for site in row['innocent_flagged']:
      lines.append('flagged without reason in %s: %s' % (row['name'], site))
    if not row['class_right']:
      lines.append('%s is %s, not %s: %s' % (row['name'], row['truth']['state'], row['state'],
                                             '; '.join(row['reasons'])))
  return '\n'.join(lines)
