#!/usr/bin/env python3
"""guardctl replay: exact figures, verdicts, marks of bad lines, exit codes.

usage: replay.py --guardctl PATH
"""
import argparse
import json
import os
import random
import subprocess
import sys
import tempfile

problems = []


def check(what, good):
  if not good:
    problems.append(what)
    print('wrong: ' + what)


def replay(guardctl, text, *arguments, file='-'):
  return subprocess.run([guardctl, 'replay', *arguments, file], input=text, capture_output=True, text=True, timeout=120)


def report(guardctl, text, *arguments):
  done = replay(guardctl, text, '--report', 'json', *arguments)
  if done.returncode:
    check('status %d: %s' % (done.returncode, done.stderr), False)
    return None
  return json.loads(done.stdout)['processes'][0]


def site(process, name):
  return [c for c in process['callsites'] if c['frames'][0]['function'] == name][0]


def small_log(guardctl):
  log = ('# a comment, and an empty line\n\n'
         'm 0 1000000\na 0.5 1 100 main\na 0.5 x 24 parse\nr 1 1 2 150 main\nf 2 x\nf 2.25 y\n'
         'a\t3.0  4294967296 0   parse\nm 3.5 2000000\nk 4\ne 5.125\n')
  process = report(guardctl, log)
  main, parse = site(process, 'main'), site(process, 'parse')
  check('main', (main['allocated_blocks'], main['allocated_bytes'], main['freed_blocks'], main['freed_bytes'],
                 main['live_blocks'], main['live_bytes']) == (2, 250, 1, 100, 1, 150))
  check('parse', (parse['allocated_blocks'], parse['live_blocks'], parse['live_bytes']) == (2, 1, 0))
  check('memory', process['memory']['live_bytes'] == 150 and process['memory']['peak_live_bytes'] == 174 and
        process['memory']['rss_bytes'] == 2000000)
  check('unknown frees', process['agent']['unknown_frees'] == 1)
  check('duration', process['duration_s'] == 5.125)
  check('samples', [s['t_s'] for s in process['samples']] == [0, 3.5])
  check('verdict', process['verdict']['state'] == 'inconclusive')
  check('one frame, a function', len(main['frames']) == 1 and main['frames'][0]['module'] is None)
  check('exact', process['exact'] is True)
  text = replay(guardctl, log).stdout
  check('text', '      main\n' in text and 'inconclusive' in text and 'in no module' not in text)


def reallocs(guardctl):
  """A block that realloc made of one of the same site is as old as that; of another site's it is new."""
  log = ''.join('a %d %d 100 made\n' % (i, i) for i in range(40))
  log += ''.join('r %d %d %d 200 %s\n' % (100 + i, i, 1000 + i, 'made' if i % 2 else 'moved') for i in range(40))
  process = report(guardctl, log + 'e 145\n', '--set', 'interval=1s')
  made, moved = (site(process, name)['evidence']['ages'] for name in ('made', 'moved'))
  check('reallocated, as old as before: %s' % made, sum(made) == 20 and sum(made[3:]) == 0)
  check('reallocated by another site: %s' % moved, sum(moved) == 20 and sum(moved[:5]) == 0)


def marks(guardctl):
  """Growth from mark to mark is found after five, however young; as in the agent, marks are no walks."""
  def log(keep):
    return ''.join('a %f x%d 100 work\n%sk %f\n' % (i, i, '' if keep else 'f %f x%d\n' % (i + .1, i), i + .2)
                   for i in range(1, 10))
  for keep, status in ((True, 23), (False, 24)):
    done = replay(guardctl, log(keep) + 'e 9.5\n', '--gate', '--set', 'hold=1h')
    check('marks: status %d, not %d' % (done.returncode, status), done.returncode == status)


BAD = [
  ('a 1 1 10 x\nq 2 3\n', 2), ('a 1 1 10\n', 1), ('a 1 1 ten x\n', 1), ('a 1 1 -10 x\n', 1), ('a one 1 10 x\n', 1),
  ('a 1. 1 10 x\n', 1), ('a -1 1 10 x\n', 1), ('a 2 1 10 x\na 1 2 10 x\n', 2), ('f 1\n', 1), ('r 1 1 2 10\n', 1),
  ('m 1\n', 1), ('k\n', 1), ('e 1\na 2 1 10 x\n', 2), ('a 1 1 10 x y\n', 1), ('\n# x\n\na 1 1 10 x\na 2 1 10 x\n', 5),
  ('a 1e3 1 10 x\n', 1), ('a 1 1 999999999999999999999 x\n', 1), ('aa 1 1 10 x\n', 1), ('\x00\n', 1),
]


