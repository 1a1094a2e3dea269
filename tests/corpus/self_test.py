#!/usr/bin/env python3
"""
The corpus itself: logs that keep their promises, and scores that come out as computed by hand.

usage: self_test.py BUILD
"""
import os
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True
import score
import table
import trial

SHORT = ['--duration', '60', '--interval', '0.5', '--scale', '0.3']
failures = []


def check(what, good):
  if not good:
    failures.append(what)
    print('wrong: ' + what)


class Books:
  """A log read again: what is live, by site, and whether each line may follow the one before."""

  def __init__(self, path):
    self.time, self.live, self.samples, self.ended, self.wrong = 0.0, {}, 0, False, []
    with open(path, encoding='ascii') as file:
      for line in file:
        self.read(line.split())

  def read(self, words):
    letter, time = words[0], float(words[1])
    if time < self.time or self.ended:
      self.wrong.append(words)
    self.time = time
    if letter in 'fr' and self.live.pop(words[2], None) is None:
      self.wrong.append(words)
    if letter in 'ar':
      if words[-3] in self.live or int(words[-2]) <= 0:
        self.wrong.append(words)
      self.live[words[-3]] = (words[-1], int(words[-2]))
    self.samples += letter == 'm'
    self.ended = letter == 'e'

  def live_of(self, site):
    blocks = [size for name, size in self.live.values() if name == site]
    return len(blocks), sum(blocks)


def check_log(build, behaviour, seed):
  with tempfile.TemporaryDirectory(prefix='corpus.') as folder:
    log, truth = trial.simulate(build, behaviour, seed, SHORT, folder)
    books, name = Books(log), '%s/%d' % (behaviour, seed)
    with open(log, 'rb') as file:
      text = file.read()
    again, _ = trial.simulate(build, behaviour, seed, SHORT, folder)
    with open(again, 'rb') as file:
      check(name + ': the same seed gives another log', file.read() == text)
  check('%s: bad lines %s' % (name, books.wrong[:2]), not books.wrong)
  check(name + ': does not end at 60 s', books.ended and books.time == 60.0)
  check('%s: %d samples' % (name, books.samples), 119 <= books.samples <= 122)
  for site in truth['leaking']:
    blocks, size = books.live_of(site['site'])
    if truth['any_time_only'] or behaviour == 'L21':
      check('%s: %s keeps %d blocks' % (name, site['site'], blocks), blocks == 0)
    elif behaviour not in ('L19', 'L20', 'L48'):  # one block grows: bytes count there
      check('%s: %s lost %d blocks and keeps %d' % (name, site['site'], site['blocks'], blocks),
            blocks >= site['blocks'])
    check(name + ': lost bytes are not there', truth['any_time_only'] or behaviour == 'L21' or size >= site['bytes'])
    check(name + ': the 32nds do not add up', site['lost_by'][0] == 0 and site['lost_by'][32] == site['blocks'])


def made_trial(behaviour, state, flagged=(), leaking=(), transitions=(), subject_state=None):
  sites = {name: {'rank': 1, 'state': 'leak', 'growth_bytes_per_s': 11.0, 'reasons': []} for name in flagged}
  if subject_state:
    sites['subject'] = {'rank': 1, 'state': subject_state, 'growth_bytes_per_s': 0, 'reasons': []}
  return {'truth': {'behaviour': behaviour, 'seed': 1, 'state': 'leak' if leaking else 'stable', 'also': 'warm_up',
                    'any_time_only': False, 'settles_s': 0, 'duration_s': 3200, 'sites': 10,
                    'subject': leaking[0] if leaking else 'subject',
                    'leaking': [{'site': name, 'state': 'leak', 'blocks': 64, 'bytes': 640, 'bytes_per_s': 10.0,
                                 'first_s': 100.0, 'sixteenth_s': 800.0, 'lost_by': [2 * i for i in range(33)]}
                                for name in leaking]},
          'verdict': {'state': state, 'reasons': [], 'sites': sites, 'flagged': list(flagged),
                      'first': flagged[0] if flagged else 'other', 'transitions': list(transitions)},
          'rules': None}


def check_scores():
  alert = {'t_s': 1600.0, 'site': 'lost', 'state': 'leak'}
  trials = [made_trial('A', 'leak', ['lost'], ['lost'], [alert, {**alert, 'site': None}]),
            made_trial('B', 'stable', [], ['lost']),
            made_trial('C', 'leak', ['other']),
            made_trial('D', 'stable', subject_state='warm_up')]
  result = score.score(trials, 1000)
  end = result['end']
  check('precision and recall', (end['precision'], end['recall']) == (0.5, 0.5))
  check('names of the misjudged', end['false_alarms'] == ['C/1'] and end['missed'] == ['B/1'])
  check('any time', result['any_time_leak']['precision'] == 1 and result['any_time_leak']['recall'] == 0.5)
  check('rank', (result['localisation']['ranked_first'], result['localisation']['of']) == (1, 1))
  check('innocent sites', result['localisation']['innocent_sites'] == 38 and
        result['localisation']['innocent_flagged'] == ['C/1 other'])
  check('rate', abs(result['rate_error']['median'] - 0.1) < 1e-9)
  time = result['time_to_detect']
  check('time to detect', time['median_s'] == 1500 and time['median_blocks'] == 32 and time['median_of_bar'] == 1.6)
  check('confusion', result['confusion']['leak'] == {**dict.fromkeys(score.CLASSES, 0), 'leak': 1, 'stable': 1} and
        result['confusion']['warm_up']['warm_up'] == 1 and result['confusion']['stable']['leak'] == 1)
  check('macro-F1', abs(result['macro_f1'] - (0.5 + 1 + 0) / 3) < 1e-9)
  low, high = score.wilson(9, 10)
  check('Wilson', abs(low - 0.5958) < 1e-3 and abs(high - 0.9821) < 1e-3)
  check('the table names what was misjudged', 'false alarms at the end: C/1' in table.text(result))


def main():
  build = os.path.abspath(sys.argv[1])
  rows = trial.behaviours(build)
  check('%d behaviours' % len(rows), len(rows) >= 65 and len({row[0] for row in rows}) == len(rows))
  for number, (behaviour, state, _) in enumerate(rows):
    check(behaviour + ' has no truth', state in score.CLASSES)
    if number % 3 == 0 or behaviour in ('L17', 'L21'):
      check_log(build, behaviour, 1 + number)
  check_scores()
  print('%d behaviours, %d failures' % (len(rows), len(failures)))
  return 1 if failures else 0


if __name__ == '__main__':
  sys.exit(main())
