"""What a reader must know of the machine to judge the figures."""
import os
import platform
import re
import shutil
import subprocess
import time

# Debian packages whose versions are part of the result.
PACKAGES = ('heaptrack', 'libjemalloc2', 'libgoogle-perftools4', 'valgrind', 'libunwind8', 'python3', 'perl', 'jq',
            'sqlite3', 'gcc-12', 'libxml2-utils', 'redis-server', 'nginx-light', 'wrk')


def said(*command, folder=None):
  try:
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=20, cwd=folder).stdout.strip()
  except (OSError, subprocess.TimeoutExpired):
    return ''


def field(path, pattern):
  try:
    with open(path, encoding='utf-8') as file:
      found = re.search(pattern, file.read(), re.M)
      return found.group(1) if found else '?'
  except OSError:
    return '?'


def versions():
  found = {}
  for package in PACKAGES if shutil.which('dpkg-query') else ():
    version = said('dpkg-query', '-W', '-f=${Version}', package)
    if version:
      found[package] = version
  return found


def load():
  return '%.1f %.1f %.1f' % os.getloadavg()


def commit(root):
  changed = said('git', 'status', '--porcelain', '--', 'agent', 'protocol', 'detector', folder=root)
  return said('git', 'rev-parse', '--short', 'HEAD', folder=root) + (', with changes' if changed else '')


def describe(root):
  return {
    'date': time.strftime('%Y-%m-%d'),
    'libguard commit': commit(root),
    'CPU': field('/proc/cpuinfo', r'^model name\s*: (.*)$'),
    'cores': len(os.sched_getaffinity(0)),
    'memory': '%d MB' % (int(field('/proc/meminfo', r'^MemTotal:\s*(\d+)')) // 1024),
    'virtual machine': 'yes' if ' hypervisor' in field('/proc/cpuinfo', r'^flags\s*:(.*)$') else 'no',
    'system': field('/etc/os-release', r'^PRETTY_NAME="?([^"\n]*)'),
    'kernel': platform.release(),
    'glibc': platform.libc_ver()[1],
    'load average at the start': load(),
    'versions': versions(),
  }
