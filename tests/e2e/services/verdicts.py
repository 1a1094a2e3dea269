#!/usr/bin/env python3
"""
What memory does in a program is told apart: a leak, growth, a cache that fills, load, what the allocator keeps, and what
is outside malloc. All run at once, for E2E_VERDICT_SECONDS (12).

  runs    each behaviour of programs/behaviours.c: the verdict, and the callsite where there is one to blame
  workers a leak in one of two forked workers
  late    an analyzer that comes when a leak has long been going on is told the same as one that was there
  killed  and so is one that has to read it from what SIGKILL left
"""
import os
import signal
import time

import service
from service import books, harness

SECONDS = os.environ.get('E2E_VERDICT_SECONDS', '12')
OPTIONS = ('--set', 'interval=100ms', '--set', 'hold=0s', '--set', 'start_delay=0s')
# behaviour: verdicts that are right, function to blame
EXPECTED = {
  'leak': (('leak',), 'request'),
  'no_leak': (('stable',), None),
  'growth': (('growth',), 'allocate_here'),
  'cache': (('warm_up', 'stable'), None),
  'load': (('stable',), None),
  'retention': (('retention',), None),
  'external': (('external',), None),
}


def first_function(process):
  frames = process['callsites'][0]['frames'] if process['callsites'] else []
  return books.plain(frames[0]['function'] or '') if frames else None


def bad_callsites(process):
  return [site for site in process['callsites'] if site['verdict']['state'] in ('leak', 'growth')]


def judge(test, name, process, what=None):
  """Is the verdict right, and does it blame whom it should?"""
  what = what or name
  verdict = process['verdict']
  states, function = EXPECTED[name]
  print('%s: %s, %s' % (what, verdict['state'], verdict['reasons']))
  test.check(verdict['state'] in states, '%s: verdict %s: %s' % (what, verdict['state'], verdict['reasons']))
  test.check(verdict['reasons'], '%s: no reasons' % what)
  blamed = bad_callsites(process)
  if function:
    if test.check(len(blamed) == 1, '%s: %d callsites are blamed' % (what, len(blamed))):
      test.check(first_function(process) == function, '%s: blamed is %s' % (what, first_function(process)))
      evidence = blamed[0]['evidence']
      test.check(evidence and len(evidence['ages']) == 8 and sum(evidence['ages']) > 0,
                 '%s: evidence %s' % (what, evidence))
      test.check(blamed[0]['verdict']['reasons'], '%s: the callsite has no reasons' % what)
  else:
    test.check(not blamed, '%s: blamed is %s' % (what, [site['frames'][:1] for site in blamed]))
  test.check(process['agent']['detector']['walks'] > 0, '%s: no walk over the blocks' % what)


def check_figures(test, name, process):
  grown, verdict = process['verdict']['grown'], process['verdict']
  if name == 'leak':
    share = bad_callsites(process)[0]['evidence']['p'] if bad_callsites(process) else 0
    test.check(0.005 < share < 0.02, 'leak: %.4f of the blocks are lost, not 0.01' % share)
  if name == 'retention':
    # Of 200 MB one block in 64 lives, and each is 1000 bytes in a chunk of 1008.
    test.check(180e6 < grown['retained_bytes'] < 215e6, 'retention: %d bytes' % grown['retained_bytes'])
    test.check(any('malloc_trim' in reason for reason in verdict['reasons']), 'retention: no advice')
  if name == 'external':
    test.check(grown['outside_bytes'] > 0.7 * grown['rss_bytes'] > 10e6, 'external: %s' % grown)
    first = (process['mappings'] or [{'name': 'none', 'rss_bytes': 0}])[0]
    test.check(first['name'] == 'anonymous' and first['rss_bytes'] > 0.6 * grown['rss_bytes'], 'external: %s' % first)


def runs(test):
  children = {}
  for name in EXPECTED:
    report = 'json:' + test.path(name + '.json')
    children[name] = test.start([test.guardctl, 'run', '--report', report, *OPTIONS, '--', test.options.program, name,
                                 SECONDS])
  for name, child in children.items():
    test.check(test.wait(child, name, 200) == 0, '%s: guardctl failed' % name)
    processes = test.report(test.path(name + '.json'))['processes']
    if test.check(len(processes) == 1, '%s: %d processes' % (name, len(processes))):
      judge(test, name, processes[0])
      check_figures(test, name, processes[0])


def workers(test):
  """A leak in one worker is that worker's, and what it has from its parent is old there, whenever it was allocated."""
  report = test.path('workers.json')
  run = harness.run([test.guardctl, 'run', '--report', 'json:' + report, *OPTIONS, '--', test.options.program, 'workers',
                     SECONDS], test.environment)
  test.check(run.status == 0, 'workers: guardctl ended with %d' % run.status)
  processes = test.report(report)['processes']
  blamed = [process for process in processes if process['verdict']['state'] == 'leak']
  print('workers: %s' % [process['verdict']['state'] for process in processes])
  test.check(len(processes) == 3 and len(blamed) == 1, 'workers: %d of %d leak' % (len(blamed), len(processes)))
  for process in blamed:
    test.check(first_function(process) == 'request', 'workers: blamed is %s' % first_function(process))
    kept = [site['evidence']['ages'] for site in process['callsites'] if site['live_blocks'] == 3000]
    test.check(kept == [[3000] + [0] * 7], "workers: ages of the parent's blocks: %s" % kept)


def late_and_killed(test):
  socket, report = test.path('late.sock'), test.path('late.json')
  environment = dict(test.environment, LD_PRELOAD=test.agent(), GUARD_SOCKET=socket, GUARD_INTERVAL='100ms', GUARD_HOLD='0s',
                     GUARD_START_DELAY='0s')
  child = test.start([test.options.program, 'leak', '60'], environment)
  time.sleep(float(SECONDS))
  serve = test.serve(socket)

  seen = {}

  def told():
    run = harness.run([test.guardctl, 'report', '--socket', socket, '--report', 'json:' + report, str(child.pid)],
                      test.environment, keep=[one.pid for one in test.started])
    found = run.status == 0 and test.report(report)['processes']
    seen['last'] = (run.status, [(one['end'], one['verdict']['state'], one['inexact_reasons']) for one in found or []])
    return found[0] if found and found[0]['verdict']['state'] != 'inconclusive' else None

  process = harness.wait_for(told, pause=0.3)
  if test.check(process, 'late: nothing is told: %s' % seen):
    judge(test, 'leak', process, 'late')
  child.send_signal(signal.SIGKILL)
  test.wait(child, 'late: the program')
  if os.geteuid() == 0:  # others do not get the region of a process that ran before they came
    process = harness.wait_for(lambda: (told() or {}).get('end', {}).get('how') in ('signal', 'lost') and told(), pause=0.3)
    if test.check(process, 'killed: nothing is told: %s' % seen):
      judge(test, 'leak', process, 'killed')
  serve.send_signal(signal.SIGTERM)
  test.check(test.wait(serve, 'late: guardctl serve') == 0, 'late: guardctl serve failed')


def main():
  with service.Test(__doc__) as test:
    runs(test)
    workers(test)
    late_and_killed(test)
    test.as_other_user(late_and_killed)
    test.finish()


if __name__ == '__main__':
  main()
