#!/usr/bin/env python3
"""
The modes of the agent, against the books of a program that keeps them.

  counts   totals are those of a run in mode exact, and no block has a stack
  sampled  each estimate lies within five standard errors of the truth: many threads, a forked child, a process
           that was killed
  switch   under load the mode goes to all others and back; blocks that were there before stay exact, and so are those
           that come after; what is not says so
  begun    a process that is sampled from its start becomes exact: blocks of before and those that come after are freed
  governor a tiny overhead_budget makes the agent step down, one that cannot be exceeded does not; blocks stay exact
  dormant  in mode off from the start there is no agent to report
"""
import os
import signal
import subprocess

import service
from service import books, harness

SAMPLE_BYTES = 8192
SAMPLE = ('--set', 'mode=sampled', '--set', 'sample_bytes=8K')
ERRORS = 5  # standard errors that an estimate may be off


def memory_of(process):
  return {name: value for name, value in process['memory'].items() if name in books.FIGURES}


def run(test, letters, options, status=0):
  """(report, sections of the books) of a run by `guardctl run`."""
  expect = test.path('expect')
  if os.path.exists(expect):
    os.unlink(expect)
  ran = harness.run(test.guarded([test.options.program, letters], options), dict(test.environment, EXPECT=expect))
  test.check(ran.status == status, '%s: status %d, %s' % (letters, ran.status, ran.own_lines))
  return load(test, test.report_path), books.read(expect)


def load(test, path):
  report, complaint = harness.load_report(path)
  if complaint:
    test.wrong.append(complaint)
    return {'processes': []}
  test.wrong += [text for text in books.check_report(report, require_exact=False) if 'without frames' not in text]
  return report


def check_estimates(test, process, section, keys):
  """Each figure of these functions within some standard errors, and the errors no wider than they should be."""
  for key, figures in section.books:
    if key not in keys:
      continue
    found = [callsite for callsite in process['callsites'] if books.matches(key, callsite)]
    for figure, truth in zip(books.FIGURES, figures):
      have = sum(callsite[figure] for callsite in found)
      error = sum(callsite.get('std_error', {}).get(figure, 0) ** 2 for callsite in found) ** 0.5
      test.check(abs(have - truth) <= ERRORS * error, '%s: %s is %d +/- %.0f, not %d' % (key, figure, have, error, truth))
      # Rarely a block of a byte is met, which stands for SAMPLE_BYTES of them.
      wide = 0.25 * truth + (SAMPLE_BYTES if 'blocks' in figure else 0)
      test.check(error <= wide, '%s: %s: the error of %d is %.0f' % (key, figure, truth, error))
      test.check(truth == 0 or error > 0, '%s: %s has no error' % (key, figure))


def check_reason(test, what, process, *words):
  """Not exact, and one of the reasons holds all these words."""
  test.check(process['exact'] is False, what + ': says it is exact')
  test.check(any(all(word in reason for word in words) for reason in process['inexact_reasons']),
             '%s: no reason with %s: %s' % (what, words, process['inexact_reasons']))


def counts(test):
  letters = 'omOtnM'
  exact = run(test, letters, ())[0]['processes'][0]
  process = run(test, letters, ('--set', 'mode=counts'))[0]['processes'][0]
  test.check(memory_of(process) == memory_of(exact), 'counts: %s, exact: %s' % (memory_of(process), memory_of(exact)))
  test.check(process['agent']['unknown_frees'] == 0, 'counts: unknown frees')
  test.check(process['memory']['std_error'] is None, 'counts: has standard errors')
  bare = [callsite for callsite in process['callsites'] if not callsite['frames']]
  test.check(len(bare) == 1, 'counts: %d callsites without frames' % len(bare))
  test.check(bare[0]['allocated_blocks'] > 0.99 * process['memory']['allocated_blocks'], 'counts: blocks have stacks')
  check_reason(test, 'counts', process, 'mode counts', 'totals are exact')


def sampled(test):
  report, sections = run(test, 'omOtnMx', SAMPLE)
  for section, process in books.pair(report, sections):
    if not test.check(process is not None, 'sampled: a process is missing'):
      continue
    child = process['pid'] != report['processes'][0]['pid']
    keys = ['old_blocks', 'mid_blocks', 'new_blocks', 'thread_blocks'] + ['child_blocks'] * child
    check_estimates(test, process, section, keys)
    check_reason(test, 'sampled', process, 'mode sampled', 'sample_bytes 8.0 KB')
    test.check(process['agent']['unknown_frees'] == 0, 'sampled: unknown frees')
    test.check(process['agent']['sample_bytes'] == 8192, 'sampled: sample_bytes')
    test.check(process['memory']['std_error']['live_bytes'] > 0, 'sampled: the total has no error')
  test.check(len(sections) == 2, 'sampled: %d processes' % len(sections))


def killed(test):
  report, sections = run(test, 'omOtnMk', SAMPLE, 128 + signal.SIGKILL)
  process = report['processes'][0]
  test.check(process['end']['final_state'] == 'post-mortem', 'killed: %s' % process['end'])
  check_estimates(test, process, sections[0], ['old_blocks', 'mid_blocks', 'new_blocks', 'thread_blocks'])
  check_reason(test, 'killed', process, 'mode sampled', 'sample_bytes 8.0 KB')


