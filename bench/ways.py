"""The ways to run a program: a row is a column of the table. {agent}, {socket} and {scratch} are filled in."""
import os
import shutil
from collections import namedtuple

LIBRARIES = ('/usr/lib/x86_64-linux-gnu', '/usr/lib64', '/usr/lib', '/usr/local/lib')

# base: the way whose figure of the same round this one's is divided by. A profiler that brings its own allocator is
# compared with that allocator. small: runs on the small input, as its base does. hidden: only there as a base.
# serve: with a `guardctl serve`. needs: a library to preload, or a command. native: the program runs on the CPU itself,
# so that servers, RSS and start-up can be compared.
Way = namedtuple('Way', 'name title environment prefix base small hidden serve needs native',
                 defaults=({}, (), 'bare', False, False, False, None, True))

GUARD = {'LD_PRELOAD': '{agent}', 'GUARD_SOCKET': '{scratch}/none.sock'}
PRELOAD = {'LD_PRELOAD': '{library}'}
JEMALLOC, TCMALLOC = 'libjemalloc.so.2', 'libtcmalloc.so.4'
PROFILE = 'prof:true,prof_final:true,prof_prefix:{scratch}/jeprof'

WAYS = (
  Way('bare', 'bare', base=None),
  Way('bare-small', 'bare, small input', base=None, small=True, hidden=True, native=False),
  Way('jemalloc', 'jemalloc', PRELOAD, hidden=True, needs=JEMALLOC),
  Way('jemalloc-small', 'jemalloc, small input', PRELOAD, small=True, hidden=True, needs=JEMALLOC),
  Way('tcmalloc-small', 'tcmalloc, small input', PRELOAD, small=True, hidden=True, needs=TCMALLOC),
  Way('off', 'pass-through', {**GUARD, 'GUARD_MODE': 'off'}),
  Way('counts', 'counts', {**GUARD, 'GUARD_MODE': 'counts'}),
  Way('sampled', 'sampled', {**GUARD, 'GUARD_MODE': 'sampled'}),
  Way('exact', 'exact', GUARD),
  Way('serve', 'exact + serve', {**GUARD, 'GUARD_SOCKET': '{socket}'}, serve=True),
  Way('heaptrack', 'heaptrack', prefix=('heaptrack', '-o', '{scratch}/heaptrack'), needs='heaptrack'),
  Way('jeprof', 'jemalloc profiler, sampled (1)', {**PRELOAD, 'MALLOC_CONF': PROFILE},
      base='jemalloc', needs=JEMALLOC),
  Way('jeprof-all', 'jemalloc profiler, all (1, 2)',
      {**PRELOAD, 'MALLOC_CONF': PROFILE + ',lg_prof_sample:0'}, base='jemalloc-small', small=True, needs=JEMALLOC),
  Way('gperftools', 'gperftools heap profiler (1, 2)', {**PRELOAD, 'HEAPPROFILE': '{scratch}/gperf'},
      base='tcmalloc-small', small=True, needs=TCMALLOC),
  Way('massif', 'massif (2)', prefix=('valgrind', '--tool=massif', '--massif-out-file=/dev/null'),
      base='bare-small', small=True, needs='valgrind', native=False),
  Way('dhat', 'dhat (2)', prefix=('valgrind', '--tool=dhat', '--dhat-out-file=/dev/null'),
      base='bare-small', small=True, needs='valgrind', native=False),
)
BY_NAME = {way.name: way for way in WAYS}


def library(name):
  return next((path for path in (os.path.join(folder, name) for folder in LIBRARIES) if os.path.exists(path)), None)


def missing(way):
  """What the way needs and this machine has not, or None."""
  if not way.needs or (library(way.needs) if '.so' in way.needs else shutil.which(way.needs)):
    return None
  return way.needs


def choose(names):
  """The ways of these names (None: all) with their bases, in the order of the table; what is missing is left out."""
  for name in names or ():
    if name not in BY_NAME:
      raise SystemExit('bench: no way %s; there are: %s' % (name, ' '.join(BY_NAME)))
  wanted = {way.name for way in WAYS if (not names or way.name in names) and not missing(way)}
  wanted |= {BY_NAME[name].base or name for name in wanted}
  wanted |= {BY_NAME[name].base or name for name in wanted}
  return [way for way in WAYS if way.name in wanted]


def apply(way, arguments, environment, places):
  """(arguments, environment) of a program run this way."""
  filled = {**places, 'library': library(way.needs) if way.needs and '.so' in way.needs else ''}
  prefix = [part.format(**filled) for part in way.prefix]
  return prefix + list(arguments), {**environment, **{k: v.format(**filled) for k, v in way.environment.items()}}