def bad_lines(guardctl):
  for text, line in BAD:
    done = replay(guardctl, text)
    check('%r: status %d, %r' % (text, done.returncode, done.stderr),
          done.returncode == 125 and done.stderr.startswith('guardctl: (standard input):%d: ' % line) and
          done.stderr.count('\n') == 1 and not done.stdout)
  for arguments in (['--set', 'nonsense=1'], ['--set', 'interval=x'], ['--report', 'xml'], ['--top', '0'], ['a', 'b']):
    check('%s' % arguments, replay(guardctl, '', *arguments).returncode == 125)
  check('no file', replay(guardctl, '', file='/nonexistent').returncode == 125)
  check('no argument', subprocess.run([guardctl, 'replay'], capture_output=True, timeout=60).returncode == 125)
  check('empty', replay(guardctl, '').returncode == 0)


def traffic(seconds, lost, seed=1, pace=20.0):
  """Requests of a second's life; a share of them stays for ever."""
  chance, events, time, n = random.Random(seed), [], 0.0, 0
  while time < seconds:
    time += chance.expovariate(pace)
    n += 1
    events.append((time, 'a %.6f %d 100 request\n' % (time, n)))
    if chance.random() >= lost:
      end = time + chance.expovariate(1)
      if end < seconds:
        events.append((end, 'f %.6f %d\n' % (end, n)))
  return ''.join(line for _, line in sorted(events)) + 'e %.6f\n' % time


def verdicts(guardctl):
  quick = ('--set', 'interval=100ms')
  leaking, clean = traffic(15, 0.2), traffic(15, 0)
  process = report(guardctl, leaking, *quick)
  found = site(process, 'request')
  check('a leak in 15 s', process['verdict']['state'] == 'leak' and found['verdict']['state'] == 'leak')
  check('its rate: %s' % found['verdict']['growth_bytes_per_hour'],
        0.7 < found['verdict']['growth_bytes_per_hour'] / (20 * 0.2 * 100 * 3600) < 1.3)
  check('its transition', {'t_s': process['duration_s'], 'state': 'leak', 'site': 'request'} in process['transitions'])
  check('no leak', report(guardctl, clean, *quick)['verdict']['state'] in ('stable', 'warm_up'))
  for text, arguments, status in ((leaking, quick, 23), (clean, quick, 0), ('e 1\n', quick, 24)):
    check('gate %d' % status, replay(guardctl, text, '--gate', *arguments).returncode == status)
  check('no gate', replay(guardctl, leaking, *quick).returncode == 0)
  slow = report(guardctl, traffic(4500, 0.02, pace=1.0))
  states = [(step['t_s'], step['state']) for step in slow['transitions'] if step['site'] is None]
  check('held for an hour: %s' % states, slow['verdict']['state'] == 'leak' and
        all(time >= 3600 for time, state in states if state == 'leak') and states[-1][1] == 'leak')
  again = replay(guardctl, leaking, '--report', 'json', *quick).stdout
  check('the same again', again == replay(guardctl, leaking, '--report', 'json', *quick).stdout)
  with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, 'log')
    with open(path, 'w', encoding='ascii') as file:
      file.write(leaking)
    check('from a file', replay(guardctl, '', '--gate', *quick, file=path).returncode == 23)


def many_blocks(guardctl):
  """200,000 live blocks, reused ids, many sites: the books must come out even."""
  chance, lines, live, counts = random.Random(2), [], {}, {}
  for i in range(300000):
    if live and chance.random() < 0.33:
      key = chance.choice(list(live)) if i % 1000 == 0 else next(iter(live))
      name, size = live.pop(key)
      counts[name][2] += 1
      counts[name][3] += size
      lines.append('f %d.%03d %s\n' % (i // 1000, i % 1000, key))
    else:
      key, name, size = str(i) if i % 3 else 'block%d' % i, 'site%d' % (i % 700), i % 5000
      live[key] = (name, size)
      count = counts.setdefault(name, [0, 0, 0, 0])
      count[0] += 1
      count[1] += size
      lines.append('a %d.%03d %s %d %s\n' % (i // 1000, i % 1000, key, size, name))
  process = report(guardctl, ''.join(lines))
  told = {c['frames'][0]['function']: [c['allocated_blocks'], c['allocated_bytes'], c['freed_blocks'], c['freed_bytes']]
          for c in process['callsites']}
  check('books', told == counts)
  check('live', process['memory']['live_blocks'] == len(live))


def main():
  parser = argparse.ArgumentParser()
  parser.add_argument('--guardctl', required=True)
  guardctl = parser.parse_args().guardctl
  small_log(guardctl)
  reallocs(guardctl)
  marks(guardctl)
  bad_lines(guardctl)
  verdicts(guardctl)
  many_blocks(guardctl)
  print('%d problems' % len(problems))
  sys.exit(1 if problems else 0)


if __name__ == '__main__':
  main()
