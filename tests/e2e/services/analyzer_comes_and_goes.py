#!/usr/bin/env python3
"""
The analyzer is killed, restarted, stopped; the service does not notice, and the next listener has
the history and a full, exact state.

  restart  guardctl serve is killed with SIGKILL and started again while the service runs
  late     there is no analyzer until the service has run for a while
  stopped  guardctl serve gets SIGSTOP for a while (E2E_STOP_SECONDS, default 3): throughput stays
  killed   the service is killed under guardctl serve: its last counts are still there
  private  there is no region to hand over (as for a late analyzer that is not root): reports are made from what the
           agent has told, while it runs and when it was killed, and then say so
"""
import os
import signal
import statistics
import time

import service
from service import books, harness

STOP_SECONDS = float(os.environ.get('E2E_STOP_SECONDS', '3'))


class Service:
  """The service program with the agent preloaded, and the analyzers it meets."""

  def __init__(self, test, name, shell=None, recording=None):
    """shell: what executes it; recording: an analyzer that is there from the start on makes it."""
    self.test, self.name = test, name
    self.socket, self.expect = test.path(name + '.sock'), test.path(name + '.expect')
    environment = dict(test.environment, LD_PRELOAD=test.agent(), GUARD_SOCKET=self.socket, GUARD_INTERVAL='50ms',
                       GUARD_START_DELAY='0s', EXPECT=self.expect)
    self.first = self.serve(recording) if recording else None
    if self.first:
      harness.wait_for(lambda: os.path.exists(self.socket), 15)
    self.child = test.start([*(shell or ()), test.options.program], environment)

  def serve(self, recording):
    return self.test.start([self.test.guardctl, 'serve', '--socket', self.socket, '-o', self.test.path(recording)])

  def connected(self, recording):
    """Waits until the recording has grown: the agent has connected and sends."""
    path = self.test.path(recording)
    return self.test.check(harness.wait_for(lambda: os.path.exists(path) and os.path.getsize(path) > 4096, 15),
                           '%s: the agent does not connect' % self.name)

  def end(self, number, status):
    self.child.send_signal(number)
    got = self.test.wait(self.child, self.name + ': service')
    self.test.check(got == status, '%s: service ended with %s, expected %d' % (self.name, got, status))
    with open(self.child.errors_path, 'rb') as file:
      errors = file.read()
    self.test.check(not errors, '%s: stderr of the service: %r' % (self.name, errors[-300:]))

  def stop_serve(self, serve):
    time.sleep(0.3)  # what the agent sent last is on its way
    serve.send_signal(signal.SIGTERM)
    status = self.test.wait(serve, self.name + ': guardctl serve')
    if not self.test.check(status == 0, '%s: guardctl serve ended with %s' % (self.name, status)):
      with open(serve.errors_path, encoding='utf-8', errors='replace') as file:
        print(file.read()[-500:])

  def rates(self):
    """(time, operations) of each 100 ms, as the service saw them."""
    with open(self.child.output_path, encoding='ascii') as file:
      return [(float(line.split()[0]), int(line.split()[1])) for line in file if line.endswith('\n')]

  def compare(self, recording, how):
    """The recording's report against the books. Returns the process."""
    path = self.test.path(recording + '.json')
    run = harness.run([self.test.guardctl, 'report', '--report', 'json:' + path, self.test.path(recording)],
                      self.test.environment, keep=[child.pid for child in self.test.started])
    self.test.check(run.status == 0, '%s: guardctl report: status %d, %s' % (self.name, run.status, run.own_lines))
    report = self.test.report(path)
    sections = books.read(self.expect)
    self.test.wrong += ['%s: %s' % (self.name, text) for text in books.compare(report, sections)]
    ours = [process for process in report['processes'] if process['pid'] == self.child.pid]
    if not ours:
      return None
    self.test.check(ours[0]['end']['how'] in how, '%s: end is %s' % (self.name, ours[0]['end']))
    return ours[0]


def check_history(test, name, process, before):
  """The samples begin long before the listener was there, and have no hole."""
  times = [sample['t_s'] for sample in process['samples']] if process else []
  if not test.check(len(times) > 10, '%s: only %d samples' % (name, len(times))):
    return
  test.check(times[0] < before, '%s: history begins at %.1f s, expected before %.1f s' % (name, times[0], before))
  gap = max(b - a for a, b in zip(times, times[1:]))
  test.check(gap < 1.0, '%s: a hole of %.1f s in the history' % (name, gap))


