"""Books against reports: the figures that programs/books.h writes, and what a report says for the same keys."""
import os
import re

FIGURES = ('live_blocks', 'live_bytes', 'allocated_blocks', 'allocated_bytes', 'freed_blocks', 'freed_bytes')


class Figure(int):
  """A number, or with "N~M" one that may be off by M."""

  def __new__(cls, word):
    number, _, tolerance = word.partition('~')
    figure = super().__new__(cls, number)
    figure.tolerance = int(tolerance or 0)
    return figure

  def allows(self, have):
    return abs(have - self) <= self.tolerance


class Section:
  """What one process said of itself."""

  def __init__(self, pid):
    self.pid, self.books, self.callsites = pid, [], []


def read(path):
  sections = []
  with open(path, encoding='utf-8') as file:
    for line in file:
      words = line.split()
      if words[0] == 'process':
        sections.append(Section(int(words[1])))
      elif words[0] == 'callsites':
        # The key may hold spaces ("operator new").
        sections[-1].callsites.append((' '.join(words[1:-1]), int(words[-1])))
      else:
        figures = [Figure(word) if word != '-' else None for word in words[-6:]]
        sections[-1].books.append((' '.join(words[:-6]), figures))
  return sections


def plain(function):
  """A function's name without parameters, templates' return types and compiler suffixes."""
  if not function:
    return ''
  name = re.sub(r'\(.*', '', function.replace('(anonymous namespace)::', ''))
  return re.sub(r'(\.(isra|part|constprop|cold|lto_priv)(\.\d+)?)+$', '', name)


def matches(key, callsite):
  """Is this callsite one of those that the key is about?"""
  if key == '*':
    return True
  key, _, module = key.partition('@')
  frames = callsite['frames']
  names = key.split('<')
  if len(names) == 1:
    return any(plain(frame['function']) == key and in_module(frame, module) for frame in frames)
  return (len(frames) >= len(names) and in_module(frames[0], module) and
          all(plain(frame['function']) == name for frame, name in zip(frames, names)))


def in_module(frame, module):
  return not module or os.path.basename(frame.get('module') or '') == module


def describe(callsite, depth=6):
  names = [plain(frame['function']) or '?' for frame in callsite['frames'][:depth]]
  more = len(callsite['frames']) - depth
  return '<'.join(names) + (' +%d' % more if more > 0 else '')


def check_report(report, require_exact=True):
  """What must hold for any report, whatever ran."""
  wrong = []
  if not report.get('processes'):
    return ['the report has no process']
  for process in report['processes']:
    name = 'process %d (%s)' % (process['pid'], os.path.basename(process['exe'] or '?'))
    memory = process['memory']
    for what in ('blocks', 'bytes'):
      if memory['live_' + what] != memory['allocated_' + what] - memory['freed_' + what]:
        wrong.append('%s: live_%s is not allocated - freed' % (name, what))
    for figure in FIGURES:
      total = sum(callsite[figure] for callsite in process['callsites'])
      if total != memory[figure]:
        wrong.append('%s: %s is %d, its callsites have %d' % (name, figure, memory[figure], total))
    for callsite in process['callsites']:
      if not callsite['frames']:
        wrong.append('%s: a callsite without frames' % name)
      if callsite['live_blocks'] < 0 or callsite['live_bytes'] < 0 or callsite['freed_blocks'] < 0:
        wrong.append('%s: negative counts at %s' % (name, describe(callsite)))
    if memory['peak_live_bytes'] < memory['live_bytes']:
      wrong.append('%s: peak_live_bytes below live_bytes' % name)
    if process['end']['final_state'] == 'none' and process['end']['how'] != 'running':
      wrong.append('%s: no final state' % name)
    if require_exact and process['exact'] is not True:
      wrong.append('%s: not exact: %s' % (name, ', '.join(process['inexact_reasons']) or 'no reason given'))
    if process['exact'] is True and process['inexact_reasons']:
      wrong.append('%s: exact, with reasons why not: %s' % (name, ', '.join(process['inexact_reasons'])))
  return wrong


