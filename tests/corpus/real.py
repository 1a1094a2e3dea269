"""The programs of cases.py under `guardctl run`: were the leaks found, and the controls left alone?"""
import tempfile

import cases
import hosts
from trial import ALERTS

SETTINGS = ['interval=100ms']


def judge(build, case, seconds, settings):
  with tempfile.TemporaryDirectory(prefix='corpus.') as folder:
    report = folder + '/report'
    case.run(hosts.guarded(build, SETTINGS + settings, report), hosts.environment(folder), folder, seconds)
    return assess(case, hosts.read_report(report))


def assess(case, processes):
  """A leak is found when a callsite that shows an expected function is flagged, in any process."""
  flagged = [names for process in processes for names, _, _ in process['flagged']]
  found = [names for names in flagged if case.expected and (case.expected == cases.ANYTHING or
                                                            any(name in names for name in case.expected))]
  order = sorted(processes, key=lambda process: (process['state'] not in ALERTS,
                                                 -process['memory']['allocated_blocks']))
  quiet = not flagged and order[0]['state'] not in ALERTS
  return {'name': case.name, 'leaks': bool(case.expected), 'state': order[0]['state'], 'reasons': order[0]['reasons'],
          'right': bool(found) if case.expected else quiet,
          'flagged': [' < '.join(names[:6]) for names in found],
          'innocent_flagged': [' < '.join(names[:6]) for names in flagged if names not in found],
          'callsites': sum(process['n_callsites'] for process in processes)}


def text(rows):
  lines = ['| program | truth | verdict | flagged | innocent callsites flagged |', '|---|---|---|---|---|']
  for row in rows:
    lines.append('| %s | %s | %s%s | %s | %d of %d |' % (
      row['name'], 'leak' if row['leaks'] else 'control', row['state'], '' if row['right'] else ' **wrong**',
      row['flagged'][0] if row['flagged'] else '', len(row['innocent_flagged']), row['callsites']))
  leaks, controls = [row for row in rows if row['leaks']], [row for row in rows if not row['leaks']]
  lines += ['', '%d of %d leaks found; %d of %d controls without an alert; %d innocent callsites flagged of %d' % (
    sum(row['right'] for row in leaks), len(leaks), sum(row['right'] for row in controls), len(controls),
    sum(len(row['innocent_flagged']) for row in rows), sum(row['callsites'] for row in rows))]
  for row in rows:
    if not row['right']:
      lines.append('%s: %s' % (row['name'], '; '.join(row['reasons'])))
    lines += ['flagged without reason in %s: %s' % (row['name'], site) for site in row['innocent_flagged']]
  return '\n'.join(lines)