def restart(test):
  it = Service(test, 'restart')
  first = it.serve('first.guard')
  it.connected('first.guard')
  time.sleep(0.7)
  first.kill()
  first.wait()
  time.sleep(0.7)
  second = it.serve('second.guard')
  it.connected('second.guard')
  time.sleep(0.5)
  it.end(signal.SIGTERM, 0)
  it.stop_serve(second)
  check_history(test, 'restart', it.compare('second.guard', ('exit',)), 0.5)


def late(test):
  it = Service(test, 'late')
  time.sleep(1.5)
  serve = it.serve('late.guard')
  it.connected('late.guard')
  it.end(signal.SIGTERM, 0)
  it.stop_serve(serve)
  check_history(test, 'late', it.compare('late.guard', ('exit',)), 0.5)


def stopped(test):
  it = Service(test, 'stopped')
  serve = it.serve('stopped.guard')
  it.connected('stopped.guard')
  time.sleep(1.5)
  n_before = len(it.rates())
  serve.send_signal(signal.SIGSTOP)
  time.sleep(STOP_SECONDS)
  rates = it.rates()
  serve.send_signal(signal.SIGCONT)
  time.sleep(0.5)
  it.end(signal.SIGTERM, 0)
  it.stop_serve(serve)
  before, during = [n for _, n in rates[2:n_before]], rates[n_before:]
  if test.check(len(before) > 3 and len(during) > 3, 'stopped: the service said too little'):
    had, kept = statistics.median(before), statistics.median(n for _, n in during)
    stall = max(b[0] - a[0] for a, b in zip(rates, rates[1:]))
    print('stopped: %d operations per 100 ms before, %d while stopped; longest gap %.2f s' % (had, kept, stall))
    test.check(kept > 0.5 * had, 'stopped: throughput fell from %d to %d' % (had, kept))
    test.check(stall < 1.0, 'stopped: the service stood still for %.2f s' % stall)
  it.compare('stopped.guard', ('exit',))


def killed(test):
  # Only root's agents can hand over the region to an analyzer that comes late.
  it = Service(test, 'killed', recording=None if os.geteuid() == 0 else 'killed.guard')
  serve = it.first or it.serve('killed.guard')
  it.connected('killed.guard')
  time.sleep(0.3)
  it.end(signal.SIGUSR1, 128 + signal.SIGKILL)
  it.stop_serve(serve)
  # A parent sees the signal; others are told by kernels from 6.13 on, and before only know that it ended.
  process = it.compare('killed.guard', ('signal', 'lost'))
  if process:
    test.check(process['end']['final_state'] == 'post-mortem', 'killed: final state is %s' % process['end']['final_state'])


def private(test):
  it = Service(test, 'private', ['sh', '-c', 'ulimit -f 64; exec "$0"'])  # less than the region has, so it is no file
  serve = it.serve('private.guard')
  it.connected('private.guard')

  def told(*how):
    """The report, once it is of the service (the shell before it is a process of the same number) and it ended so."""
    path = test.path('private.json')
    run = harness.run([test.guardctl, 'report', '--socket', it.socket, '--report', 'json:' + path, str(it.child.pid)],
                      test.environment, keep=[one.pid for one in test.started])
    found = run.status == 0 and harness.load_report(path)[0]['processes'][0]
    return found if found and found['end']['how'] in how and service.has_function(found, 'main') else None

  process = harness.wait_for(lambda: told('running'), 15, 0.3)
  test.check(process and process['memory']['live_blocks'] > 0, 'private: no report while it runs')
  it.child.send_signal(signal.SIGKILL)
  test.wait(it.child, 'private: the service')
  process = harness.wait_for(lambda: told('signal', 'lost'), 15, 0.3)
  if test.check(process, 'private: no report when it was killed'):
    test.check(any('the last state did not arrive' in reason for reason in process['inexact_reasons']),
               'private: killed: %s' % process['inexact_reasons'])
  it.stop_serve(serve)


def main():
  with service.Test(__doc__) as test:
    for part in (restart, late, stopped, killed, private):
      part(test)
    test.as_other_user(restart, late, killed)
    test.finish()


if __name__ == '__main__':
  main()