class Told:
  """The program under `guardctl serve`, told what to do and when."""

  def __init__(self, test, name, settings=()):
    self.test, self.socket, self.expect = test, test.path(name + '.sock'), test.path(name + '.expect')
    agent = test.agent()
    self.recording = test.path(name + '.guard')
    self.serve = test.serve(self.socket, '-o', self.recording)
    environment = dict(test.environment, LD_PRELOAD=agent, GUARD_SOCKET=self.socket, GUARD_INTERVAL='50ms',
                       GUARD_START_DELAY='0s', EXPECT=self.expect, **dict(settings))
    self.child = subprocess.Popen([test.options.program], env=environment, stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, start_new_session=True)
    test.started.append(self.child)

  def tell(self, letters):
    for letter in letters:
      self.child.stdin.write(letter.encode())
      self.child.stdin.flush()
      self.test.check(self.child.stdout.read(1) == b'.', 'no answer to %s' % letter)

  def set(self, setting):
    """Until the agent has heard it: it may not have connected yet."""
    command = [self.test.guardctl, 'set', '--socket=' + self.socket, str(self.child.pid), setting]
    keep = [child.pid for child in self.test.started]
    done = harness.wait_for(lambda: harness.run(command, self.test.environment, keep=keep).status == 0)
    self.test.check(done, 'set %s' % setting)

  def end(self):
    self.child.stdin.close()
    self.test.check(self.test.wait(self.child, 'the program') == 0, 'status of the program')
    self.child.stdout.close()
    self.serve.send_signal(signal.SIGTERM)
    self.test.wait(self.serve, 'guardctl serve')
    path = self.test.path('told.json')
    harness.run([self.test.guardctl, 'report', '--report', 'json:' + path, self.recording], self.test.environment)
    return load(self.test, path)['processes'][0], books.read(self.expect)[0]


def check_exactly(test, what, process, section, keys):
  for key, figures in section.books:
    found = [callsite for callsite in process['callsites'] if books.matches(key, callsite)]
    have = [sum(callsite[figure] for callsite in found) for figure in books.FIGURES]
    test.check(key not in keys or have == figures, '%s: %s is %s, not %s' % (what, key, have, figures))
    test.check(key not in keys or not any('std_error' in callsite for callsite in found), what + ': has errors')


def switch(test, mode):
  told = Told(test, mode)
  told.tell('oc')
  told.set('sample_bytes=8K')
  told.set('mode=' + mode)
  told.tell('mO')
  told.set('mode=exact')
  told.tell('nNM')
  process, section = told.end()
  check_exactly(test, mode, process, section, ['old_blocks', 'new_blocks'])
  check_reason(test, mode, process, 'mode %s for a time' % mode)
  test.check(process['agent']['unknown_frees'] == 0, mode + ': unknown frees')
  test.check(process['agent']['mode'] == 'exact' and mode in process['agent']['modes'], mode + ': modes')
  if mode == 'sampled':
    check_estimates(test, process, section, ['mid_blocks'])
  if mode == 'counts':
    totals = [sum(figures[i] for key, figures in section.books if key == 'mid_blocks') for i in range(6)]
    bare = [callsite for callsite in process['callsites'] if not callsite['frames']]
    test.check(all(bare and bare[0][figure] >= total for figure, total in zip(books.FIGURES[2:], totals[2:])),
               'counts: %s of %s are in the callsite without frames' % (bare[:1], totals))
  if mode == 'off':
    test.check(not any(books.matches('mid_blocks', callsite) for callsite in process['callsites']), 'off: was counted')


def begun(test):
  told = Told(test, 'begun', {'GUARD_MODE': 'sampled', 'GUARD_SAMPLE_BYTES': '8K'})
  told.tell('omcM')
  told.set('mode=exact')
  told.tell('wnNO')
  process, section = told.end()
  check_exactly(test, 'begun', process, section, ['new_blocks'])
  check_estimates(test, process, section, ['old_blocks', 'mid_blocks'])
  check_reason(test, 'begun', process, 'mode sampled for a time')
  test.check(process['agent']['mode'] == 'exact' and process['agent']['modes'][0] != 'counts', 'begun: modes')


def governor(test):
  # The agent's thread starts with the program's own, behind the old blocks however busy the machine is.
  regularly = ('--set', 'interval=20ms', '--set', 'start_delay=1h')
  report, sections = run(test, 'ocwO', regularly + ('--set', 'overhead_budget=0.01%'))
  process = report['processes'][0]
  test.check(process['agent']['governed'] and 'sampled' in process['agent']['modes'] and
             process['agent']['mode'] in ('sampled', 'counts'), 'governor: %s' % process['agent'])
  test.check(process['agent']['hooks_cpu_s'] > 0, 'governor: the hooks cost nothing')
  check_reason(test, 'governor', process, 'overhead_budget')
  check_exactly(test, 'governor', process, sections[0], ['old_blocks'])
  test.check(process['agent']['unknown_frees'] == 0, 'governor: unknown frees')
  report, sections = run(test, 'ocwO', regularly + ('--set', 'overhead_budget=100%'))
  process = report['processes'][0]
  test.check(process['exact'] and not process['agent']['governed'] and process['agent']['modes'] == ['exact'],
             'governor: did not stay: %s, %s' % (process['inexact_reasons'], process['agent']))
  test.check(process['agent']['hooks_cpu_s'] > 0, 'governor: nothing was measured')
  check_exactly(test, 'governor', process, sections[0], ['old_blocks'])


def dormant(test):
  expect = dict(test.environment, EXPECT=test.path('dormant'))
  ran = harness.run(test.guarded([test.options.program, 'o'], ('--set', 'mode=off')), expect)
  test.check(ran.status == 0, 'off: status %d' % ran.status)
  test.check(any('mode is off' in line for line in ran.own_lines), 'off: %s' % ran.own_lines)


def main():
  with service.Test(__doc__) as test:
    counts(test)
    sampled(test)
    killed(test)
    for mode in ('sampled', 'counts', 'off'):
      switch(test, mode)
    begun(test)
    governor(test)
    dormant(test)
    test.finish()


if __name__ == '__main__':
  main()
