"""What can be seen of processes from outside: descriptors, threads, signals, environment, children."""
import collections
import contextlib
import os
import re
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, 'e2e'))
import harness  # noqa: E402

ASPECTS = ('processes', 'threads', 'descriptors', 'signals', 'environment')
AGENT_THREAD = 'libguard'
AGENT_VARIABLES = re.compile(r'^(LD_PRELOAD|GUARD_\w+)$')
LIBC_SIGNALS = 3 << 31  # 32 and 33: libc's own, caught from the first thread on, the agent's included
HIGHEST, ROOM = 1 << 16, 64  # where the agent puts its socket


def slurp(path, mode='r'):
  with open(path, mode, **({} if 'b' in mode else {'encoding': 'utf-8', 'errors': 'replace'})) as file:
    return file.read()


def executes(pid):
  """The path of its program; None where there is none any more."""
  with contextlib.suppress(OSError):
    return os.readlink('/proc/%d/exe' % pid)
  return None


def tree(pid):
  found = [pid]
  for child in harness.children_of(pid):
    found += tree(child)
  return found


def threads(pid):
  names = []
  for task in os.listdir('/proc/%d/task' % pid):
    names.append(slurp('/proc/%d/task/%s/comm' % (pid, task)).strip())
  agents = names.count(AGENT_THREAD)
  kept = sorted(name for name in names if name != AGENT_THREAD)
  return kept + ([AGENT_THREAD + ' x%d' % agents] if agents > 1 else [])


def soft_limit(pid):
  match = re.search(r'^Max open files\s+(\d+)', slurp('/proc/%d/limits' % pid), re.M)
  return int(match.group(1)) if match else 1 << 30


def descriptors(pid, connected, numbered):
  """Number and kind of each; one socket near the limit is the agent's where guardctl listens. Threads race for numbers."""
  found = {}
  for name in os.listdir('/proc/%d/fd' % pid):
    try:
      found[int(name)] = re.sub(r':\[\d+\]|\(deleted\)|\b\d{3,}\b', '', os.readlink('/proc/%d/fd/%s' % (pid, name)))
    except OSError:
      pass
  top = min(soft_limit(pid), HIGHEST)
  top = top - ROOM if top > 2 * ROOM else top // 2
  ours = [number for number, what in found.items() if connected and number >= top and what == 'socket']
  for number in ours[:1]:
    del found[number]
  return ['%d %s' % item for item in sorted(found.items())] if numbered else sorted(found.values())


def signals(pid):
  found = re.findall(r'^(SigBlk|SigIgn|SigCgt):\s+(\w+)', slurp('/proc/%d/status' % pid), re.M)
  return ['%s %016x' % (name, int(mask, 16) & ~LIBC_SIGNALS) for name, mask in found]


def environment(pid):
  names = [entry.split('=', 1)[0] for entry in slurp('/proc/%d/environ' % pid).split('\0') if '=' in entry]
  return sorted(name for name in names if re.fullmatch(r'[A-Za-z_]\w*', name) and not AGENT_VARIABLES.match(name))


def standing(pid, clean, connected):
  """aspect -> sorted lines, over all processes of the tree."""
  seen = collections.defaultdict(list)
  for process in tree(pid):
    try:
      name = slurp('/proc/%d/comm' % process).strip()
      own = threads(process)
      facts = {'threads': own, 'descriptors': descriptors(process, connected, len(own) == 1), 'signals': signals(process),
               'environment': environment(process), 'processes': []}
    except OSError:
      continue  # it has just ended
    for aspect, lines in facts.items():
      seen[aspect].append(clean('%s: %s' % (name, ', '.join(lines))))
  return {aspect: sorted(seen[aspect]) for aspect in ASPECTS}


def settled(look, wanted, forgiven, limit=20.0):
  """Looks until what is seen is one of the wanted, or until the limit; without any wanted, until it stays the same."""
  deadline = time.monotonic() + limit
  last = None
  while True:
    now = look()
    if wanted:
      if all(a in forgiven or any(now[a] == other.get(a) for other in wanted) for a in ASPECTS):
        return now
    elif now == last:
      return now
    if time.monotonic() > deadline:
      return now
    last = now
    time.sleep(0.3)
