#!/usr/bin/env python3
"""
The analyzer is killed, restarted, stopped; the service does not notice, and the next listener has
the history and a full, exact state.

  restart  guardctl serve is killed with SIGKILL and started again while the service runs
  late     there is no analyzer until the service has run for a while
  stopped  guardctl serve gets SIGSTOP for a while (E2E_STOP_SECONDS, default 3): throughput stays, by the measure of
           the same service without the agent, which runs beside it
  asleep   guardctl serve is stopped while the service comes, works and ends, and is told to end itself before it goes
           on: it takes all that was sent
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

  def __init__(self, test, name, shell=None, recording=None, asleep=False):
    """shell: what executes it; recording: an analyzer that is there from the start on makes it, asleep or not."""
    self.test, self.name = test, name
    self.socket, self.expect = test.path(name + '.sock'), test.path(name + '.expect')
    self.environment = dict(test.environment, LD_PRELOAD=test.agent(), GUARD_SOCKET=self.socket, GUARD_INTERVAL='50ms',
                            GUARD_START_DELAY='0s', EXPECT=self.expect)
    self.first = self.serve(recording) if recording else None
    if asleep:
      self.first.send_signal(signal.SIGSTOP)
    self.child = test.start([*(shell or ()), test.options.program], self.environment)

  def bare(self):
    """The same program without the agent."""
    return self.test.start([self.test.options.program], dict(self.test.environment, EXPECT=self.expect + '.bare'))

  def serve(self, recording):
    return self.test.serve(self.socket, '-o', self.test.path(recording))

  def connected(self, recording):
    """Waits until the recording has grown: the agent has connected and sends."""
    path = self.test.path(recording)
    return self.test.check(harness.wait_for(lambda: os.path.exists(path) and os.path.getsize(path) > 4096),
                           '%s: the agent does not connect' % self.name)

  def end(self, number, status):
    self.child.send_signal(number)
    got = self.test.wait(self.child, self.name + ': service')
    self.test.check(got == status, '%s: service ended with %s, expected %d' % (self.name, got, status))
    with open(self.child.errors_path, 'rb') as file:
      errors = file.read()
    self.test.check(not errors, '%s: stderr of the service: %r' % (self.name, errors[-300:]))

  def stop_serve(self, serve):
    serve.send_signal(signal.SIGTERM)
    status = self.test.wait(serve, self.name + ': guardctl serve')
    if not self.test.check(status == 0, '%s: guardctl serve ended with %s' % (self.name, status)):
      with open(serve.errors_path, encoding='utf-8', errors='replace') as file:
        print(file.read()[-500:])

  @staticmethod
  def rates(child):
    """(time, operations) of each 100 ms, as the service saw them."""
    with open(child.output_path, encoding='ascii') as file:
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


def longest_gap(times):
  return max(b - a for a, b in zip(times, times[1:]))


def check_history(test, name, process, it, before=1.5):
  """The samples begin long before the listener was there, and have no hole but those that the machine has made."""
  times = [sample['t_s'] for sample in process['samples']] if process else []
  if not test.check(len(times) > 10, '%s: only %d samples' % (name, len(times))):
    return
  test.check(times[0] < before, '%s: history begins at %.1f s, expected before %.1f s' % (name, times[0], before))
  gap, stall = longest_gap(times), longest_gap([time for time, _ in it.rates(it.child)])
  test.check(gap < 1.0 + stall, '%s: a hole of %.1f s in the history, the service stood for %.1f s' % (name, gap, stall))


def restart(test):
  it = Service(test, 'restart')
  first = it.serve('first.guard')
  it.connected('first.guard')
  time.sleep(0.7)
  first.kill()
  first.wait()
  time.sleep(2)
  second = it.serve('second.guard')
  it.connected('second.guard')
  time.sleep(0.5)
  it.end(signal.SIGTERM, 0)
  it.stop_serve(second)
  check_history(test, 'restart', it.compare('second.guard', ('exit',)), it)


def late(test):
  it = Service(test, 'late')
  time.sleep(2.5)
  serve = it.serve('late.guard')
  it.connected('late.guard')
  it.end(signal.SIGTERM, 0)
  it.stop_serve(serve)
  check_history(test, 'late', it.compare('late.guard', ('exit',)), it)


def stopped(test):
  it = Service(test, 'stopped')
  bare = it.bare()
  serve = it.serve('stopped.guard')
  it.connected('stopped.guard')
  time.sleep(1.5)
  n_before = [len(it.rates(child)) for child in (it.child, bare)]
  serve.send_signal(signal.SIGSTOP)
  time.sleep(STOP_SECONDS)
  rates = [it.rates(child) for child in (it.child, bare)]
  serve.send_signal(signal.SIGCONT)
  time.sleep(0.5)
  bare.send_signal(signal.SIGTERM)
  test.check(test.wait(bare, 'stopped: bare service') == 0, 'stopped: the bare service failed')
  it.end(signal.SIGTERM, 0)
  it.stop_serve(serve)
  before = [[done for _, done in rate[2:n]] for rate, n in zip(rates, n_before)]
  during = [[done for _, done in rate[n:]] for rate, n in zip(rates, n_before)]
  if test.check(min(map(len, before + during)) > 3, 'stopped: the services said too little'):
    had, kept = [statistics.median(part[0]) / statistics.median(part[1]) for part in (before, during)]
    stall = longest_gap([time for time, _ in rates[0]])
    print('stopped: %.2f of the bare throughput before, %.2f while stopped; longest gap %.2f s' % (had, kept, stall))
    test.check(kept > 0.5 * had, 'stopped: throughput fell from %.2f to %.2f of the bare one' % (had, kept))
    test.check(stall < 0.8 * STOP_SECONDS, 'stopped: the service stood still for %.2f s' % stall)
  it.compare('stopped.guard', ('exit',))


def asleep(test):
  it = Service(test, 'asleep', recording='asleep.guard', asleep=True)
  test.check(harness.wait_for(lambda: len(it.rates(it.child)) > 5), 'asleep: the service does not work')
  it.end(signal.SIGTERM, 0)
  it.first.send_signal(signal.SIGTERM)
  it.first.send_signal(signal.SIGCONT)
  it.stop_serve(it.first)
  it.compare('asleep.guard', ('exit',))


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

  process = harness.wait_for(lambda: told('running'), pause=0.3)
  test.check(process and process['memory']['live_blocks'] > 0, 'private: no report while it runs')
  it.child.send_signal(signal.SIGKILL)
  test.wait(it.child, 'private: the service')
  process = harness.wait_for(lambda: told('signal', 'lost'), pause=0.3)
  if test.check(process, 'private: no report when it was killed'):
    test.check(any('the last state did not arrive' in reason for reason in process['inexact_reasons']),
               'private: killed: %s' % process['inexact_reasons'])
  it.stop_serve(serve)


def main():
  with service.Test(__doc__) as test:
    for part in (restart, late, stopped, asleep, killed, private):
      part(test)
    test.as_other_user(restart, late, killed)
    test.finish()


if __name__ == '__main__':
  main()
