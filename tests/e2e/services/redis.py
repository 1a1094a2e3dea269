#!/usr/bin/env python3
"""redis-server under 400,000 pipelined requests: right answers, status 0, an exact report that agrees with INFO."""
import re
import signal
import socket

import service
from service import harness

REQUESTS = 400000


class Client:
  """As much of the protocol as is needed here."""

  def __init__(self, port):
    self.socket = socket.create_connection(('127.0.0.1', port), timeout=100)
    self.file = self.socket.makefile('rb')

  def ask(self, *words):
    self.socket.sendall(b'*%d\r\n' % len(words) + b''.join(b'$%d\r\n%s\r\n' % (len(w), w) for w in words))
    return self.answer()

  def answer(self):
    line = self.file.readline().rstrip(b'\r\n')
    if line[:1] == b'$':
      length = int(line[1:])
      return None if length < 0 else self.file.read(length + 2)[:-2]
    return line


def answers(port):
  try:
    return Client(port).ask(b'PING') == b'+PONG'
  except OSError:
    return False


def use(test, port, benchmark):
  client = Client(port)
  for i in range(2000):
    test.check(client.ask(b'SET', b'own:%d' % i, b'value %d' % (i * i) * (1 + i % 50)) == b'+OK', 'SET failed')
  load = harness.run([benchmark, '-p', str(port), '-n', str(REQUESTS // 2), '-P', '16', '-r', '100000', '-q', '-t', 'set,get'],
                     test.environment, keep=[child.pid for child in test.started])
  print(load.output.decode(errors='replace').replace('\r', '\n').strip().splitlines()[-1:])
  test.check(load.status == 0, 'redis-benchmark: status %d: %r' % (load.status, load.errors[-300:]))
  for i in range(2000):
    if client.ask(b'GET', b'own:%d' % i) != b'value %d' % (i * i) * (1 + i % 50):
      test.wrong.append('GET own:%d is wrong' % i)
      break
  for i in range(0, 2000, 2):
    client.ask(b'DEL', b'own:%d' % i)
  return int(re.search(rb'used_memory:(\d+)', client.ask(b'INFO', b'memory')).group(1))


def main():
  with service.Test(__doc__) as test:
    server, benchmark = test.need('redis-server', 'redis-benchmark')
    port = harness.free_port()
    child = test.start(test.guarded([server, '--port', str(port), '--bind', '127.0.0.1', '--save', '', '--appendonly',
                                     'no', '--daemonize', 'no', '--dir', test.folder]))
    harness.wait_for(lambda: child.poll() is not None or answers(port))
    if not test.check(child.poll() is None and answers(port), 'redis-server does not answer'):
      test.finish()
    used = use(test, port, benchmark)
    redis = [pid for pid in harness.children_of(child.pid) if 'redis' in (harness.name_of(pid) or '')]
    for pid in redis:
      harness.os.kill(pid, signal.SIGTERM)
    test.check(redis, 'guardctl has no redis-server as child')
    status = test.wait(child, 'redis-server')
    test.check(status == 0, 'status %s, expected 0' % status)
    report = test.report()
    ours = [p for p in report['processes'] if 'redis' in (p['exe'] or '')]
    if test.check(len(ours) == 1, '%d reports of redis-server, expected 1' % len(ours)):
      live = ours[0]['memory']['live_bytes']
      print('live bytes %d, redis says used_memory %d' % (live, used))
      # used_memory counts usable sizes, and the last client's buffers are gone by now.
      test.check(0.6 * used < live < 1.1 * used, 'live bytes %d do not go with used_memory %d' % (live, used))
      test.check(ours[0]['memory']['allocated_blocks'] > REQUESTS // 2, 'less allocations than SETs')
      test.check(ours[0]['end']['how'] == 'exit' and ours[0]['end']['status'] == 0, 'end is %s' % ours[0]['end'])
    test.finish()


if __name__ == '__main__':
  main()
