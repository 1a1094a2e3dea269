"""One run of a behaviour: its log is made and judged, by `guardctl replay` and by the other rules."""
import json
import os
import subprocess
import tempfile

ALERTS = ('leak', 'growth')
TIMEOUT = 300


class Failed(Exception):
  """A program of the trial did not do its work."""


def simulate_path(build):
  return os.path.join(build, 'tests', 'corpus', 'corpus_simulate')


def behaviours(build):
  """[(id, state, text)] in the order of the tables."""
  listing = subprocess.run([simulate_path(build), '--list'], check=True, capture_output=True, text=True).stdout
  return [tuple(line.split('\t')) for line in listing.splitlines()]


def run(command, **more):
  done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, **more)
  if done.returncode not in (0, 23, 24):
    raise Failed('%s: status %d: %s' % (' '.join(command[:3]), done.returncode, done.stderr.strip()[-300:]))
  return done.stdout


def site_name(callsite):
  frames = callsite.get('frames') or [{}]
  return frames[0].get('function')


def read_report(text, wanted):
  """What a report says: the process, each alert, and the wanted sites; rank counts from 1 in the report's order."""
  process = json.loads(text)['processes'][0]
  sites, flagged = {}, []
  for rank, callsite in enumerate(process['callsites'], 1):
    name, verdict = site_name(callsite), callsite.get('verdict') or {}
    if verdict.get('state') in ALERTS:
      flagged.append(name)
    elif name not in wanted:
      continue
    sites[name] = {'rank': rank, 'state': verdict.get('state'), 'reasons': verdict.get('reasons', []),
                   'growth_bytes_per_s': (verdict.get('growth_bytes_per_hour') or 0) / 3600}
  verdict = process['verdict']
  return {'state': verdict['state'], 'reasons': verdict.get('reasons', []), 'sites': sites, 'flagged': flagged,
          'first': process['callsites'] and site_name(process['callsites'][0]),
          'transitions': process.get('transitions', process.get('events'))}


def simulate(build, behaviour, seed, arguments, folder):
  log, truth = os.path.join(folder, 'log'), os.path.join(folder, 'truth')
  with open(log, 'wb') as file:
    made = subprocess.run([simulate_path(build), behaviour, '--seed', str(seed), '--truth', truth, *arguments],
                          stdout=file, stderr=subprocess.PIPE, timeout=TIMEOUT)
  if made.returncode:
    raise Failed('simulate %s: %s' % (behaviour, made.stderr.decode()))
  with open(truth, encoding='utf-8') as file:
    return log, json.load(file)


def judge(build, behaviour, seed, arguments, settings, others=True):
  """arguments: of simulate; settings: NAME=VALUE of guardctl. With others the other rules judge too."""
  with tempfile.TemporaryDirectory(prefix='corpus.', dir='/dev/shm' if os.path.isdir('/dev/shm') else None) as folder:
    log, truth = simulate(build, behaviour, seed, arguments, folder)
    wanted = {site['site'] for site in truth['leaking']} | {truth['subject']}
    report = os.path.join(folder, 'report')
    command = [os.path.join(build, 'analyzer', 'guardctl'), 'replay', '--report', 'json:' + report]
    for setting in settings:
      command += ['--set', setting]
    run(command + [log])
    with open(report, encoding='utf-8') as file:
      verdict = read_report(file.read(), wanted)
    answers = None
    if others:
      with open(log, encoding='ascii') as file:
        answers = json.loads(run([os.path.join(build, 'tests', 'corpus', 'corpus_rules')], stdin=file))
  return {'truth': truth, 'verdict': verdict, 'rules': answers}
