"""The rows of the table: what is run, and what is measured of it.

A workload gives one or more rows. Its run(place, way, small) gives {row name: figure} of one run. A place has the
folders, the time-out and launch(); see bench/run.
"""
import os
import re
import sys
from collections import namedtuple

import inputs
import process
import servers

# unit: ns, s, B, MB, /s (more is better), or one of table.ABSOLUTE, shown as it is: I (instructions, the same in each
# run), KB, ms.
Row = namedtuple('Row', 'name unit')
MICRO_LINE = re.compile(r'^micro (.*)$', re.M)
STARTS = 20


def micro_figures(output):
  found = MICRO_LINE.search(output)
  if not found:
    raise process.Failed('printed no figures: ' + output.strip()[-200:])
  return {key: float(value) for key, value in (word.split('=') for word in found.group(1).split())}


class Micro:
  """A program of bench/micro that measures itself. figure names the one that counts."""

  all_ways = True

  def __init__(self, name, unit, figure, program, full, small):
    self.rows, self.figure, self.program, self.sizes = (Row(name, unit),), figure, program, (full, small)

  def run(self, place, way, small):
    ran = place.launch(way, [place.micro(self.program)] + self.sizes[small].split(), {})
    return {self.rows[0].name: micro_figures(ran.output)[self.figure]}


class Memory(Micro):
  """RSS; the small size is not much smaller, since the share of the program itself would count."""

  all_ways = False


class Threads(Micro):
  """Many threads at once."""

  all_ways = False


class Look:
  """CPU time of the agent's thread for a look at many callsites, with an analyzer and without."""

  all_ways = False
  rows = (Row('a look at 131,072 callsites', 'ms'),)
  ways = ('exact', 'serve')
  rounds = 3
  environment = {'GUARD_INTERVAL': '500ms', 'GUARD_START_DELAY': '0s'}

  def run(self, place, way, small):
    ran = place.launch(way, [place.micro('callsites'), '10' if small else '17', '500'], self.environment)
    return {self.rows[0].name: micro_figures(ran.output)['look_ms']}


class Program:
  """CPU seconds of an installed program and all it starts. {name} is an input of inputs.py."""

  all_ways = True

  def __init__(self, name, command, environment=None, find=None):
    self.rows = (Row(name, 's'),)
    self.command, self.environment, self.find = command, environment or {}, find

  def run(self, place, way, small):
    arguments = [re.sub(r'\{(\w+)\}', lambda found: inputs.path_of(found.group(1), small, place.inputs), word)
                 for word in self.command]
    if self.find:
      arguments[0] = self.find()
    return {self.rows[0].name: place.launch(way, arguments, self.environment).cpu}


class Starts:
  """CPU time of a program that does nothing: the least of some runs."""

  all_ways = False
  rows = (Row('start-up of `true`', 'ns'),)

  def run(self, place, way, small):
    runs = 3 if small else STARTS
    return {self.rows[0].name: 1e9 * min(place.launch(way, ['/bin/true'], {}).cpu for _ in range(runs))}


class Instructions:
  """Instructions of a pair by callgrind: the difference of two runs that differ in nothing but their pairs."""

  all_ways = False
  rounds = 1
  ways = ('bare', 'off', 'counts', 'sampled', 'exact', 'jeprof')  # of the others each pair takes too many to wait for

  def __init__(self, name, program, counts):
    self.rows, self.program, self.counts = (Row(name, 'I'),), program, counts

  def run(self, place, way, small):
    callgrind = ['valgrind', '--tool=callgrind', '--callgrind-out-file=/dev/null']
    instructions, pairs = [], []
    for count in (2000, 12000 if small else 42000):
      command = [place.micro(self.program)] + self.counts.format(count).split()
      ran = place.launch(way, callgrind + command, {'GUARD_START_DELAY': '1h'})
      collected = re.search(r'Collected : (\d+)', ran.output)
      if not collected:
        raise process.Failed('callgrind said nothing: ' + ran.output[-200:])
      instructions.append(int(collected.group(1)))
      pairs.append(micro_figures(ran.output)['operations'])
    return {self.rows[0].name: (instructions[1] - instructions[0]) / (pairs[1] - pairs[0])}


