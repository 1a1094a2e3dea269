"""What guardctl's report and its own lines say of a guarded run."""
import json
import os

BEGIN = ' {"pid":'


def processes_of(path):
  """The processes without their callsites: of a report with many millions of frames, the few lines that matter."""
  if not os.path.exists(path):
    return
  with open(path, encoding='utf-8', errors='replace') as file:
    for line in file:
      if line.startswith(BEGIN):
        yield json.loads(line.strip().rstrip(',') + '}')


class Figures:
  """What guardctl's report and its own lines say of one guarded run."""

  def __init__(self, path, own_lines):
    processes = list(processes_of(path))
    agents = [process['agent'] for process in processes]
    self.n, self.inexact = len(processes), [p for p in processes if not p['exact']]
    self.reasons = sorted({reason for p in self.inexact for reason in p['inexact_reasons']})
    self.blocks = sum(p['memory']['allocated_blocks'] for p in processes)
    self.unknown, self.dropped, self.incomplete, differences, self.unsent = (
      sum(agent[figure] for agent in agents)
      for figure in ('unknown_frees', 'dropped', 'incomplete_stacks', 'verify_differences', 'frames_unsent'))
    self.unknown_in = sorted({os.path.basename(p['exe']) for p in processes if p['agent']['unknown_frees']})
    self.lines = [line for line in own_lines if ' verdict: ' not in line]
    if differences:
      self.lines.append('%d stacks were not what unwinding says' % differences)
    self.errors = len(self.lines)

  def exact(self):
    if not self.n:
      return '-'
    return 'yes' if not self.inexact else '%d of %d' % (self.n - len(self.inexact), self.n)

  def wrong(self, what):
    """What is not as the row says it has to be."""
    lines = []
    if what.dormant:
      awake = not self.n or self.blocks or any(not reason.startswith('dormant: ') for reason in self.reasons)
      return ['dormant: it should be, and say so: %s' % self.reasons] if awake else lines
    if not self.n:
      return ['report: no process; ' + '; '.join(self.lines)]
    if self.inexact and not what.inexact:
      lines.append('exact: %s' % '; '.join(self.reasons))
    if what.inexact and not self.inexact:
      lines.append('exact: it says so, although %s' % what.inexact)
    if self.unknown and not what.unknown_frees:
      lines.append('unknown frees: %d in %s' % (self.unknown, ', '.join(self.unknown_in)))
    if self.dropped and not what.inexact:
      lines.append('dropped: %d records' % self.dropped)
    if self.blocks < what.at_least:
      lines.append('blocks: %d, expected %d or more' % (self.blocks, what.at_least))
    return lines + ['guardctl: ' + line for line in self.lines]
