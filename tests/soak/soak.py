#!/usr/bin/env python3
"""Two redis and a threaded service under load and under the agent, for as long as asked, while guardctl comes and goes.

usage: soak.py BUILD_FOLDER [TIME]     TIME as 90s, 2m or 1h (the default)

One redis gets the same keys and sizes again and again, so that its heap stays where it is. The other may use 24 MB and
evicts keys of changing sizes all the time, so that pages of its heap serve one size after the other.

guardctl serve is killed, stopped for a while, ended and started again; workers of the service are killed; both redis save by
fork; options are set. In the end: the counts of the service are those of its books, all reports are exact, the
agent's memory has not grown since the warm-up, and no descriptor, thread or process is left.
"""
import os
import random
import re
import shutil
import signal
import socket
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, 'e2e'))
import books  # noqa: E402
import harness  # noqa: E402

WARM_UP = 0.25  # of the looks: until then memory may grow
LOOKS = 8  # at each host, however slow the machine
GROWTH_MOST = 1.05  # and after it by this, by what the history and late callsites may still take,
GROWTH_FREE = 1 << 20
OF_THE_HEAP = 0.3  # and by this share of what the host's RSS has grown: the map of its blocks is a quarter of small ones
SHORT, SHORT_FREE = 60, 16 << 20  # a run shorter than this (seconds) is not warm in time
TURN = 5.0  # seconds between two deeds
# By name: redis's options, the kinds of requests, and the sizes of values, one a round.
REDIS = {
  'redis': ([], 'set,get,incr,sadd,hset', (100,)),
  'evicting': (['--maxmemory', '24mb', '--maxmemory-policy', 'allkeys-random'], 'set,get,lpush,lpop,hset,sadd', (1000, 3, 100)),
}


def parse_time(text):
  match = re.fullmatch(r'(\d+)(s|m|h)', text)
  if not match:
    sys.exit('soak: %r is no time such as 90s, 2m or 1h' % text)
  return int(match.group(1)) * {'s': 1, 'm': 60, 'h': 3600}[match.group(2)]


class Host:
  """A guarded process, and what is known of it from outside."""

  def __init__(self, name, child):
    self.name, self.child, self.pid = name, child, child.pid
    self.port, self.load, self.rounds = None, None, 0  # of a redis
    self.memory = []  # (time, bytes of the agent's own)
    self.rss = []  # (time, bytes of the host, the agent's included)

  def descriptors(self):
    found = set()
    for name in os.listdir('/proc/%d/fd' % self.pid):
      try:
        found.add(os.readlink('/proc/%d/fd/%s' % (self.pid, name)).split(':')[0])
      except OSError:
        pass
    return len(os.listdir('/proc/%d/fd' % self.pid)), sorted(found)

  def agent_threads(self):
    names = []
    for task in os.listdir('/proc/%d/task' % self.pid):
      try:
        with open('/proc/%d/task/%s/comm' % (self.pid, task), encoding='ascii') as file:
          names.append(file.read().strip())
      except OSError:
        pass
    return names.count('libguard')


