"""Running a program under `guardctl run` and reading the verdict on each of its processes."""
import json
import os
import subprocess
import tempfile

from trial import ALERTS, Failed


def guarded(build, settings, report):
  """The words that put a program under guard."""
  words = [os.path.join(build, 'analyzer', 'guardctl'), 'run', '--report', 'json:' + report]
  for setting in settings:
    words += ['--set', setting]
  return words + ['--']


def environment(folder, **more):
  """Own socket and temporary files; PATH that finds the distribution's programs first."""
  kept = {'PATH': '/usr/sbin:/usr/bin:/sbin:/bin', 'HOME': folder, 'LC_ALL': 'C.UTF-8', 'TMPDIR': folder,
          'XDG_RUNTIME_DIR': folder}
  kept.update({name: os.environ[name] for name in ('GUARD_AGENT',) if name in os.environ})
  kept.update(more)
  return kept


def functions(callsite):
  """Names from the allocator's caller on; of C++ names without parameters."""
  return [(frame.get('function') or '?').split('(')[0] for frame in callsite.get('frames') or []]


def read_report(path):
  """The processes of a report; `flagged` are the alerts: (functions, state, bytes/s)."""
  with open(path, encoding='utf-8') as file:
    processes = json.load(file)['processes']
  result = []
  for process in processes:
    callsites = process['callsites']
    flagged = [(functions(callsite), callsite['verdict']['state'], callsite['verdict']['growth_bytes_per_hour'] / 3600)
               for callsite in callsites if (callsite.get('verdict') or {}).get('state') in ALERTS]
    result.append({'pid': process['pid'], 'exe': process.get('exe'), 'state': process['verdict']['state'],
                   'reasons': process['verdict'].get('reasons', []), 'duration_s': process.get('duration_s'),
                   'n_callsites': len(callsites), 'flagged': flagged,
                   'first': functions(callsites[0]) if callsites else [],
                   'memory': process.get('memory')})
  return result


def run_program(build, name, arguments, settings, timeout):
  """A behaviour program: (its truth, its processes)."""
  with tempfile.TemporaryDirectory(prefix='corpus.') as folder:
    report = os.path.join(folder, 'report')
    program = os.path.join(build, 'tests', 'corpus', 'corpus_program')
    done = subprocess.run([*guarded(build, settings, report), program, name, *arguments], capture_output=True,
                          text=True, timeout=timeout, env=environment(folder), cwd=folder)
    if done.returncode:
      raise Failed('%s: status %d: %s' % (name, done.returncode, done.stderr.strip()[-300:]))
    return json.loads(done.stdout.strip().splitlines()[-1]), read_report(report)