def pair(depth):
  return Micro('malloc/free pair, %d calls deep' % depth, 'ns', 'cpu_ns', 'pairs', '%d 300000' % depth,
               '%d 20000' % depth)


def threads(kind, n, text):
  return Micro(text, 'ns', 'cpu_ns', 'threads', '%s %d %d' % (kind, n, 200000 // n), '%s %d 5000' % (kind, n))


def memory(name, size):
  return Memory('RSS with 64 MB of blocks of ' + name, 'MB', 'rss_mb', 'memory', '%d 64' % size, '%d 32' % size)


def cc1():
  """The compiler itself: heaptrack follows one process, and gcc starts another."""
  return os.popen('gcc -print-prog-name=cc1').read().strip()


def python():
  """The distribution's: the first one in PATH can be a script that starts another."""
  return '/usr/bin/python3' if os.path.exists('/usr/bin/python3') else sys.executable


WORKLOADS = (
  pair(5), pair(20), pair(60),
  threads('own', 1, 'pair in 1 thread'), threads('own', 2, 'pair in 2 threads'),
  threads('own', 4, 'pair in 4 threads'), threads('own', 8, 'pair in 8 threads'),
  threads('handover', 2, 'pair, 1 thread allocates, 1 frees'),
  threads('handover', 8, 'pair, 4 threads allocate, 4 free'),
  Micro('realloc of growing buffers', 'ns', 'cpu_ns', 'growth', '1200', '80'),
  Micro('pair by a wrapper with 500 callers', 'ns', 'cpu_ns', 'wrapper', '200000', '20000'),
  Micro('pair in deep recursion', 'ns', 'cpu_ns', 'recursion', '100000', '20000'),
  Program('python3 json, PYTHONMALLOC=malloc', ('python3', '{python}'), {'PYTHONMALLOC': 'malloc'}, find=python),
  Program('perl, hashes and strings', ('perl', '{perl}')),
  Program('jq, 7 MB', ('jq', '[.[] | {name, n: (.tags | length)}] | group_by(.n) | map(length)', '{json}')),
  Program('sqlite3, 60,000 inserts and a join', ('sqlite3', '-init', '{sql}', ':memory:', '.quit')),
  Program('gcc -O2, 1,500 lines', ('cc1', '-quiet', '-O2', '{c}', '-o', '/dev/null'), find=cc1),
  Program('xmllint, 16 MB', ('xmllint', '--noout', '{xml}')),
  servers.Redis(), servers.Nginx(),
  Starts(),
  Micro('fork with 1 M live blocks', 'ns', 'wall_ns', 'forks', '1000000 10', '100000 5'),
  memory('64 B', 64), memory('256 B', 256), memory('4 KB', 4096),
  Threads('5,000 threads at once, CPU of each', 'ns', 'cpu_ns', 'idle', '5000 80', '500 80'),
  Threads('memory of an idle thread', 'KB', 'thread_kb', 'idle', '1000 80', '200 80'),
  Look(),
  Instructions('instructions of a pair, 5 calls deep', 'pairs', '5 {0} 1'),
  Instructions('instructions of a pair, 20 calls deep', 'pairs', '20 {0} 1'),
  Instructions('instructions of a pair, 60 calls deep', 'pairs', '60 {0} 1'),
  Instructions('instructions of a pair, wrapper with 500 callers', 'wrapper', '{0} 1'),
  Instructions('instructions of a pair, deep recursion', 'recursion', '{0} 1'),
)


def takes(workload, way):
  """Whether the workload can be run this way."""
  if hasattr(workload, 'ways'):
    return way.name in workload.ways
  if isinstance(workload, servers.Server):
    return way.native
  return not way.serve and (workload.all_ways or way.native)