class Soak:
  def __init__(self, build, seconds, folder):
    self.build, self.seconds, self.folder = build, seconds, folder
    self.guardctl = os.path.join(build, 'analyzer', 'guardctl')
    self.environment = harness.environment(folder)
    self.socket = os.path.join(folder, 'soak.sock')
    self.wrong, self.deeds, self.picks = [], {}, random.Random(4711)
    self.serve = None
    self.hosts = []

  def check(self, condition, text):
    if not condition:
      self.wrong.append(text)
      print('soak: WRONG: ' + text, flush=True)
    return condition

  def start(self, name, command, environment=None):
    with open(os.path.join(self.folder, name + '.out'), 'ab') as out, \
         open(os.path.join(self.folder, name + '.err'), 'ab') as err:
      return harness.subprocess.Popen(command, env=environment or self.environment, stdin=harness.subprocess.DEVNULL,
                                      stdout=out, stderr=err, start_new_session=True, cwd=self.folder)

  def guarded(self, name, command):
    environment = dict(self.environment, LD_PRELOAD=os.path.join(self.build, 'agent', 'libguard.so'),
                       GUARD_SOCKET=self.socket, GUARD_INTERVAL='200ms', GUARD_START_DELAY='0s',
                       EXPECT=os.path.join(self.folder, name + '.books'))
    host = Host(name, self.start(name, command, environment))
    self.hosts.append(host)
    return host

  def ask(self, arguments, limit=None):
    return harness.run([self.guardctl] + arguments + (['--socket', self.socket] if arguments[0] != 'run' else []),
                       self.environment, keep=self.ours(), limit=limit, folder=self.folder)

  def ours(self):
    return [child.pid for child in self.children()]

  def children(self):
    return [child for child in [self.serve] + [child for host in self.hosts for child in (host.child, host.load)] if child]

  def servers(self):
    return [host for host in self.hosts if host.port]

  # --- deeds --------------------------------------------------------------------------------

  def times_listening(self):
    try:
      with open(os.path.join(self.folder, 'serve.err'), encoding='utf-8', errors='replace') as file:
        return file.read().count('listening on')
    except OSError:
      return 0

  def serve_begin(self, options=()):
    """Waits until it listens: before, who asks would listen in its place."""
    before = self.times_listening()
    self.serve = self.start('serve', [self.guardctl, 'serve', '--socket', self.socket] + list(options))
    self.check(harness.wait_for(lambda: self.times_listening() > before), 'guardctl serve does not listen')

  def serve_end(self, number):
    self.serve.send_signal(number)
    status = self.serve.wait(200)
    self.check(number == signal.SIGKILL or status == 0, 'guardctl serve ended with %s' % status)

  def deed_kill_serve(self):
    self.serve_end(signal.SIGKILL)
    time.sleep(self.picks.uniform(0, 2))
    self.serve_begin()

  def deed_restart_serve(self):
    self.serve_end(signal.SIGTERM)
    self.serve_begin()

  def deed_stop_serve(self):
    self.serve.send_signal(signal.SIGSTOP)
    time.sleep(self.picks.uniform(0.5, 3))
    self.serve.send_signal(signal.SIGCONT)

  def deed_kill_worker(self):
    workers = harness.children_of(self.service.pid)
    for pid in workers[:1]:
      try:
        os.kill(pid, signal.SIGKILL)
      except ProcessLookupError:
        pass

  def deed_save(self):
    for host in self.servers():
      with socket.create_connection(('127.0.0.1', host.port), timeout=100) as connection:
        connection.sendall(b'BGSAVE\r\n')
        connection.recv(100)

  def deed_set(self):
    for host in self.hosts:
      self.ask(['set', str(host.pid), 'interval=%dms' % self.picks.choice((100, 200, 500))])

  def deed_check(self):
    for host in self.hosts:
      run = self.ask(['check', str(host.pid)])
      self.check(run.status in (0, 23, 24, 125), '%s: check ended with %d' % (host.name, run.status))

  # --- the run ------------------------------------------------------------------------------

  def begin(self):
    self.serve_begin()
    server = shutil.which('redis-server') or sys.exit('soak: no redis-server here')
    for name, (options, _, _) in REDIS.items():
      port = harness.free_port()
      self.guarded(name, [server, '--port', str(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--daemonize', 'no',
                          '--dbfilename', name + '.rdb', '--dir', self.folder] + options).port = port
    self.service = self.guarded('service', [os.path.join(self.build, 'tests', 'soak', 'soak_service')])
    for host in self.hosts:
      self.check(harness.wait_for(lambda host=host: str(host.pid).encode() in self.ask(['ps']).output),
                 '%s: the agent has not connected' % host.name)

  def put_load(self, host):
    _, requests, sizes = REDIS[host.name]
    host.load = self.start('load', ['redis-benchmark', '-p', str(host.port), '-n', '40000', '-P', '16', '-r', '20000', '-q',
                                    '-d', str(sizes[host.rounds % len(sizes)]), '-t', requests])
    host.rounds += 1

  def fill(self):
    """As full as they may be, so that what grows from here on is no working set."""
    for _ in range(4):
      for host in self.servers():
        self.put_load(host)
      for host in self.servers():
        self.check(host.load.wait(300) == 0, 'redis-benchmark ended with %s' % host.load.returncode)

  def measure(self, now):
    for host in self.hosts:
      path = os.path.join(self.folder, host.name + '.json')
      run = self.ask(['report', str(host.pid), '--report', 'json:' + path])
      report, _ = harness.load_report(path) if run.status == 0 else (None, None)
      if report and report['processes']:
        process = report['processes'][0]
        host.memory.append((now, process['agent']['memory_bytes']))
        host.rss.append((now, process['memory']['rss_bytes']))

  def go(self):
    deeds = [name[5:] for name in dir(self) if name.startswith('deed_')]
    began, last = time.monotonic(), 0.0
    while time.monotonic() - began < self.seconds or min(len(host.memory) for host in self.hosts) < LOOKS:
      now = time.monotonic() - began
      for host in self.servers():
        if host.load.poll() is not None:
          self.put_load(host)
      name = self.picks.choice(deeds)
      getattr(self, 'deed_' + name)()
      self.deeds[name] = self.deeds.get(name, 0) + 1
      self.measure(now)
      for host in self.hosts:
        if not self.check(host.child.poll() is None, '%s has ended by itself' % host.name):
          return
      if now - last >= min(60, self.seconds / 6) or not last:
        last = now
        print('soak: %4d s, %s; agent memory %s' % (now, ', '.join('%d %s' % (n, name) for name, n in sorted(
          self.deeds.items())), ', '.join('%s %d KB of %d' % (host.name, host.memory[-1][1] // 1024, host.rss[-1][1] // 1024)
                                          for host in self.hosts if host.memory)), flush=True)
      time.sleep(max(0.0, min(TURN, self.seconds / 30)))

  # --- the end ------------------------------------------------------------------------------

  def check_memory(self):
    for host in self.hosts:
      n_warm = int(WARM_UP * len(host.memory))
      warm, later = [n for _, n in host.memory[:n_warm]], [n for _, n in host.memory[n_warm:]]
      if self.check(len(host.memory) >= LOOKS, '%s: too few looks at its memory' % host.name):
        heap = max(n for _, n in host.rss) - max(n for _, n in host.rss[:n_warm])
        most = max(warm) * GROWTH_MOST + OF_THE_HEAP * heap + (GROWTH_FREE if self.seconds >= SHORT else SHORT_FREE)
        self.check(max(later) <= most, "%s: the agent's memory has grown from %d to %d bytes, the host's by %d" % (
          host.name, max(warm), max(later), heap))

  def check_descriptors(self, before):
    """Without an analyzer there is no descriptor of the agent's; what the hosts themselves have is back as it was."""
    self.serve_end(signal.SIGTERM)
    for host in self.hosts:
      harness.wait_for(lambda host=host: host.descriptors()[0] <= before[host.name][0])
      self.check(host.descriptors()[0] <= before[host.name][0], '%s: descriptors %s, at the beginning %s' % (
        host.name, host.descriptors(), before[host.name]))
      self.check(host.agent_threads() == 1, "%s: %d threads of the agent's" % (host.name, host.agent_threads()))

  def end(self):
    report_path = os.path.join(self.folder, 'end.json')
    self.serve_begin(['--report', 'json:' + report_path])
    for host in self.hosts:
      self.check(harness.wait_for(lambda host=host: str(host.pid).encode() in self.ask(['ps']).output),
                 '%s: its agent has not come back' % host.name)
    for host in self.hosts:
      host.child.send_signal(signal.SIGTERM)
      status = host.child.wait(200)
      self.check(status == 0, '%s ended with %d' % (host.name, status))
    self.serve_end(signal.SIGTERM)
    report, complaint = harness.load_report(report_path)
    if complaint:
      self.wrong.append(complaint)
      return
    pids = [host.pid for host in self.hosts]
    report['processes'] = [process for process in report['processes'] if process['pid'] in pids]
    self.check(len(report['processes']) == len(pids), 'the last report has %d hosts' % len(report['processes']))
    self.wrong += books.check_report(report)
    self.wrong += books.compare(report, books.read(os.path.join(self.folder, 'service.books')))
    for process in report['processes']:
      self.check(process['agent']['unknown_frees'] == 0, '%s: unknown frees' % process['exe'])

  def close(self):
    for child in self.children():
      if child.poll() is None:
        child.kill()
        child.wait()
    for name in harness.kill_leftovers(grace=2):
      self.wrong.append('left process: ' + name)

  def summary(self):
    memory = ', '.join('%s %d to %d KB' % (host.name, min(n for _, n in host.memory) // 1024,
                                           max(n for _, n in host.memory) // 1024) for host in self.hosts if host.memory)
    with open(os.path.join(self.folder, 'service.out'), encoding='ascii') as file:
      lines = file.read().split('\n')
    threads, children = (lines[-2] if len(lines) > 1 else '0 0').split()
    return '%d s, %d deeds, %s short threads, %s children; agent memory %s' % (
      self.seconds, sum(self.deeds.values()), threads, children, memory)


def main():
  if len(sys.argv) not in (2, 3):
    sys.exit(__doc__)
  harness.adopt_orphans()
  with tempfile.TemporaryDirectory(prefix='guard-soak-') as folder:
    soak = Soak(os.path.abspath(sys.argv[1]), parse_time(sys.argv[2] if len(sys.argv) == 3 else '1h'), folder)
    try:
      soak.begin()
      soak.serve_end(signal.SIGTERM)
      time.sleep(1)
      before = {host.name: host.descriptors() for host in soak.hosts}
      soak.serve_begin()
      soak.fill()
      soak.go()
      for host in soak.servers():
        host.load.wait(300)
      soak.check_memory()
      soak.check_descriptors(before)
      soak.end()
    finally:
      soak.close()
    for text in soak.wrong[:40]:
      print('  ' + text)
    print('soak: %s: %s' % ('WRONG' if soak.wrong else 'right', soak.summary()))
    sys.exit(1 if soak.wrong else 0)


if __name__ == '__main__':
  main()