def pair(report, sections):
  """(section, process) by pid, and for images of one pid in order of time; process None when there is none."""
  processes = sorted(report['processes'], key=lambda process: process['started'])
  pairs = []
  for section in sections:
    process = next((p for p in processes if p['pid'] == section.pid), None)
    if process:
      processes.remove(process)
    pairs.append((section, process))
  return pairs


def near(process, key):
  """The callsites that a wrong figure may come from, for the reader of the failure."""
  first = key.split('@')[0].split('<')[0]
  found = [c for c in process['callsites'] if any(plain(f['function']) == first for f in c['frames'])]
  if key == '*':
    found = process['callsites']
  return ['    %d blocks, %d bytes live of %d, %d at %s' % (c['live_blocks'], c['live_bytes'], c['allocated_blocks'],
                                                           c['allocated_bytes'], describe(c)) for c in found[:6]]


def compare(report, sections, exact=True):
  wrong = []
  for section, process in pair(report, sections):
    if not process:
      wrong.append('process %d is not in the report' % section.pid)
      continue
    name = 'process %d: ' % section.pid
    if exact and process['exact'] is not True:
      wrong.append(name + 'not exact: ' + (', '.join(process['inexact_reasons']) or 'no reason given'))
    for loss in ('unknown_frees', 'dropped', 'verify_differences'):
      if (exact or loss == 'verify_differences') and process['agent'][loss]:
        wrong.append('%s%s is %d' % (name, loss, process['agent'][loss]))
    for key, expected in section.books:
      found = [callsite for callsite in process['callsites'] if matches(key, callsite)]
      bad = []
      for figure, want in zip(FIGURES, expected):
        have = sum(callsite[figure] for callsite in found)
        if want is not None and not want.allows(have):
          bad.append('%s %d, is %d' % (figure, want, have))
      if bad:
        wrong.append('%s%s: %s (in %d callsites)' % (name, key, '; '.join(bad), len(found)))
        wrong += near(process, key)
    for key, want in section.callsites:
      have = sum(matches(key, callsite) for callsite in process['callsites'])
      if have != want:
        wrong.append('%s%s: %d callsites, is %d' % (name, key, want, have))
        wrong += near(process, key)
  return wrong


def compare_ends(report, sections, case):
  """how=, final=, hows= and the exit status of the first section's process."""
  if not sections:
    return []
  wrong = []
  ours = [p for p in sorted(report['processes'], key=lambda p: p['started']) if p['pid'] == sections[0].pid]
  if not ours:
    return []
  end = ours[-1]['end']
  if 'how' in case and end['how'] != case['how']:
    wrong.append('end.how is %s, expected %s' % (end['how'], case['how']))
  if 'final' in case and end['final_state'] != case['final']:
    wrong.append('end.final_state is %s, expected %s' % (end['final_state'], case['final']))
  if 'hows' in case and [p['end']['how'] for p in ours] != case['hows'].split(','):
    wrong.append('ends of the images are %s, expected %s' % (','.join(p['end']['how'] for p in ours), case['hows']))
  if case.get('how') == 'exit' and end['status'] != int(case.get('exit', 0)):
    wrong.append('end.status is %s, expected %s' % (end['status'], case.get('exit', 0)))
  if 'signal' in case and not (end['signal'] or '').endswith(case['signal'].removeprefix('SIG')):
    wrong.append('end.signal is %s, expected %s' % (end['signal'], case['signal']))
  return wrong


def compare_losses(report, case):
  reasons = [reason for process in report['processes'] for reason in process['inexact_reasons']]
  words = case.get('lost', '').replace('_', ' ')
  return [] if any(words in reason for reason in reasons) or not words else ['no reason has the words ' + words]


def compare_cuts(report, case):
  wrong = []
  for key, want in ((case.get('cut'), True), (case.get('uncut'), False)):
    found = [c for p in report['processes'] for c in p['callsites'] if key and matches(key, c)]
    if key and not found:
      wrong.append('no callsite of %s' % key)
    for callsite in found:
      if bool(callsite.get('cut')) != want:
        wrong.append('stack of %d frames is %smarked as cut' % (len(callsite['frames']), 'not ' if want else ''))
  return wrong
