"""Servers under load: started the way that is asked for, on free ports of the loopback, ended after each run."""
import csv
import os
import re
import socket
from collections import namedtuple

import process

Row = namedtuple('Row', 'name unit')
READY = 30

NGINX = '''daemon off; master_process off; pid {folder}/nginx.pid; error_log /dev/null;
events {{ worker_connections 256; }}
http {{
  access_log off; client_body_temp_path {folder}/t; proxy_temp_path {folder}/t; fastcgi_temp_path {folder}/t;
  uwsgi_temp_path {folder}/t; scgi_temp_path {folder}/t;
  gzip on; gzip_types text/plain; gzip_min_length 1; gzip_comp_level 1;
  server {{ listen 127.0.0.1:{port}; location / {{ root {folder}; }} }}
}}
'''


class Server:
  """A workload that is a server and its load. The load has the machine's other cores, if there are any."""


class Redis(Server):
  """redis-benchmark with 16 requests in flight; requests a second, and CPU time of the server for one."""

  tests = ('set', 'get', 'lpush', 'hset')
  cpu = Row('redis-server, CPU of a request', 'ns')
  rows = tuple(Row('redis-benchmark -P 16, ' + test, '/s') for test in tests) + (cpu,)

  @staticmethod
  def pid(port):
    with socket.create_connection(('127.0.0.1', port), 1) as connection:
      connection.settimeout(2)
      connection.sendall(b'INFO server\r\n')
      found = re.search(rb'process_id:(\d+)', connection.recv(8192))
      return int(found.group(1)) if found else None

  def run(self, place, way, small):
    port, requests, figures, cpu = process.free_port(), 20000 if small else 400000, {}, 0
    command = ['redis-server', '--port', str(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no']
    with place.background(way, command) as server:
      server.pid = server.wait_for(lambda: self.pid(port), READY)
      for row, test in zip(self.rows, self.tests):
        start = server.cpu()
        ran = place.plain(['redis-benchmark', '-p', str(port), '-P', '16', '-c', '16', '-n', str(requests),
                           '-r', '100000', '-t', test, '--csv'])
        cpu += server.cpu() - start
        figures[row.name] = float(list(csv.reader(ran.output.strip().splitlines()))[-1][1])
    return {**figures, self.cpu.name: 1e9 * cpu / (requests * len(self.tests))}


class Nginx(Server):
  """wrk with 16 connections on a page of 10 KB that is compressed on its way."""

  rows = (Row('nginx under wrk', '/s'), Row('nginx, CPU of a request', 'ns'))

  def run(self, place, way, small):
    port, folder = process.free_port(), place.scratch
    for name, text in (('nginx.conf', NGINX.format(folder=folder, port=port)), ('page.txt', 'some words\n' * 1000)):
      with open(os.path.join(folder, name), 'w', encoding='utf-8') as file:
        file.write(text)
    pid_path = os.path.join(folder, 'nginx.pid')

    def ready():
      socket.create_connection(('127.0.0.1', port), 1).close()
      with open(pid_path, encoding='utf-8') as file:
        return int(file.read())

    with place.background(way, ['nginx', '-p', folder, '-c', os.path.join(folder, 'nginx.conf')]) as server:
      server.pid = server.wait_for(ready, READY)
      start = server.cpu()
      ran = place.plain(['wrk', '-t1', '-c16', '-d', '1s' if small else '2s', '-H', 'Accept-Encoding: gzip',
                         'http://127.0.0.1:%d/page.txt' % port])
      cpu = server.cpu() - start
    found = re.search(r'(\d+) requests in', ran.output)
    rate = re.search(r'Requests/sec:\s*([\d.]+)', ran.output)
    if not found or not rate or not int(found.group(1)) or 'Non-2xx' in ran.output:
      raise process.Failed('wrk: ' + ran.output.strip()[-200:])
    return {self.rows[0].name: float(rate.group(1)), self.rows[1].name: 1e9 * cpu / int(found.group(1))}
