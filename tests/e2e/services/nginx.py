#!/usr/bin/env python3
"""nginx with four workers: every answer right, graceful end with status 0, an exact report of each process."""
import http.client
import os
import signal
import threading

import service
from service import harness

WORKERS, CLIENTS, REQUESTS = 4, 4, 500
CONFIGURATION = '''
daemon off;
{user}
worker_processes {workers};
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
events {{ worker_connections 64; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  keepalive_requests 50;
  gzip on;
  gzip_min_length 10;
  gzip_types text/plain;
  server {{
    listen 127.0.0.1:{port};
    root {folder}/files;
    location /said {{ default_type text/plain; return 200 "said $arg_what\\n"; }}
  }}
}}
'''


def get(port, path):
  connection = http.client.HTTPConnection('127.0.0.1', port, timeout=10)
  try:
    connection.request('GET', path)
    answer = connection.getresponse()
    return answer.status, answer.read()
  finally:
    connection.close()


def answers(port):
  try:
    return get(port, '/said?what=hello')[0] == 200
  except OSError:
    return False


def ask_many(test, port, content, number):
  for i in range(REQUESTS):
    try:
      said, file = get(port, '/said?what=%d-%d' % (number, i)), get(port, '/file.txt')
    except OSError as error:
      test.wrong.append('request %d: %s' % (i, error))
      return
    if said != (200, b'said %d-%d\n' % (number, i)) or file != (200, content):
      test.wrong.append('wrong answer: %r, %d bytes' % (said, len(file[1])))
      return


def main():
  with service.Test(__doc__) as test:
    nginx = test.need('nginx')
    port = harness.free_port()
    content = b''.join(b'line %d of a file\n' % i for i in range(2000))
    os.mkdir(test.path('files'))
    with open(test.path('files/file.txt'), 'wb') as file:
      file.write(content)
    os.chmod(test.folder, 0o755)  # as root, the workers give up their rights, and run as somebody else
    configuration = test.write('nginx.conf', CONFIGURATION.format(
      user='user nobody nogroup;' if os.getuid() == 0 else '', workers=WORKERS, folder=test.folder, port=port))
    child = test.start(test.guarded([nginx, '-p', test.folder, '-e', test.path('error.log'), '-c', configuration]))
    harness.wait_for(lambda: child.poll() is not None or answers(port))
    if not test.check(child.poll() is None and answers(port), 'nginx does not answer'):
      with open(child.errors_path, encoding='utf-8', errors='replace') as file:
        print(file.read()[-1000:])
      test.finish()
    clients = [threading.Thread(target=ask_many, args=(test, port, content, number)) for number in range(CLIENTS)]
    for thread in clients:
      thread.start()
    for thread in clients:
      thread.join()
    with open(test.path('nginx.pid'), encoding='ascii') as file:
      master = int(file.read())
    os.kill(master, signal.SIGQUIT)
    status = test.wait(child, 'nginx')
    test.check(status == 0, 'status %s, expected 0' % status)
    report = test.report()
    ours = service.processes_of(report, os.path.basename(os.path.realpath(nginx)))
    test.check(len(ours) == WORKERS + 1, '%d processes in the report, expected %d' % (len(ours), WORKERS + 1))
    test.check(any(p['pid'] == master for p in ours), 'the master is not in the report')
    allocated = sum(p['memory']['allocated_blocks'] for p in ours)
    test.check(allocated > CLIENTS * REQUESTS, 'only %d allocations for %d requests' % (allocated, CLIENTS * REQUESTS))
    for process in ours:
      test.check(process['end']['how'] == 'exit' and process['end']['status'] == 0,
                 'process %d: end is %s' % (process['pid'], process['end']))
    test.finish()


if __name__ == '__main__':
  main()
